"""`pilothouse run`: give an agent a task, and show the run. The engine is a process of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pilothouse.cli import show, staying
from pilothouse.cli.options import add_settings, settings
from pilothouse.engine.preflight import TASK_MAX_BYTES, checked_task, require
from pilothouse.errors import UsageError
from pilothouse.settings.specs import run_spec

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from pilothouse.engine.spec import RunSpec
    from pilothouse.settings.resolve import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("task", nargs="?", help="what to do; `-` reads it from standard input")
    parser.add_argument("-f", "--file", metavar="FILE", help="read the task from a file")
    parser.add_argument(
        "--headless", action="store_true", help="no person attached: ends when the agent does"
    )
    show.add_manner(parser)
    parser.add_argument(
        "--systemd", action="store_true", help="in a unit of your own systemd: it stays when you log out"
    )
    parser.add_argument(
        "--allow-root", action="store_true", help="allow a local browser as root with a real key"
    )
    add_settings(parser)


def run(options: argparse.Namespace) -> int:
    """Check everything that can be checked, start an engine, show its run."""
    task = _task(options.task, options.file)  # first: it may come from where the bridge wants its keys
    chosen = show.manner(options)
    holding = settings(options)
    spec = _spec(options, holding, task, chosen)
    show.require(chosen)
    within = staying.unit_argv(spec.run) if options.systemd else ()
    if doubt := staying.warning(in_unit=options.systemd):
        show.narrate(doubt)
    return start(spec, chosen, within, bridge=show.bridging(holding))


def start(
    spec: RunSpec,
    chosen: show.Manner,
    within: tuple[str, ...] = (),
    bridge: Mapping[str, Any] | None = None,
) -> int:
    """Start the engine of a run and show it."""
    from pilothouse.engine.launch import launch
    from pilothouse.runs.files import FileRuns

    started = launch(spec, within)
    return show.show(FileRuns(), started.run, chosen, live=True, steer=True, bridge=bridge)


def _spec(options: argparse.Namespace, holding: Settings, task: str, chosen: show.Manner) -> RunSpec:
    from pilothouse.ids import new_run_id

    spec = run_spec(
        holding,
        run=new_run_id(),
        task=task,
        headless=options.headless or chosen is not show.Manner.BRIDGE,
        allow_root=options.allow_root,
    )
    require(spec)
    for name, aside in holding.set_aside.items():
        show.narrate(f"{name} is set aside ({aside.because})")
    return spec


def _task(argument: str | None, file: str | None) -> str:
    if argument is not None and file is not None:
        raise UsageError("the task is given twice", f"-f {file}", "give it as an argument or in a file")
    if file is not None and file != "-":
        raw, where = _from_file(Path(file)), file
    elif argument == "-" or file == "-" or (argument is None and not sys.stdin.isatty()):
        raw, where = _from_stdin(), "standard input"
    elif argument is not None:
        raw, where = os.fsencode(argument), "task"
    else:
        raise UsageError("there is no task", "run", 'say what to do: pilothouse run "…", or -f FILE')
    return checked_task(raw, where)


def _from_file(path: Path) -> bytes:
    try:
        with path.expanduser().open("rb") as file:
            return file.read(TASK_MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"can't be read: {error.strerror or error}", str(path), "name a text file") from None


def _from_stdin() -> bytes:
    raw = sys.stdin.buffer.read(TASK_MAX_BYTES + 1)
    if sys.stdout.isatty():
        _keys_from_terminal()
    return raw


def _keys_from_terminal() -> None:
    """Put the terminal where the task came from, so that the bridge has keys; without one nothing changes."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        return
    os.dup2(terminal, 0)
    os.close(terminal)
