"""Context edits: what may be asked of them, and what they take out of a prompt (model-api §4).

Pure functions. Clearing is worked out of the history alone, request by request as it grew: what was cleared
once stays cleared, so that the cache holds between two clearings, and every retry sees the same prompt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse.local.messages_compaction import EDIT, EDIT_BETA, TRIGGER_FLOOR_TOKENS, last_block
from pilothouse.local.messages_models import Accepts, lookup
from pilothouse.local.messages_prompt import CLEARED_TEXT, Changes, Known, Part, Place, parts, text_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pilothouse.local.messages_asked import Asked

Json = dict[str, Any]
BETA = "context-management-2025-06-27"
CLEAR_TOOLS = "clear_tool_uses_20250919"
CLEAR_THINKING = "clear_thinking_20251015"
_KEYS = {
    CLEAR_TOOLS: frozenset(
        {"type", "trigger", "keep", "clear_at_least", "exclude_tools", "clear_tool_inputs"}
    ),
    CLEAR_THINKING: frozenset({"type", "keep"}),
    EDIT: frozenset({"type", "trigger", "pause_after_compaction", "instructions"}),
}
_UNITS = {
    (CLEAR_TOOLS, "trigger"): ("input_tokens", "tool_uses"),
    (CLEAR_TOOLS, "keep"): ("tool_uses",),
    (CLEAR_TOOLS, "clear_at_least"): ("input_tokens",),
    (EDIT, "trigger"): ("input_tokens",),
}
_CLEARED_RESULT_TOKENS = 13 + text_tokens(CLEARED_TEXT)
_CLEARED_INPUT_TOKENS = 21


def edits_of(body: Json) -> list[Json]:
    """List the edits that a request asks for."""
    given = body.get("context_management")
    found = given.get("edits") if isinstance(given, dict) else None
    return [edit for edit in found if isinstance(edit, dict)] if isinstance(found, list) else []


def edit_types(asked: Asked) -> str | None:
    """Only known edits, each once, each with its beta; thinking comes first."""
    given = asked.body.get("context_management")
    if given is None:
        return None
    if not isinstance(given, dict) or not isinstance(given.get("edits", []), list):
        return "context_management.edits: Input should be a valid list"
    kinds = [str(edit.get("type")) if isinstance(edit, dict) else "" for edit in given.get("edits", [])]
    for i, kind in enumerate(kinds):
        beta = EDIT_BETA if kind == EDIT else BETA
        if kind not in _KEYS or beta not in asked.betas():
            return (
                f"context_management.edits.{i}: Input tag '{kind}' found using 'type' does not match any of "
                "the expected tags"
            )
        if kinds.index(kind) != i:
            return f"context_management.edits.{i}: only one '{kind}' edit is allowed"
    if CLEAR_THINKING in kinds[1:]:
        return f"context_management.edits: '{CLEAR_THINKING}' must be the first edit"
    return None


def edit_fields(asked: Asked) -> str | None:
    """Each edit has its fields, with values of the right unit."""
    for i, edit in enumerate(edits_of(asked.body)):
        kind = str(edit.get("type"))
        place = f"context_management.edits.{i}.{kind}"
        extra = next((key for key in edit if key not in _KEYS[kind]), None)
        if extra:
            return f"{place}.{extra}: Extra inputs are not permitted"
        for (owner, key), units in _UNITS.items():
            value = edit.get(key)
            if owner == kind and value is not None and not _measures(value, units):
                return f"{place}.{key}: Input should be a positive number of {' or '.join(units)}"
        if kind == CLEAR_THINKING and _kept_thinking(edit) is None:
            return f"{place}.keep: Input should be 'all' or a number of thinking_turns"
    return None


def _measures(value: object, units: tuple[str, ...]) -> bool:
    if not isinstance(value, dict) or value.get("type") not in units:
        return False
    return type(value.get("value")) is int and value["value"] >= 0


def _kept_thinking(edit: Json) -> int | None:
    """Read how many turns keep their thinking; a negative number stands for all, None for a wrong value."""
    keep = edit.get("keep", {"type": "thinking_turns", "value": 1})
    if keep == "all" or (isinstance(keep, dict) and keep.get("type") == "all"):
        return -1
    if not isinstance(keep, dict) or keep.get("type") != "thinking_turns":
        return None
    value = keep.get("value")
    return value if type(value) is int and value > 0 else None


def thinking_to_clear(asked: Asked) -> str | None:
    """Thinking is cleared only where the model thinks."""
    kinds = [edit.get("type") for edit in edits_of(asked.body)]
    thinking = asked.body.get("thinking")
    off = isinstance(thinking, dict) and thinking.get("type") == "disabled"
    if CLEAR_THINKING in kinds and off:
        return f"context_management.edits: '{CLEAR_THINKING}' requires thinking to be enabled"
    return None


def compaction_trigger(asked: Asked) -> str | None:
    """Compaction begins at 50,000 tokens at the earliest."""
    for i, edit in enumerate(edits_of(asked.body)):
        trigger = edit.get("trigger")
        if edit.get("type") == EDIT and isinstance(trigger, dict) and trigger["value"] < TRIGGER_FLOOR_TOKENS:
            place = f"context_management.edits.{i}.{EDIT}.trigger.value"
            return f"{place}: Input should be greater than or equal to {TRIGGER_FLOOR_TOKENS}"
    return None


class Edited(msgspec.Struct, kw_only=True):
    """What the edits make of a request."""

    applied: list[Json]
    """As the answer's `context_management.applied_edits` names them."""
    original_tokens: int
    """The prompt before clearing."""
    tokens: int
    """The prompt that the model sees."""
    prompt: list[Part]
    """That prompt, piece by piece."""


def apply(body: Json, known: list[Known], dropped: set[Place]) -> Edited:
    """Apply the clearing edits; `dropped` is thinking that is not shown in any case."""
    start = last_block(known) or (0, 0)
    changes = Changes(start=start, dropped=set(dropped))
    prompt = parts(body, known, changes)
    before = tokens = sum(part.tokens for part in prompt)
    applied: list[Json] = []
    for edit in edits_of(body):
        match edit["type"]:
            case "clear_thinking_20251015":
                turns = _clear_thinking(edit, known, changes)
                figures = {"cleared_thinking_turns": turns}
            case "clear_tool_uses_20250919":
                turns = _clear_tools(edit, body, known, changes)
                figures = {"cleared_tool_uses": turns}
            case _:
                continue
        if turns:
            prompt = parts(body, known, changes)
            left = sum(part.tokens for part in prompt)
            applied.append({"type": edit["type"], **figures, "cleared_input_tokens": tokens - left})
            tokens = left
    return Edited(applied=applied, original_tokens=before, tokens=tokens, prompt=prompt)


def _clear_thinking(edit: Json, known: list[Known], changes: Changes) -> int:
    keep = _kept_thinking(edit)
    turns = [
        [(i, j) for j, block in enumerate(one.blocks) if str(block.get("type")).endswith("thinking")]
        for i, one in enumerate(known)
        if i >= changes.start[0] and one.message.get("role") == "assistant"
    ]
    thinking = [places for places in turns if places]
    old = thinking[: -keep or None] if keep and keep > 0 else []
    for places in old:
        changes.dropped.update(places)
    return len(old)


class _Use(msgspec.Struct):
    """One call and its result."""

    call: Place
    names: tuple[str, str]
    result: Place | None = None
    cleared: bool = False


def _clear_tools(edit: Json, body: Json, known: list[Known], changes: Changes) -> int:
    """Clear old results as the conversation grew past the trigger, again and again; returns how many."""
    model = lookup(body.get("model")) or Accepts(tools=frozenset(), thinking=frozenset())
    tokens = sum(part.tokens for part in parts(body, []))
    uses: dict[str, _Use] = {}
    for i, one in enumerate(known):
        if i < changes.start[0]:
            continue
        if one.message.get("role") == "assistant":  # here a request was made: of everything up to here
            tokens -= _clear_once(edit, known, model, uses, tokens, changes)
        for j, count in enumerate(one.tokens(model)):
            place = (i, j)
            if place >= changes.start and place not in changes.dropped:
                tokens += count
                _note(uses, one.blocks[j], place)
    _clear_once(edit, known, model, uses, tokens, changes)
    return sum(use.cleared for use in uses.values())


def _note(uses: dict[str, _Use], block: Json, place: Place) -> None:
    match block.get("type"):
        case "tool_use":
            names = (str(block.get("name")), str(block.get("toolset_name")))
            uses[str(block.get("id"))] = _Use(call=place, names=names)
        case "tool_result" if use := uses.get(str(block.get("tool_use_id"))):
            use.result = place
        case _:
            return


def _clear_once(
    edit: Json, known: list[Known], model: Accepts, uses: dict[str, _Use], tokens: int, changes: Changes
) -> int:
    """Clear what may be cleared now, if it is time and worth it; returns the tokens it saved."""
    trigger = edit.get("trigger") or {"type": "input_tokens", "value": 100_000}
    by_tokens = trigger["type"] == "input_tokens"
    if by_tokens and tokens <= trigger["value"]:
        return 0
    open_uses = [use for use in uses.values() if not use.cleared]
    if not by_tokens and len(open_uses) <= trigger["value"]:
        return 0
    keep = (edit.get("keep") or {"value": 3})["value"]
    excluded = set(edit.get("exclude_tools") or [])
    old = [use for use in open_uses[: len(open_uses) - keep] if use.result and not excluded & set(use.names)]
    places = {place: cost for use in old for place, cost in _places(edit, use)}
    saved = sum(known[i].tokens(model)[j] - cost for (i, j), cost in places.items())
    least = (edit.get("clear_at_least") or {"value": 0})["value"]
    if not old or saved < least:
        return 0
    for use in old:
        use.cleared = True
    changes.cleared = {**changes.cleared, **places}
    return saved


def _places(edit: Json, use: _Use) -> Iterator[tuple[Place, int]]:
    if use.result:
        yield use.result, _CLEARED_RESULT_TOKENS
    inputs = edit.get("clear_tool_inputs")
    if inputs is True or (isinstance(inputs, list) and set(inputs) & set(use.names)):
        yield use.call, _CLEARED_INPUT_TOKENS
