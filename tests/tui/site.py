"""Real runs on disk for the roster: recordings by the real writer, and live ones whose lock is held here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec

from pilothouse import events as ev
from pilothouse import paths
from pilothouse.events import Hold, Outcome, RunPhase
from pilothouse.journal.blobs import BlobStore
from pilothouse.journal.writer import JournalWriter
from tests.tui.fake_runs import Script, shop_script

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def at_noon() -> datetime:
    """The time of day of every roster under test."""
    return NOON


class Site:
    """The runs of a state directory."""

    def __init__(self) -> None:
        self._writers: dict[str, JournalWriter] = {}

    def live(self, run: str, script: Script, task: str = "", minutes_ago: float = 2.0) -> None:
        """A run whose engine, as far as anybody can tell, still writes."""
        began = NOON.timestamp() - minutes_ago * 60
        directory = paths.run_dir(run)
        writer = JournalWriter.create(directory, run, wall_s=lambda: began, min_free_bytes=0)
        store = BlobStore(directory)
        for data in script.blobs.values():
            store.put_sync(data)
        for event in script.events:
            writer.append(_for(event, run, task))
        self._writers[run] = writer

    def recording(self, run: str, script: Script, task: str = "", minutes_ago: float = 90.0) -> None:
        """A run that is over."""
        self.live(run, script, task, minutes_ago)
        self._writers[run].seal()
        self._writers.pop(run).close()

    def killed(self, run: str, script: Script, task: str = "", minutes_ago: float = 200.0) -> None:
        """A run whose engine is gone without a word."""
        self.live(run, script, task, minutes_ago)
        self._writers.pop(run).close()

    def append(self, run: str, *events: ev.Event) -> None:
        for event in events:
            self._writers[run].append(event)

    def end(self, run: str) -> None:
        """The run comes to its end."""
        self.append(run, ev.RunEnded(outcome=Outcome.COMPLETED))
        self._writers[run].seal()
        self._writers.pop(run).close()

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()


def _for(event: ev.Event, run: str, task: str) -> ev.Event:
    if isinstance(event, ev.RunStarted):
        return msgspec.structs.replace(event, run=run, task=task or event.task)
    return event


def asking(given: dict[str, Any] | None = None) -> Script:
    """A run that waits for a decision."""
    script = shop_script(ended=False, actions=3)
    script.put(
        ev.ApprovalRequested(
            request="r1",
            action=4,
            tool_use_id="toolu_4",
            member="left_click",
            input=given or {"coordinate": [640, 420]},
            args_sha256="0" * 64,
            why="a host it has not visited yet",
        )
    )
    script.put(ev.StateChanged(phase=RunPhase.HOLDING, holding=(Hold.APPROVAL,)))
    return script


def limited() -> Script:
    """A run that holds at a limit."""
    script = shop_script(ended=False, actions=2)
    script.put(ev.LimitReached(request="l1", limit="steps", value=2, used=2, next=4, why="two steps"))
    script.put(ev.StateChanged(phase=RunPhase.HOLDING, holding=(Hold.LIMIT,)))
    return script


@contextmanager
def site(*, busy: bool = True) -> Iterator[Site]:
    """An empty state directory, or one with runs of every kind."""
    here = Site()
    try:
        if busy:
            here.live("livelive01", shop_script(ended=False), "Find the red kettle and tell its price.", 3)
            here.live("livelive02", asking(), "Book a table for two on Friday evening.", 7)
            here.recording("recorded01", shop_script(), "Compare three kettles.", 60)
            here.recording("recorded02", shop_script(actions=2), "Read the opening hours.", 60 * 24 * 3)
            here.killed("killedkil1", shop_script(ended=False, actions=4), "Fill in the tax form.", 300)
        yield here
    finally:
        here.close()
