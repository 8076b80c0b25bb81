"""A whole run on this machine's own browser, filmed and followed: what is saved, and what is told."""

import asyncio
from pathlib import Path

import pytest

from pilothouse import events as ev
from pilothouse.engine.backends import Endpoint
from pilothouse.engine.launch import launch
from pilothouse.engine.spec import BrowserOptions, RunSpec
from pilothouse.events import Outcome
from pilothouse.ids import new_run_id
from pilothouse.paths import run_dir
from tests.engine.rig import rigged
from tests.engine.test_process import SCENARIO, follow, never
from tests.engine.test_run import CLICK, scenario
from tests.local.kernel.conftest import server

pytestmark = [pytest.mark.browser, pytest.mark.display]


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


async def test_a_browser_is_borrowed_from_a_pool_used_and_given_back(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PILOTHOUSE_ALLOW_NO_SANDBOX", "1")
    script = scenario(f"calls = [{CLICK}]", 'text = "Done."')
    async with server() as local, local.client() as client:
        await client.browser_pools.create(size=1, name="warm", viewport={"width": 1280, "height": 800})
        async with rigged(state_dir, script, browser_options=BrowserOptions(pool="warm"), speed=1e6) as rig:
            rig.run._backends.browser = Endpoint(base_url=local.ready.base_url, key=local.ready.token)
            borrowed = asyncio.create_task(rig.until(lambda event: isinstance(event, ev.BrowserOpened)))
            assert await rig.finish() is Outcome.COMPLETED
        pool = await client.browser_pools.retrieve("warm")
        left = [one.session_id async for one in client.browsers.list()]
    opened = await borrowed
    assert isinstance(opened, ev.BrowserOpened)
    assert (opened.width_px, opened.height_px) == (1280, 800)
    (closed,) = [event for event in rig.events if isinstance(event, ev.BrowserClosed)]
    assert closed.why == "given back to its pool"
    (finished,) = [event for event in rig.events if isinstance(event, ev.ActionFinished)]
    assert finished.ok
    assert (pool.available_count, pool.acquired_count, left) == (1, 0, [])
