"""Facts put into the few words the bridge uses for them. Nothing here reads events or draws.

Everything that may hold outside text is cleaned here, so that a row is safe from the moment it is made.
"""

from __future__ import annotations

import math
from typing import Any, Final

import msgspec

from pilothouse.events import Hold, Outcome, RunPhase
from pilothouse.safety import clean, clean_line

HOLDS: Final[dict[Hold, str]] = {
    Hold.PAUSE: "paused",
    Hold.FREEZE: "frozen",
    Hold.STEP: "stepped",
    Hold.APPROVAL: "waits for approval",
    Hold.TAKEOVER: "a person drives",
    Hold.LIMIT: "limit reached",
    Hold.RETRY: "asks again soon",
    Hold.BROWSER_LOST: "browser lost",
    Hold.DISK: "disk is full",
    Hold.UNATTENDED: "nobody watches",
}
OUTCOMES: Final[dict[Outcome, str]] = {
    Outcome.COMPLETED: "completed",
    Outcome.FAILED: "failed",
    Outcome.ABORTED: "aborted",
    Outcome.LIMIT: "limit reached",
    Outcome.NEEDS_PERSON: "needs a person",
}


def state_words(phase: RunPhase, holding: tuple[Hold, ...], outcome: Outcome | None) -> str:
    """Say the run's state, with everything that holds it."""
    if outcome is not None:
        return OUTCOMES[outcome]
    if holding:
        return "holding: " + ", ".join(HOLDS[hold] for hold in holding)
    return str(phase)


def clock(seconds: float) -> str:
    """Write a duration as `m:ss`, or `h:mm:ss`."""
    whole = max(int(_bounded(seconds)), 0)
    hours, rest = divmod(whole, 3600)
    minutes, secs = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{secs:02}" if hours else f"{minutes}:{secs:02}"


def took(milliseconds: float) -> str:
    """Write how long something took, for less than ten hours in at most seven characters."""
    milliseconds = _bounded(milliseconds)
    if milliseconds < 1:
        return ""
    if milliseconds < 1000:
        return f"{milliseconds:.0f}ms"
    seconds = milliseconds / 1000
    return f"{seconds:.1f}s" if seconds < 100 else clock(seconds)


def count(number: int) -> str:
    """Write a number of tokens shortly: 940, 23.4k, 1.2M."""
    number = int(_bounded(number))
    if number < 1000:
        return str(number)
    if number < 1_000_000:
        return f"{number / 1000:.1f}k"
    return f"{number / 1_000_000:.1f}M"


def money(usd: float, priced: bool = True) -> str:
    """Write a cost; with `+` where part of it has no known price."""
    return f"${usd:.2f}" + ("" if priced else "+")


def _bounded(number: float) -> float:
    """Bring a recorded number, which may be any, into a range that can be reckoned with."""
    return min(max(number, -1e12), 1e12) if not math.isnan(number) else 0.0


def plural(number: int, noun: str) -> str:
    """Write a number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def target(member: str, given: dict[str, Any]) -> str:
    """Say on one cleaned line what an action is aimed at; `given` is outside data of any shape."""
    match given:
        case {"start_coordinate": start, "coordinate": end}:
            words = f"{_at(start)} → {_at(end)}"
        case {"scroll_direction": direction, **rest}:
            words = f"{direction} {rest.get('scroll_amount', '')} {_at(rest.get('coordinate'))}"
        case {"coordinate": at, **rest}:
            words = f"{rest['text']} {_at(at)}" if rest.get("text") else _at(at)
        case {"region": region}:
            words = _at(region)
        case {"text": text, **rest} if member == "type":
            words = f"“{text}”"
        case {"text": text, **rest}:
            words = str(text) + (f" ×{rest['repeat']}" if rest.get("repeat") else "")
            words += f" {rest['duration']} s" if "duration" in rest else ""
        case {"duration": duration}:
            words = f"{duration} s"
        case {}:
            words = "" if not given else _json(given)
    return clean_line(words.strip(), 200)


def pretty(given: dict[str, Any]) -> str:
    """Write an action's input as a line per name, values as JSON; cleaned."""
    return clean("\n".join(f"{name}: {_json(value)}" for name, value in given.items()), limit=8_000)


def _json(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError):
        return repr(value)


def _at(point: Any) -> str:
    match point:
        case [int() | float(), *_]:
            return "(" + ", ".join(str(n) for n in point[:4]) + ")"
        case None:
            return ""
        case _:
            return str(point)
