"""A person takes the wheel: who drives, what the browser gets, what is told of it, and how it ends."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.cli.main import main
from pilothouse.commands import Ack, Conceal, Refused, Reveal
from pilothouse.engine.deeds import MASKED
from pilothouse.events import Outcome
from pilothouse.paths import socket_path
from pilothouse.safety import MASK
from tests.engine.kernel_stub import LIVE_VIEW
from tests.engine.rig import Rig, rigged

F = TypeVar("F", bound=cmd.FromEngine)
VEILS = ev.Concealed | ev.Revealed | ev.HumanActed | ev.TakeoverEnded

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


@pytest.fixture(autouse=True)
def quick_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stub's screen is at rest at once."""
    monkeypatch.setattr("pilothouse.browser.camera.FIRST_GRAB_S", {})
    monkeypatch.setattr("pilothouse.browser.camera.FIRST_GRAB_DEFAULT_S", 0.01)
    monkeypatch.setattr("pilothouse.browser.camera.GRAB_SPACING_S", 0.01)


def files(rig: Rig) -> list[Path]:
    return [path for path in rig.directory.rglob("*") if path.is_file()]


class Viewer:
    """A bridge's end of the control socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    @asynccontextmanager
    async def of(cls, rig: Rig, actor: str) -> AsyncIterator[Viewer]:
        path = socket_path(rig.run.recorder.state.run)
        reader, writer = await asyncio.open_unix_connection(str(path), limit=cmd.FRAME_MAX_BYTES)
        viewer = cls(reader, writer)
        viewer.send(cmd.Hello(actor=actor, client="bridge"))
        await viewer.hears(cmd.Hello)
        try:
            yield viewer
        finally:
            writer.close()

    def send(self, frame: cmd.FromViewer) -> None:
        self._writer.write(cmd.encode(frame) + b"\n")

    async def hears(self, kind: type[F]) -> F:
        """Wait for the next frame of a kind."""
        while True:
            frame = cmd.decode_from_engine.decode(await self._reader.readline())
            if isinstance(frame, kind):
                return frame

    async def look(self, after: int) -> cmd.LivePicture:
        self.send(cmd.Look(after=after))
        return await self.hears(cmd.LivePicture)


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


async def test_a_viewer_pulls_pictures_that_differ_from_the_last(state_dir: Path) -> None:
    async with rigged(state_dir, PAUSES) as rig:
        driving = await driven(rig)
        async with Viewer.of(rig, "anna") as anna:
            first = await anna.look(0)
            assert (first.mime, first.width_px, first.height_px) == ("image/png", 1280, 800)
            waiting = asyncio.create_task(anna.look(first.number))
            assert isinstance(await rig.act("left_click", coordinate=[5, 5]), Ack)
            second = await waiting
            assert second.number > first.number
            assert second.data != first.data
            rig.release()
        assert await driving is Outcome.COMPLETED


async def test_a_concealed_page_is_shown_to_who_drives_alone_and_not_recorded(state_dir: Path) -> None:
    async with rigged(state_dir, PAUSES) as rig:
        driving = await driven(rig)
        async with Viewer.of(rig, "anna") as anna, Viewer.of(rig, "bob") as bob:
            assert isinstance(rig.do(Conceal(id="c1", actor="anna")), Ack)
            concealed = await rig.until_one(ev.Concealed)
            before = await anna.look(0)
            watching = asyncio.create_task(bob.look(0))
            assert isinstance(await rig.act("type", text="hunter2"), Ack)
            assert isinstance(await rig.act("key", text="x"), Ack)
            during = await anna.look(before.number)
            assert not watching.done()
            assert isinstance(rig.do(Reveal(id="c2", actor="anna")), Ack)
            revealed = await rig.until_one(ev.Revealed)
            after = await watching
            assert after.number > during.number
            rig.release()
        assert await driving is Outcome.COMPLETED
        hidden = [e for e in rig.events if concealed.seq < e.seq < revealed.seq]
        assert [e for e in hidden if isinstance(e, ev.FrameCaptured)] == []
        acted = [e for e in hidden if isinstance(e, ev.HumanActed)]
        assert [(e.member, e.input, e.masked) for e in acted] == [("type", {"text": MASKED}, True)]
        note = rig.of(ev.TakeoverEnded)[0].note
        assert "typed something that is not shown." in note
        assert "hunter2" not in "".join(path.read_bytes().decode("latin-1") for path in files(rig))
        assert "hunter2" not in rig.bodies[-1].decode()


async def test_what_is_marked_secret_is_masked_until_it_is_revealed(state_dir: Path) -> None:
    async with rigged(state_dir, PAUSES) as rig:
        driving = await driven(rig)
        assert isinstance(await rig.act("type", text="hunter2", secret=True), Ack)
        assert rig.run.lease.concealed
        rig.release()
        assert await driving is Outcome.COMPLETED
        order = [type(e) for e in rig.events if isinstance(e, VEILS)]
        assert order == [ev.Concealed, ev.HumanActed, ev.Revealed, ev.TakeoverEnded]
        revealed, ended = rig.of(ev.Revealed)[0], rig.of(ev.TakeoverEnded)[0]
        frames = [e for e in rig.of(ev.FrameCaptured) if revealed.seq < e.seq < ended.seq]
        assert [frame.source for frame in frames] == ["human"]
        assert b"hunter2" not in b"".join(path.read_bytes() for path in files(rig))


async def test_a_known_secret_typed_key_by_key_is_masked_everywhere(state_dir: Path) -> None:
    async with rigged(state_dir, PAUSES) as rig:
        rig.run.recorder._secrets = ("correct-horse-battery",)
        driving = await driven(rig)
        for letter in "a correct-horse-battery!":
            await rig.act("type", text=letter)
            deeds = rig.run.lease._deeds
            assert deeds is not None
            deeds.pause()  # as if the person were slow
        await rig.act("left_click", coordinate=[5, 5])
        rig.release()
        assert await driving is Outcome.COMPLETED
        typed = "".join(e.input["text"] for e in rig.of(ev.HumanActed) if e.member == "type")
        assert typed == f"a {MASK}!"
        assert f"typed “a {MASK}!”; clicked at (5, 5)" in rig.of(ev.TakeoverEnded)[0].note


async def test_one_person_drives_and_hears_who_else_would_like_to(state_dir: Path) -> None:
    async with rigged(state_dir, PAUSES) as rig:
        driving = await driven(rig)
        refusal = rig.take_over("bob")
        assert isinstance(refusal, Refused)
        assert refusal.why == "anna drives"
        assert rig.run.recorder.state.lease_asked_by == "bob"
        for answer in (rig.release("bob"), await rig.act("key", text="a", actor="bob")):
            assert isinstance(answer, Refused)
            assert answer.why == "anna drives"
        rig.release()
        await rig.until_one(ev.TakeoverEnded)
        assert await driving is Outcome.COMPLETED
        assert rig.of(ev.HumanActed) == []


async def test_a_script_drives_and_gets_the_link_that_is_never_kept(
    state_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ctl(*words: str, typed: str = "") -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        code = await asyncio.to_thread(main, ["ctl", run, *words])
        return code, capsys.readouterr().out

    async with rigged(state_dir, PAUSES) as rig:
        run = rig.run.recorder.state.run
        driving = asyncio.create_task(rig.run.drive())
        await rig.until_one(ev.ActionFinished)
        assert await ctl("takeover") == (0, "")
        assert await ctl("act", "left_click", '{"coordinate": [5, 6]}') == (0, "")
        assert await ctl("act", "type", "-", "--secret", typed='{"text": "hunter2"}') == (0, "")
        assert await ctl("reveal") == (0, "")
        assert (await ctl("act", "left_click", '{"coordinate": [5000, 6]}'))[0] != 0
        assert await ctl("live-view") == (0, LIVE_VIEW + "\n")
        code, out = await ctl("release", "--json")
        assert (code, json.loads(out)["command"]) == (0, "Release")
        assert await driving is Outcome.COMPLETED
        assert [(e.member, e.ok) for e in rig.of(ev.HumanActed)] == [("left_click", True), ("type", True)]
        kept = b"".join(path.read_bytes() for path in files(rig))
        assert b"hunter2" not in kept
        assert b"KEY-TO-THE-BROWSER" not in kept
