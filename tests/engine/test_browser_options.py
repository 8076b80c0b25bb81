"""Where a run's browser comes from, what is asked of the service for it, and how it is given back."""

import asyncio
from pathlib import Path

import pytest

from pilothouse import events as ev
from pilothouse.commands import Abort, Refused
from pilothouse.engine.spec import BrowserOptions
from pilothouse.events import Outcome
from pilothouse.ids import host_hash
from tests.engine.rig import Rig, rigged
from tests.engine.test_run import CLICK, scenario

ONE = scenario(f"calls = [{CLICK}]", 'text = "Done."')


def closed(rig: Rig) -> list[tuple[str, str, bool]]:
    return [(e.name, e.why, e.kept) for e in rig.events if isinstance(e, ev.BrowserClosed)]


def ended(rig: Rig) -> ev.RunEnded:
    last = rig.events[-1]
    assert isinstance(last, ev.RunEnded)
    return last


async def test_every_wish_reaches_the_service_in_its_own_shape(state_dir: Path) -> None:
    options = BrowserOptions(
        width_px=1024,
        height_px=768,
        start_url="https://example.com/",
        allow_hosts=("example.com",),
        stealth=True,
        headless=True,
        kiosk=True,
        profile="shopping",
        save_profile=True,
        proxy="direct",
        region="eu-west",
        tags={"team": "red", "app": "another"},
        invocation="inv_1",
        telemetry=True,
    )
    async with rigged(state_dir, ONE, browser_options=options) as rig:
        assert await rig.finish() is Outcome.COMPLETED
        run = rig.run.recorder.state.run
    captured = {kind: {"enabled": True} for kind in ("console", "network", "page", "interaction")}
    assert rig.kernel.asked == [
        {
            "name": run,
            "tags": {"team": "red", "app": "pilothouse", "run": run, "host": host_hash()},
            "timeout_seconds": 300,
            "viewport": {"width": 1024, "height": 768},
            "start_url": "https://example.com/",
            "network": {"allowed_hosts": ["example.com"]},
            "stealth": True,
            "headless": True,
            "kiosk_mode": True,
            "profile": {"name": "shopping", "save_changes": True},
            "proxy": {"mode": "direct"},
            "region": "eu-west",
            "invocation_id": "inv_1",
            "telemetry": {"enabled": True, "browser": captured},
        }
    ]


async def test_the_name_is_on_disk_before_the_browser_is_asked_for(state_dir: Path) -> None:
    async with rigged(state_dir, ONE) as rig:
        rig.kernel.faults["post"] = ["hang"]
        driving = asyncio.create_task(rig.run.drive())
        await rig.kernel.hanging.wait()
        assert b'"type":"BrowserIntended"' in (rig.directory / "journal.phj").read_bytes()
        rig.abort()
        assert await driving is Outcome.ABORTED
        assert rig.kernel.browsers == {}


async def test_a_name_that_is_taken_is_adopted_only_if_it_is_ours(state_dir: Path) -> None:
    async with rigged(state_dir, ONE) as rig:
        run = rig.run.recorder.state.run
        rig.kernel.make(run, tags={"app": "another"})
        assert await rig.finish() is Outcome.FAILED
        assert list(rig.kernel.browsers) == [run]  # not ours to delete
        assert rig.kernel.deleted == []
    assert "is taken by one that is not this run's" in ended(rig).why

    async with rigged(state_dir, ONE) as rig:
        rig.kernel.faults["post"] = ["twice"]  # a proxy in between repeated the request
        assert await rig.finish() is Outcome.COMPLETED
        assert rig.kernel.browsers == {}


@pytest.mark.parametrize("fault", ["429", "500", "lost", "drop"])
async def test_a_browser_is_asked_for_again_and_made_once(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr("pilothouse.browser.sources.CREATE_SPACING_S", 0.01)
    async with rigged(state_dir, ONE) as rig:
        rig.kernel.faults["post"] = [fault]
        assert await rig.finish() is Outcome.COMPLETED
        assert rig.kernel.browsers == {}
        assert len(rig.kernel.deleted) == 1
    retried = [event.what for event in rig.events if isinstance(event, ev.RetryScheduled)]
    assert retried == (["browser"] if fault in ("429", "lost") else [])


async def test_an_existing_browser_is_used_at_its_own_size_and_left(state_dir: Path) -> None:
    async with rigged(state_dir, ONE, browser_options=BrowserOptions(existing="annas")) as rig:
        made = rig.kernel.make("annas", viewport={"width": 800, "height": 600})
        assert await rig.finish() is Outcome.COMPLETED
        assert list(rig.kernel.browsers) == ["annas"]
        state = rig.run.recorder.state
    assert closed(rig) == [("annas", "the run ended", True)]
    assert rig.kernel.asked == []
    opened = next(event for event in rig.events if isinstance(event, ev.BrowserOpened))
    assert (opened.session, opened.width_px, opened.height_px) == (made["session_id"], 800, 600)
    assert (state.display_width_px, state.display_height_px) == (800, 600)


async def test_an_existing_browser_shows_and_reports_what_was_asked_for(state_dir: Path) -> None:
    options = BrowserOptions(existing="annas", start_url="https://example.com/", telemetry=True)
    async with rigged(state_dir, ONE, browser_options=options) as rig:
        rig.kernel.make("annas")
        assert await rig.finish() is Outcome.COMPLETED
    captured = {kind: {"enabled": True} for kind in ("console", "network", "page", "interaction")}
    assert rig.kernel.updated == [
        {"start_url": "https://example.com/", "telemetry": {"enabled": True, "browser": captured}}
    ]


async def test_an_existing_browser_that_is_not_there_is_one_sentence(state_dir: Path) -> None:
    async with rigged(state_dir, ONE, browser_options=BrowserOptions(existing="annas")) as rig:
        assert await rig.finish() is Outcome.FAILED
    assert ended(rig).why.startswith("there is no browser annas")
    ((name, _, kept),) = closed(rig)
    assert (name, kept) == ("annas", True)


async def test_an_existing_browser_of_unknown_size_is_measured(state_dir: Path) -> None:
    async with rigged(state_dir, ONE, browser_options=BrowserOptions(existing="annas", width_px=640)) as rig:
        rig.kernel.make("annas", viewport=None)
        assert await rig.finish() is Outcome.COMPLETED
        assert rig.run.recorder.state.display_width_px == 1280


async def test_a_browser_with_a_short_limit_of_its_own_is_kept_alive_in_time(state_dir: Path) -> None:
    async with rigged(state_dir, ONE, browser_options=BrowserOptions(existing="annas")) as rig:
        rig.kernel.make("annas", timeout_seconds=1)
        rig.pause()
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.BrowserKeptAlive))
        rig.resume()
        assert await driving is Outcome.COMPLETED
    assert rig.kernel.beats >= 1


async def test_a_browser_from_a_pool_is_given_back(state_dir: Path) -> None:
    options = BrowserOptions(pool="warm", start_url="https://example.com/", tags={"team": "red"})
    async with rigged(state_dir, ONE, browser_options=options) as rig:
        assert await rig.finish() is Outcome.COMPLETED
        run = rig.run.recorder.state.run
        assert rig.kernel.browsers == {}
    assert rig.kernel.asked == [
        {
            "name": run,
            "tags": {"team": "red", "app": "pilothouse", "run": run, "host": host_hash()},
            "start_url": "https://example.com/",
            "acquire_timeout_seconds": 60,
        }
    ]
    assert rig.kernel.released == [("sess_1", True)]
    assert closed(rig) == [(run, "given back to its pool", False)]


async def test_a_pool_gets_back_a_browser_whose_answer_was_lost(state_dir: Path) -> None:
    async with rigged(state_dir, ONE, browser_options=BrowserOptions(pool="warm")) as rig:
        rig.kernel.faults["acquire"] = ["drop"]
        rig.kernel.faults["release"] = ["drop"]
        assert await rig.finish() is Outcome.COMPLETED
        assert rig.kernel.browsers == {}
    assert rig.kernel.pool_free == 1


async def test_after_an_abort_a_pooled_browser_is_not_used_again(state_dir: Path) -> None:
    async with rigged(state_dir, ONE, browser_options=BrowserOptions(pool="warm")) as rig:
        rig.pause()
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.FrameCaptured))
        rig.abort()
        assert await driving is Outcome.ABORTED
    assert rig.kernel.released == [("sess_1", False)]


async def test_an_empty_pool_is_one_sentence(state_dir: Path) -> None:
    async with rigged(state_dir, ONE, browser_options=BrowserOptions(pool="warm")) as rig:
        rig.kernel.pool_free = 0
        assert await rig.finish() is Outcome.FAILED
    assert "none of the pool warm became free within 60 s" in ended(rig).why
    assert not rig.of(ev.DeletePending)


async def test_a_local_browser_can_not_be_kept_and_the_abort_says_so(state_dir: Path) -> None:
    async with rigged(state_dir, ONE) as rig:
        rig.run.steering.why_not_keep = "a local browser ends with its run, and can't be kept"
        answer = rig.do(Abort(id="1", actor="anna", keep_browser=True))
        assert answer == Refused(
            id="1", why="a local browser ends with its run, and can't be kept: abort without keeping it"
        )
        assert await rig.finish() is Outcome.COMPLETED
