"""`pilothouse attach`: come back to a run. Nothing here starts or ends one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pilothouse.cli import show
from pilothouse.cli.options import add_settings
from pilothouse.engine.roles import DRIVE, ROLES, WATCH
from pilothouse.settings.table import BRIDGE

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument(
        "name",
        nargs="?",
        default="",
        metavar="RUN",
        help="its id or a beginning of it; else the newest live one",
    )
    show.add_manner(parser)
    role = parser.add_mutually_exclusive_group()
    role.add_argument(
        "--role", choices=ROLES, default=DRIVE, help="what the bridge may do (default: %(default)s)"
    )
    role.add_argument(
        "--watch", action="store_const", const=WATCH, dest="role", help="the same as --role watch"
    )
    add_settings(parser, BRIDGE, "attention", presets=False)


def run(options: argparse.Namespace) -> int:
    """Show a run from its first event on, and follow it; leaving does not disturb it."""
    from pilothouse.cli.ctl import resolve_live
    from pilothouse.runs.files import FileRuns

    view = FileRuns()
    name = resolve_live(options.name)
    live = view.status(name).live
    if not live:
        show.narrate(f"{name} is over: this is its recording")
    bridge = {**show.bridge(options), "role": options.role}
    return show.show(view, name, show.manner(options), live=live, bridge=bridge)
