"""A Kernel that drops, delays and repeats its answers: nothing is done twice, and nothing is left over."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from pathlib import Path

import pytest

from pilothouse import events as ev
from pilothouse.browser import reaper
from pilothouse.browser.session import make_client
from pilothouse.engine.fates import driven, fate_of
from pilothouse.engine.spec import BrowserOptions
from pilothouse.events import Hold, Outcome
from pilothouse.journal.reader import JournalReader
from pilothouse.local.loopback import listening
from tests.engine.kernel_stub import KernelStub
from tests.engine.rig import Rig, rigged

pytestmark = [pytest.mark.faults]

RUNS = int(os.environ.get("PILOTHOUSE_CHAOS", "14"))
TURNS = "\n".join(
    f"""[[turn]]
calls = [
  {{ do = "left_click", at = [{10 * n}, 10] }}, {{ do = "type", text = "t{n}" }},
  {{ do = "mouse_move", at = [{10 * n}, 20] }},
]"""
    for n in range(1, 5)
)
MAIN = f"""
[pace]
before_s = 0.0
per_delta_s = 0.0
{TURNS}
[[turn]]
text = "Done."
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less for a screen that is at rest at once, and for a service that is on this machine."""
    monkeypatch.setattr("pilothouse.browser.camera.FIRST_GRAB_S", {})
    monkeypatch.setattr("pilothouse.browser.camera.FIRST_GRAB_DEFAULT_S", 0.01)
    monkeypatch.setattr("pilothouse.browser.camera.GRAB_SPACING_S", 0.01)
    monkeypatch.setattr("pilothouse.browser.faults.RETRY_SPACING_S", 0.01)
    monkeypatch.setattr("pilothouse.browser.sources.CREATE_SPACING_S", 0.01)
    monkeypatch.setattr("pilothouse.browser.session.HEARTBEAT_S", 0.2)
    monkeypatch.setattr("pilothouse.browser.telemetry.BACKOFF_S", 0.01)


async def attend(rig: Rig, chance: random.Random) -> None:
    """Be the person: resume whatever holds, now and then send the browser away, end the run when it idles."""
    while True:
        await asyncio.sleep(0.02)
        if rig.run.recorder.state.phase == "idle":
            rig.abort()
        elif Hold.BROWSER_LOST in rig.run.gate.holding:
            rig.resume()
        elif chance.random() < 0.01:
            rig.kernel.vanish()


def assert_at_most_once(kernel: KernelStub) -> None:
    """Check every action by its own coordinates or text: none was performed twice."""
    assert [one for one, times in Counter(map(repr, kernel.performed)).items() if times > 1] == []


def assert_answered(rig: Rig) -> list[ev.Event]:
    """Check that every call has its result, in a journal that is whole."""
    with JournalReader(rig.directory / "journal.phj") as reader:
        events = list(reader.read_all())
        assert reader.sealed
    answered = {event.turn: event.results for event in events if isinstance(event, ev.TurnAnswered)}
    for turn in (event for event in events if isinstance(event, ev.TurnFinished)):
        calls = [block["id"] for block in turn.content if block["type"] == "tool_use"]
        assert [result["tool_use_id"] for result in answered.get(turn.turn, [])] == calls
    assert isinstance(events[-1], ev.RunEnded)
    return events


async def assert_none_left(kernel: KernelStub, events: list[ev.Event]) -> None:
    """Check that what is still there is told as pending, and that the reaper has it."""
    pending = {event.name for event in events if isinstance(event, ev.DeletePending)}
    assert set(kernel.browsers) <= pending
    kernel.chance = None
    async with listening(kernel.app()) as url, make_client("key", url) as client:
        for stray in await reaper.find(client, fate_of, driven):
            assert stray.is_dead, stray
            await reaper.delete(client, stray)
    assert kernel.browsers == {}


async def one_run(directory: Path, seed: int) -> str:
    chance = random.Random(seed)
    attended, aborted = chance.random() < 0.6, chance.random() < 0.4
    options = BrowserOptions(
        pool="warm" if chance.random() < 0.3 else "",
        replay_video=chance.random() < 0.3,
        telemetry=chance.random() < 0.3,
    )
    async with rigged(directory, MAIN, headless=not attended, browser_options=options) as rig:
        rig.kernel.chance, rig.kernel.chaos = random.Random(seed), chance.choice([0.05, 0.15, 0.3])
        driving = asyncio.create_task(rig.run.drive())
        attending = asyncio.create_task(attend(rig, chance) if attended else asyncio.sleep(0))
        if aborted:
            await asyncio.wait({driving}, timeout=chance.random() * 3)
            began = asyncio.get_running_loop().time()
            rig.abort()
        async with asyncio.timeout(60):
            outcome = await driving
        attending.cancel()
        if aborted:
            assert asyncio.get_running_loop().time() - began < 5.5
        assert attended or aborted or outcome in (Outcome.COMPLETED, Outcome.FAILED)
        rig.run._writer.close()  # as the end of its process does
        assert_at_most_once(rig.kernel)
        await assert_none_left(rig.kernel, assert_answered(rig))
    return f"{outcome}, {len(rig.kernel.performed)} actions, chaos {rig.kernel.chaos}, {options}"


@pytest.mark.parametrize("part", range(2))
async def test_nothing_is_done_twice_and_nothing_is_left_over(state_dir: Path, part: int) -> None:
    first = int(os.environ.get("PILOTHOUSE_SEED", random.randrange(1_000_000)))
    for seed in range(first + part * RUNS // 2, first + (part + 1) * RUNS // 2):
        print("PILOTHOUSE_SEED", seed, flush=True)
        print(await one_run(state_dir, seed), flush=True)
