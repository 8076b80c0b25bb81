"""One step whole: what was thought, asked, done, seen and paid, gathered from the events around an action.

Read on demand, a few pages of events at most. No widgets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pilothouse import events as ev
from pilothouse.safety import clean, clean_line
from pilothouse.tui import words

if TYPE_CHECKING:
    from pilothouse.state import Frame
    from pilothouse.tui.record import Record

AROUND: Final = 3_000
"""Events looked through on either side of the proposal, at most."""


@dataclass(slots=True)
class Step:
    """Everything known of an action; texts are clean, times are milliseconds, None where nothing says."""

    action: int
    turn: int = 0
    member: str = ""
    target: str = ""
    input: str = ""
    proposed: int = 0
    """Where it was proposed."""
    status: str = "proposed"
    result: str = ""
    thinking: str = ""
    said: str = ""
    history: list[str] = field(default_factory=list)
    """Attempts, retries, decisions, in order."""
    page: list[str] = field(default_factory=list)
    """What the browser reported meanwhile."""
    batch: int = 1
    first_ms: float | None = None
    model_ms: float | None = None
    waited_ms: float | None = None
    action_ms: float | None = None
    settle_ms: float | None = None
    settled_by: str = ""
    picture_ms: float | None = None
    request: str = ""
    usage: ev.UsageReported | None = None
    before: Frame | None = None
    after: Frame | None = None


def inspect(record: Record, action: int, proposed: int) -> Step:
    """Gather what there is about an action that was proposed at a position."""
    step = Step(action, proposed=proposed, before=record.state_at(proposed).frame)
    start = _turn_start(record, proposed)
    finished_t = 0
    for event in record.events.span(start, proposed + AROUND):
        if event.seq > proposed and isinstance(event, ev.TurnStarted):
            break
        match event:
            case ev.ActionFinished(action=number) if number == action:
                finished_t = event.t
            case ev.FrameCaptured(action=number) if number == action:
                _seen(step, event, finished_t)
            case _:
                pass
        _of_turn(step, event)
        _of_action(step, event, record)
    step.thinking, step.said = step.thinking.strip(), step.said.strip()
    stop = record.stop_of(action)
    if stop is not None and step.settle_ms is not None:
        frame = record.state_at(stop).frame
        step.after = frame if frame is not None and frame.action == action else None
    _reported(step, record, stop)
    return step


def _turn_start(record: Record, proposed: int) -> int:
    turn = record.state_at(proposed).turn
    low = max(proposed - AROUND, 0)
    starts = [
        event.seq
        for event in record.events.span(low, proposed)
        if isinstance(event, ev.TurnStarted) and event.turn == turn
    ]
    return starts[0] if starts else proposed


def _seen(step: Step, event: ev.FrameCaptured, finished_t: int) -> None:
    step.settle_ms, step.settled_by = event.settle_ms, clean_line(event.settled_by, 40)
    if finished_t:
        step.picture_ms = max((event.t - finished_t) / 1e6 - event.settle_ms, 0.0)


def _of_turn(step: Step, event: ev.Event) -> None:
    match event:
        case ev.ThinkingStreamed():
            step.thinking = clean(step.thinking + event.text)
        case ev.TextStreamed():
            step.said = clean(step.said + event.text)
        case ev.TurnFinished():
            step.model_ms, step.first_ms = event.total_ms or None, event.first_ms or None
            step.request = clean_line(event.request_id, 120)
        case ev.TurnDiscarded():
            step.thinking = step.said = ""
            step.history.append(f"attempt {event.attempt} dropped: {clean_line(event.why, 300)}")
        case ev.RetryScheduled():
            wait = words.took(event.delay_ms) or "no time"
            what = clean_line(event.what, 60)
            step.history.append(f"{what}: attempt {event.attempt} after {wait}: {clean_line(event.why, 300)}")
        case ev.UsageReported():
            step.usage = event
        case _:
            pass


def _of_action(step: Step, event: ev.Event, record: Record) -> None:
    match event:
        case ev.ActionProposed(action=number) if number == step.action:
            step.turn, step.batch = event.turn, event.batch
            step.member = clean_line(event.member, 40)
            step.target = words.target(event.member, event.input)
            step.input = words.pretty(event.input)
        case ev.ActionStarted(action=number) if number == step.action:
            step.status = "started"
            step.waited_ms = (event.t - record.times[step.proposed]) / 1e6
        case ev.ActionFinished(action=number) if number == step.action:
            step.status = "done" if event.ok else ("failed" if event.executed else "skipped")
            step.result, step.action_ms = clean(event.text), event.duration_ms
        case ev.ActionInDoubt(action=number) if number == step.action:
            step.status, step.result = "in doubt", clean(event.why)
        case ev.ApprovalRequested(action=number) if number == step.action:
            step.history.append(f"asked for approval: {clean_line(event.why, 300)}")
        case ev.ApprovalDecided() if step.history and step.history[-1].startswith("asked for approval"):
            why = f": {clean_line(event.reason, 300)}" if event.reason else ""
            step.history.append(f"{clean_line(event.decision, 40)} by {clean_line(event.actor, 60)}{why}")
        case _:
            pass


def _reported(step: Step, record: Record, stop: int | None) -> None:
    """Take what the browser said from the proposal until the next step begins."""
    end = record.next_stop(stop) if stop is not None else record.head + 1
    for event in record.events.span(step.proposed, min(end, step.proposed + AROUND)):
        if isinstance(event, ev.PageReported):
            at = f"{words.took((event.t - record.times[step.proposed]) / 1e6) or '0ms'} later"
            said = f"{event.kind}: {event.text} {event.url}".strip()
            step.page.append(clean_line(f"{'! ' if event.trouble else ''}{said} ({at})", 500))
