"""A person takes the wheel: who drives, what the browser gets, what is told of it, and how it ends."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from pilothouse import events as ev
from pilothouse.commands import Ack
from pilothouse.events import Outcome
from tests.engine.rig import Rig, rigged

PAUSES = """
[[turn]]
text = "I click."
calls = [{ do = "left_click", at = [10, 10] }]
[[turn]]
text = "I click twice."
calls = [{ do = "left_click", at = [20, 20] }, { do = "left_click", at = [30, 30] }]
[[turn]]
text = "Done."
"""


def last_user_content(rig: Rig) -> list[dict[str, Any]]:
    """Give the content of the newest user message that the model's server got."""
    messages = json.loads(rig.bodies[-1])["messages"]
    content: list[dict[str, Any]] = next(m for m in reversed(messages) if m["role"] == "user")["content"]
    return content


async def driven(rig: Rig) -> asyncio.Task[Outcome]:
    """Take over once the first action is done; gives the driving task."""
    driving = asyncio.create_task(rig.run.drive())
    await rig.until_one(ev.ActionFinished)
    assert isinstance(rig.take_over(), Ack)
    return driving


async def test_what_a_person_did_is_told_to_the_model_with_a_fresh_picture(state_dir: Path) -> None:
    async with rigged(state_dir, PAUSES) as rig:
        driving = await driven(rig)
        assert isinstance(await rig.act("left_click", coordinate=[640, 60]), Ack)
        for letter in "tea":
            assert isinstance(await rig.act("type", text=letter), Ack)
        assert isinstance(await rig.act("key", text="Return"), Ack)
        assert isinstance(rig.release(), Ack)
        ended = await rig.until_one(ev.TakeoverEnded)
        assert await driving is Outcome.COMPLETED
        acted = [(event.member, event.input) for event in rig.of(ev.HumanActed)]
        assert acted == [
            ("left_click", {"coordinate": [640, 60]}),
            ("type", {"text": "tea"}),
            ("key", {"text": "Return"}),
        ]
        assert "clicked at (640, 60); typed “tea”; pressed Return." in ended.note
        told = next(e for e in rig.of(ev.MessageDelivered) if e.id == ended.lease)
        assert told.text.startswith(ended.note)
        request = json.loads(rig.bodies[told.turn - 1])
        content = request["messages"][-1]["content"]
        assert [block["type"] for block in content[-2:]] == ["text", "image"]
        assert content[-2]["text"] == told.text
