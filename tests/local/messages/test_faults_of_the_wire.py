"""Each fault that a client has to survive, as the real SDK meets it (model-api §3)."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest

from pilothouse.local.scenario import FAULT_KINDS, parse
from tests.local.messages.talking import LOOK, SHAPE, TASK, talking

Json = dict[str, Any]
SHORT = httpx2.Timeout(0.3, connect=5)


def failing(kind: str, **more: Any) -> Json:
    return {**LOOK, "fault": [{"kind": kind, **more}]}


@pytest.mark.parametrize(
    ("status", "kind", "error"),
    [
        (400, "invalid_request_error", anthropic.BadRequestError),
        (401, "authentication_error", anthropic.AuthenticationError),
        (402, "billing_error", anthropic.APIStatusError),
        (403, "permission_error", anthropic.PermissionDeniedError),
        (404, "not_found_error", anthropic.NotFoundError),
        (408, "timeout_error", anthropic.APIStatusError),
        (409, "conflict_error", anthropic.ConflictError),
        (413, "request_too_large", anthropic.APIStatusError),
        (429, "rate_limit_error", anthropic.RateLimitError),
        (500, "api_error", anthropic.InternalServerError),
        (503, "overloaded_error", anthropic.APIStatusError),
        (504, "timeout_error", anthropic.APIStatusError),
        (529, "overloaded_error", anthropic.APIStatusError),
    ],
)
async def test_each_status_has_its_error(
    status: int, kind: str, error: type[anthropic.APIStatusError]
) -> None:
    async with talking(failing("status", status=status)) as client:
        with pytest.raises(error) as caught:
            await client.ask([TASK])
        whole, _ = await client.ask([TASK])
    assert (caught.value.status_code, caught.value.type) == (status, kind)
    assert caught.value.request_id
    assert "retry-after" not in caught.value.response.headers
    assert whole.stop_reason == "tool_use"


async def test_an_error_may_have_a_code_and_words_and_say_when_to_come_back() -> None:
    fault = {"status": 529, "code": "compaction_unavailable", "message": "Later.", "retry_after_s": 0.5}
    async with talking(failing("status", **fault)) as client:
        with pytest.raises(anthropic.APIStatusError, match="Later") as caught:
            await client.ask([TASK])
    assert type(caught.value).__name__ == "CompactionUnavailableError"
    assert caught.value.response.headers["retry-after"] == "0.5"


@pytest.mark.parametrize(
    "kind", ["overloaded_error", "api_error", "rate_limit_error", "invalid_request_error"]
)
async def test_each_type_of_error_within_a_stream(kind: str) -> None:
    async with talking(failing("error_event", error=kind)) as client:
        with pytest.raises(anthropic.APIStatusError) as caught:
            await client.ask([TASK])
    assert (caught.value.status_code, caught.value.type) == (200, kind)


async def test_no_connection_is_accepted_for_a_while() -> None:
    async with talking(failing("refuse", refuse_s=0.3)) as client:
        with pytest.raises((httpx2.RemoteProtocolError, anthropic.APIConnectionError)):
            await client.ask([TASK])
        with pytest.raises(anthropic.APIConnectionError):
            await client.ask([TASK])
        async with asyncio.timeout(10):
            while True:
                try:
                    message, _ = await client.ask([TASK])
                    break
                except anthropic.APIConnectionError:
                    await asyncio.sleep(0.02)
    assert message.stop_reason == "tool_use"


async def test_a_server_that_refuses_connections_can_be_closed() -> None:
    async with talking(failing("refuse", refuse_s=60)) as client:
        with pytest.raises((httpx2.RemoteProtocolError, anthropic.APIConnectionError)):
            await client.ask([TASK])


async def test_a_server_can_be_told_to_refuse_connections() -> None:
    async with talking(LOOK) as client:
        await client.server.refuse_connections(60)
        with pytest.raises(anthropic.APIConnectionError):
            await client.ask([TASK])


@pytest.mark.parametrize("kind", ["black_hole", "silence", "stall"])
async def test_silence_before_during_and_instead_of_an_answer(kind: str) -> None:
    async with talking(failing(kind)) as client:
        with pytest.raises((httpx2.ReadTimeout, anthropic.APITimeoutError)):
            await client.ask([TASK], timeout=SHORT)
        whole, _ = await client.ask([TASK])
    assert whole.stop_reason == "tool_use"


async def test_a_black_hole_lets_its_caller_in_and_silence_sends_headers() -> None:
    async with talking(failing("silence")) as client:
        request: Any = {**SHAPE, "messages": [TASK], "timeout": SHORT}
        async with client.sdk.beta.messages.stream(**request) as stream:
            assert stream.response.status_code == 200
            with pytest.raises((httpx2.ReadTimeout, anthropic.APITimeoutError)):
                await stream.get_final_message()


async def test_unreadable_data_is_the_clients_to_refuse() -> None:
    async with talking(failing("garbled")) as client:
        with pytest.raises((json.JSONDecodeError, ValueError, anthropic.APIError)):
            await client.ask([TASK])


async def test_deltas_of_nothing_and_a_final_word_said_twice_change_nothing() -> None:
    faults: list[Json] = [{"kind": kind, "after_deltas": 0} for kind in ("zero_deltas", "duplicate", "slow")]
    faults[2]["stall_s"] = 0.001
    async with talking({**LOOK, "fault": faults}) as client:
        answers = [await client.ask([TASK]) for _ in range(4)]
    plain = [
        [(block.type, getattr(block, "text", ""), getattr(block, "input", {})) for block in message.content]
        for message, _ in answers
    ]
    assert plain[0] == plain[1] == plain[2] == plain[3]
    usages = [message.usage.output_tokens for message, _ in answers]
    assert len(set(usages)) == 1
    counts = [kinds.count("message_delta") for _, kinds in answers]
    assert counts == [1, 2, 1, 1]
    assert len(answers[0][1]) > len(answers[3][1])


@pytest.mark.parametrize("reason", ["stop_sequence", "compaction", "max_tokens", "some_future_reason"])
async def test_any_stop_reason_may_be_said(reason: str) -> None:
    async with talking(failing("stop", stop_reason=reason)) as client:
        message, _ = await client.ask([TASK])
    assert (message.stop_reason, [block.type for block in message.content]) == (reason, ["thinking", "text"])


@pytest.mark.parametrize("category", ["bio", "reasoning_extraction", ""])
async def test_a_refusal_has_a_category(category: str) -> None:
    async with talking(failing("refusal", category=category)) as client:
        message, _ = await client.ask([TASK])
    assert message.stop_details.category == (category or None)


async def test_a_compaction_meets_no_fault_of_the_turn() -> None:
    async with talking({**LOOK, "repeat": 2, "fault": [{"kind": "status"}]}) as client:
        message, _ = await client.ask([TASK], betas=["compact-2026-09-04"], compaction={"type": "summarize"})
    assert message.stop_reason == "compaction"


def test_every_kind_is_described() -> None:
    page = (Path(__file__).parents[3] / "docs" / "scenarios.md").read_text("utf-8")
    assert [kind for kind in FAULT_KINDS if f"`{kind}`" not in page] == []
    assert parse({"turn": [failing(kind) for kind in FAULT_KINDS]}, "x").turn
