"""`pilothouse completion SHELL`, and the words that a shell asks for. What may follow is the parser's to say.

The shell calls the program itself at each press of tab, so that runs and settings are those of this moment.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SHELLS = ("bash", "zsh", "fish")
RUNS_MAX = 50
HOW = {
    "bash": 'eval "$(pilothouse completion bash)"      # in ~/.bashrc',
    "zsh": 'eval "$(pilothouse completion zsh)"       # in ~/.zshrc, after compinit',
    "fish": "pilothouse completion fish | source       # in ~/.config/fish/config.fish",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the shell."""
    parser.add_argument("shell", choices=SHELLS, help="which shell; its start-up file reads the output")
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "\n".join(HOW.values())


def run(options: argparse.Namespace) -> int:
    """Print what the shell is to read."""
    from argcomplete.shell_integration import shellcode

    print(shellcode(["pilothouse"], shell=options.shell))
    return 0


def answer(parser_for: Callable[[str], argparse.ArgumentParser]) -> int:
    """Tell the shell which words could follow, and leave."""
    import argcomplete

    parser = parser_for(_verb(os.environ.get("COMP_LINE", "")))
    for action in _actions(parser):
        if (complete := _completer(action)) is not None:
            setattr(action, "completer", complete)  # noqa: B010 - argcomplete looks for it there
    sys.stdout.flush()
    argcomplete.autocomplete(parser, always_complete_options=False)
    return 0  # not reached where the shell really asked: argcomplete leaves the process


def _verb(line: str) -> str:
    """Find the verb of an unfinished command line; empty while it is still being typed."""
    words = line.split()[1:]
    unfinished = len(words) == 1 and not line.endswith((" ", "\t"))
    return "" if not words or unfinished else words[0]


def _actions(parser: argparse.ArgumentParser) -> Iterable[argparse.Action]:
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from _actions(below)


def _completer(action: argparse.Action) -> Callable[..., list[str]] | None:
    metavar = action.metavar if isinstance(action.metavar, str) else ""
    if "RUN" in metavar.split("|"):
        return runs
    if words := _words(action):
        return lambda **_: list(words)
    return None


def _words(action: argparse.Action) -> tuple[str, ...]:
    """Give the words that a setting may have."""
    from pilothouse.settings.table import SETTINGS

    flags = set(action.option_strings)
    return next((tuple(one.kind.choices()) for one in SETTINGS if one.flag in flags), ())


def runs(prefix: str = "", **_: object) -> list[str]:
    """Give the ids of the newest runs that begin so, and `latest`."""
    names = ["latest", *asyncio.run(_newest())]
    return [name for name in names if name.startswith(prefix)]


async def _newest() -> list[str]:
    from pilothouse.runs.files import FileRuns

    found: list[str] = []
    async for status in FileRuns().roster():
        found.append(status.run)
        if len(found) == RUNS_MAX:
            break
    return found
