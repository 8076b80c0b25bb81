"""A viewer that speaks the control socket's frames one by one, as a bridge does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pilothouse import commands as cmd
from pilothouse.ids import new_command_id
from pilothouse.paths import socket_path


class Viewer:
    """A bridge's end of the control socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, actor: str) -> None:
        self._actor = actor
        self.sent = ""
        """The id of the newest command."""
        self._reader = reader
        self._writer = writer

    @classmethod
    @asynccontextmanager
    async def of(cls, run: str, actor: str) -> AsyncIterator[Viewer]:
        path = socket_path(run)
        reader, writer = await asyncio.open_unix_connection(str(path), limit=cmd.FRAME_MAX_BYTES)
        viewer = cls(reader, writer, actor)
        viewer.send(cmd.Hello(actor=actor, client="bridge"))
        await viewer.hears(cmd.Hello)
        try:
            yield viewer
        finally:
            writer.close()

    def send(self, frame: cmd.FromViewer) -> None:
        self._writer.write(cmd.encode(frame) + b"\n")

    async def hears(self, kind: Any) -> Any:
        """Wait for the next frame of a kind."""
        while True:
            frame = cmd.from_engine().decode(await self._reader.readline())
            if isinstance(frame, kind):
                return frame

    async def do(self, kind: type[cmd.Command], **fields: Any) -> cmd.Ack | cmd.Refused:
        """Ask something of the run, and wait for the answer."""
        self.sent = new_command_id()
        command = kind(id=self.sent, actor=self._actor, **fields)
        self._writer.write(cmd.encode(command) + b"\n")
        while True:
            answer: cmd.Ack | cmd.Refused = await self.hears(cmd.Ack | cmd.Refused)
            if answer.id == command.id:
                return answer

    async def act(self, member: str, **given: Any) -> cmd.Ack | cmd.Refused:
        return await self.do(cmd.Act, member=member, input=given)

    async def look(self, after: int) -> cmd.LivePicture:
        self.send(cmd.Look(after=after))
        picture: cmd.LivePicture = await self.hears(cmd.LivePicture)
        return picture
