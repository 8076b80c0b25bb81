"""A person takes the wheel of a real Chromium, over the real socket, while another would like to."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.engine.backends import Endpoint
from pilothouse.events import Outcome
from tests.engine.rig import rigged
from tests.engine.viewer import Viewer
from tests.local.kernel.conftest import server
from tests.local.kernel.pages import lab
from tests.local.kernel.test_computer import BOX, DRAG

pytestmark = [
    pytest.mark.browser,
    pytest.mark.display,
]
SCENARIO = """
[[turn]]
text = "I look."
calls = [{ do = "screenshot" }, { do = "left_click", at = [600, 600] }]
[[turn]]
text = "I see."
calls = [{ do = "left_click", at = [601, 601] }]
[[turn]]
text = "Done."
"""


async def test_a_person_drags_and_types_and_the_model_hears_of_it(state_dir: Path) -> None:
    async with (
        server() as running,
        lab() as page,
        rigged(state_dir, SCENARIO, headless=False, idle_s=0.01) as rig,
    ):
        rig.run._backends.browser = Endpoint(base_url=running.ready.base_url, key=running.ready.token)
        rig.run._backends.start_url = f"{page.url}/start"
        run = rig.run.recorder.state.run
        driving = asyncio.create_task(rig.run.drive())
        async with Viewer.of(run, "ann") as ann, Viewer.of(run, "bob") as bob:
            await rig.until_one(ev.ActionStarted)
            assert isinstance(await ann.do(cmd.TakeOver), cmd.Ack)
            first = await ann.look(0)
            assert await bob.do(cmd.TakeOver) == cmd.Refused(id=bob.sent, why="ann drives")
            assert await bob.act("key", text="x") == cmd.Refused(id=bob.sent, why="ann drives")
            page.events.clear()
            await ann.act("left_click_drag", start_coordinate=list(DRAG), coordinate=[400, 500])
            released, pressed = await page.one("mouseup"), await page.one("mousedown")
            assert (pressed["x"], pressed["y"], released["x"], released["y"]) == (*DRAG, 400, 500)
            await ann.act("left_click", coordinate=list(BOX))
            for letter in "Tee, süß":
                assert isinstance(await ann.act("type", text=letter), cmd.Ack)
            await page.one("input", value="Tee, süß")
            second = await ann.look(first.number)
            assert second.url == f"{page.url}/start"
            assert isinstance(await ann.do(cmd.Release), cmd.Ack)
            ended = await rig.until_one(ev.TakeoverEnded)
            assert isinstance(await bob.do(cmd.TakeOver), cmd.Ack)
            assert isinstance(await bob.do(cmd.Release), cmd.Ack)
        assert await driving is Outcome.COMPLETED
    assert ended.note.endswith(
        f"What they did: dragged from {DRAG} to (400, 500); clicked at {BOX}; typed “Tee, süß”."
    )
    assert [event.actor for event in rig.of(ev.LeaseAsked)] == ["bob"]
    content = json.loads(rig.bodies[1])["messages"][-1]["content"]
    assert [block["type"] for block in content] == ["tool_result", "tool_result", "text", "image"]
    assert ended.note in content[2]["text"]
    assert "They did nothing in it." in rig.bodies[-1].decode()
    shown = content[3]["source"]
    frames = {event.blob.sha256: event for event in rig.of(ev.FrameCaptured)}
    files = {event.file: event.sha256 for event in rig.of(ev.PictureUploaded)}
    frame = frames[files[shown["file_id"]]]
    assert frame.source == "human"
    assert frame.seq > max(event.seq for event in rig.of(ev.HumanActed))
