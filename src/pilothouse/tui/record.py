"""A run as the bridge holds it:

its events, the state at any of them, and where one can stop. No rows, no widgets.

A *position* is an event's place in what is held. In a whole recording it is the event's `seq`, after a gap
it is not: so events are numbered anew as they come in, and everything behind the record knows only positions.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Final

import msgspec

from pilothouse import events as ev
from pilothouse.state import RunState, reduce
from pilothouse.tui.pace import Pace
from pilothouse.tui.pages import Pages

if TYPE_CHECKING:
    from collections.abc import Iterable

SNAPSHOT_EVERY: Final = 1_000
"""Events between two kept states; stepping back folds at most so many."""
OPENING_WITHIN: Final = 256
"""A first picture later than this many events is not where a recording opens."""

_MARKED: Final = (
    ev.Warned,
    ev.TurnDiscarded,
    ev.ActionInDoubt,
    ev.MessageQueued,
    ev.MessageReturned,
    ev.ApprovalRequested,
    ev.CommandRefused,
    ev.LimitReached,
    ev.TakeoverStarted,
    ev.DeletePending,
    ev.RunEnded,
)


class Record:
    """Events in order, and what is quick to say about each position."""

    def __init__(self) -> None:
        self.events = Pages()
        self.head_state = RunState()
        self.times = array("q")
        """Each event's `t`, in nanoseconds since the run began."""
        self.paced_s = Pace(self.times)
        """Seconds into a replay at which each event is due, waits cut to a limit."""
        self.stops: list[int] = []
        """Where stepping halts: the event after which an action and its picture are there."""
        self.marks: list[int] = []
        """Events worth a look: errors, warnings, messages, approvals, the end."""
        self.markers: list[int] = []
        """Positions that a person marked, ascending."""
        self.opening = 0
        """Where a replay opens: the first picture is there, and the agent has not begun."""
        self.last_seq = -1
        """The journal's own number of the last event."""
        self._is_opening_known = False
        self._snapshots: list[RunState] = []
        self._near = RunState()
        self._stop_of: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self.events)

    @property
    def head(self) -> int:
        """The last position there is; -1 before the first event."""
        return len(self.events) - 1

    @property
    def ended(self) -> bool:
        """Say whether the run's own end is recorded."""
        return self.head_state.ended

    def extend(self, events: Iterable[ev.Event]) -> list[ev.Event]:
        """Take the next events; returns them as held: numbered by position, time never running back."""
        return [self._append(event) for event in events]

    def _append(self, event: ev.Event) -> ev.Event:
        position = len(self.events)
        self.last_seq = event.seq
        if event.seq != position or event.t < self.head_state.t:
            event = msgspec.structs.replace(event, seq=position, t=max(event.t, self.head_state.t))
        self.times.append(event.t)
        self.paced_s.take()
        self.events.append(event)
        self.head_state = reduce(self.head_state, event)
        if position % SNAPSHOT_EVERY == 0:
            self._snapshots.append(self.head_state)
        self._note(position, event)
        if not self._is_opening_known:
            self._note_opening(position, event)
        return event

    def _note_opening(self, position: int, event: ev.Event) -> None:
        match event:
            case ev.ActionStarted():
                self._is_opening_known = True
            case ev.TurnStarted():
                self._is_opening_known = self.opening > 0
            case ev.FrameCaptured():
                self.opening = position
                self._is_opening_known = self.head_state.turn > 0
            case _ if self.opening:
                self.opening = position
        self._is_opening_known |= position >= OPENING_WITHIN

    def _note(self, position: int, event: ev.Event) -> None:
        match event:
            case ev.ActionFinished() | ev.ActionInDoubt():
                self._stop_of[event.action] = len(self.stops)
                self.stops.append(position)
                if isinstance(event, ev.ActionInDoubt) or not event.ok:
                    self.marks.append(position)
            case ev.FrameCaptured(action=action) if action in self._stop_of:
                at = self._stop_of[action]
                # If a later action finished before this picture came, the order of the stops is kept.
                if at == len(self.stops) - 1:
                    self.stops[at] = position
            case _ if isinstance(event, _MARKED):
                self.marks.append(position)
            case _:
                pass

    def state_at(self, position: int) -> RunState:
        """Give the state just after an event; positions outside are clamped."""
        if position >= self.head:
            return self.head_state
        if position < 0:
            return RunState()
        near = self._near
        if not (self._snapshots[position // SNAPSHOT_EVERY].seq <= near.seq <= position):
            near = self._snapshots[position // SNAPSHOT_EVERY]
        for event in self.events.span(near.seq + 1, position + 1):
            near = reduce(near, event)
        self._near = near
        return near

    def stop_of(self, action: int) -> int | None:
        """Give the position at which an action and its picture are there; None while it has not finished."""
        at = self._stop_of.get(action)
        return None if at is None else self.stops[at]

    def step_at(self, position: int) -> int:
        """Count the steps done at a position."""
        return bisect_right(self.stops, position)

    def next_stop(self, position: int) -> int:
        """Give the next place to halt; the end when there is none."""
        at = bisect_right(self.stops, position)
        return self.stops[at] if at < len(self.stops) else self.head

    def previous_stop(self, position: int) -> int:
        """Give the place to halt one step earlier; where a replay opens when there is none."""
        at = self.step_at(position) - 2
        return self.stops[at] if at >= 0 else self.opening

    def next_mark(self, position: int) -> int | None:
        """Give the next event worth a look."""
        marks = (self.marks, self.markers)
        after = [places[at] for places in marks if (at := bisect_right(places, position)) < len(places)]
        return min((at for at in after if at <= self.head), default=None)

    def previous_mark(self, position: int) -> int | None:
        """Give the event worth a look before."""
        marks = (self.marks, self.markers)
        before = [places[at - 1] for places in marks if (at := bisect_left(places, position))]
        return max((at for at in before if at <= self.head), default=None)

    def position_at_time(self, seconds: float) -> int:
        """Give the last position not after a time of the run."""
        at = bisect_right(self.times, seconds * 1e9)
        return max(at - 1, 0)
