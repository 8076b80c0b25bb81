"""What a probe is asked for and what it tells: JSON lines between `pilothouse probe` and its child."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from pilothouse.engine.spec import DEFAULT_MODEL

LIMIT_USD = 0.90
LIMIT_S = 110.0


class Outcome(StrEnum):
    """What became of a check."""

    YES = "yes"
    """It is as the question says."""
    NO = "no"
    """It is not."""
    DIFFERS = "differs"
    """Neither: the evidence says what."""
    FAILED = "failed"
    """It could not be found out."""
    SKIPPED = "skipped"
    """It was not tried: no money, no time, or nothing to try it on."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to probe, and how far to go."""

    only: str = ""
    """`model` or `browser`; empty for both."""
    model: str = DEFAULT_MODEL
    """For the checks that need one model."""
    limit_usd: float = LIMIT_USD
    limit_s: float = LIMIT_S


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One check and what became of it."""

    id: str
    group: str
    question: str
    source: str
    """Where the belief is from, with its tag."""
    outcome: Outcome
    evidence: str
    took_ms: int


class Progress(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=str):
    """One more check is done."""

    finding: Finding
    done: int
    total: int


class Remains(msgspec.Struct, frozen=True, kw_only=True):
    """What a side could not clean up; the words are those of the report."""

    left: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()


class Report(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=str):
    """All of it, without a secret, an id or an address: to be pasted anywhere."""

    version: str
    sdks: dict[str, str]
    date: str
    model: str
    loopback: bool
    """It was asked of servers on this machine: nothing in it is about the real services."""
    findings: tuple[Finding, ...]
    cost_usd: float
    limit_usd: float
    took_s: float
    made: int
    """Browsers and files that were made."""
    left: tuple[str, ...] = ()
    """What of that is still there and could not be deleted, by its kind."""
    unsure: tuple[str, ...] = ()
    """What was asked for and never confirmed, and could be neither found nor deleted: it may yet appear."""
