"""What the agent does in the browser, and what it sees."""

from __future__ import annotations

from pilothouse.events.base import Blob, Event, Json


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
    """`start`, `settled`, `glance`, `screenshot`, `zoom`, `doubt` or `human`."""
    action: int = 0
    """The action it followed; 0 for none."""
    url: str = ""
    title: str = ""
    settle_ms: float = 0.0
    settled_by: str = ""
    """What said that the page was at rest: `quiet`, `signals`, `delay`, or `cap` when nothing did."""
