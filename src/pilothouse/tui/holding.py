"""What a held run holds, since when, and what it goes on costing, in few words. Draws nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pilothouse.events import Hold, RunPhase
from pilothouse.tui import words

if TYPE_CHECKING:
    from pilothouse.state import RunState

NS_PER_S = 1_000_000_000


def since(state: RunState, elapsed_s: float) -> str:
    """Say how long the run is held, and what waits in it; empty when nothing holds."""
    if state.phase is not RunPhase.HOLDING:
        return ""
    parts = [f"for {words.clock(elapsed_s - state.held_since_t / NS_PER_S)}", _waits(state)]
    return ", ".join(part for part in parts if part)


def _waits(state: RunState) -> str:
    """Say what does not happen meanwhile; unless it is frozen, an answer finishes."""
    if state.thinking:
        left = Hold.TAKEOVER in state.holding  # it was meant for another screen
        return f"the answer finishes, its actions {'are left' if left else 'wait'}"
    current = state.current
    waiting = len(state.upcoming) + (current is not None and current.status == "proposed")
    if waiting and state.approval is None:
        return words.plural(waiting, "action") + (" wait" if waiting > 1 else " waits")
    return "the answer is asked for again" if Hold.FREEZE in state.holding else ""


def costs(state: RunState, elapsed_s: float) -> str:
    """Say what costs or runs out while the run is held: the browser, and what the model keeps cached."""
    if state.phase is not RunPhase.HOLDING:
        return ""
    parts = []
    if state.browser_usd_h and Hold.BROWSER_LOST not in state.holding:
        parts.append(f"browser ≤ ${state.browser_usd_h:.2f}/h")
    if state.cached_until_t:
        left_s = state.cached_until_t / NS_PER_S - elapsed_s
        parts.append(f"cache for {words.clock(left_s)}" if left_s >= 1 else "cache cold")
    return ", ".join(parts)
