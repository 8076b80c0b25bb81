"""The roster of runs in words: how each stands, what needs a person, in which order, and what a search finds.

Draws nothing and reads no files; everything from outside is cleaned here.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pilothouse.events import Hold, Outcome, RunPhase
from pilothouse.frames.describe import describe
from pilothouse.safety import clean_line
from pilothouse.tui import words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pilothouse.runs import RunStatus

_HELD = {
    Hold.BROWSER_LOST: "its browser is lost",
    Hold.DISK: "the disk is full",
    Hold.UNATTENDED: "it waits for someone to watch",
}


def is_live(status: RunStatus) -> bool:
    """Say whether a run still goes on."""
    return status.live and status.outcome is None


def state(status: RunStatus) -> str:
    """Say how a run stands."""
    if status.problem and not status.live:
        return "damaged"
    if status.outcome is None and not status.live:
        return "killed"
    return words.state_words(status.phase, status.holding, status.outcome).removeprefix("holding: ")


def tone(status: RunStatus) -> str:
    """Give the theme's colour for that; the words say the same."""
    if wants(status):
        return "$text-warning"
    if is_live(status):
        return "$text-warning" if status.holding else "$text-success"
    if status.problem or status.outcome in {None, Outcome.FAILED}:
        return "$text-error"
    return "$text-muted" if status.outcome is Outcome.COMPLETED else "$text-warning"


def wants(status: RunStatus) -> str:
    """Say what a run needs a person for; empty when it goes on by itself, or is over."""
    if not is_live(status):
        return ""
    if status.approval is not None:
        return f"may it {describe(status.approval.member, status.approval.input)}?"
    if status.limits:
        reached = ", ".join(
            f"{clean_line(one.limit, 20)} {one.used:g} of {one.value:g}" for one in status.limits
        )
        return f"limit reached: {reached}"
    if status.retry_asks:
        return "the model does not answer"
    for hold, said in _HELD.items():
        if hold in status.holding:
            return said
    return "done: say what is next" if status.phase is RunPhase.IDLE else ""


def last(status: RunStatus) -> str:
    """Say what a run last said or did."""
    if status.problem:
        return clean_line(status.problem, 300)
    if status.said:
        return f"“{clean_line(status.said, 300)}”"
    return describe(status.current.member, status.current.input) if status.current is not None else ""


def title(status: RunStatus) -> str:
    """Name a run: as a person called it, else by its task."""
    called = clean_line(status.name, 80)
    task = clean_line(" ".join(status.task.split()), 300)
    return f"{called} · {task}" if called and task else called or task or clean_line(status.run, 20)


def tags(status: RunStatus) -> str:
    """Write a run's tags."""
    return " ".join(f"#{clean_line(tag, 30)}" for tag in status.tags)


def day(status: RunStatus, now: datetime) -> str:
    """Say when a run began: the time today, else the day."""
    try:
        began = datetime.fromisoformat(status.started).astimezone(now.tzinfo)
    except (ValueError, OverflowError):
        return ""
    return f"{began:%H:%M}" if began.date() == now.date() else f"{began:%d %b %Y}"


def ordered(statuses: Iterable[RunStatus]) -> list[RunStatus]:
    """Order the roster: what needs a person, what is live, what is over; each newest first."""
    newest = sorted(statuses, key=lambda status: status.started, reverse=True)
    return sorted(newest, key=lambda status: (not is_live(status), not wants(status)))


def found(statuses: Iterable[RunStatus], query: str) -> list[RunStatus]:
    """Find the runs that hold every word somewhere; `#word` is looked for among the tags only."""
    asked = query.lower().split()
    return [status for status in statuses if all(_holds(status, word) for word in asked)]


def _holds(status: RunStatus, word: str) -> bool:
    if word.startswith("#") and len(word) > 1:
        return any(tag.lower().startswith(word[1:]) for tag in status.tags)
    text = " ".join((status.run, status.name, status.task, status.model, state(status), *status.tags))
    return word in text.lower()
