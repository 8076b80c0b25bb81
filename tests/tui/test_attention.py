"""Calling a person: once for each need, in the ways they want, and going to the run that needs them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pilothouse import events as ev
from pilothouse.events import Hold, Outcome, RunPhase
from pilothouse.runs import RunStatus
from pilothouse.state import RunState, reduce
from pilothouse.terminal.probe import Capabilities
from pilothouse.tui.attention import Attention, Call, Wishes, way_of
from tests.tui.fake_runs import RUN, FakeRuns, shop_script
from tests.tui.harness import bridge
from tests.tui.test_approving import ask, request

HELD = ev.StateChanged(phase=RunPhase.HOLDING, holding=(Hold.APPROVAL,))
ASKS = "left_click waits for an approval (the mode is ask-all)"
NEEDS: list[tuple[str, list[ev.Event]]] = [
    (ASKS, [request(), HELD]),
    ("the limit of steps, turns is reached", [
        ev.LimitReached(limit="steps", value=5, used=5, request="l1"),
        ev.LimitReached(limit="turns", value=5, used=5, request="l1"),
        ev.StateChanged(phase=RunPhase.HOLDING, holding=(Hold.LIMIT,))]),
    ("asks: the service is\u241b[2J down", [
        ev.RetryScheduled(what="model", attempt=3, delay_ms=0, why="the service is\x1b[2J down", asks=True),
        ev.StateChanged(phase=RunPhase.HOLDING, holding=(Hold.RETRY,))]),
    ("the browser is lost", [ev.StateChanged(phase=RunPhase.HOLDING, holding=(Hold.BROWSER_LOST,))]),
    ("the disk is full", [ev.StateChanged(phase=RunPhase.HOLDING, holding=(Hold.DISK, Hold.PAUSE))]),
    ("it has finished, and waits for a message", [ev.StateChanged(phase=RunPhase.IDLE)]),
    ("failed: no money", [ev.RunEnded(outcome=Outcome.FAILED, why="no money")]),
]  # fmt: skip


def after(events: list[ev.Event], state: RunState | None = None) -> RunState:
    state = state or RunState(run=RUN, phase=RunPhase.RUNNING)
    for event in events:
        state = reduce(state, event)
    return state


@pytest.mark.parametrize(("text", "events"), NEEDS, ids=[text for text, _ in NEEDS])
def test_each_need_calls_once_and_is_in_the_title_for_as_long_as_it_is_there(
    text: str, events: list[ev.Event]
) -> None:
    attention, state = Attention(Wishes()), after(events)
    assert attention.look(state, live=True) == Call(bell=True, title=f"● needs you: {text}", desktop=text)
    assert attention.look(after([ev.Warned(what="-")], state), live=True) == Call()
    gone = after([ev.StateChanged(phase=RunPhase.RUNNING)])
    assert attention.look(gone, live=True) == Call(title=f"pilothouse {RUN}")


@pytest.mark.parametrize(
    "events",
    [
        [ev.StateChanged(phase=RunPhase.HOLDING, holding=(Hold.PAUSE,))],
        [
            ev.RetryScheduled(what="model", attempt=1, delay_ms=9, why="busy"),
            ev.StateChanged(phase=RunPhase.HOLDING, holding=(Hold.RETRY,)),
        ],
        [ev.StateChanged(phase=RunPhase.HOLDING, holding=(Hold.TAKEOVER,))],
    ],
    ids=["paused", "retrying", "driven"],
)
def test_what_a_person_holds_and_what_passes_call_nobody(events: list[ev.Event]) -> None:
    assert Attention(Wishes()).look(after(events), live=True) == Call(title=f"pilothouse {RUN}")


def test_two_requests_are_two_needs_and_a_recording_has_none() -> None:
    attention = Attention(Wishes())
    calls = [attention.look(after([request(name), HELD]), live=True).bell for name in ("a1", "a1", "a2")]
    assert calls == [True, False, True]
    assert Attention(Wishes()).look(after([request(), HELD]), live=False) == Call(title=f"pilothouse {RUN}")


def test_what_came_up_before_one_came_is_no_news() -> None:
    attention = Attention(Wishes(), since_wall="2026-11-25T10:00:00.000Z")
    old = after([request(), HELD], RunState(run=RUN, wall="2026-11-25T09:59:59.000Z"))
    assert attention.look(old, live=True) == Call(title=f"● needs you: {ASKS}")
    new = after([request("a2"), HELD], RunState(run=RUN, wall="2026-11-25T10:00:01.000Z"))
    assert attention.look(new, live=True) == Call(bell=True, desktop=ASKS)


def test_what_a_person_does_not_want_is_not_done() -> None:
    attention = Attention(Wishes(bell=False, title=False, notify="off"))
    assert attention.look(after([request(), HELD]), live=True) == Call()


def test_the_way_of_a_notification_is_chosen_once() -> None:
    assert way_of(Capabilities(), Wishes(), {"TERM": "xterm-kitty"}) == "osc9"
    assert way_of(Capabilities(multiplexer="screen"), Wishes(notify="osc9"), {}) == "off"


async def test_the_bridge_calls_once_however_often_it_shows_the_need(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Call] = []
    monkeypatch.setattr("pilothouse.tui.app.Bridge.call", lambda _self, call: calls.append(call))
    async with bridge() as seen:
        await ask(seen)
        await seen.runs.append(ev.Warned(what="more"))
        await seen.press("n", "escape", "left", "F")
        await seen.runs.append(ev.RunEnded(outcome=Outcome.COMPLETED))
        await seen.until(lambda: seen.screen.record.ended)
        await seen.until(lambda: sum(call.bell for call in calls) == 2)
    assert [call.title for call in calls if call.title] == [
        f"pilothouse {RUN}",
        f"● needs you: {ASKS}",
        "● needs you: completed",
    ]


async def test_a_replay_calls_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Call] = []
    monkeypatch.setattr("pilothouse.tui.app.Bridge.call", lambda _self, call: calls.append(call))
    async with bridge(shop_script(), replay=True):
        pass
    assert [call for call in calls if call.bell or call.desktop] == []


class ManyRuns(FakeRuns):
    """The run on the screen, among others that have nothing to tell."""

    others: tuple[RunStatus, ...] = ()

    async def roster(self, follow: bool = False) -> AsyncIterator[RunStatus]:
        for status in (*self.others[:2], *[one async for one in super().roster()], *self.others[2:]):
            yield status

    async def events(self, run: str, from_seq: int = 0, follow: bool = True) -> AsyncIterator[ev.Event]:
        if run == RUN:
            async for event in super().events(run, from_seq, follow):
                yield event
            return
        yield ev.RunStarted(
            seq=0, run=run, task=f"task of {run}", model="m", browser="local",
            display_width_px=1280, display_height_px=800,
        )  # fmt: skip
        await asyncio.Event().wait()


def other(run: str, phase: RunPhase = RunPhase.RUNNING, *holding: Hold, live: bool = True) -> RunStatus:
    return RunStatus(run=run, task="", model="", phase=phase, live=live, holding=holding)


async def test_n_goes_to_the_next_run_that_needs_someone_in_the_order_of_the_roster() -> None:
    script = shop_script(ended=False)
    runs = ManyRuns(script.events, script.blobs)
    runs.others = (
        other("needs00001", RunPhase.IDLE),
        other("works00001"),
        other("over000001", RunPhase.IDLE, live=False),
        other("needs00002", RunPhase.HOLDING, Hold.APPROVAL),
    )
    async with bridge(script, runs=runs, role="approve") as seen:
        assert "decide…" not in seen.footer
        for run, said in (("needs00002", "holding: waits for approval"), ("needs00001", "idle")):
            await seen.press("n")
            await seen.until(lambda run=run: seen.screen.record.head_state.run == run)  # type: ignore[misc]
            assert seen.toasts[-1] == f"{run} needs you: {said}"
            assert seen.screen.role == "approve"
            assert f"pilothouse attach {run}" in seen.app.farewell()
        runs.others = (runs.others[0],)  # it is the one on the screen
        await seen.press("n")
        await seen.until(lambda: "nothing waits for a person" in seen.toasts)


async def test_n_opens_the_limits_where_one_is_reached() -> None:
    async with bridge() as seen:
        reached: Any = NEEDS[1][1]
        await seen.runs.append(*reached)
        await seen.until(lambda: bool(seen.screen.record.head_state.limits))
        await seen.press("n")
        assert seen.screen.drawer.opened == "limits"


async def test_who_only_watches_is_told_so_where_something_waits() -> None:
    async with bridge(role="watch") as seen:
        await ask(seen)
        await seen.press("n")
        assert seen.toasts == ["you only watch this run"]
        assert not seen.screen.drawer.opened
