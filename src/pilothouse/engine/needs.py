"""When a run needs a person, and why, as a function of its state: for bells, titles and the notify command.

A need has a key, so that whoever tells of it tells once. Nothing here tells anybody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from pilothouse.events import Hold, RunPhase
from pilothouse.safety import clean_line

if TYPE_CHECKING:
    from pilothouse.state import RunState

TEXT_MAX: Final = 200
HOLDS: Final = frozenset({Hold.APPROVAL, Hold.LIMIT, Hold.BROWSER_LOST, Hold.DISK, Hold.UNATTENDED})
"""What holds until a person does something, where no more than that is known."""


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """Something for a person to do, or to know."""

    kind: str
    """`approval`, `limit`, `browser_lost`, `disk`, `retry`, `idle` or `ended`."""
    key: str
    """Another one for each time that it comes up."""
    text: str
    """One clean line."""


def need_of(state: RunState) -> Need | None:
    """Say what a run needs a person for; None while it goes on, or is held by one."""
    found = _need(state)
    return None if found is None else msgspec.structs.replace(found, text=clean_line(found.text, TEXT_MAX))


def _need(state: RunState) -> Need | None:
    holding = state.holding
    if state.ended:
        why = f": {state.why}" if state.why else ""
        return Need(kind="ended", key="ended", text=f"{state.outcome or 'ended'}{why}")
    if (asked := state.approval) is not None:
        said = f"{asked.member} waits for an approval ({asked.why})"
        return Need(kind="approval", key=f"approval {asked.request}", text=said)
    if state.limits and Hold.LIMIT in holding:
        names = ", ".join(one.limit for one in state.limits)
        key = f"limit {state.limits[0].request}"
        return Need(kind="limit", key=key, text=f"the limit of {names} is reached")
    if Hold.BROWSER_LOST in holding:
        return Need(kind="browser_lost", key=f"browser {state.browser_name}", text="the browser is lost")
    if Hold.DISK in holding:
        return Need(kind="disk", key="disk", text="the disk is full")
    if Hold.RETRY in holding and state.retry is not None and state.retry.asks:
        return Need(kind="retry", key=f"retry {state.retry.seq}", text=f"asks: {state.retry.why}")
    if state.phase is RunPhase.IDLE:
        return Need(kind="idle", key=f"idle {state.leg}", text="it has finished, and waits for a message")
    return None
