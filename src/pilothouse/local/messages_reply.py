"""A scripted turn made into an answer: blocks, stop reason, and the frames that stream it. Sends nothing."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse.local.messages_binding import prefix_of
from pilothouse.local.messages_usage import Usage, text_tokens
from pilothouse.local.scenario import resolve_call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pilothouse.local.scenario import Choice, Scenario

Json = dict[str, Any]


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """One whole answer, ready to be sent in one piece or streamed."""

    id: str
    model: str
    content: list[Json]
    stop_reason: str
    usage: Usage
    output_tokens: int
    thinking_tokens: int
    stop_details: Json | None = None
    cut_input: bool = False
    """Leave the last call's input half-said, as running out of tokens does."""


def build(scenario: Scenario, choice: Choice, body: Json, usage: Usage, secret: bytes) -> Reply:
    """Make the answer of a chosen turn to a request."""
    turn = choice.turn
    said = _acknowledged(scenario, choice)
    content: list[Json] = []
    if turn.thinking:
        shown = turn.thinking if _shows_thinking(body) else ""
        signature = prefix_of(body).sign(secret)
        content.append({"type": "thinking", "thinking": shown, "signature": signature})
    if said:
        content.append({"type": "text", "text": said})
    content.extend(_call_block(scenario, call) for call in turn.calls)
    thinking = text_tokens(turn.thinking)
    calls = sum(20 + text_tokens(json.dumps(block["input"])) for block in content if "input" in block)
    return Reply(
        id=f"msg_{uuid.uuid4().hex[:24]}",
        model=str(body.get("model")),
        content=content,
        stop_reason=turn.stop_reason or ("tool_use" if turn.calls else "end_turn"),
        usage=usage,
        output_tokens=max(1, thinking + text_tokens(said) + calls),
        thinking_tokens=thinking,
    )


def _acknowledged(scenario: Scenario, choice: Choice) -> str:
    if not choice.said or not scenario.acknowledge:
        return choice.turn.text
    lead = scenario.acknowledge.replace("{said}", choice.said)
    return f"{lead}\n\n{choice.turn.text}" if choice.turn.text else lead


def _shows_thinking(body: Json) -> bool:
    thinking = body.get("thinking") or {}
    return thinking.get("type") == "enabled" or thinking.get("display") in ("summarized", "updates")


def _call_block(scenario: Scenario, call: Json) -> Json:
    name, given = resolve_call(call, scenario)
    block: Json = {"type": "tool_use", "id": f"toolu_{uuid.uuid4().hex[:24]}", "name": name, "input": given}
    toolset = call.get("toolset", "computer")
    if toolset:
        block["toolset_name"] = toolset
    return {**block, "caller": {"type": "direct"}}


def spoiled(reply: Reply, kind: str) -> Reply:
    """Change an answer into what a fault of this kind makes of it; other kinds leave it as it is."""
    replace = msgspec.structs.replace
    match kind:
        case "refusal":
            said = [block for block in reply.content if block["type"] != "tool_use"]
            details = {"type": "refusal", "category": "cyber", "explanation": "This request was declined."}
            return replace(reply, content=said, stop_reason="refusal", stop_details=details)
        case "max_tokens":
            return replace(reply, stop_reason="max_tokens", cut_input=True)
        case "context_exceeded":
            return replace(reply, stop_reason="model_context_window_exceeded", cut_input=True)
        case "pause_turn":
            said = [block for block in reply.content if block["type"] != "tool_use"]
            return replace(reply, content=said, stop_reason="pause_turn")
        case "empty":
            return replace(reply, content=[], stop_reason="end_turn", output_tokens=2, thinking_tokens=0)
        case _:
            return reply


def as_message(reply: Reply) -> Json:
    """Word an answer as a request without `stream` gets it."""
    usage = {**reply.usage.as_start(), **reply.usage.as_delta(reply.output_tokens, reply.thinking_tokens)}
    return {
        "id": reply.id,
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "content": reply.content,
        "stop_reason": reply.stop_reason,
        "stop_sequence": None,
        "stop_details": reply.stop_details,
        "usage": usage,
    }


def frames(reply: Reply, delta_chars: int) -> Iterator[Json]:
    """Yield the events that stream an answer, in the order of the wire (model-api §8)."""
    start = {**as_message(reply), "content": [], "stop_reason": None, "stop_details": None}
    yield {"type": "message_start", "message": {**start, "usage": reply.usage.as_start()}}
    yield {"type": "ping"}
    last = len(reply.content) - 1
    for index, block in enumerate(reply.content):
        yield from _block_frames(index, block, delta_chars, cut=reply.cut_input and index == last)
    ending = {"stop_reason": reply.stop_reason, "stop_sequence": None, "stop_details": reply.stop_details}
    usage = reply.usage.as_delta(reply.output_tokens, reply.thinking_tokens)
    yield {"type": "message_delta", "delta": ending, "usage": usage}
    yield {"type": "message_stop"}


def _block_frames(index: int, block: Json, delta_chars: int, *, cut: bool) -> Iterator[Json]:
    empty, deltas = _opened(block, delta_chars, cut=cut)
    yield {"type": "content_block_start", "index": index, "content_block": empty}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def _opened(block: Json, delta_chars: int, *, cut: bool) -> tuple[Json, list[Json]]:
    """Split a block into what its start frame holds and the deltas that fill it."""
    match block["type"]:
        case "thinking":
            pieces = _pieces(block["thinking"], delta_chars) or [""]
            deltas: list[Json] = [{"type": "thinking_delta", "thinking": piece} for piece in pieces]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
            return {"type": "thinking", "thinking": "", "signature": ""}, deltas
        case "text":
            pieces = _pieces(block["text"], delta_chars)
            return {"type": "text", "text": ""}, [{"type": "text_delta", "text": piece} for piece in pieces]
        case _:
            # The members of a toolset arrive whole, in one delta (model-api §3).
            said = json.dumps(block["input"])
            said = said[: max(1, len(said) // 2)] if cut else said
            return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": said}]


def _pieces(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), max(1, size))]


def encode(frame: Json) -> bytes:
    """Encode one server-sent event; the SDK ignores frames without an `event` line."""
    return f"event: {frame['type']}\ndata: {json.dumps(frame)}\n\n".encode()
