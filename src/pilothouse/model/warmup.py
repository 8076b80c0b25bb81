"""Lets the SDK do once, beside the loop, what it does at first use: 120 ms of stall. Sends nothing.

The first streaming request builds validators for every kind of event and block. A thread that plays a canned
answer through the same code takes the interpreter in slices of a few milliseconds instead.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import anthropic
import httpx2

from pilothouse.model.bounds import SUMMARISE
from pilothouse.model.stream import TurnStream
from pilothouse.model.wire import Sending, Wire, wired

if TYPE_CHECKING:
    from pilothouse.events import Json


def _events(*events: tuple[bytes, bytes]) -> bytes:
    return b"".join(
        b"event: " + kind + b'\ndata: {"type":"' + kind + b'"' + rest + b"}\n\n" for kind, rest in events
    )


_START = (
    b"message_start",
    b',"message":{"id":"m","type":"message","role":"assistant","model":"m","content":[],'
    b'"stop_reason":null,"usage":{"input_tokens":1,"output_tokens":1,"cache_creation":'
    b'{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0}}}',
)
_ANSWER = _events(
    _START,
    (b"content_block_start", b',"index":0,"content_block":{"type":"thinking","thinking":"","signature":""}'),
    (b"content_block_delta", b',"index":0,"delta":{"type":"thinking_delta","thinking":"hm"}'),
    (b"content_block_delta", b',"index":0,"delta":{"type":"signature_delta","signature":"s"}'),
    (b"content_block_stop", b',"index":0'),
    (b"content_block_start", b',"index":1,"content_block":{"type":"text","text":""}'),
    (b"content_block_delta", b',"index":1,"delta":{"type":"text_delta","text":"so"}'),
    (b"content_block_stop", b',"index":1'),
    (
        b"content_block_start",
        b',"index":2,"content_block":{"type":"tool_use","id":"t","name":"left_click",'
        b'"toolset_name":"computer","input":{}}',
    ),
    (
        b"content_block_delta",
        b',"index":2,"delta":{"type":"input_json_delta","partial_json":"{\\"coordinate\\":[1,1]}"}',
    ),
    (b"content_block_stop", b',"index":2'),
    (
        b"message_delta",
        b',"delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":1,'
        b'"output_tokens_details":{"thinking_tokens":1}},"context_management":{"applied_edits":'
        b'[{"type":"clear_tool_uses_20250919","cleared_tool_uses":1,"cleared_input_tokens":1}]}',
    ),
    (b"message_stop", b""),
)
_SUMMARY = _events(
    _START,
    (b"content_block_start", b',"index":0,"content_block":{"type":"compaction","content":null}'),
    (b"content_block_delta", b',"index":0,"delta":{"type":"compaction_delta","content":"so far"}'),
    (b"content_block_stop", b',"index":0'),
    (
        b"message_delta",
        b',"delta":{"stop_reason":"compaction","stop_sequence":null},"usage":{"output_tokens":1,'
        b'"iterations":[{"type":"compaction","input_tokens":1,"output_tokens":1,'
        b'"cache_read_input_tokens":0,"cache_creation_input_tokens":0}]}',
    ),
    (b"message_stop", b""),
)
_FILE = (
    b'{"id":"f","type":"file","filename":"x","mime_type":"image/png","size_bytes":1,'
    b'"created_at":"2026-01-01T00:00:00Z"}'
)


def warm_up(request: Json) -> None:
    """Play one answer and one upload through the SDK; for a thread.

    Args:
        request: The keyword arguments of a streaming request, without its messages.
    """
    asyncio.run(_play(request))


async def _play(request: Json) -> None:
    async with anthropic.AsyncAnthropic(
        api_key="none",
        base_url="http://127.0.0.1",
        max_retries=0,
        http_client=anthropic.DefaultAsyncHttpxClient(transport=httpx2.MockTransport(_answer)),
    ) as client:
        wire = Wire()
        for extra in ({}, SUMMARISE):
            ticket = wire.ticket(Sending((b'{"role":"user","content":"go"}',)))
            asked = {**request, **extra, "messages": ticket}
            await TurnStream(1, lambda event: None).ask(wired(client, wire), asked)
        file = await client.files.upload(file=("x", b"x", "image/png"), expires_in_seconds=3600)
        await client.files.delete(file.id)


def _answer(asked: httpx2.Request) -> httpx2.Response:
    if "/files" in asked.url.path:
        return httpx2.Response(200, headers={"content-type": "application/json"}, content=_FILE)
    summary = "compact" in asked.headers.get("anthropic-beta", "")
    return httpx2.Response(
        200, headers={"content-type": "text/event-stream"}, content=_SUMMARY if summary else _ANSWER
    )
