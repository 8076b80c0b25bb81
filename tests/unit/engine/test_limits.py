"""What a run may use before a person is asked."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse import events as ev
from pilothouse.engine.limits import (
    Limit,
    Limits,
    Meter,
    Reached,
    Used,
    When,
    account,
    meter,
    reached,
    time_left_s,
    with_limit,
)
from pilothouse.errors import UsageError


def proposed(one: str, member: str = "left_click", **given: Any) -> ev.Event:
    return ev.ActionProposed(turn=1, action=1, tool_use_id=one, member=member, input=given)


def finished(one: str, *, executed: bool = True) -> ev.Event:
    return ev.ActionFinished(action=1, tool_use_id=one, member="?", ok=True, executed=executed)


def frame(sha: str, source: str = "glance") -> ev.Event:
    blob = ev.Blob(sha256=sha, size=1, mime="image/png")
    return ev.FrameCaptured(frame=1, blob=blob, source=source)


def turn(cost: float | None = 0.5, **tokens: Any) -> list[ev.Event]:
    return [
        ev.TurnFinished(turn=1, stop_reason="tool_use", content=[]),
        ev.UsageReported(turn=1, cost_usd=cost, **tokens),
    ]


def used(*events: ev.Event) -> Used:
    now = Used()
    for event in events:
        now = account(now, event)
    return now


def names(found: tuple[Reached, ...]) -> list[str]:
    return [one.limit.value for one in found]


def run(start: Meter, *events: ev.Event) -> Meter:
    for event in events:
        start = start.after(event)
    return start


# --------------------------------------------------------------------------------------- accounting


def test_a_run_is_accounted_for() -> None:
    now = used(
        *turn(0.25, input=100, output=20, cache_read=9_000, cache_write_5m=30, cache_write_1h=5),
        proposed("a", coordinate=[1, 2]),
        proposed("b", "screenshot"),
        proposed("c", coordinate=[1, 2]),
        finished("a"),
        frame("x"),
        finished("b"),
        ev.ActionInDoubt(action=3, tool_use_id="c", member="left_click", why="?", t=5_000_000_000),
    )
    assert (now.steps, now.turns, now.dollars, now.tokens) == (3, 1, 0.25, 155)
    assert (now.repeats, now.still, now.of(Limit.TIME)) == (2, 1, 5.0)


def test_what_was_never_sent_is_no_step() -> None:
    assert used(proposed("a"), finished("a", executed=False)).steps == 0


def test_looking_neither_breaks_a_row_nor_makes_one() -> None:
    same = [proposed("a", x=1), finished("a"), proposed("b", "screenshot"), finished("b")]
    assert used(*same, *same).repeats == 2
    assert used(proposed("a", "wait", duration=1), finished("a")).repeats == 0


def test_another_action_a_new_leg_and_a_takeover_break_a_row() -> None:
    row = [proposed("a", x=1), finished("a"), proposed("b", x=1), finished("b")]
    assert used(*row).repeats == 2
    assert used(*row, proposed("c", x=2), finished("c")).repeats == 1
    assert used(*row, ev.LegStarted(leg=2, instruction="go")).repeats == 0
    assert used(*row, ev.TakeoverEnded(lease="l", why="released")).repeats == 0


def test_an_edited_action_counts_as_what_was_done() -> None:
    edited = [
        proposed("a", x=1),
        ev.ApprovalRequested(request="r1", action=1, tool_use_id="a", args_sha256="?"),
        ev.ApprovalDecided(request="r1", decision="edit", actor="me", input={"x": 9}),
        finished("a"),
    ]
    assert used(*edited, proposed("b", x=9), finished("b")).repeats == 2
    assert used(*edited, proposed("b", x=1), finished("b")).repeats == 1


def test_a_screen_that_changes_ends_the_stillness_and_a_detail_does_not() -> None:
    click = [proposed("a", x=1), finished("a")]
    assert used(frame("x"), *click, frame("x"), *click, frame("x")).still == 2
    assert used(frame("x"), *click, frame("y")).still == 0
    assert used(frame("x"), *click, frame("z", "zoom")).still == 1


def test_a_batch_is_forgotten_once_it_is_answered() -> None:
    assert used(proposed("a"), finished("a"), ev.TurnAnswered(turn=1, results=[])).open == {}


# ------------------------------------------------------------------------------------------ reached


def test_limits_are_reached_before_they_are_passed() -> None:
    limits = Limits(steps=3, turns=2, time=60.0, dollars=5.0, tokens=100, repeats=3, still=4)
    at = Used(steps=3, turns=2, dollars=5.0, tokens=100, repeats=3, still=4, t_ns=60_000_000_000)
    assert names(reached(limits, at, When.TURN)) == [limit.value for limit in Limit]
    assert names(reached(limits, at, When.ACTION)) == ["steps", "time", "repeats", "still"]
    below = Used(steps=2, turns=1, dollars=4.99, tokens=99, repeats=2, still=3, t_ns=59_999_999_999)
    assert reached(limits, below, When.TURN) == ()
    assert reached(Limits(), at, When.TURN) == ()


def test_time_passes_without_events() -> None:
    assert names(reached(Limits(time=1.5), Used(), When.TURN, now_ns=1_500_000_000)) == ["time"]
    assert time_left_s(Limits(time=1.5), 500_000_000) == 1.0
    assert time_left_s(Limits(time=1.5), 9_000_000_000) == 0.0
    assert time_left_s(Limits(), 0) is None


def test_money_that_can_not_be_counted_is_asked_about() -> None:
    (one,) = reached(Limits(dollars=5.0), used(*turn(None)), When.TURN)
    assert one.why == "the model has no price, so that money can't be counted"
    assert reached(Limits(steps=9), used(*turn(None)), When.TURN) == ()


def test_raising_goes_in_steps_of_the_first_limit() -> None:
    now = meter(Limits(dollars=5.0)).with_limit("dollars", 10.0)
    over = run(now, *turn(12.0))
    assert over.reached(When.TURN) == (Reached(limit=Limit.DOLLARS, value=10.0, used=12.0, next=15.0),)


@given(st.floats(0.001, 1e6), st.floats(0, 1e6))
def test_what_raising_proposes_is_above_what_was_used_and_above_the_limit(value: float, has: float) -> None:
    for one in reached(Limits(dollars=value), Used(dollars=has), When.TURN):
        assert one.next > max(value, has)
        assert one.next <= max(value, has) + 2 * value


# ------------------------------------------------------------------------------------ a person decides


def test_going_on_once_is_the_rest_of_this_turn_and_the_whole_of_the_next() -> None:
    step = [proposed("a", x=1), finished("a")]
    now = run(meter(Limits(steps=2)), *turn(), *step, *step)
    assert names(now.reached(When.ACTION)) == ["steps"]
    now = now.going_on([Limit.STEPS])
    assert now.reached(When.ACTION) == ()
    now = run(now, *step)
    assert now.reached(When.TURN) == ()
    now = run(now, *turn(), *step)
    assert now.reached(When.ACTION) == ()
    assert names(now.reached(When.TURN)) == ["steps"]


def test_going_on_past_one_limit_is_not_going_on_past_another() -> None:
    now = run(meter(Limits(turns=1, tokens=10)), *turn(input=20))
    assert names(now.reached(When.TURN)) == ["turns", "tokens"]
    assert names(now.going_on([Limit.TURNS]).reached(When.TURN)) == ["tokens"]


def test_a_turn_asked_again_uses_no_more_turns() -> None:
    now = run(
        meter(Limits(turns=1)), ev.TurnStarted(turn=1), ev.TurnDiscarded(turn=1, attempt=1, why="frozen")
    )
    assert now.reached(When.TURN) == ()


def test_a_changed_limit_forgets_what_was_let_go_on_past_it() -> None:
    now = run(meter(Limits(turns=1)), *turn()).going_on([Limit.TURNS])
    assert now.reached(When.TURN) == ()
    assert names(now.with_limit("turns", 1).reached(When.TURN)) == ["turns"]
    assert now.with_limit("turns", 5).reached(When.TURN) == ()
    assert now.with_limit("turns", None).limits == Limits()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("step", 3, "there is no limit 'step' (did you mean 'steps'?)"),
        (
            "budget",
            3,
            "there is no limit 'budget' (it may be steps, turns, time, dollars, tokens, repeats, still)",
        ),
        ("steps", 0, "0 is no limit of steps (give a whole number from 1)"),
        ("steps", 1.5, "1.5 is no limit of steps (give a whole number)"),
        ("repeats", 1, "1 is no limit of repeats (give a whole number from 2)"),
        ("dollars", -1, "-1 is no limit of dollars (give a number above 0)"),
        ("dollars", float("nan"), "nan is no limit of dollars (give a number above 0)"),
        ("time", float("inf"), "inf is no limit of time (give a number above 0)"),
    ],
)
def test_a_limit_that_can_not_be_is_refused_in_a_sentence(name: str, value: float, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        with_limit(Limits(), name, value)
    assert str(caught.value) == said


# ---------------------------------------------------------------------------------------- any history

ids = st.sampled_from("abc")
happenings = st.one_of(
    st.builds(lambda one, x: proposed(one, x=x), ids, st.integers(0, 1)),
    st.builds(lambda one: proposed(one, "screenshot"), ids),
    st.builds(lambda one, executed: finished(one, executed=executed), ids, st.booleans()),
    st.builds(lambda one: ev.ActionInDoubt(action=1, tool_use_id=one, member="?", why="?"), ids),
    st.builds(frame, st.sampled_from("xy")),
    st.builds(lambda cost: turn(cost)[1], st.none() | st.floats(0, 10)),
    st.just(turn()[0]),
    st.just(ev.TurnAnswered(turn=1, results=[])),
    st.builds(lambda t: ev.Warned(what="?", t=t), st.integers(0, 10**12)),
    st.just(ev.LegStarted(leg=1, instruction="go")),
)
histories = st.lists(happenings, max_size=40)
any_limits = st.builds(
    Limits,
    steps=st.none() | st.integers(1, 9),
    turns=st.none() | st.integers(1, 9),
    time=st.none() | st.floats(0.1, 900),
    dollars=st.none() | st.floats(0.1, 90),
    repeats=st.none() | st.integers(2, 5),
    still=st.none() | st.integers(1, 5),
)


@given(histories)
def test_what_adds_up_never_shrinks(history: list[ev.Event]) -> None:
    now = Used()
    for event in history:
        later = account(now, event)
        for limit in (Limit.STEPS, Limit.TURNS, Limit.TIME, Limit.DOLLARS, Limit.TOKENS):
            assert later.of(limit) >= now.of(limit)
        assert later.repeats <= later.steps
        now = later


@given(any_limits, histories, st.sampled_from(list(When)))
def test_a_limit_is_reached_exactly_when_as_much_was_used(
    limits: Limits, history: list[ev.Event], when: When
) -> None:
    now = run(meter(limits), *history)
    for one in now.reached(when):
        assert one.used >= one.value or one.why
        assert one.next > one.used
    if when is When.TURN and now.used.priced:
        missed = {limit for limit in Limit if limits.of(limit) is not None} - {
            one.limit for one in now.reached(when)
        }
        assert all(now.used.of(limit) < (limits.of(limit) or 0) for limit in missed)


@given(any_limits, histories, histories, st.sampled_from(list(When)))
def test_going_on_lets_the_run_pass_and_then_holds_it_again(
    limits: Limits, before: list[ev.Event], after: list[ev.Event], when: When
) -> None:
    held = run(meter(limits), *before)
    on = held.going_on([one.limit for one in held.reached(when)])
    assert on.reached(when) == ()
    two_turns = [*turn(), *turn()]
    later = run(on, *after, *two_turns)
    plain = run(held, *after, *two_turns)
    assert later.reached(When.TURN) == plain.reached(When.TURN)


@given(any_limits, histories)
def test_taking_every_proposal_to_raise_lets_the_run_pass(limits: Limits, history: list[ev.Event]) -> None:
    now = run(meter(limits), *history)
    for one in now.reached(When.TURN):
        if not one.why:
            now = now.with_limit(one.limit.value, one.next)
    assert all(one.why for one in now.reached(When.TURN))
