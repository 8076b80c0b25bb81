"""The way into the bridge from the command line: the terminal is asked first, then Textual is imported.

The screens and what they show are imported from here, never the other way round.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING, Final

from pilothouse.engine.client import actor_name
from pilothouse.engine.roles import DRIVE
from pilothouse.errors import SettingError
from pilothouse.journal.disk import is_live
from pilothouse.paths import socket_path
from pilothouse.runs.files import FileRuns
from pilothouse.settings.table import BridgeOptions
from pilothouse.terminal.probe import probe
from pilothouse.terminal.tty import require_terminal, restored

if TYPE_CHECKING:
    from collections.abc import Callable

    from pilothouse.engine.link import Link
    from pilothouse.runs import RunView
    from pilothouse.terminal.probe import Capabilities
    from pilothouse.tui.attention import Wishes

SSH_FPS: Final = "10"
"""Repaints per second over SSH: a third to a fifth of the bytes (tui-style §0.8)."""


async def run_bridge(
    view: RunView,
    run: str = "",
    *,
    replay: bool = False,
    graphics: str = "",
    speed: float = 0.0,
    theme: str = "",
    role: str = DRIVE,
    wishes: Wishes | None = None,
    options: BridgeOptions | None = None,
) -> int:
    """Show a run, or the roster of all, until the person leaves; returns the exit code.

    Args:
        view: Where runs are.
        run: The run's id; empty for the roster.
        replay: It is a recording; no command is sent.
        graphics: How pictures are painted, over what the options say.
        speed: Play a recording at once, at so many times its pace; 0 opens it resting.
        theme: A theme's name, over what the options say.
        role: What the person may do: `watch`, `approve` or `drive`.
        wishes: How the person wants to be called; None as the settings outside of the command line say.
        options: How the bridge looks and what it takes.

    Raises:
        TerminalUnfit: There is no terminal at both ends, or it is too small.
    """
    gc.disable()  # until the first frame is there (`Bridge`)
    options = options or BridgeOptions()
    capabilities = prepare(reduced_motion=options.reduced_motion)
    from pilothouse.tui import themes
    from pilothouse.tui.app import Bridge

    actor = actor_name()
    bridge = Bridge(
        view,
        run,
        replay=replay,
        capabilities=capabilities,
        actor=actor,
        role=role,
        connect=_connector(view, actor, role),
        wishes=wishes or _wishes(),
        graphics=graphics or options.graphics,
        speed=speed,
        theme=theme or options.theme or themes.DEFAULT,
    )
    try:
        with restored():
            await bridge.run_async(mouse=options.mouse)
    finally:
        gc.enable()
    if farewell := bridge.farewell():
        sys.stdout.write(farewell + "\n")
    return bridge.return_code or 0


def _connector(view: RunView, actor: str, role: str) -> Callable[[str], Link] | None:
    """Say how the engine of a run on this machine is connected to; elsewhere commands find their way."""
    if not isinstance(view, FileRuns):
        return None

    def connect(run: str) -> Link:
        from pilothouse.engine.link import Link  # a recording has none

        return Link(socket_path(run), actor=actor, role=role, alive=lambda: is_live(view.journal(run)))

    return connect


def _wishes() -> Wishes:
    """Read how the person wants to be called; settings that can't be read are for others to complain of."""
    from pilothouse.settings.resolve import resolve
    from pilothouse.tui.attention import Wishes

    try:
        return Wishes.of(resolve())
    except SettingError:
        return Wishes()


def prepare(*, reduced_motion: bool = False) -> Capabilities:
    """Check and probe the terminal, and set what Textual reads when it is imported.

    Args:
        reduced_motion: Repaint as seldom as over SSH, and scroll without gliding.

    Raises:
        TerminalUnfit: There is no terminal at both ends, or it is too small.
    """
    require_terminal()
    capabilities = probe()
    for stale in ("COLUMNS", "LINES"):
        os.environ.pop(stale, None)  # Textual would believe an exported size over the terminal, for ever
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    if reduced_motion:
        os.environ.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")
    if capabilities.ssh or reduced_motion:
        os.environ.setdefault("TEXTUAL_FPS", SSH_FPS)
    return capabilities
