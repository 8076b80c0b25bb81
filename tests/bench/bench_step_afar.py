"""What a step costs on a browser like Kernel's: by what its pages tell over DevTools, against delays alone.

The engine, the pages, the actions and the judge are those of `step_overhead`; the browser's server does not
settle, and a picture takes as long as Kernel's do. Where pages are asked, no picture may come by a delay.
"""

from __future__ import annotations

import asyncio

import msgspec

from tests.bench import Measured, bench
from tests.bench.bench_loop import KEEPS_TO, Course
from tests.bench.bench_step import Step, figures, loop_figures, ours, tell
from tests.engine.far_kernel import FarKernel, far_kernel

PAGES = ("spinner", "timer", "slow")
"""One that never rests, one that is late by itself, and one that waits for its server."""
SCREENSHOT_S = 0.25
"""Kernel's take about 0.29 s (kernel-api §0.6), a local one the rest."""


@bench(
    "step_afar",
    unit="ms",
    at_most={"ratio": 0.6, "by_delay": 0, **KEEPS_TO},
    at_least={"right_frames": 0.99},
)
def step_afar() -> Measured:
    """Nine actions on three pages, and the same by delays; a median over a median."""
    return asyncio.run(_measure())


async def _measure() -> Measured:
    course, beside = Course(), Course()
    async with far_kernel() as far:
        far.screenshot_s = SCREENSHOT_S
        asked = await _steps(far, course)
        far.hands_out_devtools = False
        delayed = await _steps(far, beside)
    tell({"by pages": asked, "by delays": delayed})
    found, baseline = figures(asked), figures(delayed) | loop_figures(beside, delayed)
    found["by_delay"] = sum(step.settled_by not in ("signals", "quiet") for step in asked)
    found |= loop_figures(course, asked)
    return Measured(found, baseline, found["median_ms"] / baseline["median_ms"])


async def _steps(far: FarKernel, course: Course) -> list[Step]:
    ready = msgspec.structs.replace(far.ready, base_url=far.url)
    return [step for page in PAGES for step in await ours(ready, page, course)]
