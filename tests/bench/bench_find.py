"""Search and filter in a run of a million events: how long the loop stalls, and when all is there."""

from __future__ import annotations

import asyncio
import gc
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import Figures, Measured, bench
from tests.bench.bench_bridge import ROOT, SIZE, _written

if TYPE_CHECKING:
    from collections.abc import Callable

    from pilothouse.tui.screens.run import RunScreen

EVENTS = 1_000_000
PROGRAM = f"""
import asyncio, tempfile
from pathlib import Path
from tests.bench.bench_find import measure
with tempfile.TemporaryDirectory() as directory:
    figures = asyncio.run(measure({EVENTS}, Path(directory)))
print("FOUND", *(f"{{name}}={{value:.6g}}" for name, value in figures.items()))
"""


@bench("find", unit="ms, at 1 M events", at_most={"search_stall": 50, "filter_stall": 50, "next_stall": 50})
def find() -> Measured:
    """Search for what is everywhere, at the far end and nowhere; filter by kind and by words.

    The baseline looks at every row in one go, as a search that holds the loop would; the ratio is the longest
    stall over that.
    """
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found = next(line for line in done.stdout.splitlines() if line.startswith("FOUND "))
    figures = {name: float(value) for name, _, value in (word.partition("=") for word in found.split()[1:])}
    baseline = {"at_once": figures.pop("at_once")}
    stall = max(value for name, value in figures.items() if name.endswith("stall"))
    return Measured(figures, baseline, stall / baseline["at_once"])


class _Stalls:
    """How late the event loop comes to what is due."""

    def __init__(self) -> None:
        self._worst = 0.0
        self._task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(0.001)
            self._worst = max(self._worst, (time.perf_counter() - begun - 0.001) * 1e3)

    async def during(self, act: Callable[[], object], is_over: Callable[[], bool]) -> tuple[float, float]:
        """Act; give the longest stall until it is over, and how long that took, in ms."""
        await asyncio.sleep(0.3)  # what is due now and then is painted
        self._worst, begun = 0.0, time.perf_counter()
        act()
        await asyncio.sleep(0)
        while not is_over():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.001)
        took = (time.perf_counter() - begun) * 1e3
        await asyncio.sleep(0.15)  # and what was found
        return self._worst, took


async def measure(count: int, directory: Path) -> Figures:
    """Open a recording of so many events, and look for rows in it."""
    from pilothouse.runs.files import FileRuns
    from pilothouse.terminal.probe import Capabilities
    from pilothouse.tui.app import Bridge

    _written(count, directory)
    view, run = FileRuns.for_path(directory / "run")
    app = Bridge(view, run, replay=True, capabilities=Capabilities(), graphics="off")
    async with app.run_test(size=SIZE) as pilot:
        screen = app.run_screen
        while not screen.over or len(screen.record) < count:
            await pilot.pause(0.1)
        await pilot.pause()
        gc.collect()
        gc.freeze()
        at_once = _at_once(screen)
        return {"at_once": at_once, **await _searched(screen), **await _filtered(screen)}


def _at_once(screen: RunScreen) -> float:
    pattern, rows = re.compile("nowhere", re.IGNORECASE), screen.transcript
    begun = time.perf_counter()
    assert not [index for index in range(len(rows)) if pattern.search(rows.text(index))]
    return (time.perf_counter() - begun) * 1e3


async def _searched(screen: RunScreen) -> Figures:
    from pilothouse.tui.widgets.finders import Find

    stalls, figures = _Stalls(), {"search_stall": 0.0, "next_stall": 0.0}
    last = screen.transcript.text(len(screen.transcript) - 1)
    for name, text in (("common", "page"), ("far", last), ("nowhere", "nowhere")):
        screen._go(0)

        def begin(text: str = text) -> None:
            screen.on_find_given(Find.Given(text))

        worst, took = await stalls.during(begin, lambda: not screen._is_searching)
        figures["search_stall"] = max(figures["search_stall"], worst)
        figures[f"search_{name}"] = took
        for _ in range(3 if screen.searching else 0):
            worst, _ = await stalls.during(screen.do_find_next, lambda: not screen._to_match)
            figures["next_stall"] = max(figures["next_stall"], worst)
        screen.forget_search()
    return figures


async def _filtered(screen: RunScreen) -> Figures:
    from pilothouse.tui.widgets.finders import Sift

    stalls, figures = _Stalls(), {"filter_stall": 0.0}
    for name, text in (("kind", "action"), ("words", "text:third"), ("none", "teapot"), ("all", "")):

        def begin(text: str = text) -> None:
            screen.on_sift_given(Sift.Given(text))

        worst, took = await stalls.during(begin, lambda: not screen._is_sifting)
        figures["filter_stall"] = max(figures["filter_stall"], worst)
        figures[f"filter_{name}"] = took
    worst, figures["detail"] = await stalls.during(screen.do_detail, lambda: not screen._is_sifting)
    figures["filter_stall"] = max(figures["filter_stall"], worst)
    return figures
