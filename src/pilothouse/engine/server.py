"""The engine's end of the control socket: who may connect, and the frames each way. Applies nothing itself.

The socket is 0600 in a 0700 directory, and the peer's uid must be ours, else it is hung up on
(terminal-and-journal §4.5).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
import struct
import sys
from typing import TYPE_CHECKING

import msgspec

from pilothouse import __version__
from pilothouse import commands as cmd
from pilothouse.errors import ProtocolMismatch, StateDirError
from pilothouse.paths import SOCKET_PATH_MAX_BYTES, make_private

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from pilothouse.bus import Bus

GROWTH_SPACING_S = 0.02
VIEWERS_MAX = 64
NEWEST_SEQ = "seq"
"""The key under which the bus holds the newest `seq`."""


class ControlServer:
    """Serves the control socket of one run.

    Args:
        path: Where the socket is made.
        run: The run id, told in the greeting.
        begin: Applies a command and gives its answer, which may take its time.
        bus: Wakes viewers when the journal has grown.

    Attributes:
        on_arrived: Told who is there, and what they call what they look with.
        on_departed: The same, once they have hung up.
        look: Gives a live picture other than the numbered one to somebody.
    """

    def __init__(
        self,
        path: Path,
        run: str,
        begin: Callable[[cmd.Command], asyncio.Future[cmd.Ack | cmd.Refused]],
        bus: Bus,
    ) -> None:
        self._path = path
        self._run = run
        self._begin = begin
        self._bus = bus
        self._server: asyncio.Server | None = None
        self._viewers: set[asyncio.Task[None]] = set()
        self.on_arrived: Callable[[str, str], None] = lambda actor, client: None
        self.on_departed: Callable[[str, str], None] = lambda actor, client: None
        self.look: Callable[[int, str], Awaitable[cmd.LivePicture]] | None = None

    async def open(self) -> None:
        """Make the socket.

        Raises:
            StateDirError: It can't be made here.
        """
        if len(os.fsencode(self._path)) > SOCKET_PATH_MAX_BYTES:
            raise StateDirError(
                f"is too long for a socket ({SOCKET_PATH_MAX_BYTES} bytes at most)",
                str(self._path),
                "set PILOTHOUSE_STATE_DIR to a shorter path",
            )
        make_private(self._path.parent)
        self._remove_stale()
        # The engine's umask is 077 from its first line, so that the socket is never open to others.
        self._server = await asyncio.start_unix_server(
            self._serve, path=str(self._path), limit=cmd.FRAME_MAX_BYTES
        )
        self._path.chmod(0o600)

    def _remove_stale(self) -> None:
        """Remove a socket left by a killed engine; the journal's lock is already ours, so it is dead."""
        try:
            if not stat.S_ISSOCK(self._path.lstat().st_mode):
                raise StateDirError("is in the way and is no socket", str(self._path), "move it away")
            self._path.unlink()
        except FileNotFoundError:
            pass

    async def close(self) -> None:
        """Hang up on every viewer and remove the socket."""
        if self._server is not None:
            self._server.close()
        for viewer in list(self._viewers):
            viewer.cancel()
        await asyncio.gather(*self._viewers, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._viewers) >= VIEWERS_MAX or not _same_user(writer):
            writer.close()
            return
        self._viewers.add(task)
        waker = asyncio.create_task(self._wake(writer))
        try:
            await self._talk(reader, writer)
        except (OSError, ValueError, msgspec.MsgspecError, ProtocolMismatch):
            pass  # a viewer that speaks nonsense, or is gone, is hung up on
        except asyncio.CancelledError:
            pass  # the engine ends
        finally:
            waker.cancel()
            self._viewers.discard(task)
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _send(writer, cmd.Hello(run=self._run, version=__version__))
        first = await reader.readline()
        greeting = cmd.decode_from_viewer.decode(first)
        if not isinstance(greeting, cmd.Hello):
            return
        cmd.agree(greeting)
        looking = _Looking(self, writer, greeting.actor)
        self.on_arrived(greeting.actor, greeting.client)
        try:
            while line := await reader.readline():
                frame = cmd.decode_from_viewer.decode(line)
                if isinstance(frame, cmd.Command):
                    self._begin(frame).add_done_callback(lambda answer: _answer(writer, answer))
                    await asyncio.sleep(0)  # most are answered by then
                    await writer.drain()
                elif isinstance(frame, cmd.Look):
                    looking.at(frame.after)
        finally:
            looking.end()
            self.on_departed(greeting.actor, greeting.client)

    async def _wake(self, writer: asyncio.StreamWriter) -> None:
        """Tell the viewer that there is more to read, at most fifty times a second."""
        subscription = self._bus.subscribe(must=False)
        try:
            while news := await subscription.newest():
                seq = news.get(NEWEST_SEQ)
                if isinstance(seq, int):
                    _send(writer, cmd.Grew(seq=seq))
                    await writer.drain()
                await asyncio.sleep(GROWTH_SPACING_S)
        except OSError:
            pass  # the viewer is gone; reading from it ends the conversation
        finally:
            subscription.close()


class _Looking:
    """One viewer's wait for its next live picture: the newest thing it asked for counts."""

    def __init__(self, server: ControlServer, writer: asyncio.StreamWriter, actor: str) -> None:
        self._server = server
        self._writer = writer
        self._actor = actor
        self._task: asyncio.Task[None] | None = None

    def at(self, after: int) -> None:
        self.end()
        self._task = asyncio.create_task(self._look(after))

    def end(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _look(self, after: int) -> None:
        if self._server.look is None:
            return
        picture = await self._server.look(after, self._actor)
        with contextlib.suppress(OSError):  # the viewer is gone; reading from it ends the conversation
            _send(self._writer, picture)
            await self._writer.drain()


def _answer(writer: asyncio.StreamWriter, answer: asyncio.Future[cmd.Ack | cmd.Refused]) -> None:
    if not answer.cancelled() and not writer.is_closing():
        _send(writer, answer.result())


def _send(writer: asyncio.StreamWriter, frame: msgspec.Struct) -> None:
    writer.write(cmd.encode(frame) + b"\n")


def _same_user(writer: asyncio.StreamWriter) -> bool:
    """Say whether the peer runs under our uid; unknown counts as no."""
    peer: socket.socket | None = writer.get_extra_info("socket")
    if peer is None:
        return False
    try:
        if sys.platform == "linux":
            packed = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            _pid, uid, _gid = struct.unpack("3i", packed)
        else:  # LOCAL_PEERCRED: struct xucred begins with version and uid
            packed = peer.getsockopt(0, 1, 76)
            _version, uid = struct.unpack_from("Ii", packed)
    except OSError:
        return False
    return bool(uid == os.geteuid())
