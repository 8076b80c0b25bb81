"""Rules of the Messages API about the sequence of messages and results: pure functions.

Each returns what the API would answer, or None. Whole requests are checked in `messages_strict`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pilothouse.local.messages_prompt import blocks_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Json = dict[str, Any]
_ROLES = ("user", "assistant", "system")


def roles(messages: list[Json]) -> str | None:
    """A conversation begins with the user, and has no roles but three."""
    if not messages:
        return "messages: at least one message is required"
    for i, message in enumerate(messages):
        if message.get("role") not in _ROLES:
            return f"messages.{i}.role: Input should be 'user', 'assistant' or 'system'"
    if messages[0]["role"] != "user" and not _begins_with_summary(messages[0]):
        return 'messages: first message must use the "user" role'
    return None


def _begins_with_summary(message: Json) -> bool:
    blocks = blocks_of(message)
    return bool(blocks) and blocks[0].get("type") == "compaction"


def non_empty(messages: list[Json]) -> str | None:
    """Every message says something, and no text block is empty."""
    for i, message in enumerate(messages):
        blocks = blocks_of(message)
        if not blocks:
            return f"messages.{i}: all messages must have non-empty content"
        if any(block.get("type") == "text" and not block.get("text") for block in blocks):
            return "messages: text content blocks must be non-empty"
    return None


def system_placement(messages: list[Json]) -> str | None:
    """A system message follows a user message, and is last or followed by the assistant."""
    for i, message in enumerate(messages):
        if message["role"] != "system":
            continue
        if i == 0 or messages[i - 1]["role"] != "user":
            return f"messages.{i}: a 'system' message must directly follow a 'user' message"
        if i + 1 < len(messages) and messages[i + 1]["role"] != "assistant":
            return f"messages.{i}: a 'system' message must be last or be followed by an 'assistant' message"
    return None


def every_call_answered(messages: list[Json]) -> str | None:
    """Each tool_use has its result in the very next message, before anything else is said."""
    for i, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        missing = [use["id"] for use in _of_type(message, "tool_use")]
        if i + 1 < len(messages):
            answered = [r.get("tool_use_id") for r in _of_type(messages[i + 1], "tool_result")]
            missing = [call for call in missing if call not in answered]
        if missing:
            return (
                f"messages.{i}: `tool_use` ids were found without `tool_result` blocks immediately after: "
                f"{', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block "
                "in the next message."
            )
    return None


def no_stray_results(messages: list[Json]) -> str | None:
    """Each result answers one call of the message before, once, and comes from the user."""
    for i, message in enumerate(messages):
        asked = [use["id"] for use in _of_type(messages[i - 1], "tool_use")] if i else []
        for j, block in enumerate(blocks_of(message)):
            if block.get("type") != "tool_result":
                continue
            if message["role"] != "user":
                return f"messages.{i}.content.{j}: `tool_result` blocks can only be in `user` messages"
            call = block.get("tool_use_id")
            if call not in asked:
                return (
                    f"messages.{i}.content.{j}: unexpected `tool_use_id` found in `tool_result` blocks: "
                    f"{call}. Each `tool_result` block must have a corresponding `tool_use` block in the "
                    "previous message."
                )
            asked.remove(call)
    return None


def unique_call_ids(messages: list[Json]) -> str | None:
    """No two calls share an id."""
    seen: set[str] = set()
    for i, message in enumerate(messages):
        for use in _of_type(message, "tool_use"):
            if use.get("id") in seen:
                return f"messages.{i}: `tool_use` ids must be unique"
            seen.add(str(use.get("id")))
    return None


def results_first(messages: list[Json]) -> str | None:
    """In a message with results nothing comes before or between them."""
    for i, message in enumerate(messages):
        kinds = [block.get("type") == "tool_result" for block in blocks_of(message)]
        if True in kinds and kinds != sorted(kinds, reverse=True):
            return f"messages.{i}: `tool_result` blocks must come first in the content of a `user` message"
    return None


def toolset_echoed(messages: list[Json]) -> str | None:
    """A result names the same toolset as its call."""
    named = {
        u.get("id"): u.get("toolset_name") for message in messages for u in _of_type(message, "tool_use")
    }
    for i, j, result in _results(messages):
        asked, said = named.get(result.get("tool_use_id")), result.get("toolset_name")
        if asked != said:
            return f"messages.{i}.content.{j}.tool_result.toolset_name: expected {asked!r}, got {said!r}"
    return None


def errors_are_text(messages: list[Json]) -> str | None:
    """An error's content is text, and there is some."""
    for i, j, result in _results(messages):
        if not result.get("is_error"):
            continue
        blocks = blocks_of(result)
        if any(block.get("type") != "text" for block in blocks):
            return (
                f'messages.{i}.content.{j}.tool_result: all content must be type "text" if "is_error" is true'
            )
        if not any(block.get("text") for block in blocks):
            return f'messages.{i}.content.{j}.tool_result: content cannot be empty if "is_error" is true'
    return None


def result_content(messages: list[Json]) -> str | None:
    """A toolset's result holds only text and pictures."""
    for i, j, result in _results(messages):
        kinds = {str(block.get("type")) for block in blocks_of(result)} - {"text", "image"}
        if kinds and result.get("toolset_name"):
            return f"messages.{i}.content.{j}.tool_result.content: Input tag '{kinds.pop()}' is not allowed"
    return None


def _of_type(message: Json, kind: str) -> list[Json]:
    return [block for block in blocks_of(message) if block.get("type") == kind]


def _results(messages: list[Json]) -> Iterator[tuple[int, int, Json]]:
    for i, message in enumerate(messages):
        for j, block in enumerate(blocks_of(message)):
            if block.get("type") == "tool_result":
                yield i, j, block


RULES: tuple[Callable[[list[Json]], str | None], ...] = (
    roles,
    non_empty,
    unique_call_ids,
    every_call_answered,
    no_stray_results,
    results_first,
    system_placement,
    toolset_echoed,
    errors_are_text,
    result_content,
)
"""In the order in which the first broken one is reported."""
