"""The engine's end of the control socket: who may connect, and the frames each way. Applies nothing itself.

What a connection may ask for, and in whose name, its greeting says (`roles`); who stays is `presence`'s.

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
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec

from pilothouse import __version__
from pilothouse import commands as cmd
from pilothouse.engine.roles import DRIVE, role_of
from pilothouse.errors import PilothouseError, ProtocolMismatch, RecorderFailed, StateDirError
from pilothouse.paths import SOCKET_PATH_MAX_BYTES, make_private

if TYPE_CHECKING:
    from pathlib import Path

    from pilothouse.bus import Bus
    from pilothouse.engine.presence import Presence

GROWTH_SPACING_S = 0.02
VIEWERS_MAX = 64
ANSWERING_MAX_S = 1.0
NEWEST_SEQ = "seq"
"""The key under which the bus holds the newest `seq`."""


Look = Callable[[int, str], Awaitable[cmd.LivePicture]]
"""Gives an actor a live picture other than that of a number, once there is one; empty for who can't drive."""


class ControlServer:
    """Serves the control socket of one run.

    Args:
        path: Where the socket is made.
        run: The run id, told in the greeting.
        begin: Applies a command of somebody in this role; gives its answer, which may take its time.
        bus: Wakes viewers when the journal has grown.
        presence: Told who follows.

    Attributes:
        on_arrived: Told who is there, and what they call what they look with.
        on_departed: The same, once they have hung up.
    """

    def __init__(
        self,
        path: Path,
        run: str,
        begin: Callable[[cmd.Command, str], asyncio.Future[cmd.Ack | cmd.Refused]],
        bus: Bus,
        presence: Presence,
    ) -> None:
        self._path = path
        self._run = run
        self._begin = begin
        self._bus = bus
        self.synced: Callable[[], Awaitable[None]] = _at_once
        """Waits until what a command did is on disk: no answer leaves before (terminal-and-journal §2.4)."""
        self._presence = presence
        self._look: Look | None = None
        self._can_look = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._viewers: set[asyncio.Task[None]] = set()
        self._answering: set[asyncio.Task[None]] = set()
        self.on_arrived: Callable[[str, str], None] = lambda actor, client: None
        self.on_departed: Callable[[str, str], None] = lambda actor, client: None

    @property
    def on_look(self) -> Look | None:
        """What gives live pictures; None while there is no browser. Who asks earlier waits for it."""
        return self._look

    @on_look.setter
    def on_look(self, look: Look) -> None:
        self._look = look
        self._can_look.set()

    async def _looker(self) -> Look:
        while self._look is None:
            await self._can_look.wait()
        return self._look

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
        """Answer what was asked, hang up on every viewer and remove the socket."""
        if self._server is not None:
            self._server.close()
        if self._answering:  # whoever ended the run is told so
            await asyncio.wait(self._answering, timeout=ANSWERING_MAX_S)
        for viewer in list(self._viewers):
            viewer.cancel()
        await asyncio.gather(*self._viewers, return_exceptions=True)
        self._presence.close()
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
        greeting = cmd.from_viewer().decode(first)
        if not isinstance(greeting, cmd.Hello):
            return
        cmd.agree(greeting)
        actor, role = cmd.actor_of(greeting.actor), role_of(greeting.role)
        viewer = self._presence.join(greeting)
        # Whoever drives sees what is concealed from all others: a watcher of the same name is another.
        looks = _Looks(writer, self._looker, actor if role == DRIVE else "")
        self.on_arrived(actor, greeting.client)
        try:
            while line := await reader.readline():
                match cmd.from_viewer().decode(line):
                    case cmd.Command() as told:
                        command = msgspec.structs.replace(told, actor=actor)  # one name for each connection
                        answering = asyncio.create_task(self._answer(writer, self._begin(command, role)))
                        self._answering.add(answering)
                        answering.add_done_callback(self._answering.discard)
                        await asyncio.sleep(0)
                    case cmd.Look(after=after):
                        looks.ask(after)
        finally:
            looks.close()
            self._presence.leave(viewer)
            self.on_departed(actor, greeting.client)

    async def _answer(
        self, writer: asyncio.StreamWriter, answer: asyncio.Future[cmd.Ack | cmd.Refused]
    ) -> None:
        """Answer once there is something to say, and what it tells of can't be lost any more.

        An act on the page takes its time; what is asked meanwhile is not kept waiting by it.
        """
        said = await asyncio.shield(answer)
        try:
            await self.synced()
        except RecorderFailed as error:  # it ends the run: the recorder has said so
            said = cmd.Refused(id=said.id, why=f"the run ends: {error}")
        if not writer.is_closing():
            with contextlib.suppress(OSError):  # the viewer is gone; reading from it ends the conversation
                _send(writer, said)
                await writer.drain()

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


async def _at_once() -> None:
    """Wait for nothing: nobody records here."""


class _Looks:
    """The live pictures of one viewer: one is under way at most, and a newer wish takes its place."""

    def __init__(
        self,
        writer: asyncio.StreamWriter,
        looker: Callable[[], Awaitable[Look]],
        actor: str,
    ) -> None:
        self._writer = writer
        self._looker = looker
        self._actor = actor
        self._task: asyncio.Task[None] | None = None

    def ask(self, after: int) -> None:
        self.close()
        self._task = asyncio.create_task(self._show(after))

    async def _show(self, after: int) -> None:
        look = await self._looker()
        with contextlib.suppress(OSError, PilothouseError):  # gone, or no picture can be had: it asks again
            _send(self._writer, await look(after, self._actor))
            await self._writer.drain()

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None


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
