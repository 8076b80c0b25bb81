"""The facts of the status line, as a function of the state at a position. Lays nothing out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from pilothouse.events import Hold, Outcome, RunPhase
from pilothouse.frames.describe import describe
from pilothouse.safety import clean_line
from pilothouse.tui import holding, words
from pilothouse.tui.widgets.lines import Fact
from pilothouse.tui.wrap import cut

if TYPE_CHECKING:
    from pilothouse.state import RunState, Usage
    from pilothouse.terminal.link import LinkFigures

_PHASES: Final = {
    RunPhase.STARTING: "$text-primary",
    RunPhase.RUNNING: "$text-success",
    RunPhase.HOLDING: "$text-warning",
    RunPhase.IDLE: "$text-primary",
    RunPhase.ENDING: "$text-warning",
    RunPhase.ENDED: "$text-success",
}
WAITS_CELLS: Final = 40
FELT_RTT_MS: Final = 60
"""A line quicker than this is not worth a place."""
CONTEXT_SHOWN: Final = 0.01
CONTEXT_FULL: Final = 0.8
DISK_LOW_BYTES: Final = 500 << 20
"""Under this a run still goes on, for a while; it is started with more (terminal-and-journal §2.5)."""
_GOOD: Final = frozenset({Outcome.COMPLETED, None})


class Look(msgspec.Struct, frozen=True):
    """How the screen looks at the run."""

    following: bool
    playing: bool
    speed: float
    step: int
    """Steps done at the position, and in all."""
    steps: int
    live: bool
    killed: bool
    """The stream ended without the run's own end."""
    elapsed_s: float
    pending: str = ""
    """A command on its way: `pausing…`."""
    link: str = ""
    """How the line to the terminal does: `38 KB/s 210 ms`; empty where nobody measures it."""
    free_bytes: int | None = None
    """Room on the recording's disk."""


def left(state: RunState, look: Look) -> list[Fact]:
    """Say the state and the figures."""
    style = "$text-error" if look.killed or state.outcome not in _GOOD else _PHASES[state.phase]
    said = (
        "killed: no end recorded"
        if look.killed
        else words.state_words(state.phase, state.holding, state.outcome)
    )
    usage = state.usage
    facts = [
        Fact(f"● {said}", f"bold {style}"),
        Fact(look.pending, "italic $text-warning"),
        Fact("" if look.killed else again(state, look.elapsed_s), "$text-warning"),
        Fact("" if look.killed else waits(state), "$text-warning", 1),
        Fact(f"{len(state.messages)} queued" if state.messages else "", "$text-accent", 4),
        Fact("" if look.killed else holding.since(state, look.elapsed_s), "$text-warning", 3),
        Fact("" if look.killed else holding.costs(state, look.elapsed_s), "$text-muted", 5),
        Fact("" if state.ended or look.killed else raised(state), "$text-warning", 1),
        Fact(f"step {look.step}", "$foreground"),
        Fact(f"turn {state.turn}", rank=3),
        Fact(f"{words.count(usage.input + usage.cache_read + usage.cache_write + usage.output)} tok"),
        Fact(f"{usage.hit_rate:.0%} cached" if usage.cache_read else "", rank=6),
        _context(usage),
        Fact(spent(state)),
        Fact(words.clock(look.elapsed_s)),
        disk(look.free_bytes),
    ]
    if not state.ended and not look.killed:
        driver = "agent drives" if state.driver == "agent" else f"{clean_line(state.driver, 40)} drives"
        facts.append(Fact(f"{len(state.viewers)} watch" if len(state.viewers) > 1 else "", rank=5))
        facts.append(Fact(driver, "$text-muted" if state.driver == "agent" else "bold $text-warning", 2))
    return facts


def spent(state: RunState) -> str:
    """Say what the run has cost, and what it may."""
    cost = words.money(state.usage.cost_usd, state.usage.priced)
    most = state.limits_set.get("dollars")
    return cost if most is None else f"{cost} of {words.money(most)}"


def _context(usage: Usage) -> Fact:
    """Say how full the model's context is; louder once it is nearly full."""
    fill = usage.fill
    style = "$text-warning" if fill >= CONTEXT_FULL else "$text-muted"
    return Fact(f"context {fill:.0%}" if fill >= CONTEXT_SHOWN else "", style, 4)


def disk(free_bytes: int | None) -> Fact:
    """Say that the recording's disk fills up; empty while there is room."""
    if free_bytes is None or free_bytes >= DISK_LOW_BYTES:
        return Fact("")
    return Fact(f"disk: {free_bytes >> 20} MB left", "bold $text-error")


def raised(state: RunState) -> str:
    """Say that no person chose the approval mode, and what did; empty when one did."""
    if not state.mode_why:
        return ""
    return cut(f"{clean_line(state.approve, 20)}: {clean_line(state.mode_why, 200)}", WAITS_CELLS)


def line(link: LinkFigures) -> str:
    """Say how the line to the terminal does, once it is slow enough to be felt; else nothing."""
    if not link.answers or link.rtt_ms < FELT_RTT_MS:
        return ""
    return f"{link.sent_kb_s:.0f} KB/s {link.rtt_ms:.0f} ms"


def waits(state: RunState) -> str:
    """Say what waits for a person; empty when nothing does."""
    if state.approval is not None:
        return cut(f"{describe(state.approval.member, state.approval.input)}?", WAITS_CELLS)
    return ", ".join(f"{clean_line(one.limit, 20)} {one.used:g} of {one.value:g}" for one in state.limits)


def again(state: RunState, elapsed_s: float) -> str:
    """Say when the model is asked again, and how to have it asked now; empty when nothing waits for that."""
    if state.retry is None or Hold.RETRY not in state.holding:
        return ""
    left_s = (state.retry.t / 1e9) + state.retry.delay_ms / 1e3 - elapsed_s
    if state.retry.asks or left_s <= 0:
        return "space: ask again"
    return f"again in {words.clock(left_s + 1)}, space: now"


def right(state: RunState, look: Look) -> list[Fact]:
    """Say where one looks, and at what."""
    place = f"{look.step}/{look.steps}"
    pace = f" {look.speed:g}×"
    facts: list[Fact] = []
    if not look.live:
        icon = "▶" if look.playing else "‖"
        facts.append(Fact(f"replay {icon} {place}{pace}", "bold $accent"))
    elif not look.following:
        icon = "▶" if look.playing else "‖"
        facts.append(Fact(f"looking back {icon} {place}{pace}", "bold $accent"))
    facts.append(Fact(look.link, rank=6))
    facts += [Fact(clean_line(state.model, 40), rank=4), Fact(clean_line(state.run, 20), "$text-disabled", 5)]
    return facts
