"""Follows a run from a process of its own, and tells how late each turn's first text came.

`python -m tests.bench.follower RUNS_DIR RUN` prints a JSON list of milliseconds when the run has ended.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from pilothouse import events as ev
from pilothouse.runs.files import FileRuns


async def follow(runs_dir: Path, run: str) -> list[float]:
    late: list[float] = []
    seen: set[int] = set()
    async for event in FileRuns(runs_dir).events(run):
        if isinstance(event, ev.TextStreamed) and event.turn not in seen:
            now = time.monotonic_ns()
            seen.add(event.turn)
            stamp = event.text.strip()
            if stamp.isdigit():
                late.append((now - int(stamp)) / 1e6)
    return late


print(json.dumps(asyncio.run(follow(Path(sys.argv[1]), sys.argv[2]))))
