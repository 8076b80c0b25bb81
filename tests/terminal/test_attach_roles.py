"""`pilothouse attach` in a pty, to a real engine: one link, its role, and who the engine says is there."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from pilothouse import events as ev
from pilothouse.engine import presence
from pilothouse.events import Hold
from tests.engine.rig import rigged
from tests.terminal.fake_terminal import FakeTerminal
from tests.terminal.screen import Screen

pytestmark = pytest.mark.terminal

DONE = '[[turn]]\ntext = "Done."'


def attach(state_dir: Path, run: str, *options: str) -> FakeTerminal:
    argv = [sys.executable, "-m", "pilothouse", "attach", run, *options]
    return FakeTerminal(argv, environ={"PILOTHOUSE_STATE_DIR": str(state_dir)})


async def test_two_bridges_on_one_run_each_with_its_role(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "GRACE_S", 0.0)
    async with rigged(state_dir, DONE, headless=False) as rig:
        run = rig.run.recorder.state.run
        with attach(state_dir, run, "--watch") as watching, attach(state_dir, run) as driving:
            for role in ("watch", "drive"):
                await rig.until(
                    lambda event, role=role: isinstance(event, ev.ViewerJoined) and event.role == role  # type: ignore[misc]
                )
            await asyncio.to_thread(watching.wait_for_text, "Transcript")
            watching.type(b" ")
            await asyncio.to_thread(watching.wait_for_text, "you only watch this run")
            assert rig.of(ev.CommandReceived) == []
            await asyncio.to_thread(driving.wait_for_text, "Transcript")
            driving.type(b"P")
            await rig.until(
                lambda event: isinstance(event, ev.StateChanged) and event.holding == (Hold.FREEZE,)
            )
            await asyncio.to_thread(watching.wait_for_text, "frozen")
            for terminal in (watching, driving):
                terminal.type(b"q")
                assert await asyncio.to_thread(terminal.wait_for_exit) == 0
        for role in ("watch", "drive"):
            joined = next(e for e in rig.events if isinstance(e, ev.ViewerJoined) and e.role == role)
            await rig.until(
                lambda event, joined=joined: (
                    isinstance(event, ev.ViewerDeparted)  # type: ignore[misc]
                    and event.viewer == joined.viewer
                )
            )
        rig.abort()
        await rig.run.drive()


@pytest.mark.parametrize("options", [("--watch", "--role", "drive"), ("--role", "captain")])
async def test_a_role_is_one_of_three_and_said_once(state_dir: Path, options: tuple[str, ...]) -> None:
    with attach(state_dir, "latest", *options) as terminal:
        await asyncio.to_thread(terminal.wait_for_text, "role")
        assert await asyncio.to_thread(terminal.wait_for_exit) == 2


def is_back_in_the_queue(sent: bytes) -> bool:
    """Say whether the screen shows the queue, with what was changed."""
    screen = Screen(120, 40)
    screen.feed(sent)
    lines = screen.text.splitlines()
    at = next((n for n, line in enumerate(lines) if "Messages that wait" in line), len(lines))
    return any("one, please" in line for line in lines[at:])


async def test_the_queue_of_a_real_engine_is_changed_with_real_keys(state_dir: Path) -> None:
    async with rigged(state_dir, DONE, headless=False) as rig:
        run = rig.run.recorder.state.run
        for text in ("one", "two"):
            rig.say(text, "end")
        with attach(state_dir, run, "--role", "approve") as terminal:
            await asyncio.to_thread(terminal.wait_for_text, "2 queued")
            terminal.type(b"Q")
            await asyncio.to_thread(terminal.wait_for_text, "Messages that wait")
            terminal.type(b"J")
            await rig.until(lambda event: isinstance(event, ev.MessageRevised) and event.before == "end")
            terminal.type(b"e")
            await asyncio.to_thread(terminal.wait_for_text, "change it")
            terminal.type(b", please\r")
            await rig.until(
                lambda event: isinstance(event, ev.MessageRevised) and event.text == "one, please"
            )
            await asyncio.to_thread(terminal.wait_for, is_back_in_the_queue)
            terminal.type(b"\x1b[A")
            terminal.type(b"\x7f")
            await rig.until(lambda event: isinstance(event, ev.MessageReturned))
            assert [message.text for message in rig.run.recorder.state.messages] == ["one, please"]
            terminal.type(b"\x11")
            assert await asyncio.to_thread(terminal.wait_for_exit) == 0
        rig.abort()
        await rig.run.drive()
