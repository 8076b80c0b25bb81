"""A drag by hand in the demo's date picker: real keys and SGR mouse reports, a real browser, a real shop."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from urllib.request import urlopen

import pytest

from pilothouse import events as ev
from pilothouse.frames.geometry import Box, Extent, Geometry, Point, fit
from pilothouse.runs.files import FileRuns
from tests.terminal.tmux_server import Tmux

pytestmark = [
    pytest.mark.terminal,
    pytest.mark.browser,
    pytest.mark.display,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]
SCREEN = Extent(1280, 800)
DECEMBER_18 = Point(993, 569)
"""Where the demo would click; the grid has steps of 73 and 58 pixels."""
DECEMBER_7 = Point(DECEMBER_18.x - 4 * 73, DECEMBER_18.y - 58)
IN_CART, DAY_CLICKED = 12, [920, 309]


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    server = Tmux()
    yield server
    server("kill-server")


class Demo:
    """The demo in its bridge, and what its run recorded."""

    def __init__(self, tmux: Tmux, state: Path) -> None:
        self.tmux = tmux
        self._runs = FileRuns(state / "runs")
        program = [sys.executable, "-m", "pilothouse", "demo", "--speed", "8"]
        tmux.start(["env", f"PILOTHOUSE_STATE_DIR={state}", *program])
        self.run = ""

    async def until(self, wanted: Any, from_seq: int = 0) -> Any:
        async with asyncio.timeout(60):
            while not self.run:
                begun = [status.run async for status in self._runs.roster() if status.events]
                self.run = begun[0] if begun else ""
                await asyncio.sleep(0.05)  # there is no run yet that could tell
            async for event in self._runs.events(self.run, from_seq):
                if wanted(event):
                    return event
        raise AssertionError("the run ended first")

    async def recorded(self) -> list[ev.Event]:
        return [event async for event in self._runs.events(self.run, follow=False)]

    async def shows(self, text: str) -> list[str]:
        return (await asyncio.to_thread(self.tmux.wait_for, text)).splitlines()

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def mouse(self, button: int, cell: Point, *, up: bool = False) -> None:
        """Report a mouse as a terminal does that knows cells only; cells are counted from one."""
        self.tmux(
            "send-keys", "-l", f"\x1b[<{button};{int(cell.x) + 1};{int(cell.y) + 1}{'m' if up else 'M'}"
        )


async def pane_filled(demo: Demo) -> list[str]:
    """Wait until the picture is as large as its room: until then clicks count in the smaller one shown."""
    async with asyncio.timeout(60):
        while True:
            lines = await demo.shows("you drive")
            room = picture_room(lines)
            across = fit(SCREEN, Extent(room.width, room.height)).width
            if any(_drawn_across(line) >= across - 2 for line in lines[room.y : room.y + room.height]):
                return lines
            await asyncio.sleep(0.05)  # the terminal is polled, as in wait_for


def _drawn_across(line: str) -> int:
    """Count the cells of the longest run of block characters: the head of the shop is a line right across."""
    return max(len(run) for run in re.findall("[\u2580-\u259f]*", line))


def picture_room(lines: list[str]) -> Box:
    """Say where the picture may be: inside the border, below head and address."""
    top = next(n for n, line in enumerate(lines) if "you drive" in line and "┌" in line)
    left, right = lines[top].index("┌"), lines[top].index("┐")
    bottom = next(n for n, line in enumerate(lines) if n > top and line[left : left + 1] == "└")
    return Box(left + 1, top + 1 + 2, right - left - 1, bottom - top - 1 - 2)


def place(lines: list[str], page: Point) -> Point:
    """Say in which cell of the screen a pixel of the page is."""
    room = picture_room(lines)
    fitted = fit(SCREEN, Extent(room.width, room.height))
    cell = Geometry(SCREEN, SCREEN, SCREEN, fitted).image_to_cell(page)
    return Point(cell.x + room.x, cell.y + room.y)


async def to_the_calendar(demo: Demo) -> None:
    """Let the agent go on until it has opened the calendar, and hold it there."""
    await demo.until(lambda event: isinstance(event, ev.ActionFinished) and event.action == IN_CART)
    demo.press("Space")
    held = await demo.until(lambda event: isinstance(event, ev.StateChanged) and event.holding)
    while True:
        demo.press(".")
        done = await demo.until(lambda event: isinstance(event, ev.ActionFinished), held.seq + 1)
        held = await demo.until(lambda event: isinstance(event, ev.StateChanged) and event.holding, done.seq)
        proposed = [event for event in await demo.recorded() if isinstance(event, ev.ActionProposed)]
        current = next(event for event in proposed if event.action == done.action)
        if current.input.get("coordinate") == DAY_CLICKED:
            return


async def test_a_drag_taken_over_in_the_demos_date_picker_is_what_is_ordered(
    tmux: Tmux, state_dir: Path
) -> None:
    demo = Demo(tmux, state_dir)
    await to_the_calendar(demo)
    demo.press("s")  # the picture alone: smaller cells
    demo.press("t")
    await demo.shows("Take the wheel?")
    demo.press("C-y")
    taken = await demo.until(lambda event: isinstance(event, ev.TakeoverStarted))
    await demo.shows("you drive")
    await demo.shows("live │")
    lines = await pane_filled(demo)

    start, end = place(lines, DECEMBER_7), place(lines, DECEMBER_18)
    demo.mouse(0, start)
    demo.mouse(32, Point((start.x + end.x) // 2, start.y))
    demo.mouse(32, end)
    demo.mouse(0, end, up=True)
    await demo.until(lambda event: _is(event, "left_mouse_up") or _is(event, "left_click_drag"), taken.seq)
    demo.press("Escape")
    demo.press("Escape")
    ended = await demo.until(lambda event: isinstance(event, ev.TakeoverEnded), taken.seq)
    assert ended.why == "released"
    assert "drag" in ended.note

    await demo.shows("space resume")  # the bridge knows it too, and the keys are its own again
    demo.press("Space")
    await demo.until(lambda event: isinstance(event, ev.FrameCaptured) and "T-1001" in event.title, ended.seq)
    shop = next(e.url for e in await demo.recorded() if isinstance(e, ev.FrameCaptured) and e.url)
    orders = await asyncio.to_thread(_read, urljoin(shop, "/orders"))
    assert orders == [{"name": "Ada Byron", "day": "7 to 18 December 2026"}]
    demo.press("x")
    await demo.shows("End this run?")
    demo.press("C-y")
    await demo.until(lambda event: isinstance(event, ev.RunEnded))


def _is(event: ev.Event, member: str) -> bool:
    return isinstance(event, ev.HumanActed) and event.member == member


def _read(url: str) -> Any:
    with urlopen(url, timeout=10) as answer:
        return json.load(answer)
