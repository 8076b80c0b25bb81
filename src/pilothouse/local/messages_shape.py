"""The shape of a request: which fields there are, of which type, in the body and in each kind of block.

Pure functions. A block is looked at once, when its message is first read (`messages_prompt`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pilothouse.local.messages_asked import Asked

Json = dict[str, Any]
_TYPES: dict[str, tuple[type, ...]] = {
    "model": (str,),
    "system": (str, list),
    "tools": (list,),
    "tool_choice": (dict,),
    "thinking": (dict,),
    "output_config": (dict,),
    "cache_control": (dict,),
    "context_management": (dict,),
    "compaction": (dict,),
    "metadata": (dict,),
    "stream": (bool,),
    "stop_sequences": (list,),
}
_WORDS: dict[type, str] = {str: "string", list: "list", dict: "dictionary", bool: "boolean"}
_BLOCKS: dict[str, tuple[dict[str, tuple[type, ...]], frozenset[str]]] = {
    "text": ({"text": (str,)}, frozenset({"citations"})),
    "image": ({"source": (dict,)}, frozenset({"transformations"})),
    "thinking": ({"thinking": (str,), "signature": (str,)}, frozenset()),
    "redacted_thinking": ({"data": (str,)}, frozenset()),
    "tool_use": (
        {"id": (str,), "name": (str,), "input": (dict,)},
        frozenset({"caller", "toolset_name"}),
    ),
    "tool_result": (
        {"tool_use_id": (str,)},
        frozenset({"content", "is_error", "toolset_name"}),
    ),
    "compaction": ({}, frozenset({"content", "encrypted_content", "signature", "tool_changes"})),
}
"""By kind: what is required, with its types, and what may be there besides `type` and `cache_control`."""
_OTHER_BLOCKS = frozenset(
    {
        "document",
        "search_result",
        "server_tool_use",
        "web_search_tool_result",
        "web_fetch_tool_result",
        "advisor_tool_result",
        "code_execution_tool_result",
        "bash_code_execution_tool_result",
        "text_editor_code_execution_tool_result",
        "tool_search_tool_result",
        "mcp_tool_use",
        "mcp_tool_result",
        "mcp_tool_listing",
        "container_upload",
        "tool_addition",
        "tool_removal",
        "fallback",
    }
)
"""Kinds of blocks that exist and that are not looked into."""
_MESSAGE_KEYS = {"system": frozenset({"role", "content", "clear_at", "output_config"})}
_ANY_MESSAGE_KEYS = frozenset({"role", "content"})


def field_types(asked: Asked) -> str | None:
    """The fields of the body have the right types, and the lists hold objects."""
    for key, value in asked.body.items():
        types = _TYPES.get(key)
        if types and value is not None and not isinstance(value, types):
            return f"{key}: Input should be a valid {_WORDS[types[-1]]}"
    for key in ("tools", "system"):
        value = asked.body.get(key)
        for i, item in enumerate(value if isinstance(value, list) else []):
            problem = "Input should be a valid dictionary" if not isinstance(item, dict) else ""
            if key == "system" and not problem:
                problem = _system_problem(item)
            if problem:
                return f"{key}.{i}{'' if problem.startswith('.') else ': '}{problem}"
    return None


def _system_problem(block: Json) -> str:
    return block_problem(block) if block.get("type") == "text" else ".type: Input should be 'text'"


def block_fields(asked: Asked) -> str | None:
    """Every block is of a known kind, and holds what its kind does and nothing else."""
    return next((f"messages.{i}{one.problem}" for i, one in enumerate(asked.records) if one.problem), None)


def message_problem(message: Json, blocks: list[Json]) -> str:
    """Say what is wrong with the shape of a message, from its place on; empty for nothing."""
    known = _MESSAGE_KEYS.get(str(message.get("role")), _ANY_MESSAGE_KEYS)
    extra = next((key for key in message if key not in known), None)
    if extra:
        return f".{extra}: Extra inputs are not permitted"
    found = ((j, block_problem(block)) for j, block in enumerate(blocks))
    return next((f".content.{j}{problem}" for j, problem in found if problem), "")


def block_problem(block: Json) -> str:
    """Say what is wrong with the shape of a block; empty for nothing."""
    kind = str(block.get("type"))
    if kind not in _BLOCKS:
        unknown = f": Input tag '{kind}' found using 'type' does not match any of the expected tags"
        return "" if kind in _OTHER_BLOCKS else unknown
    required, optional = _BLOCKS[kind]
    for key, types in required.items():
        if key not in block:
            return f".{kind}.{key}: Field required"
        if not isinstance(block[key], types):
            return f".{kind}.{key}: Input should be a valid {_WORDS[types[0]]}"
    for key in block:
        if key not in required and key not in optional and key not in ("type", "cache_control"):
            return f".{kind}.{key}: Extra inputs are not permitted"
    return next(_result_problems(block), "") if kind == "tool_result" else ""


def _result_problems(block: Json) -> Iterator[str]:
    content = block.get("content", "")
    if not isinstance(content, str | list | None):
        yield ".tool_result.content: Input should be a valid list"
    for k, part in enumerate(content if isinstance(content, list) else []):
        place = f".tool_result.content.{k}"
        if not isinstance(part, dict) or "type" not in part:
            yield f"{place}: Input should be a content block"
        elif part["type"] in ("text", "image") and (problem := block_problem(part)):
            yield place + problem
