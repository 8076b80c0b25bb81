"""The bridge on a run that never rests; its arguments: LOG PICTURES FRAMES_S EVENTS_S SECONDS.

Writes down, as JSON lines with monotonic times: each frame captured, each key, each command, and at the end
how late the event loop was. Every frame has its number on it, to be read off the screen.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import json
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

from PIL import Image, ImageDraw, UnidentifiedImageError

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.tui.launch import prepare
from tests.tui.fake_runs import RUN, FakeRuns, Script

BITS, BIT_PX = 12, 48
SIZE = (1280, 800)
WORDS = ["kettle ", "the ", "colour ", "cart, ", "I ", "look ", "again ", "at ", "page. "] * 5 + ["\n"]


def numbered(image: Image.Image, number: int) -> Image.Image:
    """Write a number onto a frame, above and below, as black and white squares, and once more inverted."""
    marked = image.copy()
    pen = ImageDraw.Draw(marked)
    for top in (0, SIZE[1] - BIT_PX):
        for bit in range(2 * BITS):
            lit = bool(number >> bit & 1) if bit < BITS else not number >> (bit - BITS) & 1
            box = (bit * BIT_PX, top, (bit + 1) * BIT_PX - 1, top + BIT_PX - 1)
            pen.rectangle(box, fill="white" if lit else "black")
    return marked


def number_on(image: Image.Image) -> int:
    """Read a number off a picture of a frame; -1 where there is none, or two in the midst of a change."""
    found = []
    data = image.convert("L").tobytes()
    for top in (0, SIZE[1] - BIT_PX):
        bits = []
        for bit in range(2 * BITS):
            x = (bit + 0.5) * BIT_PX * image.width / SIZE[0]
            y = (top + BIT_PX / 2) * image.height / SIZE[1]
            bits.append(data[int(y) * image.width + int(x)] >= 128)
        if any(bits[bit] == bits[bit + BITS] for bit in range(BITS)):
            return -1
        found.append(sum(1 << bit for bit in range(BITS) if bits[bit]))
    return found[0] if found[0] == found[1] else -1


def screenshots(blobs: Path) -> list[Image.Image]:
    """Take the frames of a recording: real pages, one after the other."""
    found = []
    for path in sorted(path for path in blobs.rglob("*") if path.is_file()):
        with contextlib.suppress(UnidentifiedImageError), Image.open(path) as image:
            if image.size == SIZE:
                found.append(image.convert("RGB"))
    return found


class Log:
    """Lines of JSON."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", buffering=1)

    def __call__(self, what: str, **facts: Any) -> None:
        self._file.write(json.dumps({"what": what, "at": time.monotonic(), **facts}) + "\n")


class Listening(FakeRuns):
    """Notes commands, and does nothing about them."""

    def __init__(self, log: Log, *given: Any) -> None:
        super().__init__(*given)
        self._log = log
        self.obeys = False

    async def control(self, run: str, command: cmd.Command) -> cmd.Ack:
        self._log("command", name=type(command).__name__)
        return await super().control(run, command)


async def _frames(
    runs: FakeRuns, script: Script, log: Log, pictures: list[Image.Image], per_s: float
) -> None:
    number = 0
    begun = time.monotonic()
    while True:
        number += 1
        out = io.BytesIO()
        picture = await asyncio.to_thread(numbered, pictures[number % len(pictures)], number)
        await asyncio.to_thread(picture.save, out, "PNG", compress_level=1)
        data = out.getvalue()
        sha256 = hashlib.sha256(data).hexdigest()
        runs.blobs[sha256] = data
        blob = ev.Blob(sha256=sha256, mime="image/png", size=len(data), width_px=SIZE[0], height_px=SIZE[1])
        log("frame", number=number)
        await runs.append(
            ev.FrameCaptured(frame=number + 1_000, blob=blob, source="settled", action=0, url="http://shop/")
        )
        await asyncio.sleep(max(begun + number / per_s - time.monotonic(), 0))


async def _text(runs: FakeRuns, script: Script, per_s: float) -> None:
    begun, count = time.monotonic(), 0
    while True:
        due = int((time.monotonic() - begun) * per_s)
        words = [
            ev.TextStreamed(turn=script.turn, block=n // 2_000 + 1, text=WORDS[n % len(WORDS)])
            for n in range(count, due)
        ]
        if words:
            await runs.append(*words)
        count = due
        await asyncio.sleep(0.02)


async def _lateness(found: list[float]) -> None:
    while True:
        before = time.monotonic()
        await asyncio.sleep(0.005)
        found.append((time.monotonic() - before - 0.005) * 1e3)


async def main(log: Log, pictures: list[Image.Image], frames_s: float, events_s: float, for_s: float) -> None:
    """Show the run for so long."""
    capabilities = prepare()
    from textual import events

    from pilothouse.tui import app
    from pilothouse.tui.app import Bridge
    from tests.tui.fake_runs import shop_script

    class Watched(Bridge):
        CSS_PATH: ClassVar = [str(Path(app.__file__).parent / path) for path in Bridge.CSS_PATH]

        async def on_event(self, event: events.Event) -> None:
            if isinstance(event, events.Key) and not event.is_forwarded:
                log("key", name=event.key)
            await super().on_event(event)

    import gc

    script = shop_script(ended=False)
    script.start_turn()
    runs = Listening(log, script.events, script.blobs)
    bridge = Watched(runs, RUN, capabilities=capabilities)
    gc.freeze()
    showing = asyncio.create_task(bridge.run_async())
    await asyncio.sleep(1.5)
    late: list[float] = []
    work = [
        asyncio.create_task(one)
        for one in (
            _frames(runs, script, log, pictures, frames_s),
            _text(runs, script, events_s),
            _lateness(late),
        )
    ]
    await asyncio.sleep(for_s)
    figures = bridge.link
    for task in work:
        task.cancel()
    bridge.exit()
    await showing
    log("late", ms=sorted(late)[-1], p99=sorted(late)[int(len(late) * 0.99)])
    log("link", rtt_ms=figures.rtt_ms, rate_kb_s=figures.rate_kb_s, answers=figures.answers)


if __name__ == "__main__":
    asyncio.run(main(Log(Path(sys.argv[1])), screenshots(Path(sys.argv[2])), *map(float, sys.argv[3:6])))
