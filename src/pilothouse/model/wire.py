"""What a request is on the wire: the history's bytes put into the SDK's request as they are. Keeps nothing.

The SDK would walk and encode the whole history for each request, on the event loop: 34 ms for 8 MB
(performance §9). Here the SDK makes everything but the messages, and a middleware of its own kind puts them
in, encoded once each when they were said. What leaves is exactly these bytes, and can be recorded as such.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from anthropic import AsyncAnthropic, Middleware

from pilothouse.journal.requests import cut, text_piece

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from anthropic._middleware import AsyncCallNext
    from anthropic._request import APIRequest
    from anthropic._response import AsyncAPIResponse

    from pilothouse.events import Json

CHUNK_BYTES = 128 * 1024
"""Written at once: encrypting and sending so much takes well under a millisecond."""


@dataclass(frozen=True, slots=True)
class Sending:
    """The messages of one request, encoded."""

    messages: tuple[bytes, ...]
    kept: Callable[[], Sequence[bytes]] | None = None
    """Gives each message as the request log keeps it; None when nothing is recorded."""
    mask: Callable[[str], str] = str
    """Takes secrets out of what goes before the messages, for the request log: of the system prompt."""
    record: Callable[[Body], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Body:
    """The exact body of a request, in pieces."""

    pieces: tuple[bytes, ...]
    kept: tuple[bytes, ...] = ()
    """The same as the request log keeps it, in pieces of JSON; empty when nothing is recorded."""

    @property
    def size(self) -> int:
        """Length in bytes."""
        return sum(map(len, self.pieces))

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give the body in small parts, so that no write of it holds the loop up."""
        waiting: list[bytes] = []
        size = 0
        for piece in self.pieces:
            if size + len(piece) <= CHUNK_BYTES:
                waiting.append(piece)
                size += len(piece)
                continue
            yield b"".join(waiting)
            waiting, size = [], 0
            view = memoryview(piece)
            while len(view) > CHUNK_BYTES:
                yield bytes(view[:CHUNK_BYTES])
                view = view[CHUNK_BYTES:]
            waiting, size = [bytes(view)], len(view)
        yield b"".join(waiting)


class Wire(Middleware):
    """Puts messages into requests that were made with a ticket in their place."""

    def __init__(self) -> None:
        self._tickets: dict[str, Sending] = {}

    def ticket(self, sending: Sending) -> list[Json]:
        """Take messages in; returns what to give the SDK in their place."""
        name = secrets.token_hex(8)
        self._tickets[name] = sending
        return [{"role": "user", "content": name}]

    def give_back(self, ticket: list[Json]) -> None:
        """Drop a ticket, used or not; anything else is left alone."""
        self._tickets.pop(_ticket_of({"messages": ticket}), None)

    async def handle_async(self, request: APIRequest, call_next: AsyncCallNext) -> AsyncAPIResponse[Any]:
        """Replace the ticket of a request by the messages that it stands for."""
        given = request.json
        sending = self._tickets.get(_ticket_of(given))
        if sending is None or not isinstance(given, dict):
            return await call_next(request)
        body = _body(given, sending)
        spliced = request.copy(body=None, headers={**request.headers, "Content-Length": str(body.size)})
        spliced.options.content = body.chunks()
        if sending.record is None:
            return await call_next(spliced)
        recording = asyncio.ensure_future(sending.record(body))  # while the bytes travel
        try:
            return await call_next(spliced)
        finally:
            await recording


def wired(client: AsyncAnthropic, wire: Wire) -> AsyncAnthropic:
    """Give the client with the wire in it; both share one pool of connections."""
    return client.with_options(middleware=[*client.middleware, wire])


def _ticket_of(body: object) -> str:
    match body:
        case {"messages": [{"role": "user", "content": str(name)}]}:
            return name
        case _:
            return ""


def _body(given: dict[str, Any], sending: Sending) -> Body:
    rest = {key: value for key, value in given.items() if key != "messages"}
    head = json.dumps(rest, ensure_ascii=False, separators=(",", ":")).encode()[:-1] + b',"messages":['
    pieces = [head]
    for number, message in enumerate(sending.messages):
        pieces += [b",", message] if number else [message]
    pieces.append(b"]}")
    if sending.kept is None:
        return Body(tuple(pieces))
    kept = [cut(head, (), sending.mask)]
    for number, message in enumerate(sending.kept()):
        kept += [text_piece(b","), message] if number else [message]
    return Body(tuple(pieces), (*kept, text_piece(b"]}")))
