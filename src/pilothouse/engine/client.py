"""The viewer's end of the control socket. Nothing here is imported by an engine, nor imports one."""

from __future__ import annotations

import asyncio
import getpass
from typing import TYPE_CHECKING

import msgspec

from pilothouse import __version__
from pilothouse import commands as cmd
from pilothouse.errors import CommandRefusedError, RunGone

if TYPE_CHECKING:
    from pathlib import Path

ANSWER_TIMEOUT_S = 10.0
ACT_TIMEOUT_S = 400.0
"""An act is answered once it was done: keys may be held for five minutes."""


def actor_name() -> str:
    """Name the person at this end, for the journal."""
    try:
        return cmd.actor_of(getpass.getuser())
    except (KeyError, OSError):
        return cmd.actor_of("")


def patience_s(command: cmd.Command) -> float:
    """Say how long an answer to this may take."""
    return ACT_TIMEOUT_S if isinstance(command, cmd.Act) else ANSWER_TIMEOUT_S


async def control(path: Path, command: cmd.Command) -> cmd.Ack:
    """Send one command to the engine behind a socket and wait for its answer.

    Raises:
        RunGone: No engine answers.
        CommandRefusedError: The engine refused.
        ProtocolMismatch: Engine and viewer share no protocol version.
    """
    try:
        async with asyncio.timeout(patience_s(command)):
            return await _converse(path, command)
    except TimeoutError:
        raise RunGone("its engine does not answer", path.stem, "try again, or look at engine.log") from None
    except (OSError, EOFError, msgspec.MsgspecError) as error:
        raise RunGone("no engine runs it any more", path.stem, "its recording can be replayed") from error


async def look(path: Path, after: int, actor: str) -> cmd.LivePicture:
    """Wait for a live picture other than number `after` from the engine behind a socket.

    Raises:
        RunGone: No engine answers.
        ProtocolMismatch: Engine and viewer share no protocol version.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(str(path), limit=2 * cmd.FRAME_MAX_BYTES)
        try:
            hello = cmd.Hello(version=__version__, actor=actor, client="look")
            writer.write(cmd.encode(hello) + b"\n" + cmd.encode(cmd.Look(after=after)) + b"\n")
            await writer.drain()
            while line := await reader.readline():
                match cmd.from_engine().decode(line):
                    case cmd.Hello() as theirs:
                        cmd.agree(theirs)
                    case cmd.LivePicture() as picture:
                        return picture
                    case _:
                        continue
            raise EOFError
        finally:
            writer.close()
    except (OSError, EOFError, ValueError, msgspec.MsgspecError) as error:
        raise RunGone("no engine runs it any more", path.stem, "its recording can be replayed") from error


async def _converse(path: Path, command: cmd.Command) -> cmd.Ack:
    reader, writer = await asyncio.open_unix_connection(str(path), limit=cmd.FRAME_MAX_BYTES)
    try:
        hello = cmd.Hello(version=__version__, actor=command.actor, client="control")
        writer.write(cmd.encode(hello) + b"\n" + cmd.encode(command) + b"\n")
        await writer.drain()
        while True:
            line = await reader.readline()
            if not line:
                raise EOFError
            match cmd.from_engine().decode(line):
                case cmd.Hello() as theirs:
                    cmd.agree(theirs)
                case cmd.Ack(id=command.id) as ack:
                    return ack
                case cmd.Refused(id=command.id, why=why):
                    raise CommandRefusedError(why)
                case _:
                    continue
    finally:
        writer.close()
