"""How the scripted server answers: whole, streamed, in silence, or not at all. Decides nothing."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from pilothouse.local import messages_reply as replies
from pilothouse.local.loopback import HOST

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from pilothouse.local.messages_refusal import Refusal

Json = dict[str, Any]
KEEP_ALIVE_S = 0.05
_GARBLED = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"del\n\n'


def json_answer(answer: object, request_id: str, status: int = 200) -> web.Response:
    """Answer in one piece."""
    body = msgspec.json.encode(answer)
    headers = {"request-id": request_id}
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def refused_answer(refusal: Refusal, request_id: str) -> web.Response:
    """Answer with an error, as the SDK parses it."""
    error: Json = {"type": refusal.kind, "message": refusal.message}
    if refusal.details:
        error["details"] = refusal.details
    response = json_answer(
        {"type": "error", "error": error, "request_id": request_id}, request_id, refusal.status
    )
    if refusal.retry_after_s > 0:
        response.headers["retry-after"] = f"{refusal.retry_after_s:g}"
    return response


class Sender:
    """Streams one answer."""

    def __init__(
        self, request: web.Request, request_id: str, before_delta: Callable[[], Awaitable[None]]
    ) -> None:
        self._request = request
        self._before_delta = before_delta
        headers = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
        self._response = web.StreamResponse(headers={**headers, "request-id": request_id})

    async def send(self, frames: Iterator[Json]) -> web.StreamResponse:
        """Send frames until there are no more, or one says otherwise."""
        with contextlib.suppress(ConnectionError):  # an operator's abort closes the connection: no failure
            await self._response.prepare(self._request)
            for frame in frames:
                if frame["type"] == "content_block_delta":
                    await self._before_delta()
                if frame["type"] == "drop":
                    abort(self._request)
                    return self._response
                if frame["type"] == "eof":
                    break
                await self._write(frame)
            await self._response.write_eof()
        return self._response

    async def _write(self, frame: Json) -> None:
        match frame["type"]:
            case "stall":
                await silence(frame["seconds"])
            case "keep_alives":
                for _ in range(round(frame["seconds"] / KEEP_ALIVE_S)):
                    await self._response.write(replies.encode({"type": "ping"}))
                    await silence(KEEP_ALIVE_S)
            case "garbled":
                await self._response.write(_GARBLED)
            case _:
                await self._response.write(replies.encode(frame))

    async def headers_alone(self, seconds: float) -> web.StreamResponse:
        """Send headers and then nothing."""
        with contextlib.suppress(ConnectionError):
            await self._response.prepare(self._request)
            await silence(seconds)
            await self._response.write_eof()
        return self._response


def abort(request: web.Request) -> None:
    """Cut a request's connection."""
    if request.transport is not None:
        request.transport.abort()


async def silence(seconds: float) -> None:
    """Say nothing for so long."""
    await asyncio.sleep(seconds)


async def stop_listening(runner: web.AppRunner) -> int:
    """Accept no more connections, and cut those that are open; returns the port."""
    port: int = runner.addresses[0][1]
    for site in list(runner.sites):
        await site.stop()
    for connection in runner.server.connections if runner.server else []:
        if connection.transport is not None:
            connection.transport.abort()
    return port


async def listen_again(runner: web.AppRunner, port: int, after_s: float) -> None:
    """Accept connections at the same port again, after so long."""
    await asyncio.sleep(after_s)
    await web.TCPSite(runner, HOST, port).start()
