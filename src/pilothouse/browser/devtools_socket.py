"""The DevTools protocol over a browser's websocket: calls, events, the end. No method is known here.

Its address holds a token: it is in no message, no log and no error of this module.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from typing import TYPE_CHECKING, Any

import aiohttp

from pilothouse.local.desktop import DesktopFailed

if TYPE_CHECKING:
    from collections.abc import Callable

Event = dict[str, Any]
CONNECT_S = 2.0
CALL_S = 1.0
MESSAGE_MAX_BYTES = 4 << 20
"""What is longer ends the conversation: a page decides how long its answers are."""

_log = logging.getLogger("pilothouse")


class DevToolsSocket:
    """A conversation with one browser that is far away; like `local.devtools.DevTools`, which has a pipe."""

    def __init__(self, http: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._http = http
        self._socket = socket
        self._waiting: dict[int, asyncio.Future[Event]] = {}
        self._count = 0
        self._listeners: list[Callable[[Event], None]] = []
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def to(cls, address: str) -> DevToolsSocket:
        """Connect.

        Raises:
            DesktopFailed: It can't be reached in time; the address is not in the sentence.
        """
        http = aiohttp.ClientSession()
        try:
            async with asyncio.timeout(CONNECT_S):
                return cls(http, await http.ws_connect(address, max_msg_size=MESSAGE_MAX_BYTES))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            await http.close()
            name = type(error).__name__
        except BaseException:
            await http.close()
            raise
        raise DesktopFailed(f"the browser's DevTools can't be reached ({name})")

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Hear every event from now on; a listener must not wait."""
        self._listeners.append(listener)

    def forget(self, listener: Callable[[Event], None]) -> None:
        """Stop telling a listener."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    async def call(
        self, method: str, session: str | None = None, *, timeout_s: float = CALL_S, **params: Any
    ) -> Event:
        """Call a method; gives its result.

        Raises:
            DesktopFailed: The browser refuses, has hung up, or does not answer in time.
        """
        if self._listening.done():
            raise DesktopFailed("the browser has hung up")
        self._count += 1
        number = self._count
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        try:
            async with asyncio.timeout(timeout_s):
                await self._socket.send_str(json.dumps(message))
                reply = await answer
        except (TimeoutError, OSError, aiohttp.ClientError):
            raise DesktopFailed(f"the browser did not answer {method}") from None
        finally:
            self._waiting.pop(number, None)
        result = reply.get("result")
        if not isinstance(result, dict):
            raise DesktopFailed(f"{method} failed")
        return result

    async def close(self) -> None:
        """Hang up."""
        self._listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._listening
        await self._http.close()

    async def _listen(self) -> None:
        try:
            async for message in self._socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._hear(message.data)
        finally:
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_result({})

    def _hear(self, text: str) -> None:
        try:
            event = json.loads(text)
        except (ValueError, RecursionError):
            return
        if not isinstance(event, dict):
            return
        if isinstance(event.get("id"), int):
            answer = self._waiting.get(event["id"])
            if answer is not None and not answer.done():
                answer.set_result(event)
            return
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception as error:  # what a page makes it trip over must not end the others
                _log.warning("a listener failed on %.80s (%s)", event.get("method"), type(error).__name__)
