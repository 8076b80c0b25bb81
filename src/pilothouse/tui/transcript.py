"""The rows of the transcript:

what was said, thought, asked and decided, over the sequence of events. No widgets.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from functools import singledispatchmethod
from typing import TYPE_CHECKING, Final

import msgspec

from pilothouse import events as ev
from pilothouse.events import RunPhase
from pilothouse.frames.describe import describe
from pilothouse.safety import clean, clean_line
from pilothouse.tui import words
from pilothouse.tui.marked import render
from pilothouse.tui.sieve import Facts
from pilothouse.tui.wrap import cut, wrap

if TYPE_CHECKING:
    from pilothouse.tui.rowlist import Line

TEXT_MAX: Final = 40_000
"""Characters of one row kept for the screen; the journal holds the whole."""
_GUTTER: Final = 2
_SEAM: Final = 16
"""Characters before a streamed piece that are cleaned again with it."""


class Row(msgspec.Struct, gc=False):
    """One thing in the transcript; its text is clean."""

    seq: int
    tone: str
    glyph: str
    text: str
    last: int = 0
    """The event that completed it."""
    space: bool = False
    """A blank line above."""
    foldable: bool = False
    folded: bool = False
    opened: bool = False
    """A message is shown as the Markdown it is."""
    grown: array[int] | None = None
    """For streamed text: the events that took it further, and"""
    lengths: array[int] | None = None
    """how long it was after each."""
    action: int = 0
    """The action it tells of; 0 for none."""
    member: str = ""
    outcome: str = ""
    kind: str = ""
    """What a filter calls it, where its tone does not say it."""

    def shown(self, position: int) -> int:
        """Count the characters that were there at a position."""
        if self.grown is None or self.lengths is None or position >= self.last:
            return len(self.text)
        at = bisect_right(self.grown, position) - 1
        return self.lengths[at] if at >= 0 else 0


class Transcript:
    """An index over events that is a `RowSource`; `feed` tells which rows changed."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._open: dict[tuple[str, int, int], int] = {}
        """Streamed rows that still grow, by kind, turn and block."""
        self._actions: dict[int, int] = {}
        self._messages: dict[str, int] = {}
        self._texts_of: dict[int, list[int]] = {}
        """Rows of the current turn's text and thinking."""
        self._changes = array("q")
        self.unfolds = False
        """Thinking stays open when it is finished."""
        self._state = "starting"
        self._asker = ""
        """Whose command is being applied."""
        self._changed = 0

    # --- rows, for the widget ---------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.rows)

    def seq(self, index: int) -> int:
        """Give the event a row begins with."""
        return self.rows[index].seq

    def position(self, index: int) -> int:
        """Give the position that selecting a row means: where it is complete."""
        return self.rows[index].last

    def stamp(self, position: int) -> int:
        """Count the events up to a position that changed a row."""
        return bisect_right(self._changes, position)

    def look(self, index: int, position: int) -> int:
        """Count the characters that were there at a position; below 0 before it began, and once complete."""
        row = self.rows[index]
        if position >= row.last:
            return -1
        return -2 if position < row.seq else row.shown(position)

    def text(self, index: int) -> str:
        """Give a row's text."""
        return self.rows[index].text

    def facts(self, index: int) -> Facts:
        """Say what a filter may ask of a row."""
        row = self.rows[index]
        kind = row.kind or ("end" if row.tone.startswith("end-") else _KIND_OF.get(row.tone, row.tone))
        return Facts(kind, row.member.lower(), row.outcome)

    def toggle(self, index: int) -> bool:
        """Fold or unfold a row; a message into which nothing streams any more opens to its Markdown."""
        row = self.rows[index]
        if row.foldable:
            row.folded = not row.folded
        elif row.tone == "text" and index not in self._open.values():
            row.opened = not row.opened
        else:
            return False
        return True

    def unfold(self, *, unfolds: bool) -> None:
        """Open all thinking, or fold it; also what comes."""
        self.unfolds = unfolds
        for row in self.rows:
            if row.foldable:
                row.folded = not unfolds

    def lines(self, index: int, width: int, position: int) -> list[Line]:
        """Lay a row out: a glyph in the gutter of its first line, text beside it."""
        row = self.rows[index]
        room = max(width - _GUTTER, 4)
        if row.opened:
            return _marked(row, room, position)
        body = [_first_line(row.text, room)] if row.folded else wrap(row.text, room)
        if position >= row.last:
            known = len(body)
        elif position < row.seq:
            known = 0
        else:
            known = (
                len(body)
                if row.folded or row.grown is None
                else len(wrap(row.text[: row.shown(position)], room))
            )
        lines: list[Line] = [()] if row.space else []
        for n, text in enumerate(body):
            tone = row.tone if n < known else "future"
            lead = (row.glyph if n == 0 else "").ljust(_GUTTER)
            lines.append(((lead, f"{tone}-glyph" if n == 0 and tone in _WITH_GLYPH else tone), (text, tone)))
        return lines

    # --- events -----------------------------------------------------------------------------------

    def feed(self, event: ev.Event) -> int | None:
        """Take one event; returns the first row that changed, or None."""
        self._changed = len(self.rows) + 1
        self._on(event)
        if self._changed > len(self.rows):
            return None
        self._changes.append(event.seq)
        return self._changed

    def _add(self, event: ev.Event, tone: str, glyph: str, text: str, space: bool = False) -> Row:
        row = Row(seq=event.seq, last=event.seq, tone=tone, glyph=glyph, text=text, space=space)
        self._changed = min(self._changed, len(self.rows))
        self.rows.append(row)
        return row

    def _touch(self, index: int) -> Row:
        self._changed = min(self._changed, index)
        return self.rows[index]

    @singledispatchmethod
    def _on(self, event: ev.Event) -> None:
        """Events without a word of their own make no row."""

    @_on.register(ev.LegStarted)
    def _(self, event: ev.LegStarted) -> None:
        self._add(event, "instruction", "❯", clean(event.instruction, limit=TEXT_MAX), space=bool(self.rows))

    @_on.register(ev.TurnStarted)
    def _(self, event: ev.TurnStarted) -> None:
        self._texts_of = {event.turn: []}
        self._open.clear()

    @_on.register(ev.ThinkingStreamed)
    def _(self, event: ev.ThinkingStreamed) -> None:
        self._grow("thinking", event, event.turn, event.block, event.text)

    @_on.register(ev.TextStreamed)
    def _(self, event: ev.TextStreamed) -> None:
        self._fold_thinking(event)
        self._grow("text", event, event.turn, event.block, event.text)

    @_on.register(ev.InputStreamed)
    def _(self, event: ev.InputStreamed) -> None:
        self._fold_thinking(event)

    def _grow(self, tone: str, event: ev.Event, turn: int, block: int, text: str) -> None:
        key = (tone, turn, block)
        at = self._open.get(key)
        if at is None:
            self._open[key] = at = len(self.rows)
            glyph = "✻" if tone == "thinking" else "▌"
            row = self._add(event, tone, glyph, "", space=not self._texts_of.get(turn))
            self._texts_of.setdefault(turn, []).append(at)
        row = self._touch(at)
        if len(row.text) < TEXT_MAX:
            # The seam is cleaned too: marks and joiners that are harmless in each piece may not be together.
            seam = max(len(row.text) - _SEAM, 0)
            row.text = (row.text[:seam] + clean(row.text[seam:] + text, limit=TEXT_MAX))[:TEXT_MAX]
        row.last = event.seq
        if row.grown is None or row.lengths is None:
            row.grown, row.lengths = array("q"), array("q")
        row.grown.append(event.seq)
        row.lengths.append(len(row.text))

    def _fold_thinking(self, event: ev.Event) -> None:
        for key, at in list(self._open.items()):
            if key[0] == "thinking":
                row = self._touch(at)
                row.text = row.text.strip()
                row.foldable, row.folded = True, not self.unfolds
                del self._open[key]

    @_on.register(ev.TurnFinished)
    def _(self, event: ev.TurnFinished) -> None:
        self._fold_thinking(event)
        if not self._texts_of.get(event.turn):
            self._whole_answer(event)
        self._open.clear()
        if event.stop_reason not in {"tool_use", "end_turn"}:
            self._add(event, "warning", "!", f"the answer stopped: {clean_line(event.stop_reason, 80)}")

    def _whole_answer(self, event: ev.TurnFinished) -> None:
        """Show an answer that was not streamed."""
        texts = [block.get("text", "") for block in event.content if block.get("type") == "text"]
        if text := clean("\n\n".join(map(str, texts)), limit=TEXT_MAX).strip():
            self._add(event, "text", "▌", text, space=True)

    @_on.register(ev.TurnDiscarded)
    def _(self, event: ev.TurnDiscarded) -> None:
        self._fold_thinking(event)
        for at in self._texts_of.pop(event.turn, []):
            self._touch(at).tone = "dropped"
        self._open.clear()
        self._add(event, "warning", "!", f"answer dropped: {clean_line(event.why, 300)}")

    @_on.register(ev.ActionProposed)
    def _(self, event: ev.ActionProposed) -> None:
        self._fold_thinking(event)
        aim = words.target(event.member, event.input)
        self._actions[event.action] = len(self.rows)
        row = self._add(event, "action", "→", f"{clean_line(event.member, 40)} {aim}".rstrip())
        row.action, row.member, row.outcome = event.action, clean_line(event.member, 40), "proposed"

    @_on.register(ev.ActionFinished)
    def _(self, event: ev.ActionFinished) -> None:
        self._action_over(event)
        if not event.ok and event.executed:
            self._add(event, "error", "✗", clean(event.text, limit=2_000) or "failed without a word")

    @_on.register(ev.ActionInDoubt)
    def _(self, event: ev.ActionInDoubt) -> None:
        self._action_over(event)
        self._add(event, "warning", "?", f"in doubt: {clean_line(event.why, 300)}")

    def _action_over(self, event: ev.ActionFinished | ev.ActionInDoubt) -> None:
        at = self._actions.pop(event.action, None)
        if at is not None:
            row = self._touch(at)
            row.last = event.seq
            match event:
                case ev.ActionInDoubt():
                    row.outcome = "in_doubt"
                case ev.ActionFinished():
                    row.outcome = "done" if event.ok else ("failed" if event.executed else "skipped")

    @_on.register(ev.MessageQueued)
    def _(self, event: ev.MessageQueued) -> None:
        when = {"now": "now", "end": "when it has finished"}.get(event.when, "after this batch")
        self._messages[event.id] = len(self.rows)
        self._add(event, "message", "»", f"{clean(event.text, limit=TEXT_MAX)}  ({when})", space=True)

    @_on.register(ev.MessageDelivered)
    def _(self, event: ev.MessageDelivered) -> None:
        if event.id in self._messages:
            self._add(event, "note", "✓", "message delivered")

    @_on.register(ev.MessageRevised)
    def _(self, event: ev.MessageRevised) -> None:
        place = " and moved" if event.before else ""
        self._add(event, "note", "✎", f"message changed{place}: {clean_line(event.text, 200)} ({event.when})")

    @_on.register(ev.MessageReturned)
    def _(self, event: ev.MessageReturned) -> None:
        self._add(event, "warning", "!", f"message not delivered: {clean_line(event.why, 300)}")

    @_on.register(ev.StateChanged)
    def _(self, event: ev.StateChanged) -> None:
        said = words.state_words(event.phase, event.holding, None)
        quiet = (
            event.phase in {RunPhase.STARTING, RunPhase.ENDING, RunPhase.ENDED} or self._state == "starting"
        )
        if said != self._state and not (quiet and not event.holding):
            by = f", by {clean_line(self._asker, 60)}" if self._asker else ""
            self._add(event, "state", "‖" if event.holding else "▸", said + by)
        self._state = said

    @_on.register(ev.Warned)
    def _(self, event: ev.Warned) -> None:
        parts = [event.what, f"({event.way_out})" if event.way_out else ""]
        head = f"{event.where}: " if event.where else ""
        self._add(event, "warning", "!", clean_line(head + " ".join(filter(None, parts)), 600))

    @_on.register(ev.RetryScheduled)
    def _(self, event: ev.RetryScheduled) -> None:
        wait = words.took(event.delay_ms) or "a moment"
        when = "when you resume" if event.asks else f"in {wait}"
        text = f"asks the {event.what} again {when} (attempt {event.attempt}): {event.why}"
        self._add(event, "warning", "↻", clean_line(text, 400))

    @_on.register(ev.LimitReached)
    def _(self, event: ev.LimitReached) -> None:
        text = f"limit reached: {event.limit} {event.used:g} of {event.value:g}"
        self._add(event, "warning", "!", clean_line(text, 200))

    @_on.register(ev.ContextCleared)
    def _(self, event: ev.ContextCleared) -> None:
        count = f" ×{event.items}" if event.items else ""
        size = f", {words.count(event.tokens)} tokens" if event.tokens else ""
        self._add(event, "note", "·", f"history cleared: {clean_line(event.what, 200)}{count}{size}")

    @_on.register(ev.ModelChanged)
    def _(self, event: ev.ModelChanged) -> None:
        effort = f", effort {event.effort}" if event.effort else ""
        self._add(event, "state", "▸", clean_line(f"{event.model} from turn {event.turn}{effort}", 200))

    @_on.register(ev.UploadsRefused)
    def _(self, event: ev.UploadsRefused) -> None:
        self._add(event, "note", "·", clean_line(f"pictures travel in the requests: {event.why}", 300))

    @_on.register(ev.BrowserVanished)
    def _(self, event: ev.BrowserVanished) -> None:
        self._add(event, "warning", "!", f"the browser went away: {clean_line(event.why, 300)}")

    @_on.register(ev.StrayReaped)
    def _(self, event: ev.StrayReaped) -> None:
        self._add(event, "note", "·", f"a stray browser was deleted: {clean_line(event.name, 100)}")

    @_on.register(ev.VideoStopped)
    def _(self, event: ev.VideoStopped) -> None:
        if event.why:
            self._add(event, "warning", "!", f"no video: {clean_line(event.why, 300)}")

    @_on.register(ev.VideoSaved)
    def _(self, event: ev.VideoSaved) -> None:
        self._add(event, "note", "·", f"video saved: {clean_line(event.file, 100)}")

    @_on.register(ev.PageReported)
    def _(self, event: ev.PageReported) -> None:
        if event.trouble:
            self._add(event, "warning", "!", clean_line(f"{event.kind}: {event.text} {event.url}", 400))

    @_on.register(ev.CommandReceived)
    def _(self, event: ev.CommandReceived) -> None:
        self._asker = event.actor

    @_on.register(ev.CommandApplied)
    def _(self, event: ev.CommandApplied) -> None:
        self._asker = ""

    @_on.register(ev.ViewerJoined)
    def _(self, event: ev.ViewerJoined) -> None:
        self._add(event, "note", "·", f"{clean_line(event.actor, 60)} follows ({clean_line(event.role, 20)})")

    @_on.register(ev.ViewerDeparted)
    def _(self, event: ev.ViewerDeparted) -> None:
        self._add(event, "note", "·", f"{clean_line(event.actor, 60)} follows no more")

    @_on.register(ev.CommandRefused)
    def _(self, event: ev.CommandRefused) -> None:
        self._asker = ""
        self._add(event, "warning", "!", clean_line(f"{event.command.lower()} refused: {event.why}", 400))

    @_on.register(ev.ApprovalRequested)
    def _(self, event: ev.ApprovalRequested) -> None:
        what = f"{describe(event.member, event.input)}? " if event.member else "waits for approval: "
        row = self._add(event, "warning", "?", what + clean_line(event.why, 300), space=True)
        row.kind, row.action = "approval", event.action

    @_on.register(ev.ApprovalDecided)
    def _(self, event: ev.ApprovalDecided) -> None:
        text = f"{event.decision} by {event.actor}" + (f": {event.reason}" if event.reason else "")
        self._add(event, "state", "▸", clean_line(text, 400)).kind = "approval"

    @_on.register(ev.ModeChanged)
    def _(self, event: ev.ModeChanged) -> None:
        text = f"approval: {event.mode}, by {event.actor}" + (f": {event.why}" if event.why else "")
        self._add(event, "state", "▸", clean_line(text, 400))

    @_on.register(ev.RuleAdded)
    def _(self, event: ev.RuleAdded) -> None:
        where = f", kept in {event.kept_in}" if event.kept_in else ", for this run"
        self._add(event, "state", "▸", clean_line(f"rule by {event.actor}: {event.name}{where}", 400))

    @_on.register(ev.LimitChanged)
    def _(self, event: ev.LimitChanged) -> None:
        value = "lifted" if event.value is None else f"{event.value:g}"
        self._add(event, "state", "▸", clean_line(f"limit of {event.limit}: {value}, by {event.actor}", 200))

    @_on.register(ev.TakeoverStarted)
    def _(self, event: ev.TakeoverStarted) -> None:
        self._add(event, "state", "▸", f"{clean_line(event.actor, 60)} drives")

    @_on.register(ev.HumanActed)
    def _(self, event: ev.HumanActed) -> None:
        aim = "•••" if event.masked else words.target(event.member, event.input)
        self._add(event, "action", "»", f"{clean_line(event.member, 40)} {aim}".rstrip())
        if not event.ok or event.error:
            self._add(event, "warning", "?", clean_line(event.error, 300) or "it may not have happened")

    @_on.register(ev.LeaseAsked)
    def _(self, event: ev.LeaseAsked) -> None:
        self._add(event, "state", "▸", f"{clean_line(event.actor, 60)} would like to drive")

    @_on.register(ev.Concealed)
    def _(self, event: ev.Concealed) -> None:
        self._add(event, "state", "▸", "nothing is recorded: something secret is typed")

    @_on.register(ev.Revealed)
    def _(self, event: ev.Revealed) -> None:
        self._add(event, "state", "▸", "pictures are recorded again")

    @_on.register(ev.TakeoverEnded)
    def _(self, event: ev.TakeoverEnded) -> None:
        why = f": {clean_line(event.why, 200)}" if event.why else ""
        self._add(event, "state", "▸", f"the agent drives again{why}")
        if event.note:
            self._add(event, "note", "·", clean(event.note, limit=2_000))

    @_on.register(ev.BrowserOpened)
    def _(self, event: ev.BrowserOpened) -> None:
        size = f"{event.width_px}×{event.height_px}"
        self._add(event, "note", "·", f"browser open, {size} {words.took(event.opened_ms)}".rstrip())

    @_on.register(ev.BrowserClosed)
    def _(self, event: ev.BrowserClosed) -> None:
        self._add(event, "note", "·", "browser kept open" if event.kept else "browser closed")

    @_on.register(ev.DeletePending)
    def _(self, event: ev.DeletePending) -> None:
        self._add(event, "warning", "!", f"browser not yet deleted: {clean_line(event.why, 300)}")

    @_on.register(ev.RunEnded)
    def _(self, event: ev.RunEnded) -> None:
        facts = [words.plural(event.actions, "action"), words.plural(event.turns, "turn")]
        facts += [words.money(event.cost_usd)] if event.cost_usd is not None else []
        why = f" — {clean_line(event.why, 400)}" if event.why else ""
        text = f"{words.OUTCOMES[event.outcome]}{why}\n{', '.join(facts)}, {words.clock(event.duration_s)}"
        self._add(event, f"end-{event.outcome.value.replace('_', '-')}", "■", text, space=True)

    @_on.register(ev.Unknown)
    def _(self, event: ev.Unknown) -> None:
        self._add(event, "note", "·", f"{clean_line(event.type_name, 60)} (not known to this version)")


_KIND_OF: Final = {"dropped": "text"}
_WITH_GLYPH: Final = frozenset({"instruction", "thinking", "text", "message"})


def _marked(row: Row, room: int, position: int) -> list[Line]:
    """Lay a message out as the Markdown it is, a glyph beside its first line."""
    lines: list[Line] = [()] if row.space else []
    for n, line in enumerate(render(row.text, room)):
        lead = (row.glyph if n == 0 else "").ljust(_GUTTER)
        if position < row.last:
            lines.append(((lead, "future"), *((text, "future") for text, _ in line)))
        else:
            lines.append(((lead, "text-glyph"), *line))
    return lines


def _first_line(text: str, width: int) -> str:
    flat = text.replace("\n", " ").strip()
    return cut(flat, width)
