"""A whole run on this machine's own browser, filmed and followed: what is saved, and what is told."""

from pathlib import Path

import pytest

from pilothouse import events as ev
from pilothouse.engine.launch import launch
from pilothouse.engine.spec import BrowserOptions, RunSpec
from pilothouse.events import Outcome
from pilothouse.ids import new_run_id
from pilothouse.paths import run_dir
from tests.engine.test_process import SCENARIO, follow, never

pytestmark = pytest.mark.browser


async def test_a_local_run_is_filmed_and_followed(state_dir: Path) -> None:
    script = state_dir / "scenario.toml"
    script.write_text(SCENARIO)
    spec = RunSpec(
        run=new_run_id(),
        task="look",
        approve="auto",
        model_api="scripted",
        scenario=str(script),
        browser="local",
        browser_options=BrowserOptions(replay_video=True, telemetry=True),
        shop=True,
        headless=True,
    )
    started = launch(spec)
    seen = await follow(started.run, never)
    last = seen[-1]
    assert isinstance(last, ev.RunEnded)
    assert last.outcome is Outcome.COMPLETED
    assert [event.what for event in seen if isinstance(event, ev.Warned)] == []
    (saved,) = [event for event in seen if isinstance(event, ev.VideoSaved)]
    video = (run_dir(started.run) / saved.file).read_bytes()
    assert len(video) == saved.size
    assert video[4:8] == b"ftyp"
    went = [event for event in seen if isinstance(event, ev.PageReported) and event.kind == "page_navigation"]
    assert any(event.url.startswith("http://127.0.0.1:") for event in went)
