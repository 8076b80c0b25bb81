"""The DevTools protocol over a browser's websocket: calls, events, the end. No method is known here.

Its address holds a token: it is in no message, no log and no error of this module.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
from typing import TYPE_CHECKING, Any

import aiohttp

from pilothouse.devtools import DevToolsFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from pilothouse.devtools import Event

CONNECT_S = 5.0
CALL_S = 1.0
CLOSE_S = 0.3
READ_MAX_BYTES = 256 << 10
"""What is longer is not read: a page decides how long its addresses are, and the loop has better to do."""
MESSAGE_MAX_BYTES = 32 << 20
"""What is longer ends the conversation: it would have to be held whole to be thrown away."""
_HEAD_BYTES = 64
_NUMBER = re.compile(rb'\{"id":(\d{1,18}),')

_log = logging.getLogger("pilothouse")


class DevToolsSocket:
    """A conversation with one browser that is far away; like `local.devtools.DevTools`, which has a pipe."""

    def __init__(self, http: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse[bool]) -> None:
        self._http = http
        self._socket = socket
        self._waiting: dict[int, asyncio.Future[Event]] = {}
        self._count = 0
        self._listeners: list[Callable[[Event], None]] = []
        self._has_complained = False
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def to(cls, address: str) -> DevToolsSocket:
        """Connect.

        Raises:
            DevToolsFailed: It can't be reached in time; the address is not in the sentence.
        """
        http = aiohttp.ClientSession(trust_env=True)  # proxies, as the clients of both services heed them
        try:
            async with asyncio.timeout(CONNECT_S):
                socket = await http.ws_connect(address, max_msg_size=MESSAGE_MAX_BYTES, decode_text=False)
            return cls(http, socket)
        except (aiohttp.ClientError, OSError, ValueError, TimeoutError) as error:
            await http.close()
            name = type(error).__name__
        except BaseException:
            await http.close()
            raise
        # Outside, so that no error which knows the address hangs on to this one.
        raise DevToolsFailed(f"the browser's DevTools can't be reached ({name})")

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Hear every event from now on; a listener must not wait."""
        self._listeners.append(listener)

    async def call(
        self, method: str, session: str | None = None, *, timeout_s: float = CALL_S, **params: Any
    ) -> Event:
        """Call a method; gives its result.

        Raises:
            DevToolsFailed: The browser refuses, has hung up, or does not answer in time.
        """
        if self._listening.done():
            raise DevToolsFailed("the browser has hung up")
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
            raise DevToolsFailed(f"the browser did not answer {method}") from None
        finally:
            self._waiting.pop(number, None)
        result = reply.get("result")
        if not isinstance(result, dict):
            raise DevToolsFailed(f"{method} failed")
        return result

    async def ended(self) -> None:
        """Wait until the conversation is over."""
        await asyncio.wait([self._listening])

    def hang_up(self) -> None:
        """Hear nothing more from now on: the conversation is over, and is still to be closed."""
        self._listening.cancel()

    async def close(self) -> None:
        """End it; an end that says nothing any more is not waited for."""
        self._listening.cancel()
        await asyncio.wait([self._listening])
        with contextlib.suppress(TimeoutError, OSError, aiohttp.ClientError):
            async with asyncio.timeout(CLOSE_S):
                await self._socket.close()
        await self._http.close()

    async def _listen(self) -> None:
        try:
            async for message in self._socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._hear(message.data)
        except (OSError, aiohttp.ClientError) as error:
            self._complain(f"the connection broke ({type(error).__name__})")
        finally:
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_result({})

    def _hear(self, text: bytes) -> None:
        if len(text) > READ_MAX_BYTES:
            self._leave_out(text)
            return
        try:
            event = _read(text)
        except (ValueError, RecursionError):
            self._leave_out(text)
            return
        if not isinstance(event, dict):
            return
        if isinstance(event.get("id"), int):
            self._answer(event)
            return
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception as error:  # what a page makes it trip over must not end the others
                self._complain(f"a listener failed ({type(error).__name__})")

    def _answer(self, event: Event) -> None:
        answer = self._waiting.get(event["id"])
        if answer is not None and not answer.done():
            answer.set_result(event)

    def _leave_out(self, text: bytes) -> None:
        """Read no more of it than who waits for it."""
        if number := _NUMBER.match(text[:_HEAD_BYTES]):
            self._answer({"id": int(number[1])})

    def _complain(self, what: str) -> None:
        """Say what is wrong once: a page can make it so again and again."""
        if not self._has_complained:
            self._has_complained = True
            _log.warning("DevTools from afar: %s", what)


def _read(text: bytes) -> Any:
    return json.loads(text)
