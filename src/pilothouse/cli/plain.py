"""Events as a readable scrolling log, one cleaned line each. Where the lines go is the caller's.

Rich enough to follow a run by, and no more: pictures, streamed pieces and bookkeeping have no line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse import events as ev
from pilothouse.frames.describe import describe
from pilothouse.safety import clean_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LINE_CHARACTERS = 400
"""Longer text is cut: the recording holds the whole."""
INPUT_CHARACTERS = 120

RESET = "\x1b[0m"
COLOURS = {
    "run": "\x1b[1m",
    "thinks": "\x1b[2m",
    "says": "\x1b[36m",
    "did": "\x1b[32m",
    "failed": "\x1b[31m",
    "sees": "\x1b[2m",
    "message": "\x1b[35m",
    "hold": "\x1b[33m",
    "warning": "\x1b[33m",
    "ended": "\x1b[1m",
}


class PlainLog:
    """Turns events into lines; remembers what was proposed, so that an outcome shows its input."""

    def __init__(self, colour: bool = False) -> None:
        self._colour = colour
        self._inputs: dict[str, ev.Json] = {}
        self._page = ""
        self._held = False

    def lines(self, event: ev.Event) -> Iterator[str]:
        """Yield the lines of one event: often none."""
        worded = _WORDS.get(type(event))
        if worded is None:
            return
        for kind, text in worded(self, event):
            yield self._line(event, kind, text)

    def _line(self, event: ev.Event, kind: str, text: str) -> str:
        word = f"{kind:8}"
        if self._colour:
            word = f"{COLOURS.get(kind, '')}{word}{RESET}"
        one_line = clean_line(" ".join(text.split()), LINE_CHARACTERS)
        return f"{max(event.t, 0) / 1e9:8.1f}s  {word}  {one_line}"

    # Each of these gives (kind, text) pairs; the kind is the line's second column.

    def _run_started(self, event: ev.RunStarted) -> Iterator[tuple[str, str]]:
        size = f"{event.display_width_px}x{event.display_height_px}"
        yield "run", f"{event.run}: {event.task} ({event.model}, {event.browser} browser, {size})"

    def _state_changed(self, event: ev.StateChanged) -> Iterator[tuple[str, str]]:
        if event.phase is ev.RunPhase.HOLDING:
            yield "hold", ", ".join(event.holding)
        elif event.phase is ev.RunPhase.IDLE:
            yield "hold", "idle: waits for a message"
        elif event.phase is ev.RunPhase.RUNNING and self._held:
            yield "hold", "over: the run goes on"
        self._held = event.phase in {ev.RunPhase.HOLDING, ev.RunPhase.IDLE}

    def _leg_started(self, event: ev.LegStarted) -> Iterator[tuple[str, str]]:
        if event.leg > 1:
            yield "run", f"leg {event.leg}: {event.instruction}"

    def _warned(self, event: ev.Warned) -> Iterator[tuple[str, str]]:
        where = f"{event.where}: " if event.where else ""
        way_out = f" ({event.way_out})" if event.way_out else ""
        yield "warning", f"{where}{event.what}{way_out}"

    def _turn_finished(self, event: ev.TurnFinished) -> Iterator[tuple[str, str]]:
        for block in event.content:
            kind = {"thinking": "thinks", "text": "says"}.get(str(block.get("type")))
            text = block.get(str(block.get("type")))
            if kind and isinstance(text, str) and text.strip():
                yield kind, text

    def _turn_discarded(self, event: ev.TurnDiscarded) -> Iterator[tuple[str, str]]:
        yield "warning", f"turn {event.turn} came to nothing: {event.why}"

    def _retry_scheduled(self, event: ev.RetryScheduled) -> Iterator[tuple[str, str]]:
        when = "when resumed" if event.asks else f"in {event.delay_ms / 1000:.1f} s"
        yield "warning", f"{event.what}: {event.why}; again {when}"

    def _action_proposed(self, event: ev.ActionProposed) -> Iterator[tuple[str, str]]:
        self._inputs[event.tool_use_id] = event.input
        yield from ()

    def _action_finished(self, event: ev.ActionFinished) -> Iterator[tuple[str, str]]:
        what = self._action(event)
        if event.ok:
            yield "did", f"{what} ({event.duration_ms / 1000:.2f} s)"
        else:
            yield ("failed" if event.executed else "skipped"), f"{what}: {event.text}"

    def _action_in_doubt(self, event: ev.ActionInDoubt) -> Iterator[tuple[str, str]]:
        yield "warning", f"{self._action(event)}: in doubt, {event.why}"

    def _action(self, event: ev.ActionFinished | ev.ActionInDoubt) -> str:
        given = self._inputs.pop(event.tool_use_id, {})
        told = " ".join(f"{key}={_short(value)}" for key, value in given.items())
        return f"{event.action}. {event.member} {told}".rstrip()

    def _frame_captured(self, event: ev.FrameCaptured) -> Iterator[tuple[str, str]]:
        page = " ".join(part for part in (event.title, event.url) if part)
        if page and page != self._page:
            yield "sees", page
        self._page = page or self._page

    def _message_queued(self, event: ev.MessageQueued) -> Iterator[tuple[str, str]]:
        yield "message", f"{event.actor or 'someone'}: {event.text}"

    def _message_delivered(self, event: ev.MessageDelivered) -> Iterator[tuple[str, str]]:
        yield "message", f"delivered with turn {event.turn}"

    def _message_returned(self, event: ev.MessageReturned) -> Iterator[tuple[str, str]]:
        yield "message", f"not delivered: {event.why}"

    def _takeover_started(self, event: ev.TakeoverStarted) -> Iterator[tuple[str, str]]:
        yield "hold", f"{event.actor} drives"

    def _lease_asked(self, event: ev.LeaseAsked) -> Iterator[tuple[str, str]]:
        yield "hold", f"{event.actor} would like to drive"

    def _takeover_ended(self, event: ev.TakeoverEnded) -> Iterator[tuple[str, str]]:
        yield "hold", f"the agent drives again ({event.why}). {event.note}"

    def _command_refused(self, event: ev.CommandRefused) -> Iterator[tuple[str, str]]:
        yield "warning", f"{event.command} was refused: {event.why}"

    def _limit_reached(self, event: ev.LimitReached) -> Iterator[tuple[str, str]]:
        yield "warning", f"limit {event.limit}: {event.used:g} of {event.value:g} used"

    def _approval_requested(self, event: ev.ApprovalRequested) -> Iterator[tuple[str, str]]:
        yield "waits", f"{event.request}: {describe(event.member, event.input)} ({event.why})"

    def _approval_decided(self, event: ev.ApprovalDecided) -> Iterator[tuple[str, str]]:
        reason = f": {event.reason}" if event.reason else ""
        yield "waits", f"{event.request}: {event.decision} by {event.actor}{reason}"

    def _mode_changed(self, event: ev.ModeChanged) -> Iterator[tuple[str, str]]:
        yield "state", f"approval: {event.mode}, by {event.actor}"

    def _limit_changed(self, event: ev.LimitChanged) -> Iterator[tuple[str, str]]:
        value = "lifted" if event.value is None else f"{event.value:g}"
        yield "state", f"limit of {event.limit}: {value}, by {event.actor}"

    def _browser_opened(self, event: ev.BrowserOpened) -> Iterator[tuple[str, str]]:
        yield "browser", f"{event.name} opened, {event.width_px}x{event.height_px}"

    def _browser_closed(self, event: ev.BrowserClosed) -> Iterator[tuple[str, str]]:
        yield "browser", f"{event.name} {'kept open' if event.kept else 'closed'}: {event.why}"

    def _delete_pending(self, event: ev.DeletePending) -> Iterator[tuple[str, str]]:
        yield "warning", f"browser {event.name} may still be open: {event.why}"

    def _model_changed(self, event: ev.ModelChanged) -> Iterator[tuple[str, str]]:
        effort = f", effort {event.effort}" if event.effort else ""
        yield "run", f"{event.model} from turn {event.turn}{effort}"

    def _context_cleared(self, event: ev.ContextCleared) -> Iterator[tuple[str, str]]:
        count = f" x{event.items}" if event.items else ""
        yield "history", f"cleared: {event.what}{count}, {event.tokens} tokens"

    def _uploads_refused(self, event: ev.UploadsRefused) -> Iterator[tuple[str, str]]:
        yield "warning", f"pictures travel in the requests: {event.why}"

    def _browser_vanished(self, event: ev.BrowserVanished) -> Iterator[tuple[str, str]]:
        yield "warning", f"browser {event.name} went away: {event.why}"

    def _stray_reaped(self, event: ev.StrayReaped) -> Iterator[tuple[str, str]]:
        yield "browser", f"stray {event.name} of run {event.run or '?'} deleted"

    def _video_stopped(self, event: ev.VideoStopped) -> Iterator[tuple[str, str]]:
        if event.why:
            yield "warning", f"no video: {event.why}"

    def _video_saved(self, event: ev.VideoSaved) -> Iterator[tuple[str, str]]:
        yield "browser", f"video saved: {event.file}"

    def _page_reported(self, event: ev.PageReported) -> Iterator[tuple[str, str]]:
        if event.trouble:
            yield "page", f"{event.kind}: {event.text} {event.url}".rstrip()

    def _run_ended(self, event: ev.RunEnded) -> Iterator[tuple[str, str]]:
        cost = "" if event.cost_usd is None else f", ${event.cost_usd:.2f}"
        sums = f"{event.actions} actions in {event.turns} turns{cost}, {event.duration_s:.1f} s"
        yield "ended", f"{event.outcome.value}: {event.why + '; ' if event.why else ''}{sums}"

    def _unknown(self, event: ev.Unknown) -> Iterator[tuple[str, str]]:
        yield "event", event.type_name


_WORDS: dict[type[ev.Event], Callable[[PlainLog, Any], Iterator[tuple[str, str]]]] = {
    ev.RunStarted: PlainLog._run_started,
    ev.StateChanged: PlainLog._state_changed,
    ev.LegStarted: PlainLog._leg_started,
    ev.Warned: PlainLog._warned,
    ev.TurnFinished: PlainLog._turn_finished,
    ev.TurnDiscarded: PlainLog._turn_discarded,
    ev.RetryScheduled: PlainLog._retry_scheduled,
    ev.ActionProposed: PlainLog._action_proposed,
    ev.ActionFinished: PlainLog._action_finished,
    ev.ActionInDoubt: PlainLog._action_in_doubt,
    ev.FrameCaptured: PlainLog._frame_captured,
    ev.MessageQueued: PlainLog._message_queued,
    ev.MessageDelivered: PlainLog._message_delivered,
    ev.MessageReturned: PlainLog._message_returned,
    ev.TakeoverStarted: PlainLog._takeover_started,
    ev.LeaseAsked: PlainLog._lease_asked,
    ev.TakeoverEnded: PlainLog._takeover_ended,
    ev.CommandRefused: PlainLog._command_refused,
    ev.LimitReached: PlainLog._limit_reached,
    ev.LimitChanged: PlainLog._limit_changed,
    ev.ModeChanged: PlainLog._mode_changed,
    ev.ApprovalRequested: PlainLog._approval_requested,
    ev.ApprovalDecided: PlainLog._approval_decided,
    ev.BrowserOpened: PlainLog._browser_opened,
    ev.BrowserClosed: PlainLog._browser_closed,
    ev.DeletePending: PlainLog._delete_pending,
    ev.ModelChanged: PlainLog._model_changed,
    ev.ContextCleared: PlainLog._context_cleared,
    ev.UploadsRefused: PlainLog._uploads_refused,
    ev.BrowserVanished: PlainLog._browser_vanished,
    ev.StrayReaped: PlainLog._stray_reaped,
    ev.VideoStopped: PlainLog._video_stopped,
    ev.VideoSaved: PlainLog._video_saved,
    ev.PageReported: PlainLog._page_reported,
    ev.RunEnded: PlainLog._run_ended,
    ev.Unknown: PlainLog._unknown,
}


def _short(value: object) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return repr(text[:INPUT_CHARACTERS]) if isinstance(value, str) else text[:INPUT_CHARACTERS]
