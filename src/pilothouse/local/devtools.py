"""The DevTools protocol over the pipe of a Chromium of ours: calls, events, the end. No method is known here.

A pipe, not a port: nobody else on this machine can reach it, and Chromium ends when it closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
from typing import TYPE_CHECKING, Any

from pilothouse.local.desktop import DesktopFailed

if TYPE_CHECKING:
    from collections.abc import Callable

Event = dict[str, Any]
CALL_TIMEOUT_S = 10.0
_MESSAGE_MAX_BYTES = 64 << 20
"""What is longer is thrown away: a page decides how long its answers are."""
_HEAD_BYTES = 64
_NUMBER = re.compile(rb'\{"id":(\d{1,18}),')

_log = logging.getLogger("pilothouse")


class DevToolsPipe:
    """The four ends of two pipes: Chromium reads its descriptor 3 and writes its descriptor 4."""

    def __init__(self) -> None:
        self.child_reads, self._we_write = os.pipe()
        self._we_read, self.child_writes = os.pipe()

    @property
    def descriptors(self) -> dict[int, int]:
        """Which of ours become which of the child's."""
        return {self.child_reads: 3, self.child_writes: 4}

    def close_child_ends(self) -> None:
        """Close what only the child needs; without this its end would never be noticed."""
        os.close(self.child_reads)
        os.close(self.child_writes)

    async def connect(self) -> DevTools:
        """Start talking."""
        return await DevTools.over(self._we_read, self._we_write)

    def close(self) -> None:
        """Close our ends when nobody has connected them."""
        os.close(self._we_read)
        os.close(self._we_write)


class DevTools:
    """A conversation with one Chromium."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.WriteTransport) -> None:
        self._reader = reader
        self._writer = writer
        self._waiting: dict[int, asyncio.Future[Event]] = {}
        self._count = 0
        self._listeners: list[Callable[[Event], None]] = []
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def over(cls, read_end: int, write_end: int) -> DevTools:
        """Speak over two descriptors, which are closed in the end."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=_MESSAGE_MAX_BYTES)
        protocol = asyncio.StreamReaderProtocol(reader)
        await loop.connect_read_pipe(lambda: protocol, os.fdopen(read_end, "rb", 0))
        writer, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(write_end, "wb", 0))
        return cls(reader, writer)

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Hear every event from now on; a listener must not wait."""
        self._listeners.append(listener)

    def forget(self, listener: Callable[[Event], None]) -> None:
        """Stop telling a listener."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    async def call(
        self, method: str, session: str | None = None, *, timeout_s: float = CALL_TIMEOUT_S, **params: Any
    ) -> Event:
        """Call a method; gives its result.

        Raises:
            DesktopFailed: Chromium refuses, has ended, or does not answer in time.
        """
        if self._listening.done():
            raise DesktopFailed("the browser has ended")
        self._count += 1
        number = self._count
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        self._writer.write(json.dumps(message).encode() + b"\0")
        try:
            async with asyncio.timeout(timeout_s):
                reply = await answer
        except TimeoutError:
            raise DesktopFailed(f"the browser did not answer {method}") from None
        finally:
            self._waiting.pop(number, None)
        if "error" in reply:
            raise DesktopFailed(f"{method}: {reply['error'].get('message', 'failed')}")
        result: Event = reply.get("result", {})
        return result

    async def ended(self) -> None:
        """Wait until Chromium has closed its end."""
        await asyncio.wait([self._listening])

    async def close(self) -> None:
        """Hang up."""
        if not self._writer.is_closing():
            self._writer.abort()
        self._listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._listening

    async def _listen(self) -> None:
        try:
            while True:
                self._hear(await self._next())
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_result({"error": {"message": "the browser has ended"}})

    async def _next(self) -> Event:
        """Read the next message; one that is too long, or makes no sense, is left out."""
        while True:
            message, is_whole = await self._read()
            try:
                if is_whole:
                    return _event(message)
                _log.warning("a DevTools message of more than %d bytes was left out", _MESSAGE_MAX_BYTES)
            except (ValueError, RecursionError) as error:
                _log.warning("a DevTools message can't be read (%s)", type(error).__name__)
            if number := _NUMBER.match(message[:_HEAD_BYTES]):  # somebody waits for it
                self._answer({"id": int(number[1]), "error": {"message": "the answer can't be read"}})

    async def _read(self) -> tuple[bytes, bool]:
        """Read up to the end of a message; gives it, or the head of one that is too long."""
        head = b""
        while True:
            try:
                message = await self._reader.readuntil(b"\0")
            except asyncio.LimitOverrunError as error:
                dropped = await self._reader.readexactly(error.consumed)
                head = head or dropped[:_HEAD_BYTES]
                continue
            return (head, False) if head else (message[:-1], True)

    def _hear(self, message: Event) -> None:
        if isinstance(message.get("id"), int):
            self._answer(message)
            return
        for listener in tuple(self._listeners):
            try:
                listener(message)
            except Exception:  # what a page makes it trip over must not end the others, nor the browser
                _log.exception("a listener failed on %.80s", message.get("method"))

    def _answer(self, message: Event) -> None:
        answer = self._waiting.get(message["id"])
        if answer is not None and not answer.done():
            answer.set_result(message)


def _event(message: bytes) -> Event:
    """Read a message.

    Raises:
        ValueError: It is no object.
        RecursionError: It is nested too deeply.
    """
    event = json.loads(message)
    if not isinstance(event, dict):
        raise ValueError("no object")
    return event
