"""What the bridge costs: bytes to the terminal while text streams in, and rows by the thousand."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from pathlib import Path

from textual.geometry import Region

from pilothouse import events as ev
from tests.bench import Figures, Measured, bench, percentile
from tests.terminal.fake_terminal import FakeTerminal

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


@bench("rows", unit="us")
def rows() -> Measured:
    """A row appended and painted, and a jump painted, among 100,000 rows; against the same among 1,000.

    The ratio is that of the jumps: what a person waits for must not grow with the run.
    """
    few, many = asyncio.run(_rows(1_000)), asyncio.run(_rows(100_000))
    return Measured(many, few, many["jump_p50"] / few["jump_p50"])


async def _rows(count: int) -> Figures:
    from textual.app import App, ComposeResult

    from pilothouse.tui.transcript import Transcript
    from pilothouse.tui.widgets.rows import Rows

    source = Transcript()
    for seq in range(count):
        source.feed(ev.Warned(seq=seq, what=f"something to be known, number {seq}, " * (seq % 4 + 1)))
    widget = Rows(source, id="rows")

    class Alone(App[None]):
        CSS = "Rows { height: 1fr; }"

        def compose(self) -> ComposeResult:
            yield widget

    app = Alone()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        begun = time.perf_counter()
        widget.show(count - 1, count - 1, True)
        first = (time.perf_counter() - begun) * 1e6
        pane = Region(0, 0, *widget.size)
        appended, jumped = [], []
        for n in range(200):
            begun = time.perf_counter()
            changed = source.feed(ev.Warned(seq=count + n, what="one more"))
            assert changed is not None
            widget.changed_from(changed)
            widget.show(count + n, count + n, True)
            widget.render_lines(pane)
            appended.append((time.perf_counter() - begun) * 1e6)
        for n in range(200):
            target = (n * 7_919) % count
            begun = time.perf_counter()
            widget.show(target, target, False)
            widget.render_lines(pane)
            jumped.append((time.perf_counter() - begun) * 1e6)
    return {
        "first": first,
        "append_p50": percentile(appended, 0.5),
        "append_p99": percentile(appended, 0.99),
        "jump_p50": percentile(jumped, 0.5),
        "jump_p99": percentile(jumped, 0.99),
    }
