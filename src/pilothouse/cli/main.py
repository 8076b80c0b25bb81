"""The `pilothouse` command: its verbs, and what becomes of errors. What a verb does is in the verb's module.

Imported at every start, `--help` included, so that it loads nothing heavy: verbs import what they need when
they run. Standard output is data, standard error is narration; no error reaches a person as a traceback.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import signal
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

from pilothouse import __version__
from pilothouse.errors import PilothouseError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

VERBS = {
    "home": "open the roster of runs; `pilothouse` alone does the same",
    "run": "give an agent a task, and watch it",
    "demo": "watch a scripted agent drive a real browser here: no account, no key",
    "attach": "come back to a run that goes on",
    "ls": "list the runs",
    "trash": "delete a recording, put it back, or empty the trash",
    "ctl": "pause, resume, step, say, abort, or change the model, from a script",
    "abort": "end a run and its browser",
    "reap": "show browsers that dead runs left over, and delete them",
    "replay": "open a recording",
    "show": "print what the turns of a run used, one turn, or the exact request it sent",
    "estimate": "say what a run would cost, before it begins",
    "config": "say which settings hold, and where each comes from",
    "probe": "check with your own keys what both services really do",
    "doctor": "look over this terminal and machine, and say what to change",
    "completion": "print what makes your shell complete pilothouse's words",
    "local": "serve Kernel's API over a Chromium on this machine",
    "version": "say which version this is",
}
"""Each verb with its line of help, in the order a person needs them; the module has the verb's name."""

MODULES = {"show": "turn"}
"""Except these: `cli.show` is what every verb shows a run with."""

COMPLETING = "_ARGCOMPLETE"
"""Set by the shell when it asks which words could follow, at every press of tab."""
USAGE_ERROR = 2
INTERRUPTED = 128 + signal.SIGINT
BROKEN_PIPE = 128 + signal.SIGPIPE


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, with the way out."""

    def error(self, message: str) -> NoReturn:
        """Leave with one line on standard error instead of argparse's usage block."""
        self.exit(USAGE_ERROR, f"pilothouse: {message} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; never raises, never shows a traceback."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _forgiving_output()
    gc.disable()  # what is imported stays: looking for garbage in it is a tenth of every start
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
    except PilothouseError as error:
        return _say(str(error), error.exit_code)
    except SystemExit as leaving:  # argparse's way of ending, after --help or a usage error
        return leaving.code if isinstance(leaving.code, int) else 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has gone. Python flushes at exit and would complain: give it something to flush to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except PermissionError as error:  # a path the person named, or the state directory of another
        return _say(str(_forbidden(error)), USAGE_ERROR)
    except Exception as error:
        from pilothouse.cli import trouble

        return _say(trouble.describe(error), 1)
    finally:
        gc.enable()
    return code


def _dispatch(arguments: list[str]) -> int:
    if COMPLETING in os.environ:
        from pilothouse.cli import completion

        return completion.answer(_parser)
    if not arguments and _is_terminal():
        arguments = ["home"]
    parser = _parser(arguments[0] if arguments else "")
    if not arguments or arguments == ["help"]:
        parser.print_help()
        return 0
    if not arguments[0].startswith("-") and arguments[0] not in VERBS:
        import difflib

        near = difflib.get_close_matches(arguments[0], VERBS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(VERBS)}"
        parser.error(f"there is no verb {arguments[0]!r}: {hint}")
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        if arguments[0] in VERBS:
            parser.prog = f"{parser.prog} {arguments[0]}"  # whose help is the way out
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    run: Callable[[argparse.Namespace], int] = options.run_verb
    gc.freeze()  # it would be looked through as soon as there is looking again
    gc.enable()
    return run(options)


def _parser(wanted: str) -> Parser:
    parser = Parser(
        prog="pilothouse",
        description="Watch, steer and replay a computer-use agent, in a terminal.",
        epilog="`pilothouse VERB --help` tells more. Start with `pilothouse demo`.",
    )
    parser.add_argument("--version", action="version", version=f"pilothouse {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", parser_class=Parser)
    for verb in [wanted] if wanted in VERBS else VERBS:  # each costs every start a quarter of a millisecond
        help_line = VERBS[verb]
        verb_parser = verbs.add_parser(
            verb, help=help_line, description=f"{help_line[0].upper()}{help_line[1:]}."
        )
        if verb == wanted:  # else all are only named in the help
            module = import_module(f"pilothouse.cli.{MODULES.get(verb, verb)}")
            module.add_arguments(verb_parser)
            verb_parser.set_defaults(run_verb=module.run)
    return parser


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "") not in {"", "dumb"}


def _forbidden(error: PermissionError) -> PilothouseError:
    where = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
    return UsageError("this account may not use it", where, "name another, or see who owns it")


def _say(sentence: str, code: int) -> int:
    from pilothouse.safety import clean_line

    with contextlib.suppress(OSError):  # nobody may read standard error; the exit code remains
        print(f"pilothouse: {clean_line(sentence)}", file=sys.stderr)
    return code


def _forgiving_output() -> None:
    # A locale that can't show a character shows its escape; it must not end the command.
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
