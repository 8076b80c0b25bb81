"""Messages that wait: their boundaries, their order, and a person's changes of mind."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.engine.mailbox import GONE_REMEMBERED, WAITING_MAX, Mailbox, Waiting
from pilothouse.errors import CommandRefusedError
from pilothouse.events import Outcome, RunPhase
from pilothouse.ids import new_command_id
from pilothouse.state import QueuedMessage
from tests.engine.rig import Rig, rigged

THREE = '[[turn]]\ntext = "One."\n[[turn]]\ntext = "Two."\n[[turn]]\ntext = "Three."'
SLOW = "[pace]\nbefore_s = 0.0\nper_delta_s = 0.2\ndelta_chars = 2\n"


def said(rig: Rig, text: str, when: str = "end", *, freeze: bool = False) -> str:
    """Say something, and give the message's id."""
    command = cmd.Say(id=new_command_id(), actor="ann", text=text, when=when, freeze=freeze)
    assert isinstance(rig.do(command), cmd.Ack)
    return command.id


def revise(rig: Rig, message: str, text: str = "", when: str = "", before: str = "") -> cmd.Ack | cmd.Refused:
    return rig.do(
        cmd.Revise(id=new_command_id(), actor="ann", message=message, text=text, when=when, before=before)
    )


def unsay(rig: Rig, message: str) -> cmd.Ack | cmd.Refused:
    return rig.do(cmd.Unsay(id=new_command_id(), actor="ann", message=message))


def legs(rig: Rig) -> list[str]:
    return [event.instruction for event in rig.events if isinstance(event, ev.LegStarted)]


def why(answer: cmd.Ack | cmd.Refused) -> str:
    assert isinstance(answer, cmd.Refused)
    return answer.why


async def test_what_is_for_the_end_is_a_leg_each_and_a_headless_run_waits_for_them(state_dir: Path) -> None:
    async with rigged(state_dir, THREE) as rig:
        first, second = said(rig, "then this"), said(rig, "and that")
        assert await rig.finish() is Outcome.COMPLETED
    assert legs(rig) == ["look at the page", "then this", "and that"]
    delivered = [(event.id, event.turn) for event in rig.events if isinstance(event, ev.MessageDelivered)]
    assert delivered == [(first, 2), (second, 3)]
    assert RunPhase.IDLE not in [event.phase for event in rig.events if isinstance(event, ev.StateChanged)]


async def test_what_is_for_the_next_boundary_comes_before_what_is_for_the_end(state_dir: Path) -> None:
    async with rigged(state_dir, THREE) as rig:
        said(rig, "at the end")
        said(rig, "soon", "after")
        assert await rig.finish() is Outcome.COMPLETED
    turns = [(event.text, event.turn) for event in rig.events if isinstance(event, ev.MessageDelivered)]
    assert turns == [("soon", 1), ("at the end", 2)]
    assert legs(rig) == ["look at the page", "at the end"]


async def test_an_idle_run_takes_a_message_for_the_end_at_once(state_dir: Path) -> None:
    async with rigged(state_dir, THREE, headless=False) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.StateChanged) and event.phase is RunPhase.IDLE)
        said(rig, "once more")
        await rig.until(lambda event: isinstance(event, ev.LegStarted) and event.leg == 2)
        rig.abort()
        assert await driving is Outcome.ABORTED


async def test_what_is_taken_back_as_an_idle_run_wakes_does_not_end_it(state_dir: Path) -> None:
    async with rigged(state_dir, THREE, headless=False) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.StateChanged) and event.phase is RunPhase.IDLE)
        unsay(rig, said(rig, "no"))  # in one step of the loop
        await rig.until(lambda event: isinstance(event, ev.MessageReturned))
        said(rig, "yes")
        await rig.until(lambda event: isinstance(event, ev.LegStarted) and event.leg == 2)
        rig.abort()
        await driving
    assert legs(rig) == ["look at the page", "yes"]


async def test_while_a_person_holds_the_run_its_next_leg_may_be_taken_back(state_dir: Path) -> None:
    script = "[pace]\nbefore_s = 0.0\nper_delta_s = 0.1\ndelta_chars = 4\n" + THREE
    async with rigged(state_dir, script, speed=1.0) as rig:
        message = said(rig, "then this")
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.TurnStarted))
        rig.pause()  # gently: the answer finishes
        await rig.until(lambda event: isinstance(event, ev.TurnFinished))
        await asyncio.sleep(0)
        assert isinstance(unsay(rig, message), cmd.Ack)
        rig.resume()
        assert await driving is Outcome.COMPLETED
    assert rig.of(ev.MessageDelivered) == []
    assert legs(rig) == ["look at the page"]


async def test_a_message_that_waits_is_reworded_moved_and_taken_back(state_dir: Path) -> None:
    async with rigged(state_dir, THREE + '\n[[turn]]\ntext = "Four."') as rig:
        one, two, three = (said(rig, text) for text in ("one", "two", "three"))
        assert isinstance(revise(rig, three, before=one), cmd.Ack)
        assert isinstance(revise(rig, two, text="two, please"), cmd.Ack)
        assert isinstance(revise(rig, one, before="end"), cmd.Ack)
        waiting = rig.run.recorder.state.messages
        assert waiting == tuple(
            QueuedMessage(id=ident, text=text, when="end")
            for ident, text in ((three, "three"), (two, "two, please"), (one, "one"))
        )
        assert isinstance(unsay(rig, two), cmd.Ack)
        assert await rig.finish() is Outcome.COMPLETED
    assert legs(rig) == ["look at the page", "three", "one"]
    (returned,) = rig.of(ev.MessageReturned)
    wanted = ev.MessageReturned(id=two, why="taken back by ann")
    assert msgspec.structs.replace(returned, seq=wanted.seq, t=wanted.t, wall=wanted.wall) == wanted


async def test_a_change_that_can_not_be_is_refused_with_a_sentence(state_dir: Path) -> None:
    async with rigged(state_dir, THREE) as rig:
        one, gone = said(rig, "one", "after"), said(rig, "two")
        unsay(rig, gone)
        assert why(revise(rig, "nobody")) == "no such message waits"
        assert why(unsay(rig, gone)) == "that message was taken back already"
        assert why(revise(rig, one, before="nobody")) == "no such message waits"
        assert why(revise(rig, one, before=gone)) == "that message was taken back already"
        assert why(revise(rig, one, before=one)) == "a message can't stand before itself"
        assert why(revise(rig, one, text=" \n")) == "the message is empty"
        assert "'later'" in why(revise(rig, one, when="later"))
        late = cmd.Say(id=new_command_id(), actor="ann", text="-", when="end", freeze=True)
        assert why(rig.do(late)) == "what is for the end of the turn needs no freeze"
        delivering = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.MessageDelivered))
        assert why(unsay(rig, one)) in ("that message was delivered already", "the run is ending")
        await delivering


async def test_now_with_a_freeze_drops_the_answer_and_asks_again_with_the_message(state_dir: Path) -> None:
    script = SLOW + '[[turn]]\ntext = "a long story about a kettle"'
    async with rigged(state_dir, script, speed=1.0) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.TextStreamed))
        said(rig, "shorter", "now", freeze=True)
        await rig.until(lambda event: isinstance(event, ev.MessageDelivered))
        rig.abort()
        await driving
    attempts = [event.attempt for event in rig.events if isinstance(event, ev.TurnStarted)]
    assert attempts == [1, 2]
    assert [event.turn for event in rig.events if isinstance(event, ev.MessageDelivered)] == [1]


@pytest.mark.parametrize(("model", "role"), [("claude-opus-5-5", "system"), ("claude-haiku-4-5", "user")])
async def test_a_message_is_a_system_message_only_where_the_model_takes_it(
    state_dir: Path, model: str, role: str
) -> None:
    """Right behind the results, and never between a call and its result (model-api §4)."""
    script = """
[[turn]]
calls = [{ do = "left_click", input = { coordinate = [10, 10] } }]
[[turn]]
text = "Done."
"""
    async with rigged(state_dir, script, model_name=model) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.ActionProposed))
        said(rig, "look left", "after")
        assert await driving is Outcome.COMPLETED
    (delivered,) = [event for event in rig.events if isinstance(event, ev.MessageDelivered)]
    assert delivered.role == role
    body = msgspec.json.decode(rig.bodies[-1])
    roles = [message["role"] for message in body["messages"]]
    if role == "system":
        assert roles == ["user", "assistant", "user", "system"]
        assert [block["type"] for block in body["messages"][2]["content"]] == ["tool_result"]
    else:
        assert roles == ["user", "assistant", "user"]
        assert [block["type"] for block in body["messages"][2]["content"]] == ["tool_result", "text"]


def test_what_became_of_old_messages_is_remembered_within_bounds() -> None:
    mailbox = Mailbox()
    for number in range(GONE_REMEMBERED + 5):
        mailbox.put(Waiting(id=str(number), text="-", when="after"))
        mailbox.take_due()
    with pytest.raises(CommandRefusedError, match="no such message waits"):
        mailbox.find("0")
    with pytest.raises(CommandRefusedError, match="was delivered already"):
        mailbox.find(str(GONE_REMEMBERED))


async def test_no_more_may_wait_than_everybody_sees(state_dir: Path) -> None:
    async with rigged(state_dir, THREE) as rig:
        ids = [said(rig, f"message {number}") for number in range(WAITING_MAX)]
        one_more = cmd.Say(id=new_command_id(), actor="ann", text="one more", when="end")
        assert "wait already" in why(rig.do(one_more))
        assert [message.id for message in rig.run.recorder.state.messages] == ids
        assert isinstance(unsay(rig, ids[0]), cmd.Ack)
        said(rig, "now there is room")
        rig.abort()
        await rig.finish()
