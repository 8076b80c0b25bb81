"""Events and journals for the tests of the journal. No test lives here."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

from pilothouse import events as ev
from pilothouse import paths
from pilothouse.journal.disk import Disk
from pilothouse.journal.reader import JournalReader
from pilothouse.journal.writer import JournalWriter

RUN = "abcde12345"


class Clock:
    """A wall clock and a monotonic one that only move when they are told to."""

    def __init__(self) -> None:
        self.wall = 1_800_000_000.0
        self.mono = 5_000_000_000

    def wall_s(self) -> float:
        return self.wall

    def monotonic_ns(self) -> int:
        return self.mono

    def tick(self, seconds: float) -> None:
        self.wall += seconds
        self.mono += int(seconds * 1e9)


def create(directory: Path, clock: Clock | None = None, disk: Disk | None = None) -> JournalWriter:
    clock = clock or Clock()
    return JournalWriter.create(
        directory, RUN, wall_s=clock.wall_s, monotonic_ns=clock.monotonic_ns, disk=disk, min_free_bytes=0
    )


def started(run: str = RUN, task: str = "buy a lamp") -> ev.RunStarted:
    return ev.RunStarted(
        run=run, task=task, model="m", browser="local", display_width_px=1280, display_height_px=800
    )


def ended(outcome: ev.Outcome = ev.Outcome.COMPLETED) -> ev.RunEnded:
    return ev.RunEnded(outcome=outcome, why="end of turn")


def some_events(count: int, seed: int = 7) -> list[ev.Event]:
    """Make the events of a run: a start, then turns of text, actions and frames, in sizes as they come."""
    rng = random.Random(seed)
    made: list[ev.Event] = [started()]
    action = 0
    while len(made) < count:
        action += 1
        id_ = f"toolu_{action:04d}"
        sha = hashlib.sha256(id_.encode()).hexdigest()
        made += [
            ev.TurnStarted(turn=action, messages=action * 2),
            ev.TextStreamed(turn=action, block=0, text="Ein Stück Text — " * rng.randint(1, 6)),
            ev.ActionProposed(
                turn=action, action=action, tool_use_id=id_, member="left_click", input={"coordinate": [1, 2]}
            ),
            ev.ActionStarted(action=action, tool_use_id=id_, member="left_click"),
            ev.ActionFinished(action=action, tool_use_id=id_, member="left_click", ok=True, duration_ms=1.5),
            ev.FrameCaptured(
                frame=action, blob=ev.Blob(sha256=sha, size=9, mime="image/png"), source="settled"
            ),
        ]
    return made[:count]


def write(directory: Path, events: list[ev.Event], *, seal: bool = False) -> list[ev.Event]:
    """Write a journal and return its events as they were stamped."""
    clock = Clock()
    writer = create(directory, clock)
    stamped = []
    for event in events:
        clock.tick(0.05)
        stamped.append(writer.append_event(event))
    if seal:
        writer.seal()
    else:
        writer.close()
    return stamped


def read(directory: Path) -> list[ev.Event]:
    with JournalReader(paths.journal_path(directory)) as reader:
        return list(reader.read_all())


def assert_prefixes(directory: Path, count: int) -> None:
    """Cut a journal at every byte: what is read is a prefix, and says how much is torn."""
    truth = write(directory, some_events(count))
    path = paths.journal_path(directory)
    data = path.read_bytes()
    head = data.index(b"\n") + 1
    with path.open("r+b") as file:
        for size in range(len(data) - 1, head - 1, -1):
            file.truncate(size)
            complete = data[:size].count(b"\n") - 1
            with JournalReader(path) as reader:
                events = list(reader.read_all())
                assert len(events) == complete
                assert reader.torn_bytes == size - (data[:size].rindex(b"\n") + 1)
                assert not reader.damaged
            assert events[-1:] == truth[complete - 1 : complete] if complete else events == []
