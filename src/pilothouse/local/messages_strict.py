"""What the real Messages API refuses, as small pure rules over a request. Serves nothing, keeps nothing.

Wordings are the API's own where they are known (model-api §1.2, §2, §4, §8); the others follow its style.
Rules by subject are in `messages_history`, `_tools`, `_thinking`, `_pictures`, `_edits` and `_compaction`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse.local import messages_compaction as compaction
from pilothouse.local import messages_edits as edits
from pilothouse.local import messages_history as history
from pilothouse.local import messages_pictures as pictures
from pilothouse.local import messages_shape as shape
from pilothouse.local import messages_thinking as thinking
from pilothouse.local import messages_tools as tools
from pilothouse.local.messages_asked import Asked, Rule, beta_missing, marked
from pilothouse.local.messages_betas import known_betas
from pilothouse.local.messages_binding import Checked, check
from pilothouse.local.messages_models import lookup
from pilothouse.local.messages_prompt import Place, know, ttl_of
from pilothouse.local.messages_refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]
MAX_REQUEST_BYTES = 32 * 2**20
MAX_BREAKPOINTS = 4
_COUNTED_KEYS = frozenset(
    {
        "model",
        "messages",
        "system",
        "tools",
        "tool_choice",
        "thinking",
        "output_config",
        "cache_control",
    }
)
_KNOWN_KEYS = _COUNTED_KEYS | frozenset(
    {
        "max_tokens",
        "metadata",
        "stream",
        "stop_sequences",
        "service_tier",
        "diagnostics",
        "inference_geo",
    }
)
_SAMPLING_KEYS = ("temperature", "top_p", "top_k")
_BETA_KEYS = {
    "context_management": (edits.BETA, compaction.EDIT_BETA),
    "compaction": (compaction.ON_DEMAND_BETA,),
    "thread": ("message-threads-2026-08-12",),
    "fallbacks": ("server-side-fallback-2026-07-01",),
    "speed": ("fast-mode-2026-02-01",),
}
_CLEAR_AT_BETA = "mid-conversation-system-clear-at-2026-08-21"
_TTLS = ("5m", "1h")


def too_large(asked: Asked) -> str | None:
    """A body holds at most 32 MB."""
    return "Request exceeds the maximum size" if asked.size_bytes > MAX_REQUEST_BYTES else None


def version_header(asked: Asked) -> str | None:
    """The version header is required."""
    return None if asked.header("anthropic-version") else "anthropic-version: header is required"


def object_body(asked: Asked) -> str | None:
    """The body is an object whose messages are objects with a role and blocks."""
    if not isinstance(asked.body, dict):
        return "Input should be a valid dictionary"
    messages = asked.body.get("messages", [])
    if not isinstance(messages, list):
        return "messages: Input should be a valid list"
    for i, message in enumerate(messages):
        if not isinstance(message, dict) or "role" not in message or "content" not in message:
            return f"messages.{i}: Input should be an object with role and content"
        content = message["content"]
        if not isinstance(content, str | list):
            return f"messages.{i}.content: Input should be a valid list"
        if isinstance(content, list) and not all(
            isinstance(block, dict) and "type" in block for block in content
        ):
            return f"messages.{i}.content: Input should be a list of content blocks"
    return None


def required_fields(asked: Asked) -> str | None:
    """Model, messages and max_tokens must be there."""
    names = ("model", "messages") if asked.counting else ("model", "messages", "max_tokens")
    missing = next((name for name in names if name not in asked.body), None)
    return f"{missing}: Field required" if missing else None


def sampling(asked: Asked) -> str | None:
    """Sampling parameters are gone since API version 2026-10-21."""
    given = next((key for key in _SAMPLING_KEYS if key in asked.body), None)
    return f"`{given}` is not supported in API version 2026-10-21" if given else None


def known_fields(asked: Asked) -> str | None:
    """Unknown fields, and those of a beta that was not asked for, are refused; counting takes fewer."""
    known = _COUNTED_KEYS if asked.counting else _KNOWN_KEYS
    for key in asked.body:
        if key not in known and not asked.betas() & set(_BETA_KEYS.get(key, ())):
            return f"{key}: Extra inputs are not permitted"
    return None


def known_model(asked: Asked) -> str | None:
    """The model must exist."""
    model = asked.body.get("model")
    return None if lookup(model) else f"model: {model}"


def breakpoints(asked: Asked) -> str | None:
    """At most four cache breakpoints, the automatic one included."""
    found = len(marked(asked)) + bool(asked.body.get("cache_control"))
    if found <= MAX_BREAKPOINTS:
        return None
    return f"A maximum of {MAX_BREAKPOINTS} blocks with cache_control may be provided. Found {found}."


def marker_form(asked: Asked) -> str | None:
    """A marker is `ephemeral`, for five minutes or an hour."""
    for holder in [*marked(asked), *([asked.body] if asked.body.get("cache_control") else [])]:
        marker = holder["cache_control"]
        if not isinstance(marker, dict) or marker.get("type") != "ephemeral":
            return "cache_control.type: Input should be 'ephemeral'"
        if ttl_of(holder) not in _TTLS:
            return "cache_control.ephemeral.ttl: Input should be '5m' or '1h'"
    return None


def marker_order(asked: Asked) -> str | None:
    """Longer lifetimes come before shorter ones."""
    ttls = [ttl_of(holder) for holder in marked(asked)]
    if asked.body.get("cache_control"):
        ttls.append(ttl_of(asked.body))  # it sits on the last block
    if "5m" not in ttls or "1h" not in ttls[ttls.index("5m") :]:
        return None
    return (
        "cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control "
        "block. Note that blocks are processed in the following order: `tools`, `system`, `messages`."
    )


def unmarked_thinking(asked: Asked) -> str | None:
    """Thinking can't carry a cache marker."""
    for i, one in enumerate(asked.records):
        for j, block in enumerate(one.blocks):
            if block.get("type") in ("thinking", "redacted_thinking") and "cache_control" in block:
                return (
                    f"messages.{i}.content.{j}.{block['type']}.cache_control: Extra inputs are not permitted"
                )
    return None


def prefill(asked: Asked) -> str | None:
    """The last message is not the assistant's, but for a turn that was paused, or is to be summed up."""
    model, messages = asked.model, asked.messages
    if not messages or messages[-1].get("role") != "assistant" or (model and model.prefill):
        return None
    if asked.body.get("compaction") or asked.counting or asked.paused(messages[-1]):
        return None
    if asked.records[-1].blocks and asked.records[-1].blocks[-1].get("type") == "compaction":
        return None  # a pause after compaction: the answer is still due
    return (
        "This model does not support assistant message prefill. "
        "The conversation must end with a user message."
    )


def system_role(asked: Asked) -> str | None:
    """Not every model takes system-role messages, and they hold text alone."""
    model = asked.model
    for i, one in enumerate(asked.records):
        if one.message.get("role") != "system":
            continue
        if model and not model.system_messages:
            return f"messages.{i}.role: 'system' messages are not supported for this model."
        if any(block.get("type") != "text" for block in one.blocks):
            return f"messages.{i}.content: a 'system' message holds only text"
        if "clear_at" in one.message:
            return _clear_at_problem(asked, i, one.message, one.blocks)
    return None


def _clear_at_problem(asked: Asked, i: int, message: Json, blocks: list[Json]) -> str | None:
    if beta_missing(asked, _CLEAR_AT_BETA):
        return f"messages.{i}.clear_at: Extra inputs are not permitted"
    if message["clear_at"] != "next_user_message":
        return f"messages.{i}.clear_at: Input should be 'next_user_message'"
    if any("cache_control" in block for block in blocks):
        return f"messages.{i}.content: `cache_control` is not permitted together with `clear_at`"
    return None


def _on_history(rule: Callable[[list[Json]], str | None]) -> Callable[[Asked], str | None]:
    return lambda asked: rule(asked.messages)


SHAPE_RULES: tuple[Rule, ...] = (
    Rule(too_large, "request_too_large", 413),
    Rule(version_header),
    Rule(object_body),
)
"""Checked first: only then can a request be read block by block."""

RULES: tuple[Rule, ...] = (
    Rule(known_betas),
    Rule(required_fields),
    Rule(shape.field_types),
    Rule(known_model, "not_found_error", 404),
    Rule(sampling),
    Rule(known_fields),
    Rule(shape.block_fields),
    Rule(thinking.max_tokens),
    Rule(thinking.thinking_form),
    Rule(thinking.thinking_fields),
    Rule(thinking.thinking_budget),
    Rule(thinking.output_config),
    Rule(thinking.effort),
    Rule(tools.tool_types),
    Rule(tools.tool_betas),
    Rule(tools.single_entry),
    Rule(tools.toolset_entry),
    Rule(tools.toolset_configs),
    Rule(tools.tool_names),
    Rule(tools.tool_choice),
    Rule(breakpoints),
    Rule(marker_form),
    Rule(marker_order),
    Rule(unmarked_thinking),
    Rule(edits.edit_types),
    Rule(edits.edit_fields),
    Rule(edits.thinking_to_clear),
    Rule(edits.compaction_trigger),
    Rule(compaction.on_demand_shape),
    Rule(compaction.on_demand_content),
    Rule(compaction.block_betas),
    Rule(compaction.signed_place),
    Rule(compaction.no_edit_beside),
    Rule(prefill),
    Rule(system_role),
    *(Rule(_on_history(rule)) for rule in history.RULES),
    Rule(tools.declared_toolset),
    Rule(pictures.image_sources),
    Rule(pictures.files_in_results),
    Rule(pictures.files_exist),
    Rule(pictures.readable_images),
    Rule(pictures.image_count),
    Rule(pictures.toolset_images),
    Rule(pictures.large_images),
)
"""In the order in which the first broken one is reported."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules found: the request as it was read, and what is wrong with it."""

    asked: Asked
    refusal: Refusal | None = None
    checked: Checked | None = None
    """What became of its thinking; there for an accepted request."""
    dropped: frozenset[Place] = frozenset()
    """Thinking that is not shown."""


def judge(asked: Asked, secret: bytes) -> Verdict:
    """Check a request against every rule, then its summaries and signatures."""
    refusal = _first(SHAPE_RULES, asked)
    if refusal:
        return Verdict(asked=asked, refusal=refusal)
    if not asked.records:
        size_of = asked.files.size_of if asked.files else lambda _: None
        records = [know(message, size_of) for message in asked.messages]
        asked = msgspec.structs.replace(asked, records=records)
    refusal = _first(RULES, asked) or compaction.proven(asked, secret)
    if refusal:
        return Verdict(asked=asked, refusal=refusal)
    checked = check(asked.body, asked.records, secret)
    kept = [(place, why) for place, why in checked.broken if not _drops(asked, why)]
    dropped = frozenset([*checked.foreign, *(place for place, why in checked.broken if _drops(asked, why))])
    refusal = _broken_signature(kept[0][0]) if kept else None
    return Verdict(asked=asked, refusal=refusal, checked=checked, dropped=dropped)


def _first(rules: tuple[Rule, ...], asked: Asked) -> Refusal | None:
    for rule in rules:
        found = rule.check(asked)
        if found:
            return found if isinstance(found, Refusal) else Refusal(rule.kind, found, rule.status)
    return None


def _drops(asked: Asked, why: str) -> bool:
    given = asked.body.get("thinking") or {}
    behaviour = (given.get("block_binding") or {}).get("prefix_mismatch_behavior")
    return behaviour == "drop_block" and why == "prefix_binding_mismatch"


def _broken_signature(place: Place) -> Refusal:
    message = (
        f"messages.{place[0]}.content.{place[1]}: Invalid `signature` in `thinking` block. "
        "The block is bound to a different conversation than the one it was sent with."
    )
    return Refusal("invalid_request_error", message)


def refuse(asked: Asked, secret: bytes) -> Refusal | None:
    """Check a request; None when it is accepted."""
    return judge(asked, secret).refusal
