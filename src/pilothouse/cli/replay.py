"""`pilothouse replay`: open a recording, by path or by run. The bridge or the log shows it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pilothouse.cli import show
from pilothouse.cli.options import add_settings, factor
from pilothouse.errors import NoSuchRun
from pilothouse.settings.table import BRIDGE

if TYPE_CHECKING:
    import argparse

    from pilothouse.runs.files import FileRuns


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument(
        "name",
        metavar="PATH|RUN",
        help="a recording's directory, a run's id or a beginning of it, or `demo` for the bundled one",
    )
    parser.add_argument(
        "--speed",
        type=factor,
        default=0,
        metavar="N",
        help="play at once, N times as fast as it happened; else the bridge rests and a log is not paced",
    )
    show.add_manner(parser)
    add_settings(parser, BRIDGE, presets=False)


def run(options: argparse.Namespace) -> int:
    """Show a finished or crashed recording."""
    chosen = show.manner(options)
    view, name = find(options.name)
    return show.show(view, name, chosen, live=False, speed=options.speed, bridge=show.bridge(options))


def find(name: str) -> tuple[FileRuns, str]:
    """Take a name for a run if it is one, else for a path, else for a bundled recording.

    Raises:
        NoSuchRun: It is neither.
        NotARecording: There is something at the path, and it is no recording.
    """
    from pilothouse.paths import bundled
    from pilothouse.runs.files import FileRuns

    path = Path(name).expanduser()
    if "/" in name or name in {".", ".."}:
        return FileRuns.for_path(path)
    view = FileRuns()
    try:
        return view, view.resolve(name)
    except NoSuchRun:
        for known in (path, bundled("recordings") / name):
            if known.exists():
                return FileRuns.for_path(known)
        raise
