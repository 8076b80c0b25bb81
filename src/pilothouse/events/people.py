"""What people ask and do."""

from __future__ import annotations

import msgspec

from pilothouse.events.base import Event, Json


class CommandReceived(Event, frozen=True):
    """A person or a rule asked for something."""

    id: str
    command: str
    actor: str
    reason: str = ""
    args: Json = msgspec.field(default_factory=dict)


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
    """`now`, `after` or `end`."""
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


class MessageRevised(Event, frozen=True):
    """A message that waits has other words, another boundary or another place."""

    id: str
    text: str
    when: str
    before: str = ""
    """The message it stands before now; empty if its place is the same, `end` for the last."""
    actor: str = ""


class ApprovalRequested(Event, frozen=True):
    """An action waits for a person's decision."""

    request: str
    action: int
    tool_use_id: str
    args_sha256: str
    frame_sha256: str = ""
    """The picture that it is shown with: the newest one when it was asked."""
    why: str = ""
    member: str = ""
    input: Json = msgspec.field(default_factory=dict)
    rule: str = ""
    """The rule that asks; empty when the mode does."""
    risks: tuple[str, ...] = ()
    """What makes it risky; a person confirms these twice."""
    expires_s: float = 0.0
    """It waits for so long while nobody attends the run; 0 for as long as it takes."""
    always: str = ""
    """The rule, as TOML, that would let actions like this one happen; empty where none could."""


class ApprovalDecided(Event, frozen=True):
    """A decision was taken on a request; the first valid one wins."""

    request: str
    decision: str
    """`approve`, `reject`, `edit`, `expired` or `withdrawn`."""
    actor: str
    reason: str = ""
    input: Json = msgspec.field(default_factory=dict)
    """The edited input, for `edit`."""


class TakeoverStarted(Event, frozen=True):
    """A person holds the lease and drives the browser."""

    lease: str
    actor: str


class LeaseAsked(Event, frozen=True):
    """Somebody else would like to drive."""

    lease: str
    actor: str


class HumanActed(Event, frozen=True):
    """The person at the wheel did something."""

    lease: str
    member: str
    input: Json
    """What is secret stands there masked."""
    ok: bool = True
    error: str = ""
    masked: bool = False


class Concealed(Event, frozen=True):
    """No pictures are recorded from here on, until `Revealed`: a person types something secret."""

    lease: str
    actor: str


class Revealed(Event, frozen=True):
    """Pictures are recorded again."""

    lease: str
    actor: str = ""


class TakeoverEnded(Event, frozen=True):
    """The lease was given back, or ran out."""

    lease: str
    why: str
    actor: str = ""
    note: str = ""
    """What the model is told that the person did."""


class LimitReached(Event, frozen=True):
    """A limit was reached."""

    limit: str
    value: float
    used: float
    request: str = ""
    """Who goes on once names it; several limits reached together have the same."""
    next: float = 0.0
    """What raising it would propose."""
    why: str = ""


class LimitChanged(Event, frozen=True):
    """A limit was changed, or lifted for good: then it has no value."""

    limit: str
    value: float | None = None
    actor: str = ""


class ModeChanged(Event, frozen=True):
    """What happens to an action that no rule speaks of is another from now on."""

    mode: str
    actor: str = ""
    """Who changed it; `rule` when no person did."""
    why: str = ""


class RuleAdded(Event, frozen=True):
    """A person let actions like one that waited happen from now on."""

    name: str
    rule: str
    """As TOML."""
    actor: str
    kept_in: str = ""
    """The file that it was added to; empty if it lasts for this run only."""


class ViewerJoined(Event, frozen=True):
    """Somebody follows the run, and can be asked."""

    viewer: str
    actor: str
    role: str
    client: str = ""


class ViewerDeparted(Event, frozen=True):
    """Somebody does not follow the run any more."""

    viewer: str
    actor: str = ""
