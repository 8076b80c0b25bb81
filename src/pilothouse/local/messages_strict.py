"""What the real Messages API refuses, as small pure rules over a request. Serves nothing, keeps nothing.

Wordings are the API's own where they are known (model-api §1.2, §2, §4, §8); the others follow its style.
Rules about the sequence of messages are in `messages_history`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse.local import messages_history as history
from pilothouse.local.messages_binding import broken_signatures
from pilothouse.local.messages_models import TOOLSET, lookup
from pilothouse.local.scenario_check import MEMBER_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]
MAX_REQUEST_BYTES = 32 * 2**20
MAX_BREAKPOINTS = 4
_KNOWN_KEYS = frozenset(
    {
        "model",
        "messages",
        "max_tokens",
        "system",
        "tools",
        "tool_choice",
        "thinking",
        "output_config",
        "metadata",
        "stream",
        "stop_sequences",
        "service_tier",
        "cache_control",
        "diagnostics",
        "inference_geo",
    }
)
_SAMPLING_KEYS = ("temperature", "top_p", "top_k")
_BETA_KEYS = {
    "context_management": "context-management-2025-06-27",
    "compaction": "compact-2026-09-04",
    "thread": "message-threads-2026-08-12",
    "fallbacks": "server-side-fallback-2026-07-01",
}
_TOOLSET_KEYS = frozenset({"type", "configs", "cache_control", "allowed_callers"})
_CONFIG_KEYS = frozenset({"enabled", "defer_loading"})


class Refusal(Exception):
    """An error answer of the API."""

    def __init__(self, kind: str, message: str, status: int = 400, *, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.status = status
        self.retry_after_s = retry_after_s


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One request as it came in."""

    body: Any
    size_bytes: int = 0
    headers: dict[str, str] = {}
    counting: bool = False
    """For `count_tokens`, which takes no `max_tokens`."""

    def betas(self) -> set[str]:
        """List the beta names of the request's header."""
        return {name.strip() for name in self.header("anthropic-beta").split(",")}

    def header(self, name: str) -> str:
        """Read a header, whatever its case."""
        return next((value for key, value in self.headers.items() if key.lower() == name), "")


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


def positive_max_tokens(asked: Asked) -> str | None:
    """At least one token may be said."""
    given = asked.body.get("max_tokens", 1)
    fine = isinstance(given, int) and not isinstance(given, bool) and given >= 1
    return None if fine else "max_tokens: Input should be greater than or equal to 1"


def sampling(asked: Asked) -> str | None:
    """Sampling parameters are gone since API version 2026-10-21."""
    given = next((key for key in _SAMPLING_KEYS if key in asked.body), None)
    return f"`{given}` is not supported in API version 2026-10-21" if given else None


def known_fields(asked: Asked) -> str | None:
    """Unknown fields, and those of a beta that was not asked for, are refused."""
    betas = asked.betas()
    for key in asked.body:
        if key not in _KNOWN_KEYS and _BETA_KEYS.get(key) not in betas:
            return f"{key}: Extra inputs are not permitted"
    return None


def known_model(asked: Asked) -> str | None:
    """The model must exist."""
    model = asked.body.get("model")
    return None if lookup(model) else f"model: {model}"


def thinking_form(asked: Asked) -> str | None:
    """Each generation takes its own forms of thinking."""
    thinking, model = asked.body.get("thinking"), lookup(asked.body.get("model"))
    if thinking is None or model is None:
        return None
    kind = thinking.get("type") if isinstance(thinking, dict) else None
    if kind in model.thinking:
        return None
    if kind == "enabled":
        return (
            '"thinking.type.enabled" is not supported for this model. '
            'Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.'
        )
    if kind == "disabled":
        return '"thinking.type.disabled" is not supported for this model.'
    return f"thinking: Input tag {kind!r} found does not match any of the expected tags"


def tool_types(asked: Asked) -> str | None:
    """Models from 5.5 on take only the toolset, older ones only their own generation."""
    model = lookup(asked.body.get("model"))
    if model is None:
        return None
    kinds = [str(tool.get("type", "")) for tool in _tools(asked)]
    wrong = [kind for kind in kinds if kind.startswith("computer_") and kind not in model.tools]
    if not wrong:
        return None
    return f"'{asked.body.get('model')}' does not support tool types: {', '.join(wrong)}."


def toolset_entry(asked: Asked) -> str | None:
    """The toolset's entry has few fields: no name, no display size, no strictness."""
    for i, tool in enumerate(_tools(asked)):
        if tool.get("type") == TOOLSET:
            extra = next((key for key in tool if key not in _TOOLSET_KEYS), None)
            if extra:
                return f"tools.{i}.{TOOLSET}.{extra}: Extra inputs are not permitted"
    return None


def toolset_configs(asked: Asked) -> str | None:
    """Configs name known members and known switches, and leave something enabled."""
    for i, tool in enumerate(_tools(asked)):
        configs = tool.get("configs")
        if tool.get("type") == TOOLSET and isinstance(configs, dict):
            problem = _configs_problem(configs)
            if problem:
                return f"tools.{i}.{TOOLSET}.configs{problem}"
    return None


def _configs_problem(configs: Json) -> str:
    for member, config in configs.items():
        if member not in MEMBER_KEYS:
            return f".{member}: Extra inputs are not permitted"
        extra = next((key for key in config or {} if key not in _CONFIG_KEYS), None)
        if extra:
            return f".{member}.{extra}: Extra inputs are not permitted"
    enabled = [name for name in MEMBER_KEYS if (configs.get(name) or {}).get("enabled", True)]
    if not enabled:
        return ": at least one member must be enabled"
    deferred = {bool((configs.get(name) or {}).get("defer_loading", False)) for name in enabled}
    return ": `defer_loading` must be the same for all enabled members" if len(deferred) > 1 else ""


def tool_names(asked: Asked) -> str | None:
    """The toolset owns the name `computer`, and comes once."""
    names = ["computer" if t.get("type") == TOOLSET else str(t.get("name", "")) for t in _tools(asked)]
    again = next((name for name in names if name and names.count(name) > 1), None)
    return f"tools: Tool names must be unique: {again}" if again else None


def tool_choice(asked: Asked) -> str | None:
    """The newest models can't be forced to call a tool, and no model to call a whole toolset."""
    choice, model = asked.body.get("tool_choice"), lookup(asked.body.get("model"))
    if not isinstance(choice, dict) or model is None:
        return None
    kind = choice.get("type")
    if kind in ("any", "tool") and not model.forced_choice:
        return f'tool_choice: type "{kind}" is not supported for this model.'
    if kind == "tool" and choice.get("name") == "computer":
        return "tool_choice: a toolset cannot be forced by name."
    return None


def breakpoints(asked: Asked) -> str | None:
    """At most four cache breakpoints, the automatic one included."""
    found = sum(1 for _ in _markers(asked.body))
    if found <= MAX_BREAKPOINTS:
        return None
    return f"A maximum of {MAX_BREAKPOINTS} blocks with cache_control may be provided. Found {found}."


def _markers(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        if value.get("cache_control"):
            yield value
        for key, item in value.items():
            if key not in ("input", "cache_control"):  # what the model said is no marker of ours
                yield from _markers(item)
    elif isinstance(value, list):
        for item in value:
            yield from _markers(item)


def _tools(asked: Asked) -> list[Json]:
    return [tool for tool in asked.body.get("tools") or [] if isinstance(tool, dict)]


def prefill(asked: Asked) -> str | None:
    """The last message is not the assistant's; a paused turn is recognised by its server."""
    model, messages = lookup(asked.body.get("model")), asked.body.get("messages") or []
    if not messages or messages[-1].get("role") != "assistant" or (model and model.prefill):
        return None
    return (
        "This model does not support assistant message prefill. "
        "The conversation must end with a user message."
    )


def system_role(asked: Asked) -> str | None:
    """Not every model takes system-role messages."""
    model = lookup(asked.body.get("model"))
    for i, message in enumerate(asked.body.get("messages") or []):
        if message.get("role") == "system" and model and not model.system_messages:
            return f"messages.{i}.role: 'system' messages are not supported for this model."
    return None


def _on_history(rule: Callable[[list[Json]], str | None]) -> Callable[[Asked], str | None]:
    return lambda asked: rule(asked.body.get("messages") or [])


class Rule(msgspec.Struct, frozen=True):
    """A rule and the kind of answer that breaking it gets."""

    check: Callable[[Asked], str | None]
    kind: str = "invalid_request_error"
    status: int = 400


RULES: tuple[Rule, ...] = (
    Rule(too_large, "request_too_large", 413),
    Rule(version_header),
    Rule(object_body),
    Rule(required_fields),
    Rule(known_model, "not_found_error", 404),
    Rule(positive_max_tokens),
    Rule(sampling),
    Rule(known_fields),
    Rule(thinking_form),
    Rule(tool_types),
    Rule(toolset_entry),
    Rule(toolset_configs),
    Rule(tool_names),
    Rule(tool_choice),
    Rule(breakpoints),
    Rule(prefill),
    Rule(system_role),
    *(Rule(_on_history(rule)) for rule in history.RULES),
)
"""In the order in which the first broken one is reported."""


def refuse(
    asked: Asked, secret: bytes, paused: Callable[[Json], bool] = lambda message: False
) -> Refusal | None:
    """Check a request; `paused` says whether a final assistant message is a paused turn to go on with."""
    for rule in RULES:
        if rule.check is prefill and asked.body["messages"] and paused(asked.body["messages"][-1]):
            continue
        message = rule.check(asked)
        if message:
            return Refusal(rule.kind, message, rule.status)
    for i, j in broken_signatures(asked.body, secret):
        message = (
            f"messages.{i}.content.{j}: Invalid `signature` in `thinking` block. "
            "The block is bound to a different conversation than the one it was sent with."
        )
        return Refusal("invalid_request_error", message)
    return None
