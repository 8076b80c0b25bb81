"""kill -9 of a writer at random moments: every event that was acknowledged before the kill is there."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pilothouse import events as ev
from pilothouse import paths
from pilothouse.journal.blobs import BlobStore
from pilothouse.journal.disk import is_live
from pilothouse.journal.reader import JournalReader
from pilothouse.runs.files import FileRuns

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

KILLS = int(os.environ.get("PILOTHOUSE_KILLS", "50"))
RUN = "killed0001"
CHECKOUT = Path(__file__).parents[2]


def child(directory: Path, seed: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.journal_child", str(directory), RUN, str(seed)],
        stdout=subprocess.PIPE,
        cwd=CHECKOUT,
    )


def kill_after(process: subprocess.Popen[bytes], events: int, more_s: float) -> int:
    """Read acknowledgements, kill at a random moment, and say what was acknowledged last."""
    assert process.stdout is not None
    acknowledged = -1
    for _ in range(events):
        acknowledged = int(process.stdout.readline())
    time.sleep(more_s)  # the random moment itself, not a wait for anything
    process.send_signal(signal.SIGKILL)
    process.wait()
    rest = process.stdout.read().split(b"\n")[:-1]  # whole lines only
    process.stdout.close()
    return int(rest[-1]) if rest else acknowledged


def test_nothing_acknowledged_is_lost_over_many_kills_and_reopenings(tmp_path: Path) -> None:
    seed = int(os.environ.get("PILOTHOUSE_SEED", str(random.randrange(1 << 30))))
    print("PILOTHOUSE_SEED", seed)
    rng = random.Random(seed)
    torn = 0
    for number in range(KILLS):
        directory = tmp_path / f"r{number // 5}" / RUN  # each run is killed and taken up five times
        acknowledged = kill_after(child(directory, rng.randrange(1 << 30)), 1, rng.random() * 0.03)
        path = paths.journal_path(directory)
        assert not is_live(path)
        with JournalReader(path) as reader:
            events = list(reader.read_all())
            assert not reader.damaged
            assert reader.sealed is None
            torn += reader.torn_bytes > 0
        assert len(events) > acknowledged
        assert [event.seq for event in events] == list(range(len(events)))
        asyncio.run(every_picture_named_is_there(directory, events))
        assert FileRuns(directory.parent).status(RUN).torn
    print(f"{KILLS} kills, {torn} torn tails")


async def every_picture_named_is_there(directory: Path, events: list[ev.Event]) -> None:
    blobs = BlobStore(directory)
    for event in events:
        if isinstance(event, ev.FrameCaptured):
            assert len(await blobs.read(event.blob.sha256)) == event.blob.size


async def test_a_follower_of_a_killed_engine_sees_its_last_event_and_stops(tmp_path: Path) -> None:
    process = child(tmp_path / RUN, 1)
    assert process.stdout is not None
    await asyncio.to_thread(process.stdout.readline)
    seen: list[int] = []

    async def follow() -> None:
        async for event in FileRuns(tmp_path).events(RUN):
            seen.append(event.seq)

    follower = asyncio.create_task(follow())
    acknowledged = await asyncio.to_thread(kill_after, process, 20, 0.01)
    async with asyncio.timeout(10):
        await follower
    assert seen == list(range(len(seen)))
    assert len(seen) > acknowledged
