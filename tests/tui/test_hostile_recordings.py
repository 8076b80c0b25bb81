"""Whatever a recording holds, the bridge opens it and every key that moves works in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pilothouse import events as ev
from pilothouse.runs.files import FileRuns
from pilothouse.terminal.probe import Capabilities
from pilothouse.tui import status
from pilothouse.tui.app import Bridge
from pilothouse.tui.calls import Calls
from pilothouse.tui.panes.picture import PicturePane
from pilothouse.tui.record import Record
from pilothouse.tui.transcript import Transcript
from pilothouse.tui.widgets.lines import row
from pilothouse.tui.wrap import cells
from tests.folding import reduce_all
from tests.tui import hostile_recordings
from tests.tui.fake_runs import FakeRuns
from tests.tui.harness import bridge, press
from tests.unit.any_event import any_event

WALK = (
    "end", "h", "h", "0", "l", ".", "]", "]", "[", "pagedown", "pagedown", "pageup", "down", "down", "enter",
    "2", "home", "down", "down", "enter", "pagedown", "enter", "3", "y", "s", "s", "1", "1", "1", "tab",
    "g", "5", "0", "%", "enter", "g", "3", "enter", "g", "9", "colon", "0", "0", "enter",
    "greater_than_sign", "space", "space", "question_mark", "down", "escape", "end", "enter", "k", "j",
    "enter", "enter", "2", "home", "down", "enter", "l", "down", "y", "d", "d", "d", "escape", "o", "o", "y",
    "y", "1", "w", "w", "m", "M", "M", "m", "z", "z", "z", "w", "home", "down", "o", "pagedown", "o",
    "slash", "a", "enter", "n", "N", "f3", "escape", "f", "a", "enter", "end", "up", "enter", "escape",
)  # fmt: skip


async def walk(app: Bridge, size: tuple[int, int], count: int) -> None:
    async with app.run_test(size=size) as pilot:
        screen = app.run_screen
        while not screen.over or screen._arrived:
            await pilot.pause(0.01)
        assert len(screen.record) >= count
        await press(pilot, *WALK)
        pane = screen.query_one(PicturePane)
        shown = [event.seq for event in screen.record.events if isinstance(event, ev.FrameCaptured)]
        for position in shown[:20]:
            screen._go(position)
            while not pane.settled:
                await pilot.pause(0.005)
        assert app.return_code is None


@pytest.mark.parametrize("maker", hostile_recordings.MAKERS, ids=lambda maker: maker.__name__)
async def test_a_foreign_recording_opens_and_can_be_paged_through(
    maker: Callable[[Any], None], tmp_path: Path
) -> None:
    view, run = FileRuns.for_path(hostile_recordings.make(maker, tmp_path / "recording"))
    app = Bridge(view, run, replay=True, capabilities=Capabilities(), strict_egress=True)
    await walk(app, (90, 26), 0)


def check_rows(events: list[ev.Event], positions: list[int], width: int) -> None:
    """Everything the panes would ask of these events, at some positions."""
    record, transcript = Record(), Transcript()
    calls = Calls(record)
    held = record.extend(events)
    for event in held:
        transcript.feed(event)
        calls.feed(event)
    assert [event.seq for event in held] == list(range(len(events)))
    for position in positions:
        state = record.state_at(position)
        assert state == reduce_all(held[: max(position + 1, 0)])
        look = status.Look(
            following=False, playing=False, speed=1, step=record.step_at(position), steps=len(record.stops),
            live=False, killed=False, elapsed_s=state.elapsed_s,
        )  # fmt: skip
        line = row(status.left(state, look), status.right(state, look), width)
        assert cells(line.plain) <= width
        for source in (transcript, calls):
            for index in range(len(source)):
                assert 0 <= source.seq(index) <= source.position(index) < len(events)
                laid = source.lines(index, width, position)
                assert all(sum(cells(text) for text, _ in line) <= width for line in laid)
                assert len(laid) == len(source.lines(index, width, -1))


@given(st.lists(any_event, max_size=25), st.lists(st.integers(-2, 30), max_size=3), st.integers(24, 90))
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_events_in_any_order_make_rows_and_a_status(
    events: list[ev.Event], positions: list[int], width: int
) -> None:
    check_rows(events, positions, width)


@given(st.lists(any_event, min_size=1, max_size=40))
@settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
async def test_any_events_in_any_order_can_be_walked_through(events: list[ev.Event]) -> None:
    runs = FakeRuns()
    runs.recorded = events
    from tests.tui.fake_runs import RUN

    app = Bridge(runs, RUN, replay=True, capabilities=Capabilities(), strict_egress=True)
    await walk(app, (80, 24), 1)


async def test_after_a_gap_every_pane_still_shows_the_same_position(tmp_path: Path) -> None:
    directory = hostile_recordings.make(hostile_recordings.a_gap_in_the_middle, tmp_path / "recording")
    view, run = FileRuns.for_path(directory)
    app = Bridge(view, run, replay=True, capabilities=Capabilities(), strict_egress=True)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = app.run_screen
        while not screen.over or screen._arrived:
            await pilot.pause(0.01)
        await pilot.press("end")
        assert screen.playhead.position == len(screen.record) - 1
        assert screen.transcript_rows.cursor == len(screen.transcript) - 1
        assert screen.calls_rows.cursor == len(screen.calls) - 1
        warned = [event for event in screen.record.events if isinstance(event, ev.Warned)]
        assert "damaged" in warned[0].what


async def test_a_recording_without_a_picture_says_so() -> None:
    async with bridge(runs=FakeRuns([ev.Warned(what="w")]), replay=True) as seen:
        assert "no picture yet" in seen.text()
