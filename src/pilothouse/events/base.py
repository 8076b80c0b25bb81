"""What every event has, and the words events share: phases, holds, outcomes, blobs. No event lives here."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

Json = dict[str, Any]
"""A JSON object exactly as the wire had it; only for content that must be echoed verbatim."""


class RunPhase(StrEnum):
    """Where a run is in its life (design §5)."""

    STARTING = "starting"
    RUNNING = "running"
    HOLDING = "holding"
    IDLE = "idle"
    ENDING = "ending"
    ENDED = "ended"


class Hold(StrEnum):
    """Why a run holds; several may hold at once and all must clear."""

    PAUSE = "pause"
    FREEZE = "freeze"
    STEP = "step"
    APPROVAL = "approval"
    TAKEOVER = "takeover"
    LIMIT = "limit"
    RETRY = "retry"
    BROWSER_LOST = "browser_lost"
    DISK = "disk"
    UNATTENDED = "unattended"


class Outcome(StrEnum):
    """How a run ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    ABORTED = "aborted"
    LIMIT = "limit"
    NEEDS_PERSON = "needs_person"


EXIT_CODES = dict(zip(Outcome, (0, 1, 3, 4, 5), strict=True))
"""Exit code of a headless run by outcome; 2 is bad usage."""


class Blob(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A reference to bytes beside the journal; the path is computed from `sha256`, never read from a file."""

    sha256: str
    size: int
    """Length in bytes."""
    mime: str
    width_px: int = 0
    height_px: int = 0


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag=str):
    """What every event has: `seq`, without gaps from 0; `t`, ns since the run began; `wall`, in UTC."""

    seq: int = -1
    t: int = -1
    wall: str = ""
