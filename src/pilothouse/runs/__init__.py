"""How a run is followed and written, wherever it lives: the two interfaces every transport implements.

Local files are `runs.files`; another transport is another implementation of the same two protocols and
passes the same contract tests (`tests/unit/contract_runs.py`). Nothing here reads or writes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import msgspec

from pilothouse.events import ApprovalRequested, Blob, Hold, LimitReached, Outcome, RunPhase
from pilothouse.state import CurrentAction, Frame

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pilothouse.commands import Ack, Command, LivePicture
    from pilothouse.events import Event


class RunStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the roster."""

    run: str
    task: str
    model: str
    phase: RunPhase
    live: bool
    """An engine holds the journal's lock; nothing else counts as alive."""
    holding: tuple[Hold, ...] = ()
    outcome: Outcome | None = None
    turns: int = 0
    actions: int = 0
    cost_usd: float | None = None
    started: str = ""
    duration_s: float = 0.0
    events: int = 0
    torn: bool = False
    """The journal has no seal and no engine: the run was killed."""
    problem: str = ""
    """Why the recording can't be read, if it can't; it is listed all the same."""
    name: str = ""
    """What a person called it; see `runs.tending`."""
    tags: tuple[str, ...] = ()
    said: str = ""
    """The agent's latest line of text, bounded, as it came."""
    current: CurrentAction | None = None
    frame: Frame | None = None
    approval: ApprovalRequested | None = None
    """What waits for a decision."""
    limits: tuple[LimitReached, ...] = ()
    retry_asks: bool = False
    """The model did not answer for so long that a person is asked."""
    gone: bool = False
    """It is not there any more; the last that a followed roster tells of it."""

    def up_to(self, now: datetime) -> RunStatus:
        """Let the time of a live run go on past its last event: a run that waits writes none."""
        if not self.live or self.outcome is not None:
            return self
        try:
            elapsed_s = (now.astimezone(UTC) - datetime.fromisoformat(self.started)).total_seconds()
        except (ValueError, TypeError):
            return self  # a start that is no moment, or one of no zone
        return msgspec.structs.replace(self, duration_s=max(self.duration_s, elapsed_s))


class RunView(Protocol):
    """What a viewer needs of a run."""

    def roster(self, follow: bool = False) -> AsyncIterator[RunStatus]:
        """Yield the status of every run, newest first; with `follow`, go on with each change."""
        ...

    def events(self, run: str, from_seq: int = 0, follow: bool = True) -> AsyncIterator[Event]:
        """Yield events in order from `from_seq`; with `follow`, wait for more until the run has ended.

        Raises:
            NoSuchRun: There is no such run.
            NotARecording: What is there can't be read as one.
        """
        ...

    async def blob(self, run: str, sha256: str) -> bytes:
        """Read a blob, its hash checked.

        Raises:
            JournalError: It is missing or damaged.
        """
        ...

    async def control(self, run: str, command: Command) -> Ack:
        """Ask something of the run's engine.

        Raises:
            RunGone: No engine answers.
            CommandRefusedError: The engine refused.
        """
        ...

    async def look(self, run: str, after: int = 0, actor: str = "") -> LivePicture:
        """Wait for a live picture of the page other than number `after`; it is recorded nowhere.

        Raises:
            RunGone: No engine answers.
        """
        ...


class RunSink(Protocol):
    """What an engine needs to write a run."""

    def append(self, event: Event, durable: bool = False) -> int:
        """Append and publish one event; returns its `seq`. With `durable`, it is synced before this returns.

        Raises:
            RecorderFailed: The disk refused it.
        """
        ...

    async def put_blob(self, data: bytes, mime: str, width_px: int = 0, height_px: int = 0) -> Blob:
        """Store bytes under their sha256, synced, before any event names them."""
        ...

    def commands(self) -> AsyncIterator[Command]:
        """Yield what people ask for, in order."""
        ...
