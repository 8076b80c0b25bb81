from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse import events as ev
from pilothouse.events import Blob, Hold, Outcome, RunPhase
from pilothouse.state import MESSAGES_SHOWN, UPCOMING_SHOWN, RunState, reduce
from tests.folding import reduce_all
from tests.unit.any_event import any_event

SHA = "a" * 64


def proposed(action: int, batch: int = 1) -> ev.ActionProposed:
    return ev.ActionProposed(
        turn=1, action=action, tool_use_id=f"t{action}", member="left_click", input={"n": action}, batch=batch
    )


def begun(action: int) -> ev.ActionStarted:
    return ev.ActionStarted(action=action, tool_use_id=f"t{action}", member="left_click")


def done(action: int, *, ok: bool = True, executed: bool = True) -> ev.ActionFinished:
    return ev.ActionFinished(
        action=action, tool_use_id=f"t{action}", member="left_click", ok=ok, executed=executed
    )


def test_the_start_tells_what_the_run_is() -> None:
    start = ev.RunStarted(
        run="r", task="t", model="m", browser="local", display_width_px=3, display_height_px=2, wall="w", t=9
    )
    assert reduce(RunState(), start) == RunState(
        t=9,
        wall="w",
        started_wall="w",
        run="r",
        task="t",
        model="m",
        browser="local",
        approve="auto",
        display_width_px=3,
        display_height_px=2,
    )


def test_time_never_runs_back() -> None:
    state = reduce_all([ev.Warned(what="", t=50, seq=0), ev.Warned(what="", t=20, seq=1)])
    assert (state.t, state.seq, state.warnings) == (50, 1, 2)


def test_a_hold_is_counted_from_when_it_began() -> None:
    held = ev.StateChanged(phase=RunPhase.HOLDING, holding=(Hold.PAUSE,), t=10)
    more = ev.StateChanged(phase=RunPhase.HOLDING, holding=(Hold.PAUSE, Hold.LIMIT), t=20)
    state = reduce_all([held, more])
    assert (state.phase, state.holding, state.held_since_t) == (RunPhase.HOLDING, more.holding, 10)
    state = reduce(state, ev.StateChanged(phase=RunPhase.RUNNING, t=30))
    assert (state.holding, state.held_since_t) == ((), 0)


def test_a_batch_is_worked_through_one_by_one_each_with_its_own_input() -> None:
    state = reduce_all([proposed(1, 3), proposed(2, 3), proposed(3, 3)])
    assert state.current is not None
    assert (state.current.action, state.current.status, state.proposed) == (1, "proposed", 3)
    for action, ending, status in (
        (1, done(1), "done"),
        (2, done(2, ok=False), "failed"),
        (3, done(3, ok=False, executed=False), "skipped"),
    ):
        state = reduce(state, begun(action)) if ending.executed else state
        state = reduce(state, ending)
        assert state.current is not None
        assert (state.current.action, state.current.input, state.current.status) == (
            action,
            {"n": action},
            status,
        )
    # The third was never sent: it is no failure.
    assert (state.finished, state.failed, state.in_doubt, state.upcoming) == (2, 1, 0, ())


def test_an_action_in_doubt_says_so() -> None:
    doubt = ev.ActionInDoubt(action=1, tool_use_id="t1", member="left_click", why="no answer")
    state = reduce_all([proposed(1), begun(1), doubt])
    assert state.current is not None
    assert (state.current.status, state.current.input) == ("in_doubt", {"n": 1})
    assert (state.finished, state.failed, state.in_doubt) == (0, 0, 1)


def test_a_detail_is_counted_and_is_not_the_screen() -> None:
    def frame(number: int, source: str) -> ev.FrameCaptured:
        return ev.FrameCaptured(frame=number, blob=Blob(sha256=SHA, size=1, mime="image/png"), source=source)

    state = reduce_all([frame(1, "settled"), frame(2, "zoom")])
    assert state.frame is not None
    assert (state.frame.frame, state.frames) == (1, 2)


def test_usage_adds_up_and_says_when_a_price_is_missing() -> None:
    first = ev.UsageReported(turn=1, input=10, cache_read=5, cache_write_5m=2, output=3, cost_usd=0.5)
    state = reduce(RunState(), first)
    assert (state.usage.context, state.usage.cost_usd, state.usage.priced) == (17, 0.5, True)
    state = reduce(state, ev.UsageReported(turn=2, input=20, output=1))
    assert (state.usage.input, state.usage.output, state.usage.priced) == (30, 4, False)


def test_messages_wait_until_they_are_delivered_or_returned() -> None:
    queued = [ev.MessageQueued(id=name, text=name, when="after") for name in "abc"]
    state = reduce_all(
        [*queued, ev.MessageDelivered(id="a", turn=1, text="a"), ev.MessageReturned(id="c", why="")]
    )
    assert [message.id for message in state.messages] == ["b"]


def test_the_end_clears_what_held_the_run() -> None:
    held = ev.StateChanged(phase=RunPhase.HOLDING, holding=(Hold.PAUSE,))
    state = reduce_all([held, ev.TurnStarted(turn=1), ev.RunEnded(outcome=Outcome.ABORTED, why="x")])
    assert (state.ended, state.outcome, state.why) == (True, Outcome.ABORTED, "x")
    assert (state.holding, state.thinking) == ((), False)


@pytest.mark.parametrize(
    ("event", "field", "value"),
    [
        (ev.LegStarted(leg=2, instruction=""), "leg", 2),
        (ev.TakeoverStarted(lease="l", actor="ann"), "driver", "ann"),
        (ev.BrowserIntended(name="b", kind="local"), "browser_name", "b"),
        (ev.BrowserOpened(name="b", session="s", width_px=1, height_px=1), "display_width_px", 1),
        (ev.TurnStarted(turn=4), "thinking", True),
    ],
)
def test_each_event_sets_what_it_says(event: ev.Event, field: str, value: object) -> None:
    assert getattr(reduce(RunState(), event), field) == value


@settings(max_examples=100, deadline=None)
@given(st.lists(any_event, max_size=30))
def test_whatever_happens_there_is_a_next_state_and_it_survives_the_wire(events: list[ev.Event]) -> None:
    state = RunState()
    for event in events:
        before = msgspec.json.encode(state)
        after = reduce(state, event)
        assert (after.seq, after.t >= state.t) == (event.seq, True)
        assert msgspec.json.encode(state) == before  # pure: the old state is as it was
        assert reduce(state, event) == after
        state = after


def test_a_long_run_takes_no_more_memory_than_a_short_one() -> None:
    def lap(number: int) -> list[ev.Event]:
        return [
            ev.TurnStarted(turn=number),
            ev.TextStreamed(turn=number, block=0, text="x" * 500),
            *(proposed(number * 100 + one, 50) for one in range(50)),
            ev.MessageQueued(id=str(number), text="hello", when="after"),
            ev.Warned(what="w"),
        ]

    state = RunState()
    sizes = []
    for number in range(400):
        state = reduce_all(lap(number), state)
        sizes.append(len(msgspec.json.encode(state)))
    assert len(state.messages) == MESSAGES_SHOWN
    assert len(state.upcoming) <= UPCOMING_SHOWN
    assert sizes[-1] < sizes[100] * 1.2
