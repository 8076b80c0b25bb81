"""A bridge on a scripted run, its clock held by the test, and what can be read on its screen."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from textual import events
from textual.keys import _character_to_key

from pilothouse.terminal.probe import Capabilities
from pilothouse.tui.app import Bridge
from pilothouse.tui.widgets.lines import FactLine, KeyBar
from tests.tui.fake_runs import RUN, FakeRuns, Script, shop_script

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from textual.pilot import Pilot
    from textual.widget import Widget

    from pilothouse.tui.screens.run import RunScreen


class Clock:
    """Time stands still unless a test moves it."""

    def __init__(self) -> None:
        self.at_s = 1_000.0

    def __call__(self) -> float:
        return self.at_s


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press keys, each when all has been done that the one before asked for.

    Textual's own `press` waits for an idle processor instead, 40 ms and more per key.
    """
    driver = pilot.app._driver
    assert driver is not None
    for key in keys:
        driver.send_message(_key_event(pilot, key))
        for _ in range(3):  # the key, the message it becomes, and what that changes
            await pilot._wait_for_screen()


def _key_event(pilot: Pilot[None], key: str) -> events.Key:
    name = _character_to_key(key) if len(key) == 1 else key
    event = events.Key(name, key if len(key) == 1 else (" " if key == "space" else None))
    event.set_sender(pilot.app)
    return event


class Watched:
    """A running bridge under test, and what can be read on it."""

    def __init__(self, app: Bridge, pilot: Pilot[None], runs: FakeRuns, clock: Clock) -> None:
        self.app = app
        self.pilot = pilot
        self.runs = runs
        self.clock = clock

    @property
    def screen(self) -> RunScreen:
        return self.app.run_screen

    @property
    def status(self) -> str:
        return self.screen.query_one("#status", FactLine).plain

    @property
    def footer(self) -> str:
        return self.screen.query_one(KeyBar).plain

    @property
    def toasts(self) -> list[str]:
        return [toast.message for toast in self.app._notifications]

    def shows(self, kind: type[Widget]) -> bool:
        """Say whether a pane is to be seen; what was never needed is not even there."""
        return any(pane.display for pane in self.screen.query(kind))

    def type_ahead(self, *keys: str) -> None:
        """Send keys as a slow line does: all in one piece, none awaited."""
        driver = self.app._driver
        assert driver is not None
        for key in keys:
            driver.send_message(_key_event(self.pilot, key))

    async def press(self, *keys: str) -> None:
        await press(self.pilot, *keys)
        await self.pilot.pause()
        if self.app.return_code is not None:
            return  # it has ended
        await self.app.painted()  # a pane that is opened for the first time is mounted, then laid out
        await self.pilot.pause()

    async def until(self, condition: Callable[[], bool], limit_s: float = 10.0) -> None:
        """Wait until something holds; the limit is a failure, not a pace."""
        async with asyncio.timeout(limit_s):
            while not condition():
                await self.pilot.pause(0.01)
        await self.pilot.pause()

    async def loaded(self) -> None:
        await self.until(lambda: len(self.screen.record) == len(self.runs.recorded))
        await self.until(lambda: not self.runs.blobs or self.picture_is_there())

    def picture_is_there(self) -> bool:
        from pilothouse.tui.panes.picture import PicturePane

        pane = self.screen.query_one(PicturePane)
        fits = pane.shown is None or pane.shown.want.pane_cells == pane._room()
        return pane.settled and fits

    def text(self) -> str:
        """Everything on the screen, line by line."""
        lines = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in lines)


@asynccontextmanager
async def bridge(
    script: Script | None = None,
    size: tuple[int, int] = (120, 36),
    clock: Clock | None = None,
    **options: Any,
) -> AsyncIterator[Watched]:
    script = script or shop_script(ended=False)
    runs = options.pop("runs", None) or FakeRuns(script.events, script.blobs)
    clock = clock or Clock()
    app = Bridge(runs, RUN, capabilities=Capabilities(), now=clock, strict_egress=True, **options)
    async with app.run_test(size=size) as pilot:
        watched = Watched(app, pilot, runs, clock)
        await watched.loaded()
        yield watched
