"""Where steering, roles, presence, the lease and the mailbox meet: what each alone does not show."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.commands import Ack, Refused
from pilothouse.engine import lease, presence, roles
from pilothouse.engine.client import control
from pilothouse.engine.gate import Gate
from pilothouse.engine.lease import UNTOLD
from pilothouse.engine.link import Link
from pilothouse.engine.presence import FOLLOWS, Presence, wait_attended
from pilothouse.errors import CommandRefusedError
from pilothouse.events import Hold, Outcome, RunPhase
from pilothouse.ids import new_command_id
from pilothouse.paths import socket_path
from pilothouse.safety import Redactor
from tests.engine.kernel_stub import LIVE_VIEW
from tests.engine.rig import Rig, rigged

pytestmark = pytest.mark.usefixtures("quick")

CLICKS = """
[[turn]]
text = "I click."
calls = [{ do = "left_click", at = [10, 10] }]
[[turn]]
text = "I click twice."
calls = [{ do = "left_click", at = [20, 20] }, { do = "left_click", at = [30, 30] }]
[[turn]]
text = "Done."
"""
SLOWLY_DONE = """
[pace]
before_s = 0.0
per_delta_s = 0.05
delta_chars = 4
[[turn]]
text = "I am done."
[[turn]]
text = "I see."
"""


async def driven(rig: Rig) -> asyncio.Task[Outcome]:
    """Take over once the first action is done; gives the driving task."""
    driving = asyncio.create_task(rig.run.drive())
    await rig.until_one(ev.ActionFinished)
    assert isinstance(rig.take_over(), Ack)
    return driving


def link(rig: Rig, actor: str, role: str) -> Link:
    return Link(socket_path(rig.run_id), actor=actor, role=role)


# ---------------------------------------------------------------------------------- asked once more


async def test_no_act_is_done_twice_be_it_only_a_move_of_the_pointer(state_dir: Path) -> None:
    async with rigged(state_dir, CLICKS) as rig:
        driving = await driven(rig)
        place: dict[str, Any] = {"coordinate": [50, 50]}
        move = cmd.Act(id=new_command_id(), actor="anna", member="mouse_move", input=place)
        first = await rig.run.steering.begin(move)
        assert isinstance(await rig.act("left_click", coordinate=[5, 5]), Ack)
        done = len(rig.kernel.performed)
        assert await rig.run.steering.begin(move) == first  # a link that broke asks again
        assert len(rig.kernel.performed) == done
        rig.release()
        assert await driving is Outcome.COMPLETED


async def test_the_link_to_the_browser_is_told_nobody_for_a_command_that_was_answered_before(
    state_dir: Path,
) -> None:
    async with rigged(state_dir, CLICKS) as rig:
        driving = await driven(rig)
        asked = cmd.LiveView(id=new_command_id(), actor="anna")
        assert cast("Ack", rig.do(asked)).link == LIVE_VIEW
        assert cast("Ack", rig.do(asked)).link == LIVE_VIEW
        for role in (roles.WATCH, roles.APPROVE):
            async with link(rig, "eve", role) as eve:
                with pytest.raises(CommandRefusedError, match=r"only watch|not have the link"):
                    await eve.send(asked)
        # another command under its id is answered as it was, but for the link
        assert cast("Ack", rig.do(cmd.Pause(id=asked.id, actor="anna"))).link == ""
        rig.release()
        assert await driving is Outcome.COMPLETED


async def test_after_an_abort_nothing_more_is_begun_though_the_work_takes_its_time_to_end(
    state_dir: Path,
) -> None:
    async with rigged(state_dir, CLICKS) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await rig.until_one(ev.ActionFinished)
        answers = [rig.abort(), rig.take_over(), rig.pause()]
        assert [getattr(answer, "why", "") for answer in answers] == ["", *["the run is ending"] * 2]
        assert isinstance(act := await rig.act("left_click", coordinate=[5, 5]), Refused)
        assert act.why == "the run is ending"
        assert await driving is Outcome.ABORTED
    assert rig.of(ev.TakeoverStarted) == []
    received = {event.id for event in rig.of(ev.CommandReceived)}
    assert {event.id for event in rig.of(ev.CommandRefused)} <= received


async def test_a_command_that_meets_a_defect_is_answered_and_the_connection_lasts(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rigged(state_dir, CLICKS) as rig:
        async with link(rig, "anna", roles.DRIVE) as anna:
            with monkeypatch.context() as patched:
                patched.setattr(rig.run.mailbox, "find", lambda message: 1 // 0)
                unsay = cmd.Unsay(id=new_command_id(), actor="anna", message="m")
                with pytest.raises(CommandRefusedError, match=r"a defect \(ZeroDivisionError\)"):
                    await anna.send(unsay)
            deep: dict[str, Any] = {}
            for _ in range(700):
                deep = {"a": deep}
            edit = cmd.Edit(id=new_command_id(), actor="anna", input=deep, expect=cmd.Expect(request="a1"))
            with pytest.raises(CommandRefusedError):
                await anna.send(edit)
            await anna.send(cmd.Pause(id=new_command_id(), actor="anna"))
        rig.resume()
        assert await rig.finish() is Outcome.COMPLETED
    assert [event.command for event in rig.of(ev.CommandRefused)] == ["Unsay", "Edit"]


# ------------------------------------------------------------------------------------- what is secret


async def test_who_only_watches_sees_nothing_concealed_whatever_they_call_themselves(
    state_dir: Path,
) -> None:
    async with rigged(state_dir, CLICKS) as rig:
        driving = await driven(rig)
        async with (
            link(rig, "anna", roles.DRIVE) as anna,
            link(rig, "anna", roles.WATCH) as watching,
            link(rig, "", roles.DRIVE) as unnamed,
        ):
            rig.do(cmd.Conceal(id=new_command_id(), actor="anna"))
            await rig.until_one(ev.Concealed)
            assert (await anna.look()).data
            waiting = [asyncio.create_task(one.look()) for one in (watching, unnamed)]
            await rig.act("type", text="hunter2")
            await anna.look()
            assert not any(look.done() for look in waiting)
            rig.do(rig.command_pause())  # else the run may be over before there is a picture
            rig.release()
            await rig.until_one(ev.TakeoverEnded)
            await asyncio.wait(waiting)
            rig.resume()
        assert await driving is Outcome.COMPLETED


async def test_a_picture_taken_while_a_page_was_concealed_is_shown_to_no_unnamed_viewer_later(
    state_dir: Path,
) -> None:
    async with rigged(state_dir, CLICKS) as rig:
        driving = await driven(rig)
        look = rig.run._server.on_look
        assert look is not None
        live = cast("Any", look).__self__
        shooting, going_on = asyncio.Event(), asyncio.Event()
        shoot = live._camera.shoot

        async def slowly() -> Any:
            shot = await shoot()
            shooting.set()
            await going_on.wait()
            return shot

        rig.do(cmd.Conceal(id=new_command_id(), actor="anna"))
        await rig.until_one(ev.Concealed)
        live._camera.shoot = slowly
        before = live._number
        hers = asyncio.ensure_future(look(before, "anna"))
        await shooting.wait()  # the secret is on it
        live._camera.shoot = shoot
        rig.do(cmd.Reveal(id=new_command_id(), actor="anna"))
        await rig.until_one(ev.Revealed)
        theirs = asyncio.ensure_future(look(before, ""))
        rig.pause()
        rig.release()
        await rig.until_one(ev.TakeoverEnded)
        going_on.set()
        assert (await theirs).number > before + 1  # that one was hers
        hers.cancel()
        rig.resume()
        assert await driving is Outcome.COMPLETED


async def test_a_refusal_names_nothing_of_what_was_typed_while_it_was_masked(state_dir: Path) -> None:
    async with rigged(state_dir, CLICKS) as rig:
        driving = await driven(rig)
        plain = await rig.act("key", text="swordfish")
        assert isinstance(plain, Refused)
        assert "swordfish" in plain.why
        for member in ("key", "hold_key"):
            more: dict[str, Any] = {"duration": 1} if member == "hold_key" else {}
            masked = await rig.act(member, text="hunter2", secret=True, **more)
            assert isinstance(masked, Refused)
            assert masked.why == UNTOLD
        rig.release()
        assert await driving is Outcome.COMPLETED
        assert not [event for event in rig.events if b"hunter2" in msgspec.json.encode(event)]


async def test_a_known_secret_in_the_address_of_a_page_is_told_to_the_model_as_it_is_recorded(
    state_dir: Path,
) -> None:
    async with rigged(state_dir, CLICKS) as rig:
        rig.run.recorder._redactor = Redactor(("correct-horse-battery",))
        rig.run.approvals.ground = rig.run.approvals.ground.at("https://one.example/")
        driving = await driven(rig)
        await rig.act("left_click", coordinate=[5, 5])
        rig.run.approvals.ground = rig.run.approvals.ground.at("https://one.example/?q=correct-horse-battery")
        rig.release()
        ended = await rig.until_one(ev.TakeoverEnded)
        assert await driving is Outcome.COMPLETED
        assert "the page became https://one.example/?q=" in ended.note
        assert not any(b"correct-horse-battery" in body for body in rig.bodies)


# ------------------------------------------------------------------------------------- the end of a turn


async def test_a_headless_run_that_a_person_drove_while_its_end_was_held_up_tells_the_model(
    state_dir: Path,
) -> None:
    async with rigged(state_dir, SLOWLY_DONE, speed=1.0) as rig:
        rig.say("then this", "end")
        (message,) = rig.run.mailbox._waiting
        driving = asyncio.create_task(rig.run.drive())
        await rig.until_one(ev.TextStreamed)
        rig.pause()
        await rig.until_one(ev.TurnFinished)
        await asyncio.sleep(0)
        assert isinstance(rig.take_over(), Ack)
        assert isinstance(await rig.act("left_click", coordinate=[5, 5]), Ack)
        assert isinstance(rig.do(cmd.Unsay(id=new_command_id(), actor="anna", message=message.id)), Ack)
        rig.release()
        await rig.until_one(ev.TakeoverEnded)
        rig.resume()
        assert await driving is Outcome.COMPLETED
    assert ["clicked at (5, 5)" in event.text for event in rig.of(ev.MessageDelivered)] == [True]
    assert [event.leg for event in rig.of(ev.LegStarted)] == [1]


async def test_what_is_for_the_end_waits_for_who_drives_and_is_read_behind_what_they_did(
    state_dir: Path,
) -> None:
    async with rigged(state_dir, SLOWLY_DONE, speed=1.0, headless=False) as rig:
        rig.say("then this", "end")
        driving = asyncio.create_task(rig.run.drive())
        await rig.until_one(ev.TextStreamed)
        rig.take_over()
        await rig.until_one(ev.TurnFinished)
        assert isinstance(await rig.act("left_click", coordinate=[5, 5]), Ack)
        assert rig.of(ev.MessageDelivered) == []
        rig.release()
        await rig.until(lambda event: isinstance(event, ev.TurnFinished) and event.turn == 2)
        rig.abort()
        await driving
    assert [event.leg for event in rig.of(ev.LegStarted)] == [1, 2]
    told = [event.text for event in rig.of(ev.MessageDelivered)]
    assert told[0] == "then this"
    assert "clicked at (5, 5)" in told[1]


# ------------------------------------------------------------------------------------------- who is there


async def test_resuming_does_not_claim_to_help_what_waits_for_an_approval_that_nobody_attends(
    state_dir: Path,
) -> None:
    more: dict[str, Any] = {"approve": "ask-all", "on_unattended": "abort", "approval_timeout_s": 30.0}
    async with rigged(state_dir, CLICKS, headless=False, **more) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.StateChanged) and Hold.UNATTENDED in event.holding)
        with pytest.raises(CommandRefusedError, match="an action waits for an approval"):
            await control(socket_path(rig.run_id), cmd.Resume(id=new_command_id(), actor="carl"))
        rig.abort()
        await driving


async def test_a_departure_in_the_very_moment_that_one_begins_to_wait_is_not_missed() -> None:
    told: list[ev.Event] = []
    present, gate = Presence(told.append, lambda: False), Gate(told.append)
    gate.enter(RunPhase.RUNNING)
    viewer = present._viewers[present.join(cmd.Hello(actor="ann", client=FOLLOWS))]
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(wait_attended(answer, 60.0, present, gate))
    asyncio.get_running_loop().call_soon(present._depart, viewer)  # right behind its first step
    for _ in range(10):
        await asyncio.sleep(0)
    assert Hold.UNATTENDED in gate.holding
    answer.set_result(None)
    await waiting


def test_a_bridge_has_one_name_for_presence_and_lease() -> None:
    assert cast("Any", lease).FOLLOWS is presence.FOLLOWS
