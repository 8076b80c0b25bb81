"""An abort at any await point: one end, nothing unanswered, no browser left, within five seconds."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from pilothouse import events as ev
from pilothouse.browser.session import DELETE_CAP_S
from pilothouse.browser.video import HURRY_S
from pilothouse.commands import Ack, Act
from pilothouse.engine.berth import UNWIND_S
from pilothouse.engine.runner import CLIENT_CLOSE_S
from pilothouse.events import Hold, Outcome
from pilothouse.journal.reader import JournalReader
from tests.engine.kernel_stub import KernelStub
from tests.engine.rig import Rig, rigged

pytestmark = [pytest.mark.faults, pytest.mark.usefixtures("quick_pictures")]

POINTS = int(os.environ.get("PILOTHOUSE_ABORTS", "20"))
MAIN = """
[pace]
before_s = 0.0
per_delta_s = 0.05
delta_chars = 10
[[turn]]
thinking = "look around"
text = "I click and type."
calls = [{ do = "left_click", at = [10, 10] }, { do = "type", text = "tea" }, { do = "wait", duration = 1 }]
[[turn]]
text = "I try that again."
calls = [{ do = "left_click", at = [9999, 5] }, { do = "key", text = "Return" }, { do = "screenshot" }]
fault = [{ kind = "status", status = 529 }, { kind = "drop", after_deltas = 1 }]
[[turn]]
text = "Done."
"""


@pytest.fixture
def quick_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stub's screen is at rest at once: settle quickly, so that many runs fit into a minute."""
    monkeypatch.setattr("pilothouse.browser.camera.FIRST_GRAB_S", {})
    monkeypatch.setattr("pilothouse.browser.camera.FIRST_GRAB_DEFAULT_S", 0.01)
    monkeypatch.setattr("pilothouse.browser.camera.GRAB_SPACING_S", 0.01)
    monkeypatch.setattr("pilothouse.browser.members.WAIT_UNIT_S", 0.1)
    monkeypatch.setattr("pilothouse.model.faults.BACKOFF_CAP_S", 0.2)


async def at_a_moment(rig: Rig, chance: random.Random, driving: asyncio.Task[Outcome]) -> str:
    """Wait for a random event, and then for a random number of turns of the loop."""
    wanted, ticks = chance.randrange(2, 50), chance.randrange(40)
    arrived = asyncio.create_task(rig.until(lambda event: event.seq >= wanted))
    await asyncio.wait({arrived, driving}, return_when=asyncio.FIRST_COMPLETED, timeout=1)
    arrived.cancel()
    for _ in range(ticks):
        await asyncio.sleep(0)
    return f"event {wanted} and {ticks} ticks, after {type(rig.events[-1]).__name__}"


def assert_whole(rig: Rig) -> None:
    """Check that nothing is left open: every action has an outcome, every asked-for call its result."""
    with JournalReader(rig.directory / "journal.phj") as reader:
        events = list(reader.read_all())
        assert reader.sealed
    proposed = {event.action for event in events if isinstance(event, ev.ActionProposed)}
    settled = {event.action for event in events if isinstance(event, ev.ActionFinished | ev.ActionInDoubt)}
    assert proposed == settled
    asked = [e.turn for e in events if isinstance(e, ev.TurnFinished) and e.stop_reason == "tool_use"]
    answered = {event.turn: event.results for event in events if isinstance(event, ev.TurnAnswered)}
    assert asked == list(answered)
    for turn in (event for event in events if isinstance(event, ev.TurnFinished)):
        calls = [block["id"] for block in turn.content if block["type"] == "tool_use"]
        assert [result["tool_use_id"] for result in answered.get(turn.turn, [])] == calls
    assert [type(event) for event in events].count(ev.RunEnded) == 1
    assert isinstance(events[-1], ev.RunEnded)
    taken = [event.lease for event in events if isinstance(event, ev.TakeoverStarted)]
    assert taken == [event.lease for event in events if isinstance(event, ev.TakeoverEnded)]
    assert rig.kernel.browsers == {}


def take_over_and_act(rig: Rig, chance: random.Random) -> None:
    """Take the wheel, if there is one to take, and leave much undone."""
    rig.kernel.faults["press_key"] = chance.choice([[], ["hang"]])
    if isinstance(rig.take_over(), Ack):
        for text in ("Tab", "Return"):
            rig.run.steering.begin(Act(id=text, actor="anna", member="key", input={"text": text}))
        if chance.random() < 0.5:
            rig.release()


async def abort_somewhere(directory: Path, chance: random.Random) -> str:
    how = chance.choice(["plain", "twice", "held", "frozen", "hanging", "signal", "early", "driven"])
    async with rigged(directory, MAIN, headless=chance.random() < 0.5) as rig:
        if how == "hanging":
            call = chance.choice(["click_mouse", "type", "screenshot", "post", "get_mouse_position"])
            rig.kernel.faults[call] = ["hang"]
        driving = asyncio.create_task(rig.run.drive())
        moment = "at once" if how == "early" else await at_a_moment(rig, chance, driving)
        if how in ("held", "frozen"):
            rig.pause(freeze=how == "frozen")
        if how == "driven":
            take_over_and_act(rig, chance)
        began = asyncio.get_running_loop().time()
        if how == "signal":  # as the handler of SIGTERM does
            rig.run.abort("the engine was told to end")
            rig.run.abort("the engine was told to end")
            accepted = not driving.done()
        else:
            accepted = isinstance(rig.abort(), Ack)
        if how == "twice":
            rig.abort()
        outcome = await driving
        took_s = asyncio.get_running_loop().time() - began
        what = f"{how}, {moment}: {outcome} in {took_s:.2f} s"
        assert took_s < 5.0, what
        if accepted and how != "signal":  # a signal may come when the run is ending by itself
            assert outcome is Outcome.ABORTED, what
        assert_whole(rig)
    return what


async def test_an_abort_at_any_moment_ends_the_run_whole(state_dir: Path) -> None:
    seed = int(os.environ.get("PILOTHOUSE_SEED", str(random.randrange(1 << 30))))
    print("PILOTHOUSE_SEED", seed)
    chance = random.Random(seed)
    for number in range(POINTS):
        directory = state_dir / f"n{number}"
        directory.mkdir()
        print(number, await abort_somewhere(directory, chance))


async def test_an_abort_while_the_browser_is_being_made_leaves_none(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    class Slow(KernelStub):
        async def _create(self, request: web.Request) -> web.StreamResponse:
            asked.set()
            await go_on.wait()
            return await super()._create(request)

    monkeypatch.setattr("tests.engine.rig.KernelStub", Slow)
    async with rigged(state_dir, MAIN) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await asked.wait()
        rig.abort()
        asyncio.get_running_loop().call_later(0.5, go_on.set)
        assert await driving is Outcome.ABORTED
        assert_whole(rig)
        assert len(rig.kernel.deleted) == 1
        assert rig.of(ev.BrowserClosed)


async def test_a_browser_that_may_still_come_up_is_not_called_deleted(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pilothouse.browser.sources.CREATE_GRACE_S", 0.2)
    asked, never = asyncio.Event(), asyncio.Event()

    class Stuck(KernelStub):
        async def _create(self, request: web.Request) -> web.StreamResponse:
            asked.set()
            await never.wait()
            return web.Response(status=500)

    monkeypatch.setattr("tests.engine.rig.KernelStub", Stuck)
    async with rigged(state_dir, MAIN) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await asked.wait()
        rig.abort()
        assert await driving is Outcome.ABORTED
        never.set()
    assert [event.why for event in rig.events if isinstance(event, ev.DeletePending)] == [
        "it was asked for, and may still come up"
    ]


async def test_a_delete_that_hangs_is_told_as_pending_within_its_cap(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 2 * UNWIND_S + HURRY_S + DELETE_CAP_S + 2 * CLIENT_CLOSE_S <= 5.0  # what an abort may take
    monkeypatch.setattr("pilothouse.browser.session.DELETE_CAP_S", 0.5)
    async with rigged(state_dir, MAIN) as rig:
        rig.kernel.faults["delete"] = ["hang"] * 3
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.ActionStarted))
        began = asyncio.get_running_loop().time()
        rig.abort()
        assert await driving is Outcome.ABORTED
        assert asyncio.get_running_loop().time() - began < 1.5
    assert rig.of(ev.DeletePending)


async def test_a_signal_while_the_browser_is_deleted_cuts_nothing_short(state_dir: Path) -> None:
    async with rigged(state_dir, '[[turn]]\ntext = "Done."') as rig:
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.StateChanged) and event.phase == "ending")
        rig.run.abort("the engine was told to end")
        assert await driving is Outcome.COMPLETED
        assert_whole(rig)
        assert rig.of(ev.BrowserClosed)


async def test_an_abort_wins_over_a_freeze_of_the_same_moment(state_dir: Path) -> None:
    for order in (("freeze", "abort"), ("abort", "freeze")):
        directory = state_dir / order[0]
        directory.mkdir()
        async with rigged(directory, MAIN, speed=1.0) as rig:
            driving = asyncio.create_task(rig.run.drive())
            await rig.until(lambda event: isinstance(event, ev.ThinkingStreamed))
            for what in order:
                rig.abort() if what == "abort" else rig.pause(freeze=True)
            async with asyncio.timeout(5):
                assert await driving is Outcome.ABORTED


async def test_an_abort_that_a_library_swallows_is_repeated(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def deaf(camera: Any, member: str, given: Any = None) -> None:
        for patience_s in (60.0, 60.0, 60.0):
            try:
                await asyncio.sleep(patience_s)
            except asyncio.CancelledError:
                if patience_s and asyncio.current_task() in heard:
                    raise
                heard.add(asyncio.current_task())

    heard: set[asyncio.Task[Any] | None] = set()
    monkeypatch.setattr("pilothouse.browser.camera.Camera.settled", deaf)
    async with rigged(state_dir, MAIN) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.BrowserOpened))
        rig.abort()
        async with asyncio.timeout(5):
            assert await driving is Outcome.ABORTED
        assert_whole(rig)


async def test_an_abort_can_keep_the_browser(state_dir: Path) -> None:
    from pilothouse.commands import Abort

    async with rigged(state_dir, MAIN) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.ActionStarted))
        rig.do(Abort(id="1", actor="anna", keep_browser=True))
        assert await driving is Outcome.ABORTED
        assert len(rig.kernel.browsers) == 1
    (closed,) = [event for event in rig.events if isinstance(event, ev.BrowserClosed)]
    assert closed.kept


async def test_an_abort_while_held_or_waiting_to_retry_ends_at_once(state_dir: Path) -> None:
    fault = '[[turn]]\ntext = "x"\nfault = [{ kind = "status", status = 529, retry_after_s = 60 }]'
    for script, hold in ((fault, Hold.RETRY), (MAIN, Hold.PAUSE)):
        directory = state_dir / hold.value
        directory.mkdir()
        async with rigged(directory, script) as rig:
            if hold is Hold.PAUSE:
                rig.pause()
            driving = asyncio.create_task(rig.run.drive())
            await rig.until(lambda e: isinstance(e, ev.StateChanged) and hold in e.holding)  # noqa: B023
            await rig.until(lambda event: isinstance(event, ev.FrameCaptured))
            began = asyncio.get_running_loop().time()
            rig.abort()
            assert await driving is Outcome.ABORTED
            assert asyncio.get_running_loop().time() - began < 1.0
            assert_whole(rig)
