"""The real SDK against a scripted server of one scenario."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import anthropic

from pilothouse.local.messages_server import serve
from pilothouse.local.scenario import parse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pilothouse.local.messages_server import ScriptedMessages

Json = dict[str, Any]
QUICK = {"before_s": 0, "per_delta_s": 0, "delta_chars": 8}
LOOK: Json = {"thinking": "I think.", "text": "I look.", "calls": [{"do": "left_click", "at": [1, 2]}]}
SHAPE: Json = {
    "model": "claude-opus-5-5",
    "max_tokens": 1000,
    "system": [
        {"type": "text", "text": "You drive. " * 300, "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    ],
    "tools": [{"type": "computer_toolset_20260801"}],
    "thinking": {"type": "adaptive", "display": "summarized"},
    "cache_control": {"type": "ephemeral"},
}
TASK: Json = {"role": "user", "content": [{"type": "text", "text": "Buy a kettle."}]}
WHOLE: Json = {**SHAPE, "messages": [TASK]}


class Client:
    """A server, its address, and an SDK client for it."""

    def __init__(self, server: ScriptedMessages, url: str, sdk: anthropic.AsyncAnthropic) -> None:
        self.server, self.url, self.sdk = server, url, sdk

    async def ask(self, messages: list[Json], **more: Any) -> tuple[Any, list[str]]:
        """Stream one answer; gives the message and the kinds of its events."""
        request: Json = {**SHAPE, **more, "messages": messages}
        async with self.sdk.beta.messages.stream(**request) as stream:
            kinds: list[str] = [event.type async for event in stream]
            return await stream.get_final_message(), kinds

    async def run(self, turns: int, **more: Any) -> tuple[list[Json], list[Any]]:
        """Go on for so many turns, answering every call; gives the history and the answers."""
        history, answers = [TASK], []
        for _ in range(turns):
            message, _ = await self.ask(history, **more)
            answers.append(message)
            history += answered(message)
        return history, answers

    async def get(self, path: str) -> Any:
        """Read one of the server's own pages."""
        headers = {"x-api-key": self.server.key}
        async with aiohttp.ClientSession() as http, http.get(self.url + path, headers=headers) as answer:
            return await answer.json()


@asynccontextmanager
async def talking(*turns: Json, **more: Any) -> AsyncIterator[Client]:
    """Serve a scenario of these turns."""
    scenario = parse({"pace": QUICK, "turn": list(turns), **more}, "test")
    async with serve(scenario) as (server, url):
        sdk = anthropic.AsyncAnthropic(api_key=server.key, base_url=url, max_retries=0)
        async with sdk:
            yield Client(server, url, sdk)


def echoed(message: Any) -> Json:
    """Send an answer back as it came."""
    return {"role": "assistant", "content": [block.to_dict() for block in message.content]}


def answered(message: Any, *extra: Json, content: Any = "Clicked.") -> list[Json]:
    """Send an answer back, with a result for each of its calls."""
    results: list[Json] = []
    for block in message.content:
        if block.type == "tool_use":
            result: Json = {"type": "tool_result", "tool_use_id": block.id, "content": content}
            if block.toolset_name:
                result["toolset_name"] = block.toolset_name
            results.append(result)
    return [echoed(message), {"role": "user", "content": [*results, *extra]}]
