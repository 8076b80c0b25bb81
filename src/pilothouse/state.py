"""What a run looks like at one point of its journal: `RunState`, and `reduce()` that moves it by one event.

`reduce` is pure, total and bounded in memory: the state holds what a status line, the gate and a step need,
never the rows. Unknown events leave it as it is, but for its position.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse import events as ev
from pilothouse.events import Blob, Hold, Outcome, RunPhase

if TYPE_CHECKING:
    from collections.abc import Callable

CACHE_SHORT_S, CACHE_LONG_S = 300, 3_600
"""What is cached lives so long after it was last read (model-api §4)."""
VIEWERS_SHOWN = 64
LIMITS_MAX = 20
MESSAGES_SHOWN = 50
"""A state remembers at most this many undelivered messages."""
UPCOMING_SHOWN = 32
"""A state remembers at most this many proposed actions of a batch."""


class CurrentAction(msgspec.Struct, frozen=True, kw_only=True):
    """The latest action and where it stands."""

    action: int
    tool_use_id: str
    member: str
    input: dict[str, Any]
    status: str = "proposed"
    """`proposed`, `started`, `done`, `failed`, `skipped` or `in_doubt`."""


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """The latest screenshot."""

    frame: int
    blob: Blob
    action: int
    url: str
    title: str
    t: int


class QueuedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that waits for its boundary."""

    id: str
    text: str
    when: str


class Viewer(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who follows the run and can be asked."""

    id: str
    actor: str
    role: str


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Totals of the run, in tokens."""

    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    cost_usd: float = 0.0
    priced: bool = True
    """False once a turn had no price."""
    context: int = 0
    """Prompt size of the latest turn."""
    context_max: int = 0
    """What the model's context holds, in tokens; 0 when unknown."""

    @property
    def prompt(self) -> int:
        """All that was sent, in tokens."""
        return self.input + self.cache_read + self.cache_write

    @property
    def hit_rate(self) -> float:
        """The share of all that was sent that came from the cache; 0 before the first turn."""
        return self.cache_read / self.prompt if self.prompt else 0.0

    @property
    def fill(self) -> float:
        """The share of the model's context that the latest turn took; 0 when unknown."""
        return self.context / self.context_max if self.context_max else 0.0


class RunState(msgspec.Struct, frozen=True, kw_only=True):
    """A run at one position."""

    seq: int = -1
    t: int = 0
    """Monotonic nanoseconds since the run began."""
    wall: str = ""
    started_wall: str = ""
    run: str = ""
    task: str = ""
    model: str = ""
    browser: str = ""
    approve: str = ""
    mode_why: str = ""
    """What raised the approval mode, if no person chose it."""
    headless: bool = False
    display_width_px: int = 0
    display_height_px: int = 0
    phase: RunPhase = RunPhase.STARTING
    holding: tuple[Hold, ...] = ()
    held_since_t: int = 0
    outcome: Outcome | None = None
    why: str = ""
    leg: int = 0
    turn: int = 0
    thinking: bool = False
    """The model is answering."""
    proposed: int = 0
    finished: int = 0
    """Actions that were sent and have their outcome, good or bad."""
    failed: int = 0
    """Those of `finished` that failed; one that was never sent is none."""
    in_doubt: int = 0
    """Actions that were sent and have no outcome."""
    current: CurrentAction | None = None
    upcoming: tuple[CurrentAction, ...] = ()
    """The rest of the batch, proposed and not yet begun."""
    frame: Frame | None = None
    frames: int = 0
    usage: Usage = Usage()
    messages: tuple[QueuedMessage, ...] = ()
    approval: ev.ApprovalRequested | None = None
    """What waits for a decision."""
    limits: tuple[ev.LimitReached, ...] = ()
    """What is reached and holds the run."""
    effort: str = ""
    """Empty for the model's own."""
    limits_set: dict[str, float] = {}
    """What it may use, by the names of `engine.limits.Limit`."""
    driver: str = "agent"
    """Who drives: `agent`, or the actor who holds the lease."""
    lease: str = ""
    lease_asked_by: str = ""
    """Who else would like to drive."""
    concealed: bool = False
    """No pictures are recorded: a person types something secret."""
    viewers: tuple[Viewer, ...] = ()
    browser_name: str = ""
    browser_usd_h: float = 0.0
    """The most that the browser costs by the hour; 0 for a local one."""
    cached_until_t: int = 0
    """When what the model keeps cached of the run runs out; 0 while nothing is."""
    retry: ev.RetryScheduled | None = None
    warnings: int = 0

    @property
    def ended(self) -> bool:
        """Say whether the run is over."""
        return self.phase is RunPhase.ENDED

    @property
    def elapsed_s(self) -> float:
        """Seconds from the run's begin to this position."""
        return self.t / 1e9


def reduce(state: RunState, event: ev.Event) -> RunState:
    """Move the state by one event; total: whatever the event, there is a next state."""
    at = _replace(state, seq=event.seq, t=max(state.t, event.t), wall=event.wall or state.wall)
    handler = _HANDLERS.get(type(event))
    return handler(at, event) if handler else at


_replace = msgspec.structs.replace


def _run_started(state: RunState, event: ev.RunStarted) -> RunState:
    return _replace(
        state,
        run=event.run,
        task=event.task,
        model=event.model,
        browser=event.browser,
        approve=event.approve,
        headless=event.headless,
        limits_set=event.limits,
        effort=event.effort,
        display_width_px=event.display_width_px,
        display_height_px=event.display_height_px,
        started_wall=event.wall,
    )


def _state_changed(state: RunState, event: ev.StateChanged) -> RunState:
    newly_held = event.holding and not state.holding
    return _replace(
        state,
        phase=event.phase,
        holding=event.holding,
        limits=state.limits if Hold.LIMIT in event.holding else (),
        held_since_t=state.t if newly_held else (state.held_since_t if event.holding else 0),
    )


def _turn_started(state: RunState, event: ev.TurnStarted) -> RunState:
    return _replace(state, turn=event.turn, thinking=True, retry=None, upcoming=())


def _turn_over(state: RunState, _event: ev.Event) -> RunState:
    return _replace(state, thinking=False)


def _usage_reported(state: RunState, event: ev.UsageReported) -> RunState:
    was = state.usage
    wrote = event.cache_write_5m + event.cache_write_1h
    lives_s = CACHE_LONG_S if event.cache_write_1h else CACHE_SHORT_S
    return _replace(
        state,
        cached_until_t=state.t + lives_s * 1_000_000_000 if wrote or event.cache_read else 0,
        usage=Usage(
            input=was.input + event.input,
            cache_read=was.cache_read + event.cache_read,
            cache_write=was.cache_write + wrote,
            output=was.output + event.output,
            cost_usd=was.cost_usd + (event.cost_usd or 0.0),
            priced=was.priced and event.cost_usd is not None,
            context=event.input + event.cache_read + wrote,
            context_max=event.context_max,
        ),
    )


def _action_proposed(state: RunState, event: ev.ActionProposed) -> RunState:
    action = CurrentAction(
        action=event.action, tool_use_id=event.tool_use_id, member=event.member, input=event.input
    )
    # A batch is proposed at once; the current action stays the first one that is not finished yet.
    if state.current is not None and state.current.status in {"proposed", "started"}:
        upcoming = (*state.upcoming, action)[:UPCOMING_SHOWN]
        return _replace(state, proposed=event.action, upcoming=upcoming)
    return _replace(state, proposed=event.action, current=action)


def _action_started(state: RunState, event: ev.ActionStarted) -> RunState:
    return _mark(state, event, "started")


def _action_finished(state: RunState, event: ev.ActionFinished) -> RunState:
    status = "done" if event.ok else ("failed" if event.executed else "skipped")
    counted = _replace(
        state,
        finished=state.finished + (1 if event.executed else 0),
        failed=state.failed + (1 if event.executed and not event.ok else 0),
    )
    return _mark(counted, event, status)


def _action_in_doubt(state: RunState, event: ev.ActionInDoubt) -> RunState:
    return _mark(_replace(state, in_doubt=state.in_doubt + 1), event, "in_doubt")


def _mark(
    state: RunState, event: ev.ActionStarted | ev.ActionFinished | ev.ActionInDoubt, status: str
) -> RunState:
    """Make an action the current one, with the input it was proposed with."""
    known = (state.current, *state.upcoming)
    inputs = [one.input for one in known if one is not None and one.tool_use_id == event.tool_use_id]
    action = CurrentAction(
        action=event.action,
        tool_use_id=event.tool_use_id,
        member=event.member,
        input=inputs[0] if inputs else {},
        status=status,
    )
    upcoming = tuple(one for one in state.upcoming if one.tool_use_id != event.tool_use_id)
    return _replace(state, current=action, upcoming=upcoming)


def _frame_captured(state: RunState, event: ev.FrameCaptured) -> RunState:
    if event.source == "zoom":  # a detail, not the screen
        return _replace(state, frames=event.frame)
    frame = Frame(
        frame=event.frame,
        blob=event.blob,
        action=event.action,
        url=event.url,
        title=event.title,
        t=state.t,
    )
    return _replace(state, frame=frame, frames=event.frame)


def _message_queued(state: RunState, event: ev.MessageQueued) -> RunState:
    message = QueuedMessage(id=event.id, text=event.text, when=event.when)
    return _replace(state, messages=(*state.messages, message)[-MESSAGES_SHOWN:])


def _message_gone(state: RunState, event: ev.MessageDelivered | ev.MessageReturned) -> RunState:
    return _replace(state, messages=tuple(m for m in state.messages if m.id != event.id))


def _message_revised(state: RunState, event: ev.MessageRevised) -> RunState:
    messages = list(state.messages)
    at = next((i for i, m in enumerate(messages) if m.id == event.id), None)
    if at is None:
        return state
    revised = QueuedMessage(id=event.id, text=event.text, when=event.when)
    if not event.before:
        messages[at] = revised
    else:
        del messages[at]
        place = next((i for i, m in enumerate(messages) if m.id == event.before), len(messages))
        messages.insert(place, revised)
    return _replace(state, messages=tuple(messages))


def _viewer_joined(state: RunState, event: ev.ViewerJoined) -> RunState:
    viewer = Viewer(id=event.viewer, actor=event.actor, role=event.role)
    others = tuple(v for v in state.viewers if v.id != event.viewer)
    return _replace(state, viewers=(*others, viewer)[-VIEWERS_SHOWN:])


def _viewer_departed(state: RunState, event: ev.ViewerDeparted) -> RunState:
    return _replace(state, viewers=tuple(v for v in state.viewers if v.id != event.viewer))


def _takeover_started(state: RunState, event: ev.TakeoverStarted) -> RunState:
    return _replace(state, driver=event.actor, lease=event.lease, lease_asked_by="")


def _limit_changed(state: RunState, event: ev.LimitChanged) -> RunState:
    limits_set = {name: value for name, value in state.limits_set.items() if name != event.limit}
    if event.value is not None and len(limits_set) < LIMITS_MAX:
        limits_set[event.limit] = event.value
    return _replace(state, limits_set=limits_set)


def _run_ended(state: RunState, event: ev.RunEnded) -> RunState:
    return _replace(
        state,
        phase=RunPhase.ENDED,
        holding=(),
        held_since_t=0,
        outcome=event.outcome,
        why=event.why,
        approval=None,
        limits=(),
        thinking=False,
        retry=None,
        viewers=(),
        concealed=False,
    )


def _browser_opened(state: RunState, event: ev.BrowserOpened) -> RunState:
    # One that was there before the run has a size of its own.
    return _replace(
        state,
        browser_name=event.name,
        browser_usd_h=event.usd_per_h,
        display_width_px=event.width_px or state.display_width_px,
        display_height_px=event.height_px or state.display_height_px,
    )


def _approval_decided(state: RunState, event: ev.ApprovalDecided) -> RunState:
    """Forget what waited; an action that was edited has the input that it was given."""
    asked = state.approval
    if asked is None or event.decision != "edit":
        return _replace(state, approval=None)

    def edited(one: CurrentAction) -> CurrentAction:
        return _replace(one, input=event.input) if one.tool_use_id == asked.tool_use_id else one

    current = edited(state.current) if state.current is not None else None
    return _replace(
        state, approval=None, current=current, upcoming=tuple(edited(one) for one in state.upcoming)
    )


def _limit_reached(state: RunState, event: ev.LimitReached) -> RunState:
    """Take note of a limit; those of an earlier request do not hold any more."""
    same = tuple(one for one in state.limits if one.request == event.request and one.limit != event.limit)
    return _replace(state, limits=(*same, event))


def _set(**changes: Any) -> Callable[[RunState, Any], RunState]:
    return lambda state, _event: _replace(state, **changes)


_HANDLERS: dict[type[ev.Event], Callable[[RunState, Any], RunState]] = {
    ev.RunStarted: _run_started,
    ev.StateChanged: _state_changed,
    ev.LegStarted: lambda state, event: _replace(state, leg=event.leg),
    ev.TurnStarted: _turn_started,
    ev.TurnFinished: _turn_over,
    ev.TurnDiscarded: _turn_over,
    ev.UsageReported: _usage_reported,
    ev.RetryScheduled: lambda state, event: _replace(state, retry=event, thinking=False),
    ev.ActionProposed: _action_proposed,
    ev.ActionStarted: _action_started,
    ev.ActionFinished: _action_finished,
    ev.ActionInDoubt: _action_in_doubt,
    ev.FrameCaptured: _frame_captured,
    ev.MessageQueued: _message_queued,
    ev.MessageDelivered: _message_gone,
    ev.MessageReturned: _message_gone,
    ev.ApprovalRequested: lambda state, event: _replace(state, approval=event),
    ev.ApprovalDecided: _approval_decided,
    ev.LimitReached: _limit_reached,
    ev.LimitChanged: _limit_changed,
    ev.ModeChanged: lambda state, event: _replace(state, approve=event.mode, mode_why=event.why),
    ev.MessageRevised: _message_revised,
    ev.TakeoverStarted: _takeover_started,
    ev.LeaseAsked: lambda state, event: _replace(state, lease_asked_by=event.actor),
    ev.Concealed: _set(concealed=True),
    ev.Revealed: _set(concealed=False),
    ev.TakeoverEnded: _set(driver="agent", lease="", lease_asked_by="", concealed=False),
    ev.ViewerJoined: _viewer_joined,
    ev.ViewerDeparted: _viewer_departed,
    ev.BrowserIntended: lambda state, event: _replace(state, browser_name=event.name),
    ev.BrowserOpened: _browser_opened,
    ev.ModelChanged: lambda state, event: _replace(state, model=event.model, effort=event.effort),
    ev.Warned: lambda state, _event: _replace(state, warnings=state.warnings + 1),
    ev.RunEnded: _run_ended,
}
