"""What happens to a run as a whole."""

from __future__ import annotations

import msgspec

from pilothouse.events.base import Event, Hold, Outcome, RunPhase


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
    limits: dict[str, float] = msgspec.field(default_factory=dict)
    """What it may use, by the names of `engine.limits.Limit`."""
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
