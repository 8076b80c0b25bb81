"""A browser that goes while a run needs it: the run holds, a person resumes, the agent is told the truth."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pilothouse import events as ev
from pilothouse.browser.faults import LOOK_CAP_S
from pilothouse.commands import Abort
from pilothouse.engine.berth import BACK, LOST, NOT_DONE
from pilothouse.events import Hold, Outcome
from pilothouse.model.prompt import HALTED
from tests.engine.rig import Rig, rigged
from tests.engine.test_run import CLICK, KEY, TYPE, requests, scenario

ATTENDED = "[pace]\nbefore_s = 0.0\nper_delta_s = 0.0\n"
TWO = ATTENDED + scenario(f"calls = [{CLICK}, {TYPE}, {KEY}]", f"calls = [{CLICK}]", 'text = "Done."')


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the stub's screen, which is at rest at once, settle quickly."""
    monkeypatch.setattr("pilothouse.browser.camera.FIRST_GRAB_S", {})
    monkeypatch.setattr("pilothouse.browser.camera.FIRST_GRAB_DEFAULT_S", 0.01)
    monkeypatch.setattr("pilothouse.browser.camera.GRAB_SPACING_S", 0.01)


def holds(event: ev.Event) -> bool:
    return isinstance(event, ev.StateChanged) and Hold.BROWSER_LOST in event.holding


async def to_the_first_step(rig: Rig) -> asyncio.Task[Outcome]:
    """Drive a run until its first action is done, and it holds."""
    rig.pause()
    driving = asyncio.create_task(rig.run.drive())
    await rig.until(lambda event: isinstance(event, ev.FrameCaptured))
    rig.step()
    await rig.until(lambda event: isinstance(event, ev.StateChanged) and Hold.STEP in event.holding)
    return driving


def results(rig: Rig, request: int) -> list[dict[str, Any]]:
    content = requests(rig)[request]["messages"][-1]["content"]
    return [block for block in content if block["type"] == "tool_result"]


def texts(result: dict[str, Any]) -> list[str]:
    return [block["text"] for block in result["content"] if block["type"] == "text"]


async def finish(rig: Rig, driving: asyncio.Task[Outcome]) -> None:
    """End an attended run once its agent is done."""
    await rig.until(lambda event: isinstance(event, ev.StateChanged) and event.phase == "idle")
    rig.abort()
    assert await driving is Outcome.ABORTED
    assert rig.kernel.browsers == {}


async def test_an_attended_run_holds_and_goes_on_in_a_new_browser(state_dir: Path) -> None:
    async with rigged(state_dir, TWO, headless=False) as rig:
        driving = await to_the_first_step(rig)
        rig.kernel.browsers.clear()
        rig.resume()
        await rig.until(holds)
        assert rig.kernel.browsers == {}  # nothing is asked for before a person says so
        rig.resume()
        await rig.until(lambda event: isinstance(event, ev.TurnFinished) and event.turn == 2)
        run = rig.run.recorder.state.run
        assert list(rig.kernel.browsers) == [f"{run}-b2"]
        assert rig.kernel.browsers[f"{run}-b2"]["tags"]["run"] == run
        first, second, third = results(rig, 1)
        await finish(rig, driving)
    assert texts(second)[-1:] != [LOST]
    assert second["is_error"]
    assert third["is_error"]
    assert texts(third) == [HALTED, LOST]
    assert "is_error" not in first
    vanished = next(event for event in rig.events if isinstance(event, ev.BrowserVanished))
    held = next(event for event in rig.events if holds(event))
    assert vanished.seq < held.seq
    names = [event.name for event in rig.events if isinstance(event, ev.BrowserOpened)]
    assert names == [run, f"{run}-b2"]
    assert [call for call, _ in rig.kernel.performed] == ["click_mouse", "click_mouse"]


async def test_a_heartbeat_that_finds_it_gone_holds_a_paused_run(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pilothouse.browser.session.HEARTBEAT_S", 0.1)
    async with rigged(state_dir, TWO, headless=False) as rig:
        driving = await to_the_first_step(rig)
        rig.kernel.browsers.clear()
        await rig.until(holds)
        rig.resume()
        await rig.until(lambda event: isinstance(event, ev.TurnFinished) and event.turn == 2)
        answered = results(rig, 1)
        await finish(rig, driving)
    # What was proposed for the old page is not done in the new one.
    assert [texts(result) for result in answered[1:]] == [[NOT_DONE], [NOT_DONE, LOST]]
    assert [call for call, _ in rig.kernel.performed] == ["click_mouse", "click_mouse"]


async def test_a_browser_that_goes_before_the_first_look_is_replaced_without_a_word(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rigged(state_dir, TWO, headless=False) as rig:
        real = rig.kernel._picture

        def gone() -> bytes:
            rig.kernel.browsers.clear()
            monkeypatch.setattr(rig.kernel, "_picture", real)
            return real()

        monkeypatch.setattr(rig.kernel, "_picture", gone)
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(holds)
        rig.resume()
        await rig.until(lambda event: isinstance(event, ev.TurnFinished) and event.turn == 2)
        answered = results(rig, 1)
        await finish(rig, driving)
    assert LOST not in str(answered)
    assert len(rig.kernel.performed) == 4


async def test_a_screen_that_comes_back_is_the_same_browser(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pilothouse.browser.faults.RETRY_SPACING_S", 0.01)
    async with rigged(state_dir, TWO, headless=False) as rig:
        driving = await to_the_first_step(rig)
        rig.kernel.faults["screenshot"] = ["500"] * 100
        rig.resume()
        await rig.until(holds)
        rig.kernel.faults.clear()
        rig.resume()
        await rig.until(lambda event: isinstance(event, ev.TurnFinished) and event.turn == 2)
        last = results(rig, 1)[-1]
        assert len(rig.kernel.browsers) == 1
        await finish(rig, driving)
    assert texts(last)[-1] == BACK
    assert last["content"][-1]["type"] == "image"
    assert [event.name for event in rig.events if isinstance(event, ev.BrowserOpened)] == [
        rig.run.recorder.state.run
    ]


async def test_in_the_same_browser_the_button_is_still_held(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pilothouse.browser.faults.RETRY_SPACING_S", 0.01)
    held = '{ do = "left_mouse_down" }'
    script = ATTENDED + scenario(f"calls = [{CLICK}, {held}]", 'text = "Done."')
    async with rigged(state_dir, script, headless=False) as rig:
        driving = await to_the_first_step(rig)
        rig.kernel.faults["screenshot"] = ["500"] * 100
        rig.resume()
        await rig.until(holds)
        rig.kernel.faults.clear()
        rig.resume()
        await rig.until(lambda event: isinstance(event, ev.TurnFinished) and event.turn == 2)
        assert BACK in texts(results(rig, 1)[-1])
        await rig.until(lambda event: isinstance(event, ev.StateChanged) and event.phase == "idle")
        rig.do(Abort(id="1", actor="anna", keep_browser=True))
        assert await driving is Outcome.ABORTED
    # Before it leaves a browser to others, a run lets go of what it knows to be held.
    assert [body.get("click_type") for _, body in rig.kernel.performed] == [None, "down", "up"]


async def test_a_browser_out_of_sight_is_not_left_running_when_another_comes(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pilothouse.browser.faults.RETRY_SPACING_S", 0.01)
    async with rigged(state_dir, TWO, headless=False) as rig:
        driving = await to_the_first_step(rig)
        blind = rig.kernel.browsers[rig.run.recorder.state.run]["session_id"]
        rig.kernel.blind.add(blind)
        rig.resume()
        await rig.until(holds)
        rig.resume()
        await rig.until(lambda event: isinstance(event, ev.TurnFinished) and event.turn == 2)
        assert [browser["session_id"] for browser in rig.kernel.browsers.values()] != [blind]
        assert len(rig.kernel.browsers) == 1
        await finish(rig, driving)


async def test_a_new_browser_that_can_not_be_had_is_asked_for_again(state_dir: Path) -> None:
    async with rigged(state_dir, TWO, headless=False) as rig:
        driving = await to_the_first_step(rig)
        rig.kernel.browsers.clear()
        rig.resume()
        await rig.until(holds)
        rig.kernel.faults["post"] = ["401"]
        rig.resume()
        await rig.until(lambda event: isinstance(event, ev.Warned) and "key" in event.what)
        assert Hold.BROWSER_LOST in rig.run.gate.holding
        rig.resume()
        await rig.until(lambda event: isinstance(event, ev.TurnFinished) and event.turn == 2)
        assert list(rig.kernel.browsers) == [f"{rig.run.recorder.state.run}-b3"]
        await finish(rig, driving)


async def test_a_server_that_dies_again_meanwhile_is_not_asked_to_delete(state_dir: Path) -> None:
    ends, revived = iter(["it was killed", "it was killed again"]), False

    async def explain() -> str:
        return next(ends)

    async def revive() -> None:
        nonlocal revived
        revived = True
        rig.kernel.faults["post"] = ["401"]  # the revived one ends before it has made a browser

    async with rigged(state_dir, TWO, headless=False) as rig:
        driving = await to_the_first_step(rig)
        berth = rig.run._berth
        assert berth is not None
        berth.explain, berth.revive = explain, revive
        rig.kernel.browsers.clear()
        rig.resume()
        await rig.until(holds)
        rig.resume()
        await rig.until(lambda event: isinstance(event, ev.Warned) and "key" in event.what)
        assert revived
        rig.abort()
        assert await driving is Outcome.ABORTED
    why = [event.why for event in rig.events if isinstance(event, ev.BrowserClosed)]
    assert why == ["it was killed", "it was killed again"]


@pytest.mark.parametrize("resumed", [False, True])
async def test_an_abort_ends_a_run_that_lost_its_browser(state_dir: Path, resumed: bool) -> None:
    async with rigged(state_dir, TWO, headless=False) as rig:
        driving = await to_the_first_step(rig)
        rig.kernel.browsers.clear()
        rig.resume()
        await rig.until(holds)
        if resumed:
            rig.kernel.faults["post"] = ["hang"]
            rig.resume()
            await rig.kernel.hanging.wait()
        began = asyncio.get_running_loop().time()
        rig.abort()
        assert await driving is Outcome.ABORTED
        assert asyncio.get_running_loop().time() - began < 5.0
        assert rig.kernel.browsers == {}
    (answered,) = [event for event in rig.events if isinstance(event, ev.TurnAnswered)]
    assert len(answered.results) == 3


async def test_a_headless_run_ends_in_words_whoever_notices(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pilothouse.browser.session.HEARTBEAT_S", 0.1)
    slow = "[pace]\nbefore_s = 0.0\nper_delta_s = 30.0\n" + scenario('text = "a long, long story"')
    async with rigged(state_dir, slow, speed=1.0) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.TurnStarted))
        rig.kernel.browsers.clear()
        assert await driving is Outcome.FAILED
    last = rig.events[-1]
    assert isinstance(last, ev.RunEnded)
    assert last.why.startswith("the browser is gone")


async def test_a_screenshot_that_hangs_does_not_hang_the_run(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert LOOK_CAP_S < 20.0
    monkeypatch.setattr("pilothouse.browser.faults.asking.__defaults__", (3, 0.2, 0.5))
    async with rigged(state_dir, TWO) as rig:
        driving = await to_the_first_step(rig)
        rig.kernel.faults["screenshot"] = ["hang"] * 100
        rig.resume()
        assert await driving is Outcome.FAILED
    last = rig.events[-1]
    assert isinstance(last, ev.RunEnded)
    assert "no answer came within" in last.why
    (answered,) = [event for event in rig.events if isinstance(event, ev.TurnAnswered)]
    assert len(answered.results) == 3
