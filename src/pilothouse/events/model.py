"""What happens between the engine and the model."""

from __future__ import annotations

from pilothouse.events.base import Blob, Event, Json


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
    context_max: int = 0
    """What the model's context holds, in tokens; 0 when unknown."""
    summary_input: int = 0
    """What summarising the history read beside the turn's own prompt; in the cost, not in `input`."""
    summary_output: int = 0
    estimated: bool = False
    """The answer was broken off: the output is estimated from the text seen."""


class RetryScheduled(Event, frozen=True):
    """A request failed in a way that may pass; the engine will ask again."""

    what: str
    """`model` or the name of a safe browser call; actions are never retried."""
    attempt: int
    delay_ms: int
    why: str
    asks: bool = False
    """The time for retries is used up: it waits for a person, who resumes or aborts."""


class ContextCleared(Event, frozen=True):
    """Part of the history is no longer shown to the model: pruned here, or cleared or compacted there."""

    turn: int
    what: str
    """`images` pruned by us, `tool_uses` or `thinking` cleared by the server, `compaction`, or the oldest
    `messages` left out by us."""
    tokens: int = 0
    items: int = 0
    """How many pictures, tool uses, thinking turns or messages."""


class ModelChanged(Event, frozen=True):
    """From this turn on another model answers, or the same one with another effort."""

    turn: int
    model: str
    effort: str = ""


class PictureUploaded(Event, frozen=True):
    """A picture's bytes are in the account's files: requests name it from here on instead of carrying it."""

    sha256: str
    file: str
    """The file's id at the model API."""
    size: int = 0


class UploadsRefused(Event, frozen=True):
    """The account takes no files; pictures travel inside the requests from here on."""

    why: str


class RequestRecorded(Event, frozen=True):
    """The exact bytes of a request are kept: `body` with each picture's base64 cut out, by its blob."""

    turn: int
    attempt: int
    body: Blob
    sha256: str
    """Of the bytes as they were sent."""
    size: int
    """Length of the bytes as they were sent."""
