"""The scripted server end to end, through the real SDK and over plain HTTP."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import anthropic
import httpx2
import pytest

import pilothouse.local
from pilothouse.local.messages_prompt import know, parts
from pilothouse.local.messages_usage import PromptCache
from tests.local.messages.talking import LOOK, SHAPE, TASK, WHOLE, answered, talking

Json = dict[str, Any]
SCENARIOS = Path(pilothouse.local.__file__).parent / "scenarios"


async def test_a_turn_streams_as_the_api_streams_it() -> None:
    async with talking(LOOK) as client:
        message, kinds = await client.ask([TASK])
    assert [block.type for block in message.content] == ["thinking", "text", "tool_use"]
    assert message.content[0].thinking == "I think."
    call = message.content[2]
    assert (call.name, call.toolset_name, call.input) == ("left_click", "computer", {"coordinate": [1, 2]})
    assert (message.stop_reason, kinds[0], kinds[-1]) == ("tool_use", "message_start", "message_stop")
    assert message.usage.output_tokens_details.thinking_tokens == 2


async def test_a_history_echoed_is_accepted_and_read_from_the_cache() -> None:
    async with talking(LOOK, LOOK, {"text": "Done."}) as client:
        first, _ = await client.ask([TASK])
        history = [TASK, *answered(first)]
        second, _ = await client.ask(history)
        history += answered(second)
        third, _ = await client.ask(history)
    assert third.stop_reason == "end_turn"
    assert first.usage.cache_read_input_tokens == 0
    assert first.usage.cache_creation.ephemeral_1h_input_tokens > 4_500
    written = first.usage.cache_creation_input_tokens
    assert second.usage.cache_read_input_tokens == written
    assert third.usage.cache_read_input_tokens == written + second.usage.cache_creation_input_tokens


async def test_an_edited_history_is_refused() -> None:
    async with talking(LOOK, LOOK) as client:
        first, _ = await client.ask([TASK])
        history = [TASK, *answered(first)]
        with pytest.raises(anthropic.BadRequestError, match="Invalid `signature` in `thinking` block"):
            await client.ask([{"role": "user", "content": "Buy two."}, *history[1:]])


async def test_thinking_is_hidden_unless_asked_for() -> None:
    async with talking(LOOK) as client:
        message, _ = await client.ask([TASK], thinking={"type": "adaptive"})
    assert message.content[0].thinking == ""
    assert message.content[0].signature


async def test_an_injected_message_is_seen_in_the_next_request_and_acknowledged() -> None:
    async with talking(LOOK, LOOK, acknowledge="Heard: {said}") as client:
        first, _ = await client.ask([TASK])
        second, _ = await client.ask([TASK, *answered(first, {"type": "text", "text": "Make it green."})])
        summaries = await client.get("/requests")
        whole = await client.get("/requests/1")
        missing = await client.get("/requests/9")
    assert second.content[1].text.startswith("Heard: Make it green.")
    assert [entry["new_text"] for entry in summaries] == [["Buy a kettle."], ["Make it green."]]
    assert whole["messages"][-1]["content"][-1]["text"] == "Make it green."
    assert missing["error"]["type"] == "not_found_error"


async def test_each_fault_comes_once_and_then_the_turn_itself() -> None:
    faults = [{"kind": "status", "status": 529}, {"kind": "status", "status": 429, "retry_after_s": 2}]
    faults += [{"kind": kind} for kind in ("error_event", "drop", "eof", "unknown_event")]
    async with talking({**LOOK, "fault": faults}) as client:
        with pytest.raises(anthropic.APIStatusError) as overloaded:
            await client.ask([TASK])
        with pytest.raises(anthropic.RateLimitError) as limited:
            await client.ask([TASK])
        with pytest.raises(anthropic.APIStatusError) as broken:
            await client.ask([TASK])
        with pytest.raises(httpx2.RemoteProtocolError):
            await client.ask([TASK])
        cut, kinds = await client.ask([TASK])
        _, odd = await client.ask([TASK])
        whole, plain = await client.ask([TASK])
    assert overloaded.value.status_code == 529
    assert limited.value.response.headers["retry-after"] == "2"
    assert (broken.value.status_code, broken.value.type) == (200, "overloaded_error")
    assert cut.stop_reason is None
    assert "message_stop" not in kinds
    assert "some_future_event" in odd
    assert "some_future_event" not in plain
    assert whole.stop_reason == "tool_use"


async def test_answers_that_are_not_to_be_acted_upon() -> None:
    kinds = ("refusal", "max_tokens", "context_exceeded", "empty")
    async with talking({**LOOK, "fault": [{"kind": kind} for kind in kinds]}) as client:
        refused, _ = await client.ask([TASK])
        cut, _ = await client.ask([TASK])
        full, _ = await client.ask([TASK])
        empty, _ = await client.ask([TASK])
    assert refused.stop_reason == "refusal"
    assert refused.stop_details.category == "cyber"
    assert (cut.stop_reason, cut.content[-1].type) == ("max_tokens", "tool_use")
    assert cut.content[-1].input != {"coordinate": [1, 2]}
    assert full.stop_reason == "model_context_window_exceeded"
    assert (empty.stop_reason, empty.content) == ("end_turn", [])


async def test_a_paused_turn_is_taken_back_and_continued() -> None:
    async with talking({**LOOK, "fault": [{"kind": "pause_turn"}]}, {"text": "Done."}) as client:
        paused, _ = await client.ask([TASK])
        echo = {"role": "assistant", "content": [block.to_dict() for block in paused.content]}
        rest, _ = await client.ask([TASK, echo])
        done, _ = await client.ask([TASK, echo, *answered(rest)])
        with pytest.raises(anthropic.BadRequestError, match="must end with a user message"):
            await client.ask([TASK, {"role": "assistant", "content": "I begin"}])
    assert (paused.stop_reason, rest.stop_reason, done.stop_reason) == ("pause_turn", "tool_use", "end_turn")


async def test_a_stall_stays_silent() -> None:
    async with talking({**LOOK, "fault": [{"kind": "stall", "stall_s": 60}]}) as client:
        with pytest.raises((httpx2.ReadTimeout, anthropic.APITimeoutError)):
            await client.ask([TASK], timeout=httpx2.Timeout(0.3, connect=5))


async def test_unmet_expectations_are_refused() -> None:
    async with talking(LOOK, {"text": "x", "expect": {"image": True}}) as client:
        first, _ = await client.ask([TASK])
        with pytest.raises(anthropic.BadRequestError, match=r"turn 2.*a picture was expected"):
            await client.ask([TASK, *answered(first)])


async def test_the_next_leg_is_acknowledged() -> None:
    async with talking({"text": "Done."}, closing="No more.") as client:
        first, _ = await client.ask([TASK])
        echo = {"role": "assistant", "content": [block.to_dict() for block in first.content]}
        second, _ = await client.ask([TASK, echo, {"role": "user", "content": "And a mug."}])
    assert second.content[0].text == "Understood: And a mug.\n\nNo more."
    assert second.stop_reason == "end_turn"


async def test_without_streaming_and_counting() -> None:
    async with talking(LOOK) as client:
        plain = {key: value for key, value in WHOLE.items() if key != "max_tokens"}
        message = await client.sdk.beta.messages.create(**WHOLE)
        counted = await client.sdk.beta.messages.count_tokens(**plain)
    assert message.stop_reason == "tool_use"
    assert counted.input_tokens > 4_500


async def test_only_its_key_and_its_own_address_are_served() -> None:
    async with talking(LOOK) as client:
        with pytest.raises(anthropic.AuthenticationError, match="invalid x-api-key"):
            await client.sdk.with_options(api_key="sk-other").beta.messages.create(**WHOLE)
        headers = {"x-api-key": client.server.key}
        async with aiohttp.ClientSession(headers=headers) as http:
            for wrong in ({"Host": "example.com"}, {"Origin": "http://example.com"}):
                async with http.get(f"{client.url}/requests", headers=wrong) as answer:
                    assert answer.status == 403
            async with http.post(f"{client.url}/v1/messages", data=b"{") as answer:
                assert (await answer.json())["error"]["type"] == "invalid_request_error"
            async with http.get(f"{client.url}/nothing") as answer:
                assert answer.status == 404


def test_cached_prefixes_expire() -> None:
    cache = PromptCache()
    body = {**SHAPE, "system": "You drive.", "messages": [TASK]}
    prompt = parts(body, [know(TASK)])
    first, again, late = (cache.account(body, prompt, now_s) for now_s in (0.0, 299.0, 600.0))
    assert (first.read, again.read, late.read) == (0, first.total, 0)
    assert first.write_5m == again.total == late.write_5m


@pytest.mark.parametrize("ending", ["stdin", "wrong file"])
async def test_as_a_program_it_says_where_it_is_and_ends_with_its_parent(ending: str, tmp_path: Path) -> None:
    path = SCENARIOS / "tiny.toml" if ending == "stdin" else tmp_path / "none.toml"
    command = (
        sys.executable,
        "-m",
        "pilothouse.local.messages_server",
        "--with-parent",
        "--scenario",
        str(path),
    )
    child = await asyncio.create_subprocess_exec(
        *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdin and child.stdout and child.stderr
    if ending == "stdin":
        ready = json.loads(await child.stdout.readline())
        assert ready["base_url"].startswith("http://127.0.0.1:")
        assert ready["key"].startswith("sk-scripted-")
        child.stdin.close()
        began = time.monotonic()
        assert await child.wait() == 0
        assert time.monotonic() - began < 3
    else:
        _, said = await child.communicate()
        assert (child.returncode, b"none.toml: can't be read" in said) == (2, True)
