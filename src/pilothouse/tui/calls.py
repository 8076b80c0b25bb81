"""The rows of the tool-call log: one per action, with its outcome at any position. No widgets."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING, Final

import msgspec

from pilothouse import events as ev
from pilothouse.safety import clean, clean_line
from pilothouse.tui import words
from pilothouse.tui.sieve import Facts
from pilothouse.tui.wrap import cells, cut, wrap

if TYPE_CHECKING:
    from pilothouse.tui.record import Record
    from pilothouse.tui.rowlist import Line

_FAR: Final = 1 << 60
"""A position no run reaches: what has not happened yet."""

ICONS: Final = {
    "proposed": "○",
    "started": "◐",
    "done": "✓",
    "failed": "✗",
    "skipped": "–",
    "in_doubt": "?",
    "future": "·",
}


class Call(msgspec.Struct, gc=False):
    """One action; its texts are clean."""

    action: int
    turn: int
    member: str
    target: str
    seq: int
    """Where it was proposed."""
    started: int = _FAR
    over: int = _FAR
    status: str = "done"
    """How it ended, once it is over."""
    result: str = ""
    duration_ms: float = 0.0
    opened: bool = False
    history: tuple[str, ...] = ()
    """Attempts, retries and decisions on the way; gathered when it is opened."""

    def status_at(self, position: int) -> str:
        """Say where the action stood at a position."""
        if position >= self.over:
            return self.status
        if position >= self.started:
            return "started"
        return "proposed" if position >= self.seq else "future"


class Calls:
    """An index over events that is a `RowSource`; `feed` tells which rows changed."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self.calls: list[Call] = []
        self._at: dict[int, int] = {}
        self._changes = array("q")

    def __len__(self) -> int:
        return len(self.calls)

    def seq(self, index: int) -> int:
        """Give the event that proposed the action."""
        return self.calls[index].seq

    def position(self, index: int) -> int:
        """Give the position that selecting an action means: done, with its picture."""
        call = self.calls[index]
        stop = self._record.stop_of(call.action)
        return call.seq if stop is None else stop

    def stamp(self, position: int) -> int:
        """Count the events up to a position that changed an action."""
        return bisect_right(self._changes, position)

    def look(self, index: int, position: int) -> int:
        """Count how far the action had got at a position."""
        call = self.calls[index]
        return (position >= call.seq) + (position >= call.started) + (position >= call.over)

    def facts(self, index: int) -> Facts:
        """Say what a filter may ask of an action."""
        call = self.calls[index]
        return Facts("action", call.member.lower(), call.status_at(_FAR - 1))

    def text(self, index: int) -> str:
        """Give the action and its result as text."""
        call = self.calls[index]
        return f"{call.member} {call.target}\n{call.result}".strip()

    def whole(self, index: int) -> str:
        """Give the action with its input and its result as text."""
        call = self.calls[index]
        return f"{call.member} {call.target}\n{self.args(index)}\n{call.result}".strip()

    def args(self, index: int) -> str:
        """Give an action's input, a line per name; read on demand, for few are ever opened."""
        event = self._record.events[self.calls[index].seq]
        return words.pretty(event.input) if isinstance(event, ev.ActionProposed) else ""

    def toggle(self, index: int) -> bool:
        """Open an action to its input and result, or close it."""
        call = self.calls[index]
        call.opened = not call.opened
        self._gather(call)
        return True

    def _gather(self, call: Call) -> None:
        if call.opened:
            from pilothouse.tui.inspection import inspect  # not for the first frame

            call.history = tuple(inspect(self._record, call.action, call.seq).history)

    def index_of(self, action: int) -> int | None:
        """Find an action's row."""
        return self._at.get(action)

    def lines(self, index: int, width: int, position: int) -> list[Line]:
        """Lay an action out: icon, number, member, target, and at the right how it went."""
        call = self.calls[index]
        lines = [self._head(call, width, position)]
        if call.opened:
            lines += _opened(call, self.args(index), width, position)
        return lines

    def _head(self, call: Call, width: int, position: int) -> Line:
        status = call.status_at(position)
        tone = f"call-{status.replace('_', '-')}"
        over = position >= call.over
        duration = words.took(call.duration_ms) if over else ("…" if status == "started" else "")
        lead = f"{ICONS[status]} {cut(str(call.action), 9):>3}  "
        room = width - len(lead) - (len(duration) + 1 if duration else 0)
        member = cut(call.member, min(18, max(room - 1, 0)))
        aim = cut(call.target, max(room - cells(member) - 1, 0))
        outcome = _outcome(call) if over else ""
        spare = room - cells(member) - 1 - cells(aim) - 2
        outcome = cut(outcome, spare) if spare >= 6 else ""
        gap = room - cells(member) - 1 - cells(aim) - (cells(outcome) + 2 if outcome else 0)
        dim = "future" if status == "future" else "dim"
        return (
            (lead, tone),
            (member + " ", "future" if status == "future" else "member"),
            (aim, "future" if status == "future" else "aim"),
            (f"  {outcome}" if outcome else "", tone if status in {"failed", "in_doubt"} else dim),
            (" " * max(gap, 0) + (f" {duration}" if duration else ""), dim),
        )

    # --- events -----------------------------------------------------------------------------------

    def feed(self, event: ev.Event) -> int | None:
        """Take one event; returns the first row that changed, or None."""
        match event:
            case ev.ActionProposed():
                self._changes.append(event.seq)
                return self._proposed(event)
            case ev.ActionStarted() | ev.ActionFinished() | ev.ActionInDoubt() if event.action in self._at:
                self._changes.append(event.seq)
                at = self._at[event.action]
                self._moved(self.calls[at], event)
                self._gather(self.calls[at])
                return at
            case _:
                return None

    def _proposed(self, event: ev.ActionProposed) -> int:
        self._at[event.action] = len(self.calls)
        self.calls.append(
            Call(
                action=event.action,
                turn=event.turn,
                member=clean_line(event.member, 40),
                target=words.target(event.member, event.input),
                seq=event.seq,
            )
        )
        return len(self.calls) - 1

    def _moved(self, call: Call, event: ev.ActionStarted | ev.ActionFinished | ev.ActionInDoubt) -> None:
        match event:
            case ev.ActionStarted():
                call.started = event.seq
            case ev.ActionInDoubt():
                call.over, call.status, call.result = event.seq, "in_doubt", clean(event.why, limit=4_000)
            case ev.ActionFinished():
                call.over, call.duration_ms = event.seq, event.duration_ms
                call.status = "done" if event.ok else ("failed" if event.executed else "skipped")
                call.result = clean(event.text, limit=4_000)


def _outcome(call: Call) -> str:
    return clean_line(call.result, 300)


def _opened(call: Call, args: str, width: int, position: int) -> list[Line]:
    tone = "detail" if position >= call.seq else "future"
    room = max(width - 8, 8)
    lines: list[Line] = [((" " * 7, tone), (text, tone)) for text in wrap(args, room)]
    if call.result:
        known = "aim" if position >= call.over else "future"
        for n, text in enumerate(wrap(call.result, room - 2)):
            lines.append((("       " + ("→ " if n == 0 else "  "), "dim"), (text, known)))
    for said in call.history:
        lines += [((" " * 7, "dim"), (text, "note")) for text in wrap(said, room)]
    lines.append(())
    return lines
