"""The control socket: who may connect, what is answered, and what nonsense does."""

import asyncio
import contextlib
import stat
from pathlib import Path

import pytest

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.engine.client import control
from pilothouse.errors import CommandRefusedError, RunGone
from pilothouse.events import Outcome
from pilothouse.ids import new_command_id
from pilothouse.paths import socket_path
from tests.engine.rig import rigged

DONE = '[[turn]]\ntext = "Done."'


def pause() -> cmd.Pause:
    return cmd.Pause(id=new_command_id(), actor="anna")


async def test_a_command_is_answered_after_it_is_on_disk(state_dir: Path) -> None:
    async with rigged(state_dir, DONE) as rig:
        path = socket_path(rig.run.recorder.state.run)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        ack = await control(path, pause())
        applied = await rig.until(lambda event: isinstance(event, ev.CommandApplied))
        assert applied.seq == ack.seq
        rig.resume()
        assert await rig.finish() is Outcome.COMPLETED
        assert not path.exists()


async def test_a_refusal_carries_its_reason(state_dir: Path) -> None:
    async with rigged(state_dir, DONE) as rig:
        path = socket_path(rig.run.recorder.state.run)
        with pytest.raises(CommandRefusedError, match="empty"):
            await control(path, cmd.Say(id="1", actor="anna", text="  "))
        with pytest.raises(CommandRefusedError, match="nothing waits"):
            await control(path, cmd.Approve(id="2", actor="anna"))
        await rig.finish()


async def test_no_engine_is_said_at_once(state_dir: Path) -> None:
    with pytest.raises(RunGone):
        await control(socket_path("abcdefghij"), pause())


async def test_a_viewer_that_talks_nonsense_is_hung_up_on(state_dir: Path) -> None:
    async with rigged(state_dir, DONE) as rig:
        path = socket_path(rig.run.recorder.state.run)
        for nonsense in (b"GET / HTTP/1.1\r\n\r\n", b'{"type":"Pause"}\n', b"\xff\xfe\n", b"{" * 2_000_000):
            reader, writer = await asyncio.open_unix_connection(str(path))
            writer.write(nonsense)
            with contextlib.suppress(ConnectionResetError):
                await reader.read()
            writer.close()
        await control(path, pause())
        rig.resume()
        assert await rig.finish() is Outcome.COMPLETED
        assert len(rig.of(ev.CommandApplied)) == 2


async def test_a_newer_viewer_is_told_and_hung_up_on(state_dir: Path) -> None:
    async with rigged(state_dir, DONE) as rig:
        path = socket_path(rig.run.recorder.state.run)
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(cmd.encode(cmd.Hello(protocol_min=99, protocol_max=99)) + b"\n")
        greeting = cmd.from_engine().decode(await reader.readline())
        assert isinstance(greeting, cmd.Hello)
        assert greeting.protocol_max == cmd.PROTOCOL_MAX
        assert await reader.read() == b""
        writer.close()
        await rig.finish()


async def test_a_viewer_is_woken_when_the_journal_grows(state_dir: Path) -> None:
    async with rigged(state_dir, DONE) as rig:
        path = socket_path(rig.run.recorder.state.run)
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(cmd.encode(cmd.Hello()) + b"\n")
        await reader.readline()
        rig.run.recorder.publish(ev.Warned(what="look"))
        news = cmd.from_engine().decode(await reader.readline())
        assert isinstance(news, cmd.Grew)
        assert news.seq == rig.run.recorder.state.seq
        writer.close()
        await rig.finish()
