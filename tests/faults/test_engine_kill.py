"""kill -9 of engines at random moments: what a follower saw is in the recording, and nothing lives on."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from pathlib import Path

import pytest

from pilothouse import events as ev
from pilothouse.engine.launch import launch
from pilothouse.engine.spec import RunSpec
from pilothouse.ids import new_run_id
from pilothouse.journal.reader import JournalReader
from pilothouse.local.chromium import find_chromium
from pilothouse.local.loopback import listening
from pilothouse.paths import runs_dir
from pilothouse.runs.files import FileRuns
from tests.cli.shell import pilothouse
from tests.engine.kernel_stub import KernelStub
from tests.processes import descendants, gone

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

KILLS = int(os.environ.get("PILOTHOUSE_KILLS", "4"))
AT_ONCE = 4
REAL_EVERY = 6
"""Every sixth kill is of an engine with a real Chromium; the others have a stub, and are quick."""
SCENARIO = "[pace]\nbefore_s = 0.0\nper_delta_s = 0.01\ndelta_chars = 20\n" + 60 * (
    '[[turn]]\nthinking = "on and on"\ntext = "a little further"\n'
    'calls = [{ do = "mouse_move", at = [300, 300] }, { do = "key", text = "Down" }]\n'
)


async def started(script: Path, *, real: bool) -> tuple[str, int]:
    """Start a detached engine; gives its run and its process."""
    spec = RunSpec(
        run=new_run_id(),
        task="walk",
        approve="auto",
        model_api="scripted",
        scenario=str(script),
        browser="local" if real else "kernel",
        headless=True,
    )
    engine = await asyncio.to_thread(launch, spec)
    return engine.run, engine.pid


async def kill_at_a_moment(run: str, pid: int, chance: random.Random) -> tuple[list[ev.Event], set[int]]:
    """Follow the run to a random event, wait a random moment more, and kill; gives what was seen."""
    seen: list[ev.Event] = []
    enough = asyncio.Event()
    wanted = chance.randrange(1, 35)

    async def follow() -> None:
        async for event in FileRuns(runs_dir()).events(run):
            seen.append(event)
            if event.seq >= wanted:
                enough.set()

    following = asyncio.create_task(follow())
    async with asyncio.timeout(60):
        await enough.wait()
    await asyncio.sleep(chance.random() * 0.1)  # the random moment itself, not a wait for anything
    below = descendants(pid)
    acknowledged = list(seen)
    os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(10):
        await following  # it ends by itself: the lock is free
    assert seen[: len(acknowledged)] == acknowledged
    return seen, below | {pid}


async def every_picture_is_there(run: str, events: list[ev.Event]) -> None:
    for event in events:
        if isinstance(event, ev.FrameCaptured):
            assert len(await FileRuns(runs_dir()).blob(run, event.blob.sha256)) == event.blob.size


async def killed(script: Path, number: int, chance: random.Random) -> str:
    """Start the engine of this number, kill it, and look at what it left; gives its run."""
    real = number % REAL_EVERY == 0 and find_chromium() is not None
    run, pid = await started(script, real=real)
    seen, processes = await kill_at_a_moment(run, pid, chance)
    assert await gone(processes)
    with JournalReader(runs_dir() / run / "journal.phj") as reader:
        kept = list(reader.read_all())
        assert not reader.damaged
        assert reader.sealed is None
        print(number, "real" if real else "stub", len(kept), "events,", reader.torn_bytes, "torn bytes")
    assert kept == seen
    assert [event.seq for event in kept] == list(range(len(kept)))
    await every_picture_is_there(run, kept)
    return run


async def test_nothing_seen_is_lost_and_nothing_lives_on(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = int(os.environ.get("PILOTHOUSE_SEED", str(random.randrange(1 << 30))))
    print("PILOTHOUSE_SEED", seed)
    script = state_dir / "scenario.toml"
    script.write_text(SCENARIO)
    runs: list[str] = []
    async with listening(KernelStub().app()) as url:
        monkeypatch.setenv("KERNEL_BASE_URL", url)
        monkeypatch.setenv("KERNEL_API_KEY", "kernel-key-of-the-tests")
        for first in range(0, KILLS, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, KILLS))
            runs += await asyncio.gather(
                *(killed(script, number, random.Random(seed + number)) for number in numbers)
            )
    listed = await asyncio.to_thread(pilothouse, "ls")
    assert listed.code == 0
    for run in runs:
        (line,) = [line for line in listed.out.splitlines() if run in line]
        assert "killed" in line
