"""Runs long enough to meet the bounds of the history: every request is accepted, and stays small."""

from __future__ import annotations

from pathlib import Path

import pytest

from pilothouse import events as ev
from pilothouse.engine.spec import ModelOptions
from pilothouse.events import Outcome
from tests.engine.rig import Rig, rigged
from tests.engine.test_run import CLICK

APPEND_ONLY, CHANGEABLE = "claude-opus-5-5", "claude-opus-5"
TURNS = 300
LONG = f'[[turn]]\nthinking = "where next"\ntext = "On."\ncalls = [{CLICK}]\nrepeat = {TURNS}\n'
WALL = 'acknowledge = ""\n'


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what waits for a real screen."""
    monkeypatch.setattr("pilothouse.browser.camera.FIRST_GRAB_S", {})
    monkeypatch.setattr("pilothouse.browser.camera.FIRST_GRAB_DEFAULT_S", 0.0)
    monkeypatch.setattr("pilothouse.browser.camera.GRAB_SPACING_S", 0.0)


def refused(rig: Rig) -> list[object]:
    return [summary["refused"] for summary in rig.model.log.summaries() if summary["refused"]]


def pictures(body: bytes) -> int:
    return body.count(b'"type":"image"')


@pytest.mark.parametrize("upload", ["files", "inline"])
@pytest.mark.parametrize("model", [APPEND_ONLY, CHANGEABLE])
async def test_a_long_run_stays_within_its_bounds(state_dir: Path, model: str, upload: str) -> None:
    options = ModelOptions(upload=upload, history_max_images=30)
    async with rigged(state_dir, LONG, model_name=model, options=options, speed=1e6) as rig:
        assert await rig.finish() is Outcome.COMPLETED
    assert refused(rig) == []
    assert len(rig.kernel.performed) == TURNS
    assert max(map(pictures, rig.bodies)) <= 31
    cleared = [event for event in rig.events if isinstance(event, ev.ContextCleared)]
    assert {event.what for event in cleared} == {"compaction" if model == APPEND_ONLY else "images"}
    assert sum(event.items for event in cleared) == TURNS - pictures(rig.bodies[-1]) + (
        len(cleared) if model == APPEND_ONLY else 0  # the newest picture is shown again after each summary
    )
    uploaded = [event for event in rig.events if isinstance(event, ev.PictureUploaded)]
    assert len(uploaded) == (TURNS if upload == "files" else 0)
    assert not rig.of(ev.TurnDiscarded)
