"""What the agent loop costs: time of its own, how late people see the first word, bytes sent, and stalls.

The model, the browser and the follower are processes of their own and answer at once; the engine runs here,
with the real SDKs, journal and control socket. Nothing of a turn is left out.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median
from unittest import mock

import aiohttp
import anthropic

from pilothouse import events as ev
from pilothouse.engine.backends import Backends, Endpoint
from pilothouse.engine.runner import Run
from pilothouse.engine.spec import ModelOptions, RunSpec
from pilothouse.events import Outcome
from pilothouse.ids import new_run_id
from pilothouse.journal.blobs import BlobStore
from pilothouse.journal.writer import JournalWriter
from tests.bench import Figures, Measured, bench, percentile

TICK_S = 0.002
KEY = "bench-key-of-nobody"
CAMERA = "pilothouse.browser.camera"
STALL_MS = 20.0
"""No command may wait longer for its turn once all is loaded.

Libraries being loaded share the interpreter with the loop, and a few of their calls hold it for longer:
`stall_max_ms` tells of these too, from the run's start.
"""
KEEPS_TO = {"stall_loaded_ms": STALL_MS, "busy_max_ms": STALL_MS}
"""What the loop itself does must be short from the first moment on."""


@dataclass
class Course:
    """What was seen of one run."""

    turns: list[tuple[float, float]] = field(default_factory=list)
    """Wall and processor seconds at the beginning of each turn."""
    stalls: list[tuple[float, float]] = field(default_factory=list)
    """When the loop came to a timer, from the run's start on, and how many milliseconds late."""
    busy: list[float] = field(default_factory=list)
    """Milliseconds of processor time that the loop's thread used between two ticks of that timer."""
    sent: list[int] = field(default_factory=list)
    late: list[float] = field(default_factory=list)

    def per_turn(self, first: int, last: int) -> tuple[list[float], list[float]]:
        """Milliseconds of wall and processor time of each of these turns."""
        pairs = list(zip(self.turns[first - 1 : last], self.turns[first : last + 1], strict=True))
        return [(b[0] - a[0]) * 1e3 for a, b in pairs], [(b[1] - a[1]) * 1e3 for a, b in pairs]

    def figures_within(self, windows: list[tuple[float, float]]) -> Figures:
        """Say how late the loop came, and how long it was busy, at worst within these spans of time."""
        found = [
            (ms, busy)
            for (at, ms), busy in zip(self.stalls, self.busy, strict=True)
            if any(began < at <= ended for began, ended in windows)
        ]
        return {"stall_loaded_ms": max(ms for ms, _ in found), "busy_max_ms": max(busy for _, busy in found)}

    def loop_figures(self) -> Figures:
        """Say how late the loop came at worst: ever, and since the second turn, when all is loaded."""
        late = [ms for _, ms in self.stalls]
        loaded = self.turns[1][0]
        return {
            "stall_max_ms": max(late),
            "stall_loaded_ms": max(ms for at, ms in self.stalls if at > loaded),
            "stall_p99_ms": percentile(late, 0.99),
            "busy_max_ms": max(self.busy),
        }


@asynccontextmanager
async def _process(*argv: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *argv, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()


async def watch_loop(course: Course) -> None:
    """Ask for a timer again and again, as a command that comes in would ask for its turn."""
    while True:
        before, used = time.perf_counter(), time.thread_time()
        await asyncio.sleep(TICK_S)
        now = time.perf_counter()
        course.stalls.append((now, (now - before - TICK_S) * 1e3))
        course.busy.append((time.thread_time() - used) * 1e3)


async def _note_turns(run: Run, course: Course) -> None:
    async for event in run._bus.subscribe().events():
        if isinstance(event, ev.TurnStarted):
            course.turns.append((time.perf_counter(), time.process_time()))


async def _drive(turns: int, options: ModelOptions, *, follow: bool = False) -> Course:
    course = Course()
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ph-")))
        stack.enter_context(mock.patch.dict(os.environ, PILOTHOUSE_STATE_DIR=str(directory)))
        _stand_still(stack)
        servers = await stack.enter_async_context(
            _process("tests.bench.quick_servers", "--turns", str(turns))
        )
        assert servers.stdout is not None
        urls = json.loads(await servers.stdout.readline())
        spec = RunSpec(run=new_run_id(), task="click", approve="auto", headless=True, model_options=options)
        backends = Backends(spec, directory)
        backends.model = Endpoint(base_url=urls["model"], key=KEY)
        backends.browser = Endpoint(base_url=urls["browser"], key=KEY)
        writer = JournalWriter.create(directory / "runs" / spec.run, spec.run)
        stack.callback(writer.close)
        run = Run(spec, writer, BlobStore(directory / "runs" / spec.run), backends)
        await run.open()
        noting = asyncio.create_task(_note_turns(run, course))
        following = None
        if follow:
            following = await stack.enter_async_context(
                _process("tests.bench.follower", str(directory / "runs"), spec.run)
            )
        watching = asyncio.create_task(watch_loop(course))
        assert await run.drive() is Outcome.COMPLETED
        watching.cancel()
        await noting
        async with aiohttp.ClientSession() as session, session.get(f"{urls['model']}/sent") as answer:
            course.sent = await answer.json()
        if following is not None and following.stdout is not None:
            course.late = json.loads(await following.stdout.read())
    return course


def _stand_still(stack: AsyncExitStack) -> None:
    """Take away what waits for a screen to come to rest: these pictures are at rest."""
    for name, value in (("FIRST_GRAB_S", {}), ("FIRST_GRAB_DEFAULT_S", 0.0), ("GRAB_SPACING_S", 0.0)):
        stack.enter_context(mock.patch(f"{CAMERA}.{name}", value))


@bench("turn_overhead", unit="ms", at_most={"ratio": 1.3, **KEEPS_TO})
def turn_overhead() -> Measured:
    """A turn's own wall and processor time around the 10th, the 100th and the 1,000th; ratio 1,000 / 10.

    Means over the turns around, so that summaries of the history are in them.
    """
    course = asyncio.run(_drive(1000, ModelOptions()))
    windows = {"10": (5, 15), "100": (71, 130), "1000": (931, 1000)}
    figures: Figures = course.loop_figures()
    for name, (first, last) in windows.items():
        wall, used = course.per_turn(first, last)
        figures |= {f"wall_{name}": fmean(wall), f"cpu_{name}": fmean(used), f"wall_p50_{name}": median(wall)}
    baseline = {"wall": figures["wall_10"], "cpu": figures["cpu_10"]}
    ratio = max(figures["wall_1000"] / baseline["wall"], figures["cpu_1000"] / baseline["cpu"])
    return Measured(figures, baseline, ratio)


@bench("first_token", unit="ms", at_most={"p95": 20, **KEEPS_TO})
def first_token() -> Measured:
    """From the moment a turn's first text leaves the model to its event in another process, over 100 turns.

    Against the SDK alone reading the same stream in one process.
    """
    course = asyncio.run(_drive(100, ModelOptions(), follow=True))
    bare = asyncio.run(_bare_stream(100))
    ours, theirs = _spread(course.late), _spread(bare)
    return Measured({**ours, **course.loop_figures()}, theirs, ours["p95"] / theirs["p95"])


def _spread(values: list[float]) -> Figures:
    return {"p50": percentile(values, 0.5), "p95": percentile(values, 0.95), "max": max(values)}


async def _bare_stream(turns: int) -> list[float]:
    late: list[float] = []
    async with _process("tests.bench.quick_servers", "--turns", str(turns)) as servers:
        assert servers.stdout is not None
        url = json.loads(await servers.stdout.readline())["model"]
        async with anthropic.AsyncAnthropic(api_key=KEY, base_url=url, max_retries=0) as client:
            for _ in range(turns):
                async with client.beta.messages.stream(
                    model="claude-opus-5-5", max_tokens=100, messages=[{"role": "user", "content": "go"}]
                ) as stream:
                    async for text in stream.text_stream:
                        late.append((time.monotonic_ns() - int(text)) / 1e6)
    return late


@bench(
    "upload",
    unit="bytes",
    at_most={
        "ratio": 1.2,
        "inline_max": 8_400_000,  # the history's own bound is 8 MB
        **{f"{mode}_{name}": most for mode in ("files", "inline") for name, most in KEEPS_TO.items()},
    },
)
def upload() -> Measured:
    """Bytes sent for a step, pictures of 180 kB: the 40th against the 4th, by file and inline."""
    figures: Figures = {}
    for mode in ("files", "inline"):
        course = asyncio.run(_drive(150 if mode == "inline" else 45, ModelOptions(upload=mode)))
        # A step's bytes are those of the request that follows it, with the upload before.
        figures |= {
            f"{mode}_4": course.sent[4],
            f"{mode}_40": course.sent[40],
            f"{mode}_max": max(course.sent),
        }
        figures |= {f"{mode}_{name}": value for name, value in course.loop_figures().items()}
    baseline = {"files_4": figures["files_4"], "inline_4": figures["inline_4"]}
    return Measured(figures, baseline, figures["files_40"] / figures["files_4"])
