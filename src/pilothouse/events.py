"""The vocabulary: one struct per thing that can happen in a run. Nothing here reads, writes or decides.

Every event is a frozen struct whose `type` on the wire is the struct's name. `seq`, `t` and `wall` are
stamped by the journal's writer; an event in the making carries the defaults. Types that this version does
not know decode to `Unknown`, keep their bytes and are shown as a generic row.
"""

from __future__ import annotations

import functools
import operator
from enum import StrEnum
from typing import Any

import msgspec

from pilothouse.errors import JournalError

Json = dict[str, Any]
"""A JSON object exactly as the wire had it; only for content that must be echoed verbatim."""


class RunPhase(StrEnum):
    """Where a run is in its life (design §5)."""

    STARTING = "starting"
    RUNNING = "running"
    HOLDING = "holding"
    IDLE = "idle"
    ENDING = "ending"
    ENDED = "ended"


class Hold(StrEnum):
    """Why a run holds; several may hold at once and all must clear."""

    PAUSE = "pause"
    FREEZE = "freeze"
    STEP = "step"
    APPROVAL = "approval"
    TAKEOVER = "takeover"
    LIMIT = "limit"
    RETRY = "retry"
    BROWSER_LOST = "browser_lost"
    DISK = "disk"
    UNATTENDED = "unattended"


class Outcome(StrEnum):
    """How a run ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    ABORTED = "aborted"
    LIMIT = "limit"
    NEEDS_PERSON = "needs_person"


EXIT_CODES = dict(zip(Outcome, (0, 1, 3, 4, 5), strict=True))
"""Exit code of a headless run by outcome; 2 is bad usage."""


class Blob(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A reference to bytes beside the journal; the path is computed from `sha256`, never read from a file."""

    sha256: str
    size: int
    """Length in bytes."""
    mime: str
    width_px: int = 0
    height_px: int = 0


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag=str):
    """What every event has: `seq`, without gaps from 0; `t`, ns since the run began; `wall`, in UTC."""

    seq: int = -1
    t: int = -1
    wall: str = ""


# --- the run -----------------------------------------------------------------------------------------


class RunStarted(Event, frozen=True):
    """A run was given to an agent."""

    run: str
    task: str
    model: str
    browser: str
    """`kernel` or `local`."""
    display_width_px: int
    display_height_px: int
    approve: str = "auto"
    headless: bool = False
    """No person is attached: the run ends at the end of its first leg."""
    effort: str = ""
    system: str = ""
    """The system prompt, frozen for the run."""
    toolset: str = ""
    version: str = ""
    demo: str = ""
    """Name of the scenario when the model is scripted."""


class StateChanged(Event, frozen=True):
    """The run moved to another phase, or holds for other reasons."""

    phase: RunPhase
    holding: tuple[Hold, ...] = ()


class LegStarted(Event, frozen=True):
    """An instruction was given and the agent set to work on it."""

    leg: int
    instruction: str


class Warned(Event, frozen=True):
    """Something a person should know that does not end the run."""

    what: str
    where: str = ""
    way_out: str = ""


class RunEnded(Event, frozen=True):
    """The run is over; always the last event of a finished run."""

    outcome: Outcome
    why: str = ""
    turns: int = 0
    actions: int = 0
    cost_usd: float | None = None
    duration_s: float = 0.0


# --- the model ---------------------------------------------------------------------------------------


class TurnStarted(Event, frozen=True):
    """A request went to the model."""

    turn: int
    attempt: int = 1
    messages: int = 0
    request_bytes: int = 0
    """Size of the conversation sent, pictures included."""


class TextStreamed(Event, frozen=True):
    """More visible text of the running turn: the first piece at once, then coalesced to at most 20/s."""

    turn: int
    block: int
    text: str


class ThinkingStreamed(Event, frozen=True):
    """More summarised thinking of the running turn, coalesced like text."""

    turn: int
    block: int
    text: str


class InputStreamed(Event, frozen=True):
    """More of a tool call's input as JSON text, coalesced like text."""

    turn: int
    block: int
    tool_use_id: str
    member: str
    text: str


class TurnFinished(Event, frozen=True):
    """The model's answer is whole; `content` is echoed verbatim from here on."""

    turn: int
    stop_reason: str
    content: list[Json]
    request_id: str = ""
    first_ms: float = 0.0
    """Milliseconds from the request to its first event."""
    total_ms: float = 0.0


class TurnDiscarded(Event, frozen=True):
    """An attempt of a turn came to nothing: torn, refused, cancelled or failed. Nothing of it ran."""

    turn: int
    attempt: int
    why: str
    kind: str = ""


class TurnAnswered(Event, frozen=True):
    """Every tool call of the turn has its result; pictures are `{"type": "image", "blob": {…}}`."""

    turn: int
    results: list[Json]


class UsageReported(Event, frozen=True):
    """What a turn used, in tokens, and what it cost by the dated price table."""

    turn: int
    input: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    thinking: int = 0
    """Part of `output`."""
    cost_usd: float | None = None
    """None when the model has no price in the table."""


class RetryScheduled(Event, frozen=True):
    """A request failed in a way that may pass; the engine will ask again."""

    what: str
    """`model` or the name of a safe browser call; actions are never retried."""
    attempt: int
    delay_ms: int
    why: str


class ContextCleared(Event, frozen=True):
    """Part of the history was cleared or compacted by the server."""

    turn: int
    what: str
    tokens: int = 0


# --- actions -----------------------------------------------------------------------------------------


class ActionProposed(Event, frozen=True):
    """The model asked for an action; nothing has happened yet."""

    turn: int
    action: int
    """Counts the run's actions from 1."""
    tool_use_id: str
    member: str
    input: Json
    batch: int = 1
    """How many actions the turn proposed."""


class ActionStarted(Event, frozen=True):
    """The action was sent to the browser. Synced to disk first: an intent without an outcome is in doubt."""

    action: int
    tool_use_id: str
    member: str


class ActionFinished(Event, frozen=True):
    """The action has its outcome."""

    action: int
    tool_use_id: str
    member: str
    ok: bool
    text: str = ""
    """The text of the result as the model gets it."""
    executed: bool = True
    """False for an action that was halted, rejected or interrupted before it was sent."""
    duration_ms: float = 0.0


class ActionInDoubt(Event, frozen=True):
    """The action was sent and its outcome is unknown; it is never repeated."""

    action: int
    tool_use_id: str
    member: str
    why: str


class FrameCaptured(Event, frozen=True):
    """A screenshot was taken."""

    frame: int
    """Counts the run's frames from 1."""
    blob: Blob
    source: str
    """`start`, `settled`, `screenshot`, `zoom`, `doubt` or `human`."""
    action: int = 0
    """The action it followed; 0 for none."""
    url: str = ""
    title: str = ""
    settle_ms: float = 0.0


# --- people ------------------------------------------------------------------------------------------


class CommandReceived(Event, frozen=True):
    """A person or a rule asked for something."""

    id: str
    command: str
    actor: str
    reason: str = ""
    args: Json = {}


class CommandApplied(Event, frozen=True):
    """What was asked took effect."""

    id: str
    command: str


class CommandRefused(Event, frozen=True):
    """What was asked was refused."""

    id: str
    command: str
    why: str


class MessageQueued(Event, frozen=True):
    """A message waits for the next boundary."""

    id: str
    text: str
    when: str
    """`now` or `after`."""
    actor: str = ""


class MessageDelivered(Event, frozen=True):
    """The model was given a message; `content` is what the history holds from here on."""

    id: str
    turn: int
    """The turn whose request first carries it."""
    text: str
    role: str = "user"


class MessageReturned(Event, frozen=True):
    """A message could not be delivered."""

    id: str
    why: str


class ApprovalRequested(Event, frozen=True):
    """An action waits for a person's decision."""

    request: str
    action: int
    tool_use_id: str
    args_sha256: str
    frame_sha256: str = ""
    why: str = ""


class ApprovalDecided(Event, frozen=True):
    """A decision was taken on a request; the first valid one wins."""

    request: str
    decision: str
    """`approve`, `reject`, `edit`, `expired` or `withdrawn`."""
    actor: str
    reason: str = ""
    input: Json = {}
    """The edited input, for `edit`."""


class TakeoverStarted(Event, frozen=True):
    """A person holds the lease and drives the browser."""

    lease: str
    actor: str


class HumanActed(Event, frozen=True):
    """The person at the wheel did something."""

    lease: str
    member: str
    input: Json


class TakeoverEnded(Event, frozen=True):
    """The lease was given back."""

    lease: str
    why: str


class LimitReached(Event, frozen=True):
    """A limit was reached."""

    limit: str
    value: float
    used: float


# --- the browser -------------------------------------------------------------------------------------


class BrowserIntended(Event, frozen=True):
    """A browser is about to be asked for under this name; synced first, so a lost reply can be reaped."""

    name: str
    kind: str


class BrowserOpened(Event, frozen=True):
    """The browser is there."""

    name: str
    session: str
    width_px: int
    height_px: int
    opened_ms: float = 0.0


class BrowserKeptAlive(Event, frozen=True):
    """A heartbeat reached the browser while the run held."""

    name: str


class BrowserClosed(Event, frozen=True):
    """The browser was deleted, or left open on request."""

    name: str
    why: str
    kept: bool = False


class DeletePending(Event, frozen=True):
    """The browser could not be confirmed as deleted; its own timeout, or the reaper, will end it."""

    name: str
    why: str


KNOWN: tuple[type[Event], ...] = tuple(Event.__subclasses__())
"""Every event above; what is defined below is not of the union."""


class Unknown(Event, frozen=True):
    """An event of a type this version does not know; shown as a generic row, its bytes kept."""

    type_name: str
    raw: bytes


_encoder = msgspec.json.Encoder()


class _Envelope(msgspec.Struct, frozen=True):
    type: str
    seq: int
    t: int = -1
    wall: str = ""


_envelope_decoder = msgspec.json.Decoder(_Envelope)


_union: msgspec.json.Decoder[Event] = msgspec.json.Decoder(functools.reduce(operator.or_, KNOWN))


def encode(event: Event) -> bytes:
    """Encode an event as one line of JSON without a newline; an `Unknown` gives its own bytes back."""
    return event.raw if isinstance(event, Unknown) else _encoder.encode(event)


def decode(data: bytes) -> Event:
    """Decode one event.

    Raises:
        JournalError: The bytes are not an event of any version (no JSON object with `type` and `seq`).
    """
    try:
        return _union.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return _decode_unknown(data, error)


def _decode_unknown(data: bytes, cause: Exception) -> Unknown:
    try:
        head = _envelope_decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise JournalError(f"not an event: {cause}") from cause
    return Unknown(seq=head.seq, t=head.t, wall=head.wall, type_name=head.type, raw=data)
