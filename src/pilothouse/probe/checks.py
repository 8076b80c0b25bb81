"""What a check is, and how one is made: within its time, within the money, its evidence without secrets."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from pilothouse.probe.plan import Finding, Outcome
from pilothouse.probe.purse import PurseEmpty
from pilothouse.safety import clean_line, redact

Side = TypeVar("Side")
Sleep = Callable[[float], Awaitable[None]]
EVIDENCE_CHARS = 600
CAP_S = 25.0

_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+", re.I)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
_ID = re.compile(
    r"\b(?:req|msg|file|toolu|sess|org|wrkspc|user|acct|proj|inv|replay|br)_[A-Za-z0-9]+\b"
    r"|\bprobe-[0-9a-f]{8}[\w-]*"
    r"|(?<![A-Za-z0-9])(?=[A-Za-z0-9]*\d)(?=[A-Za-z0-9]*[A-Za-z])[A-Za-z0-9]{16,}"
    r"|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{13,}\b"
)
"""What names something of an account: prefixed ids, our browsers, long mixtures of letters and digits."""


class Unmet(Exception):
    """A check has nothing to try itself on."""


@dataclass(frozen=True)
class Verdict:
    """What a check found."""

    outcome: Outcome
    evidence: str


@dataclass(frozen=True, kw_only=True)
class Check(Generic[Side]):
    """One question to a service."""

    id: str
    question: str
    source: str
    run: Callable[[Side], Awaitable[Verdict]]
    cap_s: float = CAP_S


def scrubbed(text: str, secrets: tuple[str, ...] = ()) -> str:
    """Take out of a text whatever belongs to an account: keys, addresses, ids."""
    text = redact(text, secrets)
    for pattern, word in ((_URL, "<address>"), (_MAIL, "<mail>"), (_ID, "<id>")):
        text = pattern.sub(word, text)
    return clean_line(text, EVIDENCE_CHARS)


async def perform(
    check: Check[Side], side: Side, group: str, left_s: float, secrets: tuple[str, ...]
) -> Finding:
    """Make one check; whatever happens in it is its finding."""
    began = time.monotonic()
    verdict = await _judged(check, side, min(check.cap_s, left_s))
    return Finding(
        id=check.id,
        group=group,
        question=check.question,
        source=check.source,
        outcome=verdict.outcome,
        evidence=scrubbed(verdict.evidence, secrets),
        took_ms=round((time.monotonic() - began) * 1e3),
    )


async def _judged(check: Check[Side], side: Side, cap_s: float) -> Verdict:
    if cap_s <= 0:
        return Verdict(Outcome.SKIPPED, "no time was left")
    try:
        async with asyncio.timeout(cap_s):
            return await check.run(side)
    except PurseEmpty as empty:
        return Verdict(Outcome.SKIPPED, str(empty))
    except Unmet as unmet:
        return Verdict(Outcome.SKIPPED, str(unmet))
    except TimeoutError:
        return Verdict(Outcome.FAILED, f"no answer within {cap_s:.0f} s")
    except Exception as error:  # one check must not end the others
        return Verdict(Outcome.FAILED, f"{type(error).__name__}: {error}")


def yes(condition: bool, evidence: str) -> Verdict:
    """Answer a question by a condition."""
    return Verdict(Outcome.YES if condition else Outcome.NO, evidence)
