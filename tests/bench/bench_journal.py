"""What the journal costs: appending, syncing, following, opening, seeking, blobs."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from pilothouse import events as ev
from pilothouse import paths
from pilothouse.journal.blobs import BlobStore
from pilothouse.journal.index import JournalIndex
from pilothouse.journal.reader import JournalReader
from pilothouse.journal.writer import JournalWriter
from pilothouse.runs import wakeup
from pilothouse.runs.files import FileRuns
from tests.bench import Figures, Measured, bench, percentile

RUN = "benchmark1"
EVENT = ev.TextStreamed(turn=1, block=0, text="x" * 200)
COUNT = 50_000


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def latencies(call: Callable[[], object], count: int) -> list[float]:
    taken = []
    for _ in range(count):
        begun = time.perf_counter()
        call()
        taken.append((time.perf_counter() - begun) * 1e6)
    return taken


def figures(values: list[float]) -> Figures:
    return {"p50": percentile(values, 0.5), "p99": percentile(values, 0.99)}


@bench("journal_append", unit="us per event")
def journal_append() -> Measured:
    """One event through stamp, encode, checksum and one write; against a buffered write with a flush."""
    with folder() as directory:
        writer = JournalWriter.create(directory / RUN, RUN, min_free_bytes=0)
        ours = figures(latencies(lambda: writer.append(EVENT), COUNT))
        writer.close()
        line = ev.encode(EVENT) + b"\n"
        with (directory / "plain").open("ab") as file:

            def plain() -> None:
                file.write(line)
                file.flush()

            theirs = figures(latencies(plain, COUNT))
    return Measured(ours, theirs, ours["p50"] / theirs["p50"])


@bench("journal_append_durable", unit="us per event")
def journal_append_durable() -> Measured:
    """An append with its sync; against a bare write and fdatasync of the same bytes."""
    with folder() as directory:
        writer = JournalWriter.create(directory / RUN, RUN, min_free_bytes=0)
        ours = figures(latencies(lambda: writer.append(EVENT, durable=True), 500))
        writer.close()
        line = ev.encode(EVENT) + b"\n"
        fd = os.open(directory / "plain", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

        def bare() -> None:
            os.write(fd, line)
            os.fdatasync(fd)

        theirs = figures(latencies(bare, 500))
        os.close(fd)
    return Measured(ours, theirs, ours["p50"] / theirs["p50"])


@bench("journal_open", unit="ms per 100k events")
def journal_open() -> Measured:
    """Open, check and decode a recording; against splitting and decoding the same lines unchecked."""
    with folder() as directory:
        path = written(directory / RUN, 100_000)
        begun = time.perf_counter()
        with JournalReader(path) as reader:
            count = sum(1 for _ in reader.read_all())
        ours = (time.perf_counter() - begun) * 1e3
        begun = time.perf_counter()
        plain = [ev.decode(line.split(b" ", 2)[2]) for line in path.read_bytes().splitlines()[1:]]
        theirs = (time.perf_counter() - begun) * 1e3
        assert count == len(plain)
        size = path.stat().st_size
    return Measured({"open": ours, "mb_per_s": size / 1e3 / ours}, {"open": theirs}, ours / theirs)


@bench("journal_seek", unit="us")
def journal_seek() -> Measured:
    """A random event and a random state by the index; against reading the recording up to it."""
    rng = random.Random(1)
    with folder() as directory:
        path = written(directory / RUN, 50_000)
        with JournalIndex(path) as index:
            begun = time.perf_counter()
            index.grow_to_end()
            build_us = (time.perf_counter() - begun) * 1e6
            event = figures(latencies(lambda: index.event(rng.randrange(len(index))), 5_000))
            state = figures(latencies(lambda: index.state_at(rng.randrange(len(index))), 200))
            at = 25_000

            def back() -> None:
                nonlocal at
                at -= 1
                index.state_at(at)

            step = figures(latencies(back, 2_000))
    ours = {
        "event_p50": event["p50"],
        "event_p99": event["p99"],
        "state_p50": state["p50"],
        "state_p99": state["p99"],
        "step_back_p50": step["p50"],
        "step_back_p99": step["p99"],
    }
    return Measured(ours, {"read_all": build_us}, state["p50"] / build_us)


@bench("journal_blob", unit="us per 300 kB")
def journal_blob() -> Measured:
    """Store a picture, synced; against writing the bytes to a file."""
    rng = random.Random(2)
    pictures = [rng.randbytes(300_000) for _ in range(100)]
    with folder() as directory:
        store, taking = BlobStore(directory), iter(pictures)
        ours = figures(latencies(lambda: store.put_sync(next(taking)), 100))
        taking = iter(pictures)

        def plain() -> None:
            data = next(taking)
            (directory / hashlib.sha256(data).hexdigest()).write_bytes(data)

        theirs = figures(latencies(plain, 100))
    return Measured(ours, theirs, ours["p50"] / theirs["p50"])


@bench("journal_follow", unit="ms from append to viewer")
def journal_follow() -> Measured:
    """A writer in another process at 50 and 1,000 events a second; against polling every 50 ms."""
    found: Figures = {}
    for rate in (50, 1_000):
        taken = asyncio.run(followed(rate, 300))
        found |= {f"{name}_at_{rate}": value for name, value in figures(taken).items()}
    with mock.patch.object(wakeup, "_watch", lambda _path: -1):
        polling = figures(asyncio.run(followed(50, 300)))
    return Measured(
        found,
        {f"{name}_at_50": value for name, value in polling.items()},
        found["p50_at_50"] / polling["p50"],
    )


async def followed(rate: int, count: int) -> list[float]:
    """Milliseconds of each event from the writer's clock (shared by all processes) to the viewer's."""
    with folder() as directory:
        call = f"write_paced({str(directory)!r}, {rate}, {count})"
        writing = f"from tests.bench.bench_journal import write_paced; {call}"
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", writing, stdout=subprocess.PIPE)
        assert process.stdout is not None
        await process.stdout.readline()
        taken = []
        async for event in FileRuns(directory).events(RUN):
            if isinstance(event, ev.Warned):
                taken.append((time.monotonic_ns() - int(event.what)) / 1e6)
        await process.wait()
    return taken


def write_paced(directory: str, rate: int, count: int) -> None:
    """Write events that say when they were written; the other end of `followed`."""
    writer = JournalWriter.create(Path(directory) / RUN, RUN, min_free_bytes=0)
    print("ready", flush=True)
    time.sleep(0.3)
    for _ in range(count):
        writer.append(ev.Warned(what=str(time.monotonic_ns())))
        time.sleep(1 / rate)
    writer.append(ev.RunEnded(outcome=ev.Outcome.COMPLETED))
    writer.seal()


def written(directory: Path, count: int) -> Path:
    writer = JournalWriter.create(directory, RUN, min_free_bytes=0)
    for number in range(count):
        writer.append(ev.TextStreamed(turn=number, block=0, text="x" * 200))
    writer.close()
    return paths.journal_path(directory)
