"""Every bundled scenario, played through the real loop and SDK, ends as its file says."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import pilothouse.local
from pilothouse import events as ev
from pilothouse.events import Outcome
from tests.engine.rig import rigged

SCENARIOS = Path(pilothouse.local.__file__).parent / "scenarios"
ENDS = {
    "cut": (Outcome.FAILED, 0),
    "demo": (Outcome.COMPLETED, 16),
    "faulty": (Outcome.COMPLETED, 1),
    "hostile": (Outcome.COMPLETED, 1),
    "inject": (Outcome.COMPLETED, 1),
    "long": (Outcome.COMPLETED, 61),
    "nofiles": (Outcome.COMPLETED, 0),
    "odd": (Outcome.COMPLETED, 1),
    "outage": (Outcome.COMPLETED, 0),
    "paused": (Outcome.COMPLETED, 0),
    "refusal": (Outcome.FAILED, 0),
    "tiny": (Outcome.COMPLETED, 2),
}
"""How each ends, and how many actions reach the browser's server."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what waits for a real screen and a real service: the stub has neither."""
    monkeypatch.setattr("pilothouse.browser.camera.FIRST_GRAB_S", {})
    monkeypatch.setattr("pilothouse.browser.camera.FIRST_GRAB_DEFAULT_S", 0.0)
    monkeypatch.setattr("pilothouse.browser.camera.GRAB_SPACING_S", 0.01)
    monkeypatch.setattr("pilothouse.browser.toolset.WAIT_UNIT_S", 0.01)
    monkeypatch.setattr("pilothouse.model.faults.BACKOFF_CAP_S", 0.2)
    monkeypatch.setattr("pilothouse.model.faults.RETRY_AFTER_CAP_S", 0.1)


def test_every_bundled_scenario_is_known_here() -> None:
    assert {path.stem for path in SCENARIOS.glob("*.toml")} == set(ENDS)


@pytest.mark.parametrize("name", sorted(ENDS))
async def test_a_bundled_scenario_ends_as_it_should(state_dir: Path, name: str) -> None:
    outcome, performed = ENDS[name]
    async with rigged(state_dir, (SCENARIOS / f"{name}.toml").read_text("utf-8"), speed=1000.0) as rig:
        if name == "inject":
            rig.pause()
            driving = asyncio.create_task(rig.run.drive())
            await rig.until(lambda event: isinstance(event, ev.FrameCaptured))
            rig.step()
            await rig.until(lambda event: isinstance(event, ev.ActionFinished))
            rig.say("that is enough, stop")
            rig.resume()
            assert await driving is outcome
        else:
            assert await rig.finish() is outcome
        assert len(rig.kernel.performed) == performed
        assert rig.kernel.browsers == {}
        refused = [summary for summary in rig.model.log.summaries() if summary["refused"]]
        assert refused == []
    asked = [e.turn for e in rig.events if isinstance(e, ev.TurnFinished) and e.stop_reason == "tool_use"]
    assert asked == [event.turn for event in rig.events if isinstance(event, ev.TurnAnswered)]


async def test_an_empty_answer_is_asked_to_go_on(state_dir: Path) -> None:
    script = '[[turn]]\ntext = "Really done."\nfault = [{ kind = "empty", times = 2 }]'
    async with rigged(state_dir, script) as rig:
        assert await rig.finish() is Outcome.COMPLETED
        last = rig.model.log.body(2) or {}
    assert len(rig.of(ev.TurnFinished)) == 3
    assert [message["role"] for message in last["messages"]] == ["user", "user", "user"]
    assert "".join(event.text for event in rig.events if isinstance(event, ev.TextStreamed)).endswith(
        "Really done."
    )


async def test_an_answer_that_stays_empty_ends_the_leg(state_dir: Path) -> None:
    script = '[[turn]]\ntext = "never said"\nfault = [{ kind = "empty", times = 50 }]'
    async with rigged(state_dir, script) as rig:
        assert await rig.finish() is Outcome.COMPLETED
    assert len(rig.of(ev.TurnFinished)) == 3


async def test_a_turn_that_is_paused_for_ever_fails_the_run(state_dir: Path) -> None:
    script = '[[turn]]\ntext = "hm"\nfault = [{ kind = "pause_turn", times = 50 }]'
    async with rigged(state_dir, script) as rig:
        assert await rig.finish() is Outcome.FAILED
    assert len(rig.of(ev.TurnFinished)) == 11
