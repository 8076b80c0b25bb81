"""A scripted turn made into an answer: blocks, stop reason, and the frames that stream it. Sends nothing."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse.local.messages_calls import call_blocks
from pilothouse.local.messages_models import lookup
from pilothouse.local.messages_prompt import text_tokens
from pilothouse.local.messages_usage import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pilothouse.local.scenario import Scenario
    from pilothouse.local.scenario_play import Choice

Json = dict[str, Any]


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """One whole answer, ready to be sent in one piece or streamed."""

    id: str
    model: str
    content: list[Json]
    stop_reason: str
    usage: Usage
    output_tokens: int
    thinking_tokens: int = 0
    stop_details: Json | None = None
    cut_input: bool = False
    """Leave the last call's input half-said, as running out of tokens does."""
    iterations: list[Json] | None = None
    """One entry per round on the server, where there was more than one."""
    applied_edits: list[Json] | None = None
    """What context edits did; None where none were asked for."""
    transformations: list[Json] | None = None
    """Thinking that was not shown to the model; None where that was not asked for."""


def build(scenario: Scenario, choice: Choice, body: Json, usage: Usage, signature: str) -> Reply:
    """Make the answer of a chosen turn to a request; `signature` is for thinking that begins it."""
    turn = choice.turn
    said = _acknowledged(scenario, choice)
    content: list[Json] = []
    thinks = turn.thinking and _thinks(body)
    if thinks:
        shown = turn.thinking if _shows_thinking(body) else ""
        content.append({"type": "thinking", "thinking": shown, "signature": signature})
    if said:
        content.append({"type": "text", "text": said})
    blocks = call_blocks(scenario, turn.calls, body)
    content.extend(blocks)
    thinking = text_tokens(turn.thinking) if thinks else 0
    calls = sum(20 + text_tokens(json.dumps(block["input"])) for block in blocks)
    return Reply(
        id=new_id(),
        model=str(body.get("model")),
        content=content,
        stop_reason=turn.stop_reason or ("tool_use" if turn.calls else "end_turn"),
        usage=usage,
        output_tokens=max(1, thinking + text_tokens(said) + calls),
        thinking_tokens=thinking,
    )


def compacted(body: Json, block: Json, usage: Usage) -> Reply:
    """Make the answer that is a summary and nothing else; its tokens are in no total."""
    spent = text_tokens(str(block["content"]))
    return Reply(
        id=new_id(),
        model=str(body.get("model")),
        content=[block],
        stop_reason="compaction",
        usage=Usage(),
        output_tokens=0,
        iterations=[usage.as_iteration("compaction", spent)],
    )


def after_compaction(reply: Reply, block: Json, usage: Usage) -> Reply:
    """Put the summary that came first on the server in front of an answer."""
    spent = text_tokens(str(block["content"]))
    own = reply.usage.as_iteration("message", reply.output_tokens)
    return msgspec.structs.replace(
        reply,
        content=[block, *reply.content],
        iterations=[usage.as_iteration("compaction", spent), own],
    )


def new_id() -> str:
    """Name an answer."""
    return f"msg_{uuid.uuid4().hex[:24]}"


def _acknowledged(scenario: Scenario, choice: Choice) -> str:
    if not choice.said or not scenario.acknowledge:
        return choice.turn.text
    lead = scenario.acknowledge.replace("{said}", choice.said)
    return f"{lead}\n\n{choice.turn.text}" if choice.turn.text else lead


def _thinks(body: Json) -> bool:
    """Say whether the request lets the model think before it answers; some models do unless told not to."""
    thinking = body.get("thinking") or {}
    if thinking:
        return thinking.get("type") in ("adaptive", "enabled")
    model = lookup(body.get("model"))
    return bool(model and model.thinks_unasked)


def _shows_thinking(body: Json) -> bool:
    thinking = body.get("thinking") or {}
    return thinking.get("type") == "enabled" or thinking.get("display") in ("summarized", "updates")


def as_message(reply: Reply) -> Json:
    """Word an answer as a request without `stream` gets it."""
    usage = {**reply.usage.as_start(), **_usage_delta(reply)}
    return {**_opening(reply), **_ending(reply), **_edits(reply), "content": reply.content, "usage": usage}


def _opening(reply: Reply) -> Json:
    opening: Json = {"id": reply.id, "type": "message", "role": "assistant", "model": reply.model}
    if reply.transformations is not None:
        opening["input_transformations"] = reply.transformations
    return opening


def _ending(reply: Reply) -> Json:
    return {
        "stop_reason": reply.stop_reason,
        "stop_sequence": None,
        "stop_details": reply.stop_details,
    }


def _edits(reply: Reply) -> Json:
    if reply.applied_edits is None:
        return {}
    return {"context_management": {"applied_edits": reply.applied_edits}}


def _usage_delta(reply: Reply) -> Json:
    usage = reply.usage.as_delta(reply.output_tokens, reply.thinking_tokens)
    return usage if reply.iterations is None else {**usage, "iterations": reply.iterations}


def frames(reply: Reply, delta_chars: int) -> Iterator[Json]:
    """Yield the events that stream an answer, in the order of the wire (model-api §8)."""
    unsaid: Json = {"content": [], "stop_reason": None, "stop_sequence": None, "stop_details": None}
    start = {**_opening(reply), **unsaid, "usage": reply.usage.as_start()}
    yield {"type": "message_start", "message": start}
    yield {"type": "ping"}
    last = len(reply.content) - 1
    for index, block in enumerate(reply.content):
        yield from _block_frames(index, block, delta_chars, cut=reply.cut_input and index == last)
    yield {"type": "message_delta", "delta": _ending(reply), "usage": _usage_delta(reply), **_edits(reply)}
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
        case "compaction":
            said = {"content": block["content"], "encrypted_content": block["encrypted_content"]}
            empty = {**block, "content": None, "encrypted_content": None}
            return empty, [{"type": "compaction_delta", **said}]
        case _:
            # The members of a toolset arrive whole, in one delta (model-api §3).
            given = json.dumps(block["input"])
            given = given[: max(1, len(given) // 2)] if cut else given
            return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": given}]


def _pieces(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), max(1, size))]


def encode(frame: Json) -> bytes:
    """Encode one server-sent event; the SDK ignores frames without an `event` line."""
    return f"event: {frame['type']}\ndata: {json.dumps(frame)}\n\n".encode()
