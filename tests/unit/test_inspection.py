"""A step whole: everything the events say of it, and nothing of its neighbours."""

from __future__ import annotations

from typing import Any

from pilothouse import events as ev
from pilothouse.tui.inspection import Step, inspect
from pilothouse.tui.record import Record
from tests.tui.fake_runs import Script


def troubled_step() -> Script:
    """Two attempts at a turn of two actions; the first of them is approved, done and seen."""
    script = Script()
    script.begin()
    script.start_turn()
    script.think("half a thou")
    script.put(ev.RetryScheduled(what="model", attempt=2, delay_ms=1_500, why="overloaded (529)"))
    script.put(ev.TurnDiscarded(turn=1, attempt=1, why="the stream broke off"))
    script.put(ev.TurnStarted(turn=1, attempt=2))
    script.think("The field is at the top. ", "I click it.")
    script.text("I click the ", "**field**.")
    script.put(
        ev.TurnFinished(
            turn=1, stop_reason="tool_use", content=[], request_id="req_7", first_ms=420, total_ms=2_100
        )
    )
    script.put(ev.UsageReported(turn=1, input=900, cache_read=5_200, output=240, thinking=80, cost_usd=0.011))
    first: dict[str, Any] = {"action": 1, "tool_use_id": "toolu_1", "member": "left_click"}
    second: dict[str, Any] = {"action": 2, "tool_use_id": "toolu_2", "member": "type"}
    script.put(ev.ActionProposed(turn=1, input={"coordinate": [640, 120]}, batch=2, **first), 0)
    script.put(ev.ActionProposed(turn=1, input={"text": "kettle"}, batch=2, **second), 0)
    script.put(
        ev.ApprovalRequested(request="r1", action=1, tool_use_id="toolu_1", args_sha256="a", why="a new host")
    )
    script.put(ev.ApprovalDecided(request="r1", decision="approve", actor="ann"), 900)
    script.put(ev.ActionStarted(**first), 100)
    script.put(
        ev.PageReported(number=1, category="console", kind="console_error", text="x is null", trouble=True),
        80,
    )
    script.put(ev.ActionFinished(ok=True, text="Clicked.", duration_ms=150, **first), 70)
    script.turn, script.action = 1, 1
    data = ev.Blob(sha256="ab" * 32, size=120_000, mime="image/png", width_px=1280, height_px=800)
    script.put(
        ev.FrameCaptured(frame=2, blob=data, source="settled", action=1, settle_ms=310, settled_by="signals"),
        400,
    )
    script.put(ev.ActionStarted(**second))
    script.put(ev.ActionFinished(ok=False, text="no field has the focus", duration_ms=90, **second))
    script.start_turn()
    script.think("That was wrong.")
    return script


def record_of(script: Script) -> Record:
    record = Record()
    record.extend(script.events)
    return record


def proposed(record: Record, action: int) -> int:
    return next(
        event.seq
        for event in record.events
        if isinstance(event, ev.ActionProposed) and event.action == action
    )


def test_a_step_holds_everything_said_of_it() -> None:
    record = record_of(troubled_step())
    step = inspect(record, 1, proposed(record, 1))
    used = next(event for event in record.events if isinstance(event, ev.UsageReported))
    stop = record.stop_of(1)
    assert stop is not None
    assert step == Step(
        action=1,
        turn=1,
        member="left_click",
        target="(640, 120)",
        input="coordinate: [640,120]",
        proposed=proposed(record, 1),
        status="done",
        result="Clicked.",
        thinking="The field is at the top. I click it.",
        said="I click the **field**.",
        history=[
            "model: attempt 2 after 1.5s: overloaded (529)",
            "attempt 1 dropped: the stream broke off",
            "asked for approval: a new host",
            "approve by ann",
        ],
        page=["! console_error: x is null (1.3s later)"],
        batch=2,
        first_ms=420,
        model_ms=2_100,
        waited_ms=1_200,
        action_ms=150,
        settle_ms=310,
        settled_by="signals",
        picture_ms=90,
        request="req_7",
        usage=used,
        before=record.state_at(proposed(record, 1)).frame,
        after=record.state_at(stop).frame,
    )


def test_the_next_of_a_batch_has_its_own_outcome_and_no_picture() -> None:
    record = record_of(troubled_step())
    step = inspect(record, 2, proposed(record, 2))
    assert (step.status, step.result, step.settle_ms, step.after) == (
        "failed", "no field has the focus", None, None,
    )  # fmt: skip
    assert "That was wrong." not in step.thinking


def test_a_step_that_only_was_proposed_says_no_more() -> None:
    script = Script()
    script.begin()
    script.start_turn()
    script.put(
        ev.ActionProposed(turn=1, action=1, tool_use_id="t", member="wait", input={"duration": 2}, batch=1)
    )
    record = record_of(script)
    step = inspect(record, 1, record.head)
    assert (step.status, step.result, step.action_ms, step.after) == ("proposed", "", None, None)
