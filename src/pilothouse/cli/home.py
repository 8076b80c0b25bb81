"""`pilothouse home`, and `pilothouse` alone on a terminal: the roster of runs, in the bridge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pilothouse.cli import show
from pilothouse.cli.options import add_settings, settings
from pilothouse.settings.table import BRIDGE

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    add_settings(parser, BRIDGE, "attention", presets=False)


def run(options: argparse.Namespace) -> int:
    """Show the roster until the person leaves; runs go on without it."""
    import asyncio

    from pilothouse.runs.files import FileRuns

    bridge = show.bridging(settings(options))
    show.require(show.Manner.BRIDGE)
    from pilothouse.tui.launch import run_bridge

    return asyncio.run(run_bridge(FileRuns(), **bridge))
