"""What the bridge costs: bytes to the terminal while text streams in, and rows by the thousand."""

from __future__ import annotations

import gc
import os
import re
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from textual.geometry import Region

from pilothouse import events as ev
from pilothouse.journal.writer import JournalWriter
from tests.bench import Figures, Measured, bench, percentile
from tests.bench.long_runs import long_run
from tests.terminal.fake_terminal import FakeTerminal

if TYPE_CHECKING:
    from pilothouse.tui.screens.run import RunScreen

ROOT = Path(__file__).parents[2]
SIZE = (200, 50)
TOKENS, TOKENS_PER_S = 300, 50

# Both programs draw with the real driver; what goes to the terminal is counted where the driver writes it.
COUNTED = f"""
import asyncio, sys, time
sys.path.insert(0, {str(ROOT)!r})

class Counting:
    def __init__(self, file):
        self.file, self.count = file, 0
    def write(self, text):
        self.count += len(text.encode())
        return self.file.write(text)
    def __getattr__(self, name):
        return getattr(self.file, name)

sys.__stderr__ = stream = Counting(sys.__stderr__)
words = ["kettle ", "the ", "colour ", "cart, ", "I ", "look ", "again ", "at ", "page. "] * 5 + ["\\n"]

async def measured(give):
    await asyncio.sleep(1.5)
    count, begun, cpu = stream.count, time.perf_counter(), time.process_time()
    for n in range({TOKENS}):
        await give(words[n % len(words)])
        due = begun + (n + 1) / {TOKENS_PER_S}
        await asyncio.sleep(max(due - time.perf_counter(), 0))
    await asyncio.sleep(0.3)
    taken = time.perf_counter() - begun
    return (stream.count - count) / taken, 100 * (time.process_time() - cpu) / taken
"""

BRIDGE = """
from pilothouse.tui.launch import prepare
capabilities = prepare()
from pilothouse import events as ev
from pilothouse.tui.app import Bridge
from tests.tui.fake_runs import RUN, FakeRuns, shop_script

async def main():
    script = shop_script(ended=False)
    script.start_turn()
    runs = FakeRuns(script.events, script.blobs)
    bridge = Bridge(runs, RUN, capabilities=capabilities)
    showing = asyncio.create_task(bridge.run_async())
    async def give(word):
        await runs.append(ev.TextStreamed(turn=script.turn, block=1, text=word))
    found = await measured(give)
    bridge.exit()
    await showing
    print("FOUND %d %.2f" % found)

asyncio.run(main())
"""

STATIC = """
from textual.app import App
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Static

class Plain(App):
    def compose(self):
        with Horizontal():
            with VerticalScroll():
                yield Static("", id="said", markup=False)
            with Vertical():
                yield Static("picture\\n" * 20)
                yield Static("calls\\n" * 20)

async def main():
    app, text = Plain(), []
    showing = asyncio.create_task(app.run_async())
    async def give(word):
        text.append(word)
        said = app.query_one("#said")
        said.update("".join(text))
        said.parent.scroll_end(animate=False)
    found = await measured(give)
    app.exit()
    await showing
    print("FOUND %d %.2f" % found)

asyncio.run(main())
"""


def streamed(program: str) -> Figures:
    with FakeTerminal([sys.executable, "-c", COUNTED + program], size=SIZE, answers=()) as terminal:
        terminal.wait_for_text("FOUND ")
        terminal.wait_for_exit()
        found = re.search(rb"FOUND (\d+) ([\d.]+)", terminal.sent)
    assert found is not None
    return {"bytes_per_s": float(found[1]), "cpu_percent": float(found[2])}


@bench("wire_stream", unit="bytes per second, 50 tokens/s at 200x50")
def wire_stream() -> Measured:
    """The bridge with its three panes; against `Static.update` with every token."""
    ours, theirs = streamed(BRIDGE), streamed(STATIC)
    return Measured(ours, theirs, ours["bytes_per_s"] / theirs["bytes_per_s"])


LENGTHS = (1_000, 100_000, 1_000_000)

ROWS = """
import asyncio, gc, sys, tempfile, time
from pathlib import Path
from tests.bench.bench_bridge import measure_rows
with tempfile.TemporaryDirectory() as directory:
    figures = asyncio.run(measure_rows(int(sys.argv[1]), Path(directory)))
print("FOUND", *(f"{name}={value:.6g}" for name, value in figures.items()))
"""


@bench("rows", unit="us; ms for first, read and load; bytes per event", at_most={"ratio": 1.5})
def rows() -> Measured:
    """A recording of 1 k, 100 k and 1 M events in the bridge: opened, gone on with, scrolled through.

    `first_ms` is from opening to the first painted rows, the whole file read or not. The ratio is the worse
    of append and scroll, at 1 M over at 1 k.
    """
    few, many, most = (_rows_apart(count) for count in LENGTHS)
    ratio = max(most[name] / few[name] for name in ("append_p50", "scroll_p50"))
    figures = {f"{name}_1M": value for name, value in most.items()}
    figures |= {f"{name}_100k": value for name, value in many.items()}
    return Measured(figures, {f"{name}_1k": value for name, value in few.items()}, ratio)


def _rows_apart(count: int) -> Figures:
    """Measure in a process of its own: memory is what that process has grown by."""
    done = subprocess.run(
        [sys.executable, "-c", ROWS, str(count)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found = next(line for line in done.stdout.splitlines() if line.startswith("FOUND "))
    return {name: float(value) for name, _, value in (word.partition("=") for word in found.split()[1:])}


async def measure_rows(count: int, directory: Path) -> Figures:
    """Open a recording of so many events, go on with it and scroll through it."""
    from pilothouse.journal.reader import JournalReader
    from pilothouse.runs.files import FileRuns
    from pilothouse.terminal.probe import Capabilities
    from pilothouse.tui.app import Bridge

    journal = _written(count, directory)
    begun = time.perf_counter()
    with JournalReader(journal) as reader:
        for _ in reader.read_all():
            pass
    read_ms = (time.perf_counter() - begun) * 1e3
    view, run = FileRuns.for_path(directory / "run")
    app = Bridge(view, run, replay=True, capabilities=Capabilities(), graphics="off")
    async with app.run_test(size=SIZE) as pilot:
        gc.collect()
        before = _resident()
        screen, begun = app.run_screen, time.perf_counter()
        while not _is_painted(screen):
            await pilot.pause(0.001)
        first_ms = (time.perf_counter() - begun) * 1e3
        while not screen.over or len(screen.record) < count:
            await pilot.pause(0.1)
        load_ms = (time.perf_counter() - begun) * 1e3
        await pilot.pause()
        gc.collect()
        bytes_per_event = (_resident() - before) / count
        gc.freeze()
        return {
            "first_ms": first_ms,
            "read_ms": read_ms,
            "load_ms": load_ms,
            "bytes_per_event": bytes_per_event,
            **_appended(screen, count),
            **_scrolled(screen, count),
        }


def _written(count: int, directory: Path) -> Path:
    with closing(JournalWriter.create(directory / "run", "ab12cd34ef")) as writer:
        for event in long_run(count):
            writer.append(event)
        writer.seal()
    return writer.path


def _is_painted(screen: RunScreen) -> bool:
    """Say whether rows have been drawn, not only counted."""
    return bool(len(screen.transcript)) and any(
        "Find the kettle" in strip.text for strip in screen.transcript_rows._painted.values()
    )


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _appended(screen: RunScreen, count: int) -> Figures:
    """Follow the end while events come, each painted."""
    screen.playhead.follow()
    screen.refresh_all()
    rows, took = screen.transcript_rows, []
    pane = Region(0, 0, *rows.size)
    for n in range(200):
        begun = time.perf_counter()
        screen._take([ev.Warned(seq=count + n, what=f"one more, number {n}")])
        screen.refresh_all()
        rows.render_lines(pane)
        took.append((time.perf_counter() - begun) * 1e6)
    return {"append_p50": percentile(took, 0.5), "append_p99": percentile(took, 0.99)}


def _scrolled(screen: RunScreen, count: int) -> Figures:
    """Scroll to places all over the list, then go there, so that every pane goes along.

    Nothing is kept of what was laid out before: in a short list it would be all there is.
    """
    rows, scrolled, sought = screen.transcript_rows, [], []
    pane = Region(0, 0, *rows.size)
    screen._go(screen.record.head // 2)
    for n in range(200):
        rows._forget()
        begun = time.perf_counter()
        rows.scroll_to(y=(n * 7_919_777) % max(int(rows.max_scroll_y), 1), animate=False, immediate=True)
        rows.render_lines(pane)
        scrolled.append((time.perf_counter() - begun) * 1e6)
    for n in range(100):
        begun = time.perf_counter()
        screen._go((n * 7_919_777) % count)
        rows.render_lines(pane)
        sought.append((time.perf_counter() - begun) * 1e6)
    return {
        "scroll_p50": percentile(scrolled, 0.5),
        "scroll_p99": percentile(scrolled, 0.99),
        "seek_p50": percentile(sought, 0.5),
        "seek_p99": percentile(sought, 0.99),
    }
