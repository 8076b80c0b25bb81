"""What an estimate is asked with, and what it answers: JSON between `pilothouse estimate` and its child.

The child knows the table of prices, which the command line may not import.
"""

from __future__ import annotations

import msgspec


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A run that has not begun."""

    models: tuple[str, ...]
    """The one that is meant, then others to compare it with."""
    steps: int
    task_chars: int = 0
    system_chars: int = 0
    """Of a system prompt in place of ours and of its suffix."""
    own_system: bool = False
    effort: str = ""
    width_px: int
    height_px: int
    images_max: int
    """So many pictures the history may hold."""
    newest_images: int = 0
    """So many are kept, where that is legal; 0 for no such wish."""
    browser: str = "kernel"
    browser_headless: bool = False


class ModelCost(msgspec.Struct, frozen=True, kw_only=True):
    """What one model would cost; None for one without a price."""

    model: str
    usd: float | None
    uncached_usd: float | None
    """Were nothing read from the cache: no estimate should be exceeded by more."""
    read: int
    written: int
    output: int
    peak_tokens: int
    """The largest prompt."""
    fits: bool = True
    """The largest prompt fits the model."""


class Estimate(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=str):
    """What a run would cost, and under which assumptions."""

    steps: int
    models: tuple[ModelCost, ...]
    browser_s: float
    browser_usd: float
    assumptions: tuple[str, ...]
