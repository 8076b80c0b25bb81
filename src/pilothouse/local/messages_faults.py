"""What goes wrong on purpose: error answers and spoiled streams. Sleeps nowhere, sends nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse.local.messages_refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pilothouse.local.messages_reply import Reply
    from pilothouse.local.scenario import Fault

Json = dict[str, Any]
_STATUS = {
    400: ("invalid_request_error", "Scripted failure"),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "Your credit balance is too low to access the API."),
    403: ("permission_error", "Your API key does not have permission to use the specified resource."),
    404: ("not_found_error", "Not found"),
    408: ("timeout_error", "Request timed out"),
    409: ("conflict_error", "Conflict"),
    413: ("request_too_large", "Request exceeds the maximum size"),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit."),
    500: ("api_error", "Internal server error"),
    503: ("overloaded_error", "Service unavailable"),
    504: ("timeout_error", "The request timed out"),
    529: ("overloaded_error", "Overloaded"),
}
_EVENT_WORDS = {
    "overloaded_error": "Overloaded",
    "api_error": "Internal server error",
    "rate_limit_error": "This request would exceed your organization's rate limit.",
    "invalid_request_error": "Scripted failure",
}
SENDERS = ("drop", "eof", "stall", "keep_alives", "garbled")
"""Kinds of frames that are for the sender: they are done, not sent."""


def refusal_of(fault: Fault) -> Refusal:
    """Make the error answer of a `status` fault."""
    kind, words = _STATUS.get(fault.status, ("api_error", "Scripted failure"))
    return Refusal(
        fault.error or kind,
        fault.message or words,
        fault.status,
        retry_after_s=fault.retry_after_s,
        details={"error_code": fault.code} if fault.code else None,
    )


def spoiled(reply: Reply, fault: Fault) -> Reply:
    """Change an answer into what a fault makes of it; most kinds leave it as it is."""
    replace = msgspec.structs.replace
    said = [block for block in reply.content if block["type"] != "tool_use"]
    match fault.kind:
        case "refusal":
            details = {
                "type": "refusal",
                "category": fault.category or None,
                "explanation": "This request was declined.",
            }
            return replace(reply, content=said, stop_reason="refusal", stop_details=details)
        case "max_tokens":
            return replace(reply, stop_reason="max_tokens", cut_input=True)
        case "context_exceeded":
            return replace(reply, stop_reason="model_context_window_exceeded", cut_input=True)
        case "pause_turn":
            return replace(reply, content=said, stop_reason="pause_turn")
        case "stop":
            return replace(reply, content=said, stop_reason=fault.stop_reason)
        case "empty":
            return replace(reply, content=[], stop_reason="end_turn", output_tokens=2, thinking_tokens=0)
        case _:
            return reply


def with_fault(frames: Iterator[Json], fault: Fault | None) -> Iterator[Json]:
    """Put a fault's own frames after so many deltas; some kinds change every frame."""
    if fault is None:
        yield from frames
        return
    if fault.kind == "keep_alives" and not fault.after_deltas:  # before anything is said, too
        yield from _own_frames(fault)
    deltas = 0
    for frame in frames:
        is_delta = frame["type"] == "content_block_delta"
        if is_delta and deltas == fault.after_deltas and (deltas or fault.kind != "keep_alives"):
            yield from _own_frames(fault)
            if fault.kind in ("error_event", "drop", "eof"):
                return
        deltas += is_delta
        yield from _changed(frame, fault)


def _changed(frame: Json, fault: Fault) -> Iterator[Json]:
    kind = frame["type"]
    if fault.kind == "slow" and kind == "content_block_delta":
        yield {"type": "stall", "seconds": fault.stall_s}
    yield frame
    if fault.kind == "duplicate" and kind == "message_delta":
        yield frame  # its figures are cumulative: twice is the same as once
    if fault.kind == "zero_deltas" and kind == "content_block_delta":
        yield from _nothing(frame)


def _nothing(frame: Json) -> Iterator[Json]:
    """Make a delta of the same block that adds nothing."""
    for name in ("text", "thinking", "partial_json"):
        if name in frame["delta"]:
            yield {**frame, "delta": {**frame["delta"], name: ""}}


def _own_frames(fault: Fault) -> Iterator[Json]:
    match fault.kind:
        case "error_event":
            kind = fault.error or "overloaded_error"
            words = fault.message or _EVENT_WORDS.get(kind, "Scripted failure")
            yield {"type": "error", "error": {"type": kind, "message": words}}
        case "unknown_event":
            yield {"type": "some_future_event", "detail": "clients must ignore what they do not know"}
        case "stall" | "keep_alives":
            yield {"type": fault.kind, "seconds": fault.stall_s}
        case "drop" | "eof" | "garbled":
            yield {"type": fault.kind}
        case _:
            return
