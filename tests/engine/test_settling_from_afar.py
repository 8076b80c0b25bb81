"""Runs on Kernel settle by what the pages tell over DevTools, else by delays; nobody hears of the token."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pilothouse import events as ev
from pilothouse.browser import far_pages
from pilothouse.engine.spec import BrowserOptions
from pilothouse.events import Hold, Outcome
from tests.engine.devtools_stub import TOKEN
from tests.engine.rig import Rig, rigged
from tests.engine.test_run import CLICK, scenario

THREE = scenario(f"calls = [{CLICK}]", f"calls = [{CLICK}]", f"calls = [{CLICK}]", 'text = "Done."')
MADE: list[far_pages.FarPages] = []
"""Those of the run, for when they can be asked."""
NO_TIME = "[pace]\nbefore_s = 0.0\nper_delta_s = 0.0\n"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the stub's screen, which is at rest at once, settle quickly without signals too."""
    monkeypatch.setattr("pilothouse.browser.camera.FIRST_GRAB_DEFAULT_S", 0.0)
    monkeypatch.setattr("pilothouse.browser.camera.GRAB_SPACING_S", 0.0)
    monkeypatch.setattr(far_pages, "BACKOFF_S", 0.0)
    monkeypatch.setattr(far_pages, "PULSE_S", 30.0)
    made, begin = MADE, far_pages.FarPages.__init__
    made.clear()

    def kept(pages: far_pages.FarPages, *args: Any, **options: Any) -> None:
        begin(pages, *args, **options)
        made.append(pages)

    monkeypatch.setattr(far_pages.FarPages, "__init__", kept)


async def answers(rig: Rig) -> None:
    """Wait until the pages can be asked: the browser has the script, and the run knows it."""
    await rig.kernel.devtools.ready.wait()
    while not any(pages.live for pages in MADE):  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.001)


def settled_by(rig: Rig) -> list[str]:
    """Say what decided, for each action's picture."""
    return [event.settled_by for event in rig.of(ev.FrameCaptured) if event.source == "settled"]


def said_anywhere(directory: Path, text: str) -> list[Path]:
    return [file for file in directory.rglob("*") if file.is_file() and text.encode() in file.read_bytes()]


async def stepped(rig: Rig, steps: int = 1) -> None:
    """Let the run make so many steps, and wait until their pictures are there."""
    wanted = len(settled_by(rig)) + steps
    rig.step(steps)
    await rig.until(lambda event: len(settled_by(rig)) >= wanted)


async def begun(rig: Rig) -> asyncio.Task[Outcome]:
    """Start a run that stands before its first action."""
    rig.pause()
    driving = asyncio.create_task(rig.finish())
    await rig.until_one(ev.FrameCaptured)
    return driving


async def asked_once(rig: Rig) -> asyncio.Task[Outcome]:
    """Begin a run, and let its pages decide one step; whether they answer again is not known then."""
    driving = await begun(rig)
    await answers(rig)
    await stepped(rig)
    rig.kernel.devtools.ready.clear()
    return driving


async def test_the_pages_decide_on_kernel(state_dir: Path) -> None:
    async with rigged(state_dir, NO_TIME + THREE, headless=False, idle_s=0.01, devtools=True) as rig:
        driving = await begun(rig)
        await answers(rig)
        rig.resume()
        assert await driving is Outcome.COMPLETED
        await rig.kernel.devtools.closed.wait()
        assert settled_by(rig) == ["signals"] * 3
        assert rig.kernel.devtools.asked == ["sess_1"]
        assert not rig.kernel.devtools.talks


async def test_devtools_that_are_refused_leave_delays_and_no_trace_of_their_token(
    state_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    async with rigged(state_dir, NO_TIME + THREE, devtools=True) as rig:
        rig.kernel.devtools.refuses = True
        assert await rig.finish() is Outcome.COMPLETED
        assert set(settled_by(rig)) <= {"delay", "quiet"}
        assert TOKEN not in repr(rig.events)
    assert rig.kernel.devtools.asked
    assert said_anywhere(state_dir, TOKEN) == []
    assert TOKEN not in caplog.text


async def test_no_token_is_left_anywhere_by_a_run_that_was_settled_by_it(
    state_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    options: Any = {"headless": False, "idle_s": 0.01, "devtools": True}
    async with rigged(state_dir, NO_TIME + THREE, **options) as rig:
        driving = await begun(rig)
        await answers(rig)
        rig.kernel.devtools.cuts = True
        rig.resume()
        assert await driving is Outcome.COMPLETED
    assert said_anywhere(state_dir, TOKEN) == []
    assert TOKEN not in caplog.text


async def test_a_conversation_lost_in_the_middle_costs_one_step_its_signals(state_dir: Path) -> None:
    async with rigged(state_dir, NO_TIME + THREE, headless=False, idle_s=0.01, devtools=True) as rig:
        devtools, driving = rig.kernel.devtools, await asked_once(rig)
        devtools.cuts = True
        await stepped(rig)
        await answers(rig)
        rig.resume()
        assert await driving is Outcome.COMPLETED
        first, second, third = settled_by(rig)
        assert (first, third) == ("signals", "signals")
        assert second in ("delay", "quiet")


async def test_a_browser_that_never_answers_devtools_holds_nothing_up(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(far_pages, "PULSE_S", 0.01)
    async with rigged(state_dir, NO_TIME + THREE, headless=False, idle_s=0.01, devtools=True) as rig:
        driving = await begun(rig)
        await answers(rig)
        rig.kernel.devtools.is_mute = True
        rig.resume()
        assert await driving is Outcome.COMPLETED
        assert set(settled_by(rig)) <= {"delay", "quiet"}


async def test_the_next_browser_is_asked_when_the_first_is_lost(state_dir: Path) -> None:
    async with rigged(state_dir, NO_TIME + THREE, headless=False, idle_s=0.01, devtools=True) as rig:
        devtools, driving = rig.kernel.devtools, await asked_once(rig)
        rig.kernel.vanish()
        rig.step()
        await rig.until(
            lambda event: isinstance(event, ev.StateChanged) and Hold.BROWSER_LOST in event.holding
        )
        rig.resume()
        rig.pause()  # else the last action may come before the new browser's pages can be asked
        await answers(rig)
        rig.resume()
        assert await driving is Outcome.COMPLETED
        assert devtools.asked == ["sess_1", "sess_2"]
        assert settled_by(rig)[-1] == "signals"


async def test_a_browser_in_stealth_is_never_asked(state_dir: Path) -> None:
    async with rigged(state_dir, NO_TIME + THREE, devtools=True) as rig:
        made = rig.kernel.make
        rig.kernel.make = lambda name, **also: made(name, **also | {"stealth": True})  # type: ignore[method-assign]
        assert await rig.finish() is Outcome.COMPLETED
        assert rig.kernel.devtools.asked == []


async def test_whoever_wants_delays_has_no_page_asked(state_dir: Path) -> None:
    delays = BrowserOptions(settle="delays")
    async with rigged(state_dir, NO_TIME + THREE, devtools=True, browser_options=delays) as rig:
        assert await rig.finish() is Outcome.COMPLETED
        assert rig.kernel.devtools.asked == []
