"""The way into the bridge from the command line:

the terminal is asked first, and only then is Textual imported.
"""

from __future__ import annotations

import getpass
import os
import sys
from typing import TYPE_CHECKING

from pilothouse.errors import TerminalUnfit

if TYPE_CHECKING:
    from pilothouse.runs import RunView
    from pilothouse.terminal.probe import Capabilities

GRAPHICS = ("auto", "kitty", "sixel", "blocks", "off")
SSH_FPS = "10"
"""Repaints per second over SSH: a third to a fifth of the bytes (tui-style §0.8)."""


async def run_bridge(
    view: RunView, run: str, *, replay: bool = False, graphics: str = "auto", theme: str = ""
) -> int:
    """Show a run until the person leaves; returns the exit code.

    Raises:
        TerminalUnfit: There is no terminal at both ends, or it is too small.
    """
    capabilities = prepare()
    from pilothouse.tui import themes
    from pilothouse.tui.app import Bridge

    bridge = Bridge(
        view,
        run,
        replay=replay,
        capabilities=capabilities,
        actor=_person(),
        graphics=graphics,
        theme=theme or themes.DEFAULT,
    )
    await bridge.run_async()
    if farewell := bridge.farewell():
        sys.stdout.write(farewell + "\n")
    return bridge.return_code or 0


def prepare() -> Capabilities:
    """Check and probe the terminal, and set what Textual reads at its import.

    Raises:
        TerminalUnfit: There is no terminal at both ends, or it is too small.
    """
    from pilothouse.terminal.probe import probe

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise TerminalUnfit("the bridge needs a terminal", way_out="use --plain, or --headless --json")
    size = os.get_terminal_size(sys.stdout.fileno())
    least = (40, 12)
    if size.columns and (size.columns < least[0] or size.lines < least[1]):
        what = f"the terminal is too small: {size.columns}x{size.lines}"
        raise TerminalUnfit(what, way_out=f"make it at least {least[0]}x{least[1]}, or use --plain")
    capabilities = probe()
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    if capabilities.ssh:
        os.environ.setdefault("TEXTUAL_FPS", SSH_FPS)
    return capabilities


def _person() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "operator"
