"""`pilothouse version`. Nothing else is here."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from pilothouse import __version__

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take no options."""


def run(options: argparse.Namespace) -> int:
    """Print the version, and what it runs on."""
    del options
    print(f"pilothouse {__version__} (Python {platform.python_version()}, {platform.system()})")
    return 0
