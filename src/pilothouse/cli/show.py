"""Showing a run, live or recorded, in one of three manners: the bridge, a plain log, JSON lines.

What the bridge looks like is `tui`'s; what a plain line says is `plain`'s. Here are the choice between them,
the following, and ctrl+c.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pilothouse import events as ev
from pilothouse.errors import PilothouseError, RunGone

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from pilothouse.runs import RunView
    from pilothouse.settings.resolve import Settings

INTERRUPTED = 128 + signal.SIGINT


class Manner(StrEnum):
    """How a run is shown."""

    BRIDGE = "bridge"
    PLAIN = "plain"
    JSON = "json"


def add_manner(parser: argparse.ArgumentParser) -> None:
    """Declare the options that choose a manner."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--json", action="store_true", help="events as JSON lines on standard output")
    group.add_argument(
        "--plain", action="store_true", help="a scrolling log (the default without a terminal)"
    )


def manner(options: argparse.Namespace) -> Manner:
    """Choose: what was asked for, else the bridge where there is a terminal that can show it."""
    if options.json:
        return Manner.JSON
    asked = options.plain or getattr(options, "headless", False)
    able = sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "") not in {"", "dumb"}
    return Manner.PLAIN if asked or not able else Manner.BRIDGE


def require(chosen: Manner) -> None:
    """Make sure that the manner can work before anything is started for it.

    Raises:
        TerminalUnfit: The bridge was chosen and the terminal is too small.
    """
    if chosen is Manner.BRIDGE:
        from pilothouse.terminal.tty import require_terminal

        require_terminal()


def bridge(options: argparse.Namespace) -> dict[str, Any]:
    """Give what the bridge is told; where another manner is chosen, nothing is read.

    Raises:
        SettingError: A setting can't be used.
    """
    from pilothouse.cli.options import settings

    return bridging(settings(options)) if manner(options) is Manner.BRIDGE else {}


def bridging(holding: Settings) -> dict[str, Any]:
    """Take from the settings how the bridge looks, and how the person wants to be called."""
    from pilothouse.settings.specs import bridge_options
    from pilothouse.tui.attention import Wishes

    return {"options": bridge_options(holding), "wishes": Wishes.of(holding)}


def show(
    view: RunView,
    run: str,
    chosen: Manner,
    *,
    live: bool,
    steer: bool = False,
    speed: float = 0,
    bridge: Mapping[str, Any] | None = None,
) -> int:
    """Show a run until it ends or the person leaves; returns the exit code.

    Args:
        view: Where the run is.
        run: Its id.
        chosen: The manner.
        live: Follow an engine; the exit code is then the outcome's. Else it is a recording.
        steer: ctrl+c aborts the run first and leaves only the second time.
        speed: Play a recording at this factor of its pace; at 0 lines come at once, and the bridge rests.
        bridge: What else the bridge is told: `options`, `wishes`, `role`.
    """
    if chosen is Manner.BRIDGE:
        from pilothouse.tui.launch import run_bridge

        return asyncio.run(run_bridge(view, run, replay=not live, speed=speed, **(bridge or {})))
    write = writer(chosen)
    end = asyncio.run(_follow(view, run, write, follow=live, steer=steer, speed=speed))
    if isinstance(end, Left):
        return INTERRUPTED
    if end is None and live:
        raise RunGone("its engine is gone before the run ended", run, f"pilothouse replay {run}")
    if end is None and chosen is Manner.PLAIN:
        narrate("the recording ends here: its engine was killed")
    if end is None or not live:
        return 0
    if end.outcome is ev.Outcome.FAILED:  # one line to act on, wherever the log or the lines went
        narrate(f"{run}: {end.why}")
    return ev.EXIT_CODES[end.outcome]


class Left:
    """What following ends with when the person leaves first."""


def narrate(sentence: str) -> None:
    """Tell the person something that is not data."""
    from pilothouse.safety import clean_line

    print(f"pilothouse: {clean_line(sentence)}", file=sys.stderr, flush=True)


def writer(chosen: Manner) -> Callable[[ev.Event], None]:
    """Make the function that prints one event; each line is flushed, for someone may be waiting for it."""
    if chosen is Manner.JSON:
        from pilothouse.safety import ascii_json

        return lambda event: print(ascii_json(ev.encode(event)), flush=True)
    from pilothouse.cli.plain import PlainLog

    log = PlainLog(colour=sys.stdout.isatty() and not os.environ.get("NO_COLOR"))

    def write(event: ev.Event) -> None:
        for line in log.lines(event):
            print(line, flush=True)

    return write


async def _follow(
    view: RunView, run: str, write: Callable[[ev.Event], None], *, follow: bool, steer: bool, speed: float
) -> ev.RunEnded | Left | None:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(_read(view, run, write, follow, speed))
            if steer:
                interrupts = _Interrupts(view, run, group, reading)
                for number in (signal.SIGINT, signal.SIGTERM):
                    loop.add_signal_handler(number, interrupts.press)
                reading.add_done_callback(interrupts.done)
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None  # one reader, one error
    return Left() if reading.cancelled() else reading.result()


async def _read(
    view: RunView, run: str, write: Callable[[ev.Event], None], follow: bool, speed: float
) -> ev.RunEnded | None:
    end: ev.RunEnded | None = None
    last_t = 0
    async for event in view.events(run, 0, follow):
        if speed and event.t > last_t:
            await asyncio.sleep((event.t - last_t) / 1e9 / speed)
            last_t = event.t
        write(event)
        if isinstance(event, ev.RunEnded):
            end = event
    return end


class _Interrupts:
    """ctrl+c on a headless run: the first aborts the run and waits for its end, the second only leaves."""

    def __init__(
        self, view: RunView, run: str, group: asyncio.TaskGroup, reading: asyncio.Task[ev.RunEnded | None]
    ) -> None:
        self._view = view
        self._run = run
        self._group = group
        self._reading = reading
        self._aborting: asyncio.Task[None] | None = None

    def press(self) -> None:
        if self._aborting is None:
            narrate("aborting the run (again: leave at once, the run is not waited for)")
            self._aborting = self._group.create_task(self._abort())
            return
        narrate(f"left; pilothouse attach {self._run} comes back to it")
        self._reading.cancel()

    def done(self, _reading: asyncio.Task[ev.RunEnded | None]) -> None:
        if self._aborting is not None:
            self._aborting.cancel()

    async def _abort(self) -> None:
        from pilothouse.commands import Abort
        from pilothouse.engine.client import actor_name
        from pilothouse.ids import new_command_id

        try:
            await self._view.control(
                self._run, Abort(id=new_command_id(), actor=actor_name(), reason="ctrl+c")
            )
        except PilothouseError as error:
            narrate(str(error))
