"""The demo does what its words say: its clicks meet what they name, with a browser around the page or not."""

from __future__ import annotations

import asyncio
from itertools import groupby
from pathlib import Path

import msgspec
import pytest

from pilothouse import events as ev
from pilothouse.cli import demo
from pilothouse.engine.launch import launch
from pilothouse.events import Outcome
from pilothouse.paths import runs_dir
from pilothouse.runs.files import FileRuns

PAGES = [
    "Tidewater Goods",
    "Search: storm kettle",
    "Storm Kettle",
    "Your cart",
    "Check out",
    "Order T-1001 confirmed",
]


@pytest.mark.browser
@pytest.mark.parametrize("backend", [pytest.param("x11", marks=pytest.mark.display), "headless"])
async def test_the_kettle_is_bought(state_dir: Path, monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    monkeypatch.setenv(demo.SPEED_VARIABLE, "50")
    spec = msgspec.structs.replace(demo.spec(headless=True), local_backend=backend)
    started = await asyncio.to_thread(launch, spec)
    events = [event async for event in FileRuns(runs_dir()).events(started.run)]
    assert isinstance(events[-1], ev.RunEnded)
    assert events[-1].outcome is Outcome.COMPLETED
    titles = [event.title for event in events if isinstance(event, ev.FrameCaptured) and event.title]
    assert [title for title, _ in groupby(titles)] == PAGES
