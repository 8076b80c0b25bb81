"""Make the two bundled recordings with the program itself: `python -m tests.make_recordings`. Not a test.

`recordings/demo` is a whole run of the demo. `recordings/killed` is a run whose engine was killed (SIGKILL)
in the middle of a write: long messages are said to it, and the kill comes when the journal's size stands at
the end of a page, as it does while a long line is being copied.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.cli.demo import spec
from pilothouse.engine.launch import launch
from pilothouse.errors import PilothouseError
from pilothouse.ids import new_command_id
from pilothouse.journal.reader import JournalReader
from pilothouse.paths import JOURNAL_NAME, run_dir, runs_dir
from pilothouse.runs.files import FileRuns

RECORDINGS = Path(__file__).parents[1] / "recordings"
ATTEMPTS = 40
PAGE_BYTES = 4096
KILL_AFTER_ACTIONS = 6


async def whole() -> Path:
    """Run the demo to its end."""
    run = launch(spec(headless=True)).run
    async for event in FileRuns(runs_dir()).events(run):
        if isinstance(event, ev.RunEnded) and event.outcome is not ev.Outcome.COMPLETED:
            raise PilothouseError(f"the demo ended as {event.outcome}: {event.why}")
    return run_dir(run)


async def killed() -> Path:
    """Run the demo and kill its engine, until a kill tears a line."""
    for attempt in range(1, ATTEMPTS + 1):
        directory = await _kill_once()
        with JournalReader(directory / JOURNAL_NAME) as reader:
            list(reader.read_all())
            torn = reader.torn_bytes
        print(f"kill {attempt}: {torn} bytes torn", file=sys.stderr)
        if torn:
            return directory
        shutil.rmtree(directory)
    raise PilothouseError(f"no kill in {ATTEMPTS} tore a line")


async def _kill_once() -> Path:
    started = launch(spec(headless=True))
    view = FileRuns(runs_dir())
    async for event in view.events(started.run):
        if isinstance(event, ev.ActionFinished) and event.action >= KILL_AFTER_ACTIONS:
            break
    talking = asyncio.create_task(_talk(view, started.run))
    await asyncio.to_thread(_kill_in_mid_write, started.pid, run_dir(started.run) / JOURNAL_NAME)
    await asyncio.gather(talking, return_exceptions=True)
    return run_dir(started.run)


def _kill_in_mid_write(pid: int, journal: Path) -> None:
    until = time.monotonic() + 20
    before = journal.stat().st_size
    while time.monotonic() < until:
        size = journal.stat().st_size
        if size != before and size % PAGE_BYTES == 0:
            break
        before = size
    os.kill(pid, signal.SIGKILL)


async def _talk(view: FileRuns, run: str) -> None:
    text = "Take the cheapest one, please → " * 600
    while True:
        await view.control(run, cmd.Say(id=new_command_id(), actor="someone", text=text))


def keep(directory: Path, name: str) -> None:
    """Copy what makes a recording; logs and sockets stay behind."""
    target = RECORDINGS / name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    shutil.copy(directory / JOURNAL_NAME, target)
    shutil.copytree(directory / "blobs", target / "blobs")
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    print(f"{target.name}: {size / 1e6:.2f} MB", file=sys.stderr)


def main() -> None:
    """Make both, or those named on the command line."""
    with tempfile.TemporaryDirectory() as directory:
        os.environ["PILOTHOUSE_STATE_DIR"] = directory
        for name in sys.argv[1:] or ["demo", "killed"]:
            keep(asyncio.run({"demo": whole, "killed": killed}[name]()), name)


if __name__ == "__main__":
    main()
