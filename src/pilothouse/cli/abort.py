"""`pilothouse abort`: end a run and its browser, and wait until both are over. The engine does the work."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("name", metavar="RUN", help="a run's id, a beginning of it, or `latest`")
    parser.add_argument("--keep-browser", action="store_true", help="leave the browser open")
    parser.add_argument("--reason", default="", help="why, for the journal")


def run(options: argparse.Namespace) -> int:
    """Abort one run."""
    import asyncio

    from pilothouse.cli import ctl
    from pilothouse.commands import Abort
    from pilothouse.engine.client import actor_name
    from pilothouse.ids import new_command_id

    command = Abort(
        id=new_command_id(), actor=actor_name(), reason=options.reason, keep_browser=options.keep_browser
    )
    run = asyncio.run(ctl.send(options.name, command))
    print(f"pilothouse: {run} aborted", file=sys.stderr)
    return 0
