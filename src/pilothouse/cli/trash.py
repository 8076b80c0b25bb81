"""`pilothouse trash`: recordings are moved aside, put back, deleted for good. Live runs are left alone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument(
        "names", nargs="*", metavar="RUN", help="move these runs there: their ids, or a beginning of one"
    )
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--restore", metavar="RUN", help="put a run back")
    other.add_argument("--empty", action="store_true", help="delete for good what lies there")


def run(options: argparse.Namespace) -> int:
    """Do one of the three; a run's id on standard output is one that was moved."""
    from pilothouse.errors import UsageError
    from pilothouse.runs import tending
    from pilothouse.runs.files import FileRuns

    if bool(options.names) == bool(options.restore or options.empty):
        raise UsageError("nothing, or too much, is asked", "trash", "give runs, or --restore RUN, or --empty")
    if options.restore:
        print(tending.restore(options.restore))
    elif options.empty:
        count = tending.empty_trash()
        print(f"pilothouse: {count} deleted for good", file=sys.stderr)
    view = FileRuns()
    for name in options.names:
        run = view.resolve(name)
        tending.trash(run)
        print(run)
    return 0
