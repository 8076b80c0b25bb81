"""One lasting connection of a viewer to its engine: commands, wake-ups and live pictures over one socket.

The other end is `server`. A connection that breaks is made anew as long as the engine lives, and what was not
answered is asked again: the engine knows a command by its id and does it once.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final, Self

import msgspec

from pilothouse import __version__
from pilothouse import commands as cmd
from pilothouse.engine.client import patience_s
from pilothouse.engine.presence import FOLLOWS
from pilothouse.engine.roles import DRIVE
from pilothouse.errors import CommandRefusedError, PilothouseError, ProtocolMismatch, RunGone

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

AGAIN_S: Final = 0.25
"""A broken connection is made anew after this; the engine takes two seconds for leaving."""
LINE_MAX_BYTES: Final = 16 << 20
"""A live picture is a line too."""


class Link:
    """Holds the connection while it is open; use as an async context manager.

    Args:
        path: The control socket.
        actor: Who follows.
        role: What they may do.
        alive: Says whether the engine is still there; without one a broken connection stays broken.
        again_s: The wait before a broken connection is made anew.

    Attributes:
        role: What this end asked to be.
        newest_seq: The newest event that the engine told of; -1 before the first.
        on_grown: Called with it whenever there is more to read.
    """

    def __init__(
        self,
        path: Path,
        *,
        actor: str,
        role: str = DRIVE,
        alive: Callable[[], bool] = lambda: True,
        again_s: float = AGAIN_S,
    ) -> None:
        self._path = path
        self._hello = cmd.Hello(version=__version__, actor=actor, client=FOLLOWS, role=role)
        self._alive = alive
        self._again_s = again_s
        self._writer: asyncio.StreamWriter | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._asked: dict[str, tuple[cmd.Command, asyncio.Future[cmd.Ack]]] = {}
        self._wish = cmd.Look()
        self._lookers: set[asyncio.Future[cmd.LivePicture]] = set()
        self._gone = asyncio.Event()
        self._problem: PilothouseError = RunGone(
            "no engine runs it any more", path.stem, "its recording can be replayed"
        )
        self.role = role
        self.newest_seq = -1
        self.on_grown: Callable[[int], None] = lambda seq: None

    async def __aenter__(self) -> Self:
        self._keeping = asyncio.create_task(self._keep())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        self._end()

    @property
    def closed(self) -> bool:
        """Say whether no engine will answer any more: what is on disk is all there is."""
        return self._gone.is_set()

    @property
    def connected(self) -> bool:
        """Say whether the connection is there right now."""
        return self._writer is not None

    async def wait_closed(self) -> None:
        """Wait until no engine will answer any more."""
        await self._gone.wait()

    async def send(self, command: cmd.Command) -> cmd.Ack:
        """Ask something of the run, and wait for the answer.

        Raises:
            RunGone: No engine answers.
            CommandRefusedError: The engine refused.
            ProtocolMismatch: Engine and viewer share no protocol version.
        """
        if self.closed:
            raise self._problem
        answer: asyncio.Future[cmd.Ack] = asyncio.get_running_loop().create_future()
        self._asked[command.id] = (command, answer)
        self._write(command)
        try:
            async with asyncio.timeout(patience_s(command)):
                return await answer
        except TimeoutError:
            raise RunGone(
                "its engine does not answer", self._path.stem, "try again, or look at engine.log"
            ) from None
        finally:
            self._asked.pop(command.id, None)

    async def look(self, after: int = 0) -> cmd.LivePicture:
        """Wait for a live picture other than number `after`.

        One wish is on its way at most: a newer one takes its place, and who waits gets what comes for it.

        Raises:
            RunGone: No engine answers any more.
        """
        if self.closed:
            raise self._problem
        self._wish = cmd.Look(after=after)
        self._write(self._wish)
        picture: asyncio.Future[cmd.LivePicture] = asyncio.get_running_loop().create_future()
        self._lookers.add(picture)
        try:
            return await picture
        finally:
            self._lookers.discard(picture)

    # --- the connection ---------------------------------------------------------------------------

    async def _keep(self) -> None:
        try:
            while True:
                with contextlib.suppress(OSError, EOFError, ValueError, msgspec.MsgspecError):
                    await self._converse()
                if not self._alive():
                    return
                await asyncio.sleep(self._again_s)
        except ProtocolMismatch as mismatch:
            self._problem = mismatch
        finally:
            self._end()

    async def _converse(self) -> None:
        """Connect, ask again what is not answered, and read until the connection breaks."""
        reader, writer = await asyncio.open_unix_connection(str(self._path), limit=LINE_MAX_BYTES)
        try:
            self._writer = writer
            self._write(self._hello)
            for command, _answer in self._asked.values():
                self._write(command)
            if self._lookers:
                self._write(self._wish)
            while line := await reader.readline():
                self._take(cmd.from_engine().decode(line))
        finally:
            self._writer = None
            writer.close()

    def _write(self, frame: msgspec.Struct) -> None:
        """Send a frame now, or with the next connection: it is kept until it is answered."""
        if self._writer is not None:
            self._writer.write(cmd.encode(frame) + b"\n")

    def _take(self, frame: cmd.FromEngine) -> None:
        match frame:
            case cmd.Hello():
                cmd.agree(frame)
            case cmd.Ack(id=ident) if (answer := self._answer(ident)) is not None:
                answer.set_result(frame)
            case cmd.Refused(id=ident, why=why) if (answer := self._answer(ident)) is not None:
                answer.set_exception(CommandRefusedError(why))
            case cmd.Grew(seq=seq):
                self.newest_seq = seq
                self.on_grown(seq)
            case cmd.LivePicture():
                for looker in self._lookers:
                    if not looker.done():
                        looker.set_result(frame)
            case _:
                pass  # the answer to what nobody waits for any more

    def _answer(self, ident: str) -> asyncio.Future[cmd.Ack] | None:
        _, answer = self._asked.get(ident, (None, None))
        return answer if answer is not None and not answer.done() else None

    def _end(self) -> None:
        """Tell everyone who waits that nothing will come."""
        self._gone.set()
        waiting: list[asyncio.Future[cmd.Ack] | asyncio.Future[cmd.LivePicture]] = [
            *(answer for _, answer in self._asked.values()),
            *self._lookers,
        ]
        for one in waiting:
            if not one.done():
                one.set_exception(self._problem)
