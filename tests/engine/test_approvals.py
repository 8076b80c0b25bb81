"""Actions that wait for a person: who may answer, what is stale, what the model and the browser get."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.cli import ctl, standing
from pilothouse.commands import Ack, Refused
from pilothouse.engine.approvals import NOBODY, REJECTED
from pilothouse.errors import CommandRefusedError
from pilothouse.events import Hold, Outcome, RunPhase
from pilothouse.ids import new_command_id
from pilothouse.model.prompt import HALTED, INTERRUPTED
from pilothouse.runs.files import FileRuns
from tests.engine.rig import Rig, rigged
from tests.engine.test_run import CLICK, KEY, LOOK, TYPE, scenario

pytestmark = pytest.mark.usefixtures("quick")


def who(**more: Any) -> dict[str, Any]:
    return {"id": new_command_id(), "actor": "anna", **more}


def meaning(request: str, frame: str = "") -> dict[str, Any]:
    return who(expect=cmd.Expect(request=request, frame_sha256=frame))


async def asked(rig: Rig, number: int = 1) -> ev.ApprovalRequested:
    """Wait until an action waits."""

    def wanted(event: ev.Event) -> bool:
        return isinstance(event, ev.ApprovalRequested) and event.request == f"a{number}"

    found = await rig.until(wanted)
    await rig.until(lambda e: isinstance(e, ev.StateChanged) and e.seq > found.seq)
    assert isinstance(found, ev.ApprovalRequested)
    return found


def results(rig: Rig, turn: int = 1) -> list[str]:
    answered = [e for e in rig.events if isinstance(e, ev.TurnAnswered) and e.turn == turn]
    return [
        "".join(block.get("text", "") for block in one["content"])
        for event in answered
        for one in event.results
    ]


def done(rig: Rig) -> list[str]:
    return [path for path, _ in rig.kernel.performed]


def decisions(rig: Rig) -> list[tuple[str, str, str]]:
    return [(e.request, e.decision, e.actor) for e in rig.events if isinstance(e, ev.ApprovalDecided)]


async def test_an_action_that_waits_holds_the_run_and_happens_once_approved(state_dir: Path) -> None:
    script = scenario(f"calls = [{CLICK}, {LOOK}]", 'text = "Done."')
    async with rigged(state_dir, script, headless=False, approve="ask-all", idle_s=0.01) as rig:
        finishing = asyncio.create_task(rig.finish())
        request = await asked(rig)
        assert rig.run.recorder.state.approval == request
        assert rig.run.gate.holding == (Hold.APPROVAL,)
        assert rig.run.recorder.state.phase is RunPhase.HOLDING
        assert request.member == "left_click"
        assert request.input == {"coordinate": [100, 100]}
        assert request.why == "the mode is ask-all"
        assert (
            request.frame_sha256 == [e.blob.sha256 for e in rig.events if isinstance(e, ev.FrameCaptured)][-1]
        )
        assert done(rig) == []
        approved = rig.do(cmd.Approve(**meaning("a1", request.frame_sha256)))
        assert isinstance(approved, Ack)
        assert await finishing is Outcome.COMPLETED
    assert done(rig) == ["click_mouse"]
    assert decisions(rig) == [("a1", "approve", "anna")]
    assert rig.run.recorder.state.approval is None


async def test_the_first_valid_answer_wins_and_every_stale_one_is_refused(state_dir: Path) -> None:
    script = scenario(f"calls = [{CLICK}, {TYPE}]", 'text = "Done."')
    async with rigged(state_dir, script, headless=False, approve="ask-all", idle_s=0.01) as rig:
        early = rig.do(cmd.Approve(**meaning("a1")))
        finishing = asyncio.create_task(rig.finish())
        await asked(rig)
        stale = [
            rig.do(cmd.Approve(**who())),
            rig.do(cmd.Approve(**meaning(""))),
            rig.do(cmd.Approve(**meaning("a2"))),
            rig.do(cmd.Approve(**meaning("a1", "0" * 64))),
            rig.do(cmd.Reject(**meaning("a9"))),
            rig.do(cmd.Edit(**meaning("a2"), input={"coordinate": [5, 5]})),
        ]
        assert done(rig) == []
        first, second = rig.do(cmd.Approve(**meaning("a1"))), rig.do(cmd.Reject(**meaning("a1")))
        await asked(rig, 2)
        old = rig.do(cmd.Approve(**meaning("a1")))
        rig.do(cmd.Approve(**meaning("a2")))
        assert await finishing is Outcome.COMPLETED
    assert isinstance(first, Ack)
    whys = [answer.why for answer in [early, *stale, second, old] if isinstance(answer, Refused)]
    assert whys == [
        "nothing waits for an approval",
        "say which request is meant",
        "say which request is meant",
        "that is not what waits any more",
        "that is not the picture it was asked with",
        "that is not what waits any more",
        "that is not what waits any more",
        "nothing waits for an approval",
        "that is not what waits any more",
    ]
    assert done(rig) == ["click_mouse", "type"]


async def test_a_rejected_action_never_happens_and_the_reason_goes_to_the_model(state_dir: Path) -> None:
    script = scenario(f"calls = [{CLICK}, {TYPE}]", 'text = "Done."')
    async with rigged(state_dir, script, headless=False, approve="ask-all", idle_s=0.01) as rig:
        finishing = asyncio.create_task(rig.finish())
        await asked(rig)
        rig.do(cmd.Reject(**{**meaning("a1"), "reason": "not that button"}))
        assert await finishing is Outcome.COMPLETED
    assert done(rig) == []
    assert results(rig) == [f"{REJECTED} Why: not that button", HALTED]
    assert "not that button" in rig.bodies[-1].decode()


async def test_an_edit_is_judged_anew_and_the_model_is_told_of_it(state_dir: Path) -> None:
    rules = state_dir / "rules.toml"
    rules.write_text(
        '[regions]\npay = [900, 600, 1280, 800]\n[[rule]]\nname = "paying"\neffect = "deny"\n'
        'why = "A person pays."\n'
        'members = ["*_click"]\nregions = ["pay"]\n'
    )
    script = scenario(f"calls = [{CLICK}]", 'text = "Done."')
    async with rigged(
        state_dir, script, headless=False, approve="ask-all", idle_s=0.01, rules=str(rules)
    ) as rig:
        finishing = asyncio.create_task(rig.finish())
        await asked(rig)
        refused = [
            rig.do(cmd.Edit(**meaning("a1"), input={"coordinate": [1000, 700]})),
            rig.do(cmd.Edit(**meaning("a1"), input={"coordinate": "there"})),
        ]
        assert rig.run.gate.holding == (Hold.APPROVAL,)
        rig.do(cmd.Edit(**meaning("a1"), input={"coordinate": [40, 50]}))
        assert await finishing is Outcome.COMPLETED
    whys = [answer.why for answer in refused if isinstance(answer, Refused)]
    assert whys[0] == "the edit is not allowed: A person pays."
    assert whys[1].startswith("the edit can't be used: ")
    ((_, sent),) = rig.kernel.performed
    assert (sent["x"], sent["y"]) == (40, 50)
    assert '{"coordinate":[40,50]}' in results(rig)[0]
    finished = next(e for e in rig.events if isinstance(e, ev.TurnFinished))
    assert finished.content[-1]["input"] == {"coordinate": [100, 100]}
    assert rig.run.recorder.state.current is not None
    assert rig.run.recorder.state.current.input == {"coordinate": [40, 50]}


async def test_what_a_rule_denies_never_happens_and_what_follows_is_halted(state_dir: Path) -> None:
    script = scenario(f"calls = [{CLICK}, {LOOK}]", f"calls = [{LOOK}]", 'text = "Done."')
    async with rigged(state_dir, script, approve="deny-all") as rig:
        assert await rig.finish() is Outcome.COMPLETED
    assert done(rig) == []
    assert results(rig) == [
        "Not executed: this action is not allowed here (the mode is deny-all, and no rule allows it).",
        HALTED,
    ]
    assert rig.of(ev.ApprovalRequested) == []


async def test_ask_risky_asks_about_what_is_risky_alone(state_dir: Path) -> None:
    script = scenario(f"calls = [{CLICK}, {TYPE}, {KEY}]", 'text = "Done."')
    async with rigged(state_dir, script, headless=False, approve="", idle_s=0.01) as rig:
        finishing = asyncio.create_task(rig.finish())
        request = await asked(rig)
        assert (request.member, request.risks) == ("key", ("the key submits",))
        assert done(rig) == ["click_mouse", "type"]
        rig.do(cmd.Approve(**meaning("a1")))
        assert await finishing is Outcome.COMPLETED
    assert done(rig) == ["click_mouse", "type", "press_key"]


async def test_a_message_said_now_withdraws_what_waits(state_dir: Path) -> None:
    script = scenario(f"calls = [{CLICK}, {TYPE}]", 'text = "Done."')
    async with rigged(state_dir, script, headless=False, approve="ask-all", idle_s=0.01) as rig:
        finishing = asyncio.create_task(rig.finish())
        await asked(rig)
        rig.say("leave it", when="now")
        late = rig.do(cmd.Approve(**meaning("a1")))
        await asked(rig, 2)  # the scripted model proposes again what was interrupted
        rig.do(cmd.Reject(**meaning("a2")))
        assert await finishing is Outcome.COMPLETED
    assert isinstance(late, Refused)
    assert done(rig) == []
    assert results(rig) == [INTERRUPTED, INTERRUPTED]
    assert decisions(rig) == [("a1", "withdrawn", "engine"), ("a2", "reject", "anna")]


async def test_an_abort_withdraws_what_waits_and_answers_every_call(state_dir: Path) -> None:
    script = scenario(f"calls = [{CLICK}, {TYPE}]", 'text = "Done."')
    async with rigged(state_dir, script, headless=False, approve="ask-all") as rig:
        finishing = asyncio.create_task(rig.finish())
        await asked(rig)
        rig.abort()
        assert await finishing is Outcome.ABORTED
    assert done(rig) == []
    assert results(rig) == [INTERRUPTED, INTERRUPTED]
    assert decisions(rig) == [("a1", "withdrawn", "engine")]


async def test_a_lost_browser_withdraws_what_waits_and_it_is_not_done_in_the_next_one(
    state_dir: Path,
) -> None:
    script = scenario(f"calls = [{CLICK}]", 'text = "Done."')
    async with rigged(state_dir, script, headless=False, approve="ask-all", idle_s=0.01) as rig:
        finishing = asyncio.create_task(rig.finish())
        await asked(rig)
        assert rig.run._berth is not None
        rig.run._berth.lose("it died")
        await rig.until(lambda e: isinstance(e, ev.StateChanged) and e.holding == (Hold.BROWSER_LOST,))
        late = rig.do(cmd.Approve(**meaning("a1")))
        rig.resume()
        assert await finishing is Outcome.COMPLETED
    assert isinstance(late, Refused)
    assert done(rig) == []
    assert decisions(rig) == [("a1", "withdrawn", "engine")]


async def test_an_approved_action_still_waits_for_what_else_holds(state_dir: Path) -> None:
    script = scenario(f"calls = [{CLICK}]", 'text = "Done."')
    async with rigged(state_dir, script, headless=False, approve="ask-all", idle_s=0.01) as rig:
        finishing = asyncio.create_task(rig.finish())
        await asked(rig)
        alone = rig.resume()
        rig.pause()
        rig.do(cmd.Approve(**meaning("a1")))
        await rig.until(lambda e: isinstance(e, ev.StateChanged) and e.holding == (Hold.PAUSE,) and e.seq > 0)
        await asyncio.sleep(0)
        assert done(rig) == []
        rig.resume()
        assert await finishing is Outcome.COMPLETED
    assert alone == Refused(id=alone.id, why="an action waits for an approval: approve, reject or edit it")
    assert done(rig) == ["click_mouse"]


async def test_a_change_of_mode_counts_from_the_next_action_and_deny_all_rejects_what_waits(
    state_dir: Path,
) -> None:
    script = scenario(f"calls = [{CLICK}, {TYPE}]", f"calls = [{CLICK}, {TYPE}]", 'text = "Done."')
    async with rigged(state_dir, script, headless=False, approve="auto", idle_s=0.01) as rig:
        unknown = rig.do(cmd.SetMode(**who(), mode="ask"))
        rig.do(cmd.SetMode(**who(), mode="ask-all"))
        finishing = asyncio.create_task(rig.finish())
        await asked(rig)
        rig.do(cmd.SetMode(**who(), mode="auto"))
        assert rig.run.gate.holding == (Hold.APPROVAL,)
        assert rig.run.recorder.state.approve == "auto"
        rig.do(cmd.SetMode(**who(), mode="deny-all"))
        assert await finishing is Outcome.COMPLETED
    assert isinstance(unknown, Refused)
    assert done(rig) == []
    assert decisions(rig) == [("a1", "reject", "anna")]


@pytest.mark.parametrize(
    ("on_unattended", "outcome"), [("abort", Outcome.NEEDS_PERSON), ("reject", Outcome.COMPLETED)]
)
async def test_a_headless_run_waits_its_time_and_no_longer(
    state_dir: Path, on_unattended: str, outcome: Outcome
) -> None:
    script = scenario(f"calls = [{KEY}]", 'text = "Done."')
    async with rigged(
        state_dir, script, approve="", on_unattended=on_unattended, approval_timeout_s=0.05
    ) as rig:
        assert await rig.finish() is outcome
    assert done(rig) == []
    assert decisions(rig) == [("a1", "expired", "nobody")]
    assert ev.EXIT_CODES[Outcome.NEEDS_PERSON] == 5
    if on_unattended == "reject":
        assert results(rig) == [NOBODY]


async def test_a_headless_run_may_be_approved_from_elsewhere(state_dir: Path) -> None:
    script = scenario(f"calls = [{KEY}]", 'text = "Done."')
    async with rigged(state_dir, script, approve="", on_unattended="wait", approval_timeout_s=0.05) as rig:
        finishing = asyncio.create_task(rig.finish())
        request = await asked(rig)
        assert request.expires_s == 0.0
        rig.do(cmd.Approve(**meaning("a1")))
        assert await finishing is Outcome.COMPLETED
    assert done(rig) == ["press_key"]


async def test_of_two_viewers_and_a_script_one_wins_and_all_see_it(state_dir: Path) -> None:
    script = scenario(f"calls = [{CLICK}]", 'text = "Done."')
    async with rigged(state_dir, script, headless=False, approve="ask-all", idle_s=0.01) as rig:
        run, finishing = rig.run.recorder.state.run, asyncio.create_task(rig.finish())
        await asked(rig)
        expect = cmd.Expect(request="a1")
        said: list[cmd.AnyCommand] = [
            cmd.Approve(id="1", actor="anna", expect=expect),
            cmd.Reject(id="2", actor="bob", expect=expect),
            cmd.Edit(id="3", actor="cron", expect=expect, input={"coordinate": [7, 7]}),
        ]
        views = [FileRuns() for _ in said]
        answers = await asyncio.gather(
            views[0].control(run, said[0]),
            views[1].control(run, said[1]),
            ctl.deliver(run, said[2]),
            return_exceptions=True,
        )
        assert await finishing is Outcome.COMPLETED
        seen = [[event async for event in view.events(run, 0, follow=False)] for view in views]
    refused = [answer for answer in answers if isinstance(answer, CommandRefusedError)]
    assert [one.what for one in refused] == ["nothing waits for an approval"] * 2
    decided = [[e for e in events if isinstance(e, ev.ApprovalDecided)] for events in seen]
    assert decided[0] == decided[1] == decided[2]
    assert [one.actor for one in decided[0]] == [
        said[number].actor for number, answer in enumerate(answers) if answer not in refused
    ]


async def test_a_script_sees_what_waits_and_waits_for_it(state_dir: Path) -> None:
    script = scenario(f"calls = [{TYPE}]", 'text = "Done."')
    async with rigged(state_dir, script, headless=False, approve="ask-all", idle_s=0.01) as rig:
        run, view = rig.run.recorder.state.run, FileRuns()
        waiting = asyncio.create_task(standing.wait_for_person(view, run, 30))
        finishing = asyncio.create_task(rig.finish())
        state = await waiting
        told = standing.as_json(state)
        assert (told["phase"], told["holding"], told["mode"]) == ("holding", ["approval"], "ask-all")
        assert (told["approval"]["request"], told["approval"]["does"]) == (
            "a1",
            'type "hello" (5 characters)',
        )
        assert standing.waiting(state) == ['a1: type "hello" (5 characters)', "  the mode is ask-all"]
        assert await standing.state_of(view, run) == state
        _, ack = await ctl.deliver(run, cmd.Approve(**meaning("a1")))
        assert await finishing is Outcome.COMPLETED
        assert isinstance(rig.events[ack.seq], ev.CommandApplied)
        over = await standing.wait_for_person(view, run, 5)
        assert standing.as_json(over)["outcome"] == "completed"
