"""What may be asked of a run, and the frames of the control socket that carry it. Nothing here decides.

The socket speaks newline-delimited JSON. Engine and viewer each open with `Hello`; both then use the lower of
the two highest versions, or the side that can't says so and hangs up. A viewer sends commands; the engine
answers each with `Ack` or `Refused`, and sends `Grew` (coalesced) whenever the journal has grown.
"""

from __future__ import annotations

import functools
from typing import Any

import msgspec

from pilothouse.errors import ProtocolMismatch
from pilothouse.safety import clean_line

PROTOCOL_MIN = 1
PROTOCOL_MAX = 1
FRAME_MAX_BYTES = 1 << 20
"""A longer line on the socket is refused: commands are small."""
ACTOR_MAX_CHARS = 60


class Expect(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the person saw when deciding; a command whose expectation is stale is refused."""

    request: str = ""
    frame_sha256: str = ""
    args_sha256: str = ""


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag=str):
    """What every command has."""

    id: str
    actor: str
    reason: str = ""
    expect: Expect | None = None


class Pause(Command, frozen=True):
    """Hold before the next action or model call; with `freeze`, drop the running answer too."""

    freeze: bool = False


class Resume(Command, frozen=True):
    """Let go of what a person holds; while a retry waits, ask again now; without a browser, open another."""


class Step(Command, frozen=True):
    """Run this many actions, then hold again."""

    n: int = 1


class Say(Command, frozen=True):
    """Give the agent a message: `now` (after the running action), `after` (the running batch) or `end`.

    What is for the end is read once the agent has ended its turn, as the next leg.
    """

    text: str
    when: str = "after"
    freeze: bool = False
    """Drop the running answer too: the turn is asked again with the message."""


class Revise(Command, frozen=True):
    """Change a message that still waits: its words, its boundary, its place; what is empty stays."""

    message: str
    text: str = ""
    when: str = ""
    before: str = ""
    """The message it is to stand before; `end` for the last place."""


class Unsay(Command, frozen=True):
    """Take back a message that still waits."""

    message: str


class Approve(Command, frozen=True):
    """Let the waiting action happen; with a rule (TOML, one `[[rule]]`), such actions from now on too."""

    rule: str = ""


class Reject(Command, frozen=True):
    """Refuse the waiting action; `reason` goes to the model."""


class Edit(Command, frozen=True):
    """Let the waiting action happen with another input."""

    input: dict[str, Any]


class TakeOver(Command, frozen=True):
    """Ask for the lease; while another person has it they are told so."""


class Act(Command, frozen=True):
    """Do one thing with the page; only who holds the lease may.

    `member` and `input` are those of the computer tool, in the picture's pixels.
    """

    member: str
    input: dict[str, Any] = msgspec.field(default_factory=dict)
    secret: bool = False
    """What is typed is masked wherever it is told, and no picture is recorded until `Reveal`."""


class Conceal(Command, frozen=True):
    """Record no pictures of the page and mask what is typed, until `Reveal`; only who holds the lease may."""


class Reveal(Command, frozen=True):
    """Record pictures again."""


class Release(Command, frozen=True):
    """Give the lease back."""


class LiveView(Command, frozen=True):
    """Ask for the address where the browser itself can be watched and driven: a key, never recorded."""


class SetLimit(Command, frozen=True):
    """Change a limit while the run goes on; None lifts it."""

    limit: str
    value: float | None = None


class SetMode(Command, frozen=True):
    """Change the approval mode."""

    mode: str


class SetModel(Command, frozen=True):
    """Change the model, its effort or both from the next turn on; what is empty stays as it is."""

    model: str = ""
    effort: str = ""


class Abort(Command, frozen=True):
    """End the run: cancel what is in flight, answer every open call, delete the browser unless kept."""

    keep_browser: bool = False


AnyCommand = (
    Pause
    | Resume
    | Step
    | Say
    | Revise
    | Unsay
    | Approve
    | Reject
    | Edit
    | TakeOver
    | Act
    | Conceal
    | Reveal
    | Release
    | LiveView
    | SetLimit
    | SetMode
    | SetModel
    | Abort
)


class Hello(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag=str):
    """The first frame each way."""

    protocol_min: int = PROTOCOL_MIN
    protocol_max: int = PROTOCOL_MAX
    run: str = ""
    version: str = ""
    actor: str = ""
    client: str = ""
    role: str = "drive"
    """What the viewer may do: `watch` (nothing), `approve` (decide, hold, say) or `drive` (everything)."""


class Look(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag=str):
    """Ask for one live picture, other than number `after`; the viewer asks again once it has shown it.

    So the viewer's own pace is the pace of the pictures, and one is under way at most.
    """

    after: int = 0


class LivePicture(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag=str):
    """What the page looks like now: shown to who asked for it, and never recorded."""

    number: int
    data: bytes
    mime: str
    width_px: int
    height_px: int
    url: str = ""
    title: str = ""


class Ack(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag=str):
    """The command took effect; `seq` is its `CommandApplied` event, already on disk."""

    id: str
    seq: int
    link: str = ""
    """What `LiveView` asked for."""


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=str):
    """The command was refused."""

    id: str
    why: str


class Grew(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=str):
    """The journal has events up to `seq`: a wake-up, not a delivery."""

    seq: int


FromEngine = Hello | Ack | Refused | Grew | LivePicture
FromViewer = Hello | Look | AnyCommand

encode = msgspec.json.Encoder().encode
"""Encode a frame without its newline."""


@functools.cache
def from_engine() -> msgspec.json.Decoder[FromEngine]:
    """Make the decoder of what the engine sends, when there is something to decode."""
    return msgspec.json.Decoder(FromEngine)


@functools.cache
def from_viewer() -> msgspec.json.Decoder[FromViewer]:
    """Make the decoder of what a viewer sends, when there is something to decode."""
    return msgspec.json.Decoder(FromViewer)


def actor_of(name: str) -> str:
    """Give the name that somebody goes by: one short line, and never empty.

    Both ends call it, so that a bridge knows its own name again in what the engine tells.
    """
    return clean_line(name, ACTOR_MAX_CHARS) or "someone"


def agree(theirs: Hello) -> int:
    """Settle the protocol version with the other side.

    Raises:
        ProtocolMismatch: The two ranges do not meet; the sentence says which side is older.
    """
    version = min(PROTOCOL_MAX, theirs.protocol_max)
    if version >= max(PROTOCOL_MIN, theirs.protocol_min):
        return version
    older = "this pilothouse" if theirs.protocol_min > PROTOCOL_MAX else "the other side"
    raise ProtocolMismatch(
        f"control protocol {PROTOCOL_MIN}-{PROTOCOL_MAX} does not meet "
        f"{theirs.protocol_min}-{theirs.protocol_max}",
        way_out=f"{older} is older: update it, or replay the recording read-only",
    )
