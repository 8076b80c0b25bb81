"""What a run may use before a person is asked: limits, what was used, and which are reached. Pure accounting.

A limit is looked at before each turn (`turn`) and before each action (`action`); reaching one never cuts off
what is under way. A person then raises it, goes on once, or ends the run; who asks is the gate's affair.

- *Raise*: `with_limit`, with `Reached.next` as what to propose.
- *Go on once*: `Meter.going_on` lifts what is reached for the rest of this turn and the whole of the next
  one; then it is asked again.
"""

from __future__ import annotations

import difflib
import math
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

from pilothouse import events as ev
from pilothouse.engine.policy import args_sha256
from pilothouse.engine.policy_rules import LOOKING
from pilothouse.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

NS_PER_S: Final = 1_000_000_000


class Limit(StrEnum):
    """What can be limited; the words of `SetLimit` and of `LimitReached`."""

    STEPS = "steps"
    TURNS = "turns"
    TIME = "time"
    """Seconds since the run began, held or not."""
    DOLLARS = "dollars"
    TOKENS = "tokens"
    """Read fresh, written to the cache, and answered; what the cache gave back is not counted."""
    REPEATS = "repeats"
    """Identical actions in a row; looking in between does not break the row."""
    STILL = "still"
    """Actions in a row after which the screen was as before."""


class When(StrEnum):
    """What is about to happen as limits are looked at."""

    TURN = "turn"
    ACTION = "action"


_WHOLE: Final = frozenset({Limit.STEPS, Limit.TURNS, Limit.TOKENS, Limit.REPEATS, Limit.STILL})
_LEAST: Final = {Limit.REPEATS: 2}
_MOST: Final = 1e12
_ENDS_ACTIONS: Final = frozenset({Limit.STEPS, Limit.TIME, Limit.REPEATS, Limit.STILL})
"""Those that can be reached inside a turn; turns, money and tokens only move with a whole answer."""


class Limits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The limits of a run; None for no limit."""

    steps: int | None = None
    turns: int | None = None
    time: float | None = None
    dollars: float | None = None
    tokens: int | None = None
    repeats: int | None = None
    still: int | None = None

    def of(self, limit: Limit) -> float | None:
        """Give one of them."""
        value: float | None = getattr(self, limit.value)
        return value


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """What a run has used, folded from its events."""

    steps: int = 0
    """Actions sent to the browser, whether their outcome is known or not."""
    turns: int = 0
    """Answers that came whole."""
    dollars: float = 0.0
    priced: bool = True
    """False once a turn had no price: money can't be counted any more."""
    tokens: int = 0
    t_ns: int = 0
    """Run time of the latest event."""
    repeats: int = 0
    same: str = ""
    """The hash of the latest action that was sent, its looking aside."""
    still: int = 0
    screen: str = ""
    """The hash of the latest screen."""
    open: dict[str, tuple[str, str]] = msgspec.field(default_factory=dict)
    """Actions of the present batch by tool_use id: member and hash, the hash empty for one that looks."""
    asked: tuple[str, str] = ("", "")
    """The latest request for approval, and its tool_use id."""

    def of(self, limit: Limit, now_ns: int = 0) -> float:
        """Give what was used of one limit; time is what has passed by `now_ns`."""
        if limit is Limit.TIME:
            return max(self.t_ns, now_ns) / NS_PER_S
        value: float = getattr(self, limit.value)
        return value


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """A limit that is reached."""

    limit: Limit
    value: float
    used: float
    next: float
    """What raising it would propose: the next multiple of the limit above what was used."""
    why: str = ""


class Meter(msgspec.Struct, frozen=True, kw_only=True):
    """Limits, what was used, and what a person lets go on past them."""

    limits: Limits = Limits()
    used: Used = Used()
    base: Limits = Limits()
    """The limits as they were first set: raising goes in steps of these."""
    grace: dict[Limit, int] = msgspec.field(default_factory=dict)
    """Limits lifted, each until so many turns are finished."""

    def after(self, event: ev.Event) -> Meter:
        """Take account of an event."""
        used = account(self.used, event)
        return self if used is self.used else msgspec.structs.replace(self, used=used)

    def reached(self, when: When, now_ns: int = 0) -> tuple[Reached, ...]:
        """Name the limits that hold what is about to happen, without those lifted for now."""
        return tuple(
            one
            for one in reached(self.limits, self.used, when, now_ns, self.base)
            if not self._is_lifted(one.limit, when)
        )

    def _is_lifted(self, limit: Limit, when: When) -> bool:
        if limit not in self.grace:
            return False
        # The actions of a turn come after it is counted as finished.
        return self.used.turns <= self.grace[limit] + (when is When.ACTION)

    def going_on(self, limits: Iterable[Limit]) -> Meter:
        """Go on once past limits: for the rest of this turn and the whole of the next one."""
        grace = {**self.grace, **dict.fromkeys(limits, self.used.turns)}
        return msgspec.structs.replace(self, grace=grace)

    def with_limit(self, name: str, value: float | None) -> Meter:
        """Change a limit, or lift it for good; what was let go on past it is forgotten.

        Raises:
            UsageError: There is no such limit, or it can't have that value.
        """
        limit, limits = with_limit(self.limits, name, value)
        grace = {one: turn for one, turn in self.grace.items() if one is not limit}
        base = self.base
        if self.base.of(limit) is None:
            base = msgspec.structs.replace(self.base, **{limit.value: limits.of(limit)})
        return msgspec.structs.replace(self, limits=limits, base=base, grace=grace)


def meter(limits: Limits) -> Meter:
    """Begin to count against limits."""
    return Meter(limits=limits, base=limits)


def limits_of(given: dict[str, float]) -> Limits:
    """Make limits of names and values.

    Raises:
        UsageError: There is no such limit, or it can't have that value.
    """
    limits = Limits()
    for name, value in given.items():
        _, limits = with_limit(limits, name, value)
    return limits


def with_limit(limits: Limits, name: str, value: float | None) -> tuple[Limit, Limits]:
    """Change one limit; returns which, and all of them.

    Raises:
        UsageError: There is no such limit, or it can't have that value.
    """
    if name not in [limit.value for limit in Limit]:
        names = [limit.value for limit in Limit]
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        way_out = f"did you mean {near[0]!r}?" if near else f"it may be {', '.join(names)}"
        raise UsageError(f"there is no limit {name!r}", way_out=way_out)
    limit = Limit(name)
    return limit, msgspec.structs.replace(limits, **{name: _checked(limit, value)})


def _checked(limit: Limit, value: float | None) -> float | None:
    if value is None:
        return None
    least = _LEAST.get(limit, 1) if limit in _WHOLE else 0
    if not math.isfinite(value) or value > _MOST or value < least or value == 0:
        what = f"a whole number from {least}" if limit in _WHOLE else "a number above 0"
        raise UsageError(f"{value:g} is no limit of {limit.value}", way_out=f"give {what}")
    if limit not in _WHOLE:
        return float(value)
    if value != int(value):
        raise UsageError(f"{value:g} is no limit of {limit.value}", way_out="give a whole number")
    return int(value)


def reached(
    limits: Limits, used: Used, when: When, now_ns: int = 0, base: Limits | None = None
) -> tuple[Reached, ...]:
    """Name the limits that are reached, in their fixed order."""
    found = []
    for limit in Limit:
        value = limits.of(limit)
        if value is None or (when is When.ACTION and limit not in _ENDS_ACTIONS):
            continue
        has = used.of(limit, now_ns)
        unknown = limit is Limit.DOLLARS and not used.priced
        if has >= value or unknown:
            why = "the model has no price, so that money can't be counted" if unknown else ""
            step = (base.of(limit) if base else None) or value
            found.append(
                Reached(limit=limit, value=value, used=has, next=_above(step, max(has, value)), why=why)
            )
    return tuple(found)


def _above(step: float, value: float) -> float:
    """Give the first multiple of a step above a value."""
    times = math.floor(value / step) + 1
    above = step * times
    return above if above > value else step * (times + 1)


def time_left_s(limits: Limits, now_ns: int) -> float | None:
    """Say how long until the limit of time is reached, for a timer; None without one."""
    return None if limits.time is None else max(limits.time - now_ns / NS_PER_S, 0.0)


# --------------------------------------------------------------------------------------- accounting


def account(used: Used, event: ev.Event) -> Used:
    """Fold one event; the same `used` where it changes nothing but the time."""
    match event:
        case ev.ActionProposed():
            changed = _opened(used, event.tool_use_id, event.member, event.input)
        case ev.ApprovalRequested():
            changed = _replace(used, asked=(event.request, event.tool_use_id))
        case ev.ApprovalDecided(decision="edit") if event.request == used.asked[0]:
            member, _ = used.open.get(used.asked[1], ("", ""))
            changed = _opened(used, used.asked[1], member, event.input)
        case ev.ActionFinished(executed=True) | ev.ActionInDoubt():
            changed = _acted(used, event.tool_use_id)
        case ev.FrameCaptured() if event.source != "zoom":
            changed = _framed(used, event.blob.sha256)
        case ev.TurnFinished():
            changed = _replace(used, turns=used.turns + 1)
        case ev.TurnAnswered():
            changed = _replace(used, open={})
        case ev.UsageReported():
            changed = _paid(used, event)
        case ev.LegStarted() | ev.TakeoverEnded():
            changed = _replace(used, repeats=0, same="", still=0)
        case _:
            changed = used
    return _replace(changed, t_ns=event.t) if event.t > used.t_ns else changed


_replace = msgspec.structs.replace


def _opened(used: Used, tool_use_id: str, member: str, given: ev.Json) -> Used:
    mark = "" if member in LOOKING else args_sha256(member, given)
    return _replace(used, open={**used.open, tool_use_id: (member, mark)})


def _acted(used: Used, tool_use_id: str) -> Used:
    _, mark = used.open.get(tool_use_id, ("", ""))
    if not mark:
        return _replace(used, steps=used.steps + 1)
    repeats = used.repeats + 1 if mark == used.same else 1
    return _replace(used, steps=used.steps + 1, repeats=repeats, same=mark, still=used.still + 1)


def _framed(used: Used, sha256: str) -> Used:
    return used if sha256 == used.screen else _replace(used, screen=sha256, still=0)


def _paid(used: Used, event: ev.UsageReported) -> Used:
    return _replace(
        used,
        dollars=used.dollars + (event.cost_usd or 0.0),
        priced=used.priced and event.cost_usd is not None,
        tokens=used.tokens + event.input + event.cache_write_5m + event.cache_write_1h + event.output,
    )
