"""Where a run stands, in words and as JSON: what holds it and what waits for a person. Nothing is sent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pilothouse.errors import PilothouseError
from pilothouse.events import Hold, RunPhase
from pilothouse.frames.describe import describe
from pilothouse.safety import clean_line
from pilothouse.state import RunState, reduce

if TYPE_CHECKING:
    from pilothouse.events import ApprovalRequested, LimitReached
    from pilothouse.runs import RunView

_WANTS = frozenset({Hold.APPROVAL, Hold.LIMIT, Hold.BROWSER_LOST, Hold.DISK, Hold.UNATTENDED})
"""What holds until a person does something."""


async def state_of(view: RunView, run: str) -> RunState:
    """Read where a run stands now."""
    state = RunState()
    async for event in view.events(run, 0, follow=False):
        state = reduce(state, event)
    return state


async def wait_for_person(view: RunView, run: str, timeout_s: float | None) -> RunState:
    """Wait until a run wants a person, idles or is over.

    Raises:
        PilothouseError: It did not in time.
    """
    state = await state_of(view, run)
    try:
        async with asyncio.timeout(timeout_s):
            if wants_person(state):
                return state
            async for event in view.events(run, state.seq + 1, follow=True):
                state = reduce(state, event)
                if wants_person(state):
                    break
    except TimeoutError:
        raise PilothouseError(f"nothing wants a person after {timeout_s:g} s", run) from None
    return state


def wants_person(state: RunState) -> bool:
    """Say whether a run goes no further without a person."""
    asks = Hold.RETRY in state.holding and state.retry is not None and state.retry.asks
    return state.ended or state.phase is RunPhase.IDLE or asks or bool(_WANTS & set(state.holding))


def as_json(state: RunState) -> dict[str, Any]:
    """Give it for scripts."""
    return {
        "run": state.run,
        "phase": state.phase,
        "holding": list(state.holding),
        "outcome": state.outcome,
        "why": state.why,
        "held_since_s": state.held_since_t / 1e9 if state.holding else None,
        "browser_usd_h": state.browser_usd_h,
        "cached_until_s": state.cached_until_t / 1e9 if state.cached_until_t else None,
        "mode": state.approve,
        "mode_why": state.mode_why,
        "turn": state.turn,
        "actions": state.finished,
        "driver": state.driver,
        "lease": state.lease,
        "lease_asked_by": state.lease_asked_by,
        "concealed": state.concealed,
        "cost_usd": state.usage.cost_usd if state.usage.priced else None,
        "approval": _approval(state.approval) if state.approval else None,
        "limits": [_limit(one) for one in state.limits],
        "messages": [{"id": one.id, "text": one.text, "when": one.when} for one in state.messages],
        "viewers": [{"actor": one.actor, "role": one.role} for one in state.viewers],
    }


def _approval(asked: ApprovalRequested) -> dict[str, Any]:
    return {
        "request": asked.request,
        "action": asked.action,
        "does": describe(asked.member, asked.input),
        "member": asked.member,
        "input": asked.input,
        "why": asked.why,
        "rule": asked.rule,
        "risks": list(asked.risks),
        "frame_sha256": asked.frame_sha256,
        "args_sha256": asked.args_sha256,
        "always": asked.always,
    }


def _limit(one: LimitReached) -> dict[str, Any]:
    fields = ("request", "limit", "value", "used", "next", "why")
    return {name: getattr(one, name) for name in fields}


def in_words(state: RunState) -> list[str]:
    """Give it for people, clean."""
    holding = f": {', '.join(state.holding)}" if state.holding else ""
    mode = f"mode {state.approve}" + (f": {clean_line(state.mode_why, 300)}" if state.mode_why else "")
    lines = [f"{clean_line(state.run, 20)} {state.outcome or state.phase}{holding} ({mode})"]
    if state.lease:
        asks = f", {clean_line(state.lease_asked_by, 60)} would like to" if state.lease_asked_by else ""
        hides = ", the page is concealed" if state.concealed else ""
        lines.append(f"{clean_line(state.driver, 60)} drives{asks}{hides}")
    lines += waiting(state)
    lines += [
        f"message {clean_line(one.id, 40)} ({clean_line(one.when, 10)}): {clean_line(one.text, 200)}"
        for one in state.messages
    ]
    return lines


def waiting(state: RunState) -> list[str]:
    """Say what waits for a decision, and the reasons; empty when nothing does."""
    lines = []
    if (asked := state.approval) is not None:
        lines.append(f"{asked.request}: {describe(asked.member, asked.input)}")
        lines.append(
            f"  {clean_line(asked.why, 400)}" + (f" (rule {clean_line(asked.rule, 80)!r})" * bool(asked.rule))
        )
        lines += [f"  risky: {clean_line(risk, 300)}" for risk in asked.risks]
    lines += [
        f"{one.request}: limit of {clean_line(one.limit, 20)} reached, {one.used:.10g} of {one.value:g}; "
        f"raise it to {one.next:g}, or resume {one.request}"
        for one in state.limits
    ]
    return lines
