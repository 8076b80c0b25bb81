"""Limits of a run: reaching one asks a person, or ends a run that nobody attends."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.commands import Ack, Refused
from pilothouse.events import Hold, Outcome
from pilothouse.ids import new_command_id
from pilothouse.model.prompt import INTERRUPTED
from tests.engine.rig import Rig, rigged
from tests.engine.test_run import CLICK, TYPE, scenario

pytestmark = pytest.mark.usefixtures("quick")


def who(**more: Any) -> dict[str, Any]:
    return {"id": new_command_id(), "actor": "anna", **more}


async def limited(rig: Rig, request: str) -> ev.LimitReached:
    found = await rig.until(lambda e: isinstance(e, ev.LimitReached) and e.request == request)
    await rig.until(
        lambda e: isinstance(e, ev.StateChanged) and Hold.LIMIT in e.holding and e.seq > found.seq
    )
    assert isinstance(found, ev.LimitReached)
    return found


def done(rig: Rig) -> list[str]:
    return [path for path, _ in rig.kernel.performed]


async def test_a_headless_run_ends_at_its_limit_with_every_call_answered(state_dir: Path) -> None:
    script = scenario(f"calls = [{CLICK}, {TYPE}]", 'text = "Done."')
    async with rigged(state_dir, script, limits={"steps": 1}) as rig:
        assert await rig.finish() is Outcome.LIMIT
        assert rig.kernel.deleted == [rig.run.recorder.state.run]
    assert done(rig) == ["click_mouse"]
    (reached,) = rig.of(ev.LimitReached)
    assert isinstance(reached, ev.LimitReached)
    assert (reached.limit, reached.value, reached.used, reached.next) == ("steps", 1.0, 1.0, 2.0)
    (answered,) = rig.of(ev.TurnAnswered)
    assert isinstance(answered, ev.TurnAnswered)
    assert [one["content"][0]["text"] for one in answered.results][1] == INTERRUPTED
    assert ev.EXIT_CODES[Outcome.LIMIT] == 4


async def test_an_attended_run_asks_goes_on_once_and_asks_again_until_it_is_raised(state_dir: Path) -> None:
    script = scenario(*[f"calls = [{CLICK}]"] * 4, 'text = "Done."')
    async with rigged(state_dir, script, headless=False, idle_s=0.01, limits={"turns": 1}) as rig:
        finishing = asyncio.create_task(rig.finish())
        await limited(rig, "l1")
        assert rig.run.gate.holding == (Hold.LIMIT,)
        assert [one.limit for one in rig.run.recorder.state.limits] == ["turns"]
        unnamed = rig.resume()
        wrong = rig.do(cmd.Resume(**who(expect=cmd.Expect(request="l7"))))
        once = rig.do(cmd.Resume(**who(expect=cmd.Expect(request="l1"))))
        again = rig.do(cmd.Resume(**who(expect=cmd.Expect(request="l1"))))
        second = await limited(rig, "l2")
        too_low = rig.do(cmd.SetLimit(**who(), limit="turns", value=second.used))
        assert rig.run.gate.holding == (Hold.LIMIT,)
        bad = [rig.do(cmd.SetLimit(**who(), limit=name, value=value)) for name, value in BAD]
        rig.do(cmd.SetLimit(**who(), limit="turns", value=None))
        assert await finishing is Outcome.COMPLETED
    whys = [answer.why for answer in [unnamed, wrong, again] if isinstance(answer, Refused)]
    assert whys == [
        "a limit is reached: raise it, or name it to go on once",
        "that limit does not hold any more",
        "that limit does not hold any more",
    ]
    assert isinstance(once, Ack)
    assert isinstance(too_low, Ack)
    assert all(isinstance(answer, Refused) for answer in bad)
    assert len(done(rig)) == 4
    assert [(e.limit, e.value) for e in rig.events if isinstance(e, ev.LimitChanged)] == [
        ("turns", second.used),
        ("turns", None),
    ]
    assert rig.run.recorder.state.limits == ()


BAD = [("turn", 5.0), ("turns", 0.0), ("turns", 1.5), ("dollars", float("nan")), ("repeats", 1.0)]


async def test_a_limit_of_actions_holds_in_the_middle_of_a_batch(state_dir: Path) -> None:
    script = scenario(f"calls = [{CLICK}, {CLICK}, {CLICK}]", 'text = "Done."')
    async with rigged(state_dir, script, headless=False, idle_s=0.01, limits={"repeats": 2}) as rig:
        finishing = asyncio.create_task(rig.finish())
        await limited(rig, "l1")
        assert len(done(rig)) == 2
        rig.do(cmd.SetLimit(**who(), limit="repeats", value=10))
        assert await finishing is Outcome.COMPLETED
    assert len(done(rig)) == 3


async def test_a_limit_may_be_set_while_the_run_goes_on_and_an_abort_ends_one_that_holds(
    state_dir: Path,
) -> None:
    script = scenario(f"calls = [{CLICK}, {TYPE}]", 'text = "Done."')
    async with rigged(state_dir, script, headless=False) as rig:
        rig.do(cmd.SetLimit(**who(), limit="steps", value=1))
        finishing = asyncio.create_task(rig.finish())
        await limited(rig, "l1")
        rig.abort()
        assert await finishing is Outcome.ABORTED
    assert done(rig) == ["click_mouse"]
