"""Rules about tools: which generation a model takes, with which beta, and how each is declared."""

from __future__ import annotations

from typing import Any

from pilothouse.local.messages_asked import Asked, beta_missing
from pilothouse.local.messages_models import TOOL_BETAS, TOOLSET
from pilothouse.local.scenario_check import MEMBER_KEYS

Json = dict[str, Any]
TOOLSET_NAME = "computer"
_TOOLSET_KEYS = frozenset({"type", "configs", "cache_control", "allowed_callers"})
_CONFIG_KEYS = frozenset({"enabled", "defer_loading"})
_SINGLE_KEYS = frozenset(
    {
        "type",
        "name",
        "display_width_px",
        "display_height_px",
        "display_number",
        "cache_control",
        "allowed_callers",
        "defer_loading",
        "input_examples",
        "strict",
    }
)
_ZOOMING = "computer_20251124"
_CHOICES = ("auto", "any", "tool", "none")
_EAGER_BETA = "fine-grained-tool-streaming-2025-05-14"


def _kind(tool: Json) -> str:
    return str(tool.get("type", ""))


def tool_types(asked: Asked) -> str | None:
    """Models from 5.5 on take only the toolset, older ones only their own generation."""
    model = asked.model
    kinds = [_kind(tool) for tool in asked.tools]
    wrong = [kind for kind in kinds if kind.startswith("computer_") and model and kind not in model.tools]
    if not wrong:
        return None
    return f"'{asked.body.get('model')}' does not support tool types: {', '.join(wrong)}."


def tool_betas(asked: Asked) -> str | None:
    """Each single-tool generation is known only with its beta."""
    for i, tool in enumerate(asked.tools):
        beta = TOOL_BETAS.get(_kind(tool))
        if beta and beta_missing(asked, beta):
            return (
                f"tools.{i}: Input tag '{_kind(tool)}' found using 'type' does not match any of the expected "
                f"tags: 'browser_toolset_20260801', '{TOOLSET}', 'custom'"
            )
    return None


def single_entry(asked: Asked) -> str | None:
    """The single tool is called `computer` and says how large the display is; only the newest zooms."""
    for i, tool in enumerate(asked.tools):
        kind = _kind(tool)
        if kind in TOOL_BETAS:
            problem = _single_problem(tool, _SINGLE_KEYS | ({"enable_zoom"} if kind == _ZOOMING else set()))
            if problem:
                return f"tools.{i}.{kind}.{problem}"
    return None


def _single_problem(tool: Json, keys: frozenset[str]) -> str:
    for name in ("name", "display_width_px", "display_height_px"):
        if name not in tool:
            return f"{name}: Field required"
    if tool["name"] != TOOLSET_NAME:
        return f"name: Input should be '{TOOLSET_NAME}'"
    for name in ("display_width_px", "display_height_px"):
        if type(tool[name]) is not int or tool[name] < 1:
            return f"{name}: Input should be greater than or equal to 1"
    if not isinstance(tool.get("enable_zoom", False), bool):
        return "enable_zoom: Input should be a valid boolean"
    extra = next((key for key in tool if key not in keys), None)
    return f"{extra}: Extra inputs are not permitted" if extra else ""


def toolset_entry(asked: Asked) -> str | None:
    """The toolset's entry has few fields: no name, no display size, no strictness."""
    for i, tool in enumerate(asked.tools):
        if _kind(tool) == TOOLSET:
            extra = next((key for key in tool if key not in _TOOLSET_KEYS), None)
            if extra:
                return f"tools.{i}.{TOOLSET}.{extra}: Extra inputs are not permitted"
            if _EAGER_BETA in asked.betas():
                return f"tools.{i}.{TOOLSET}: is not supported with the beta '{_EAGER_BETA}'"
    return None


def toolset_configs(asked: Asked) -> str | None:
    """Configs name known members and known switches, and leave something enabled."""
    for i, tool in enumerate(asked.tools):
        configs = tool.get("configs")
        if _kind(tool) == TOOLSET and isinstance(configs, dict):
            problem = _configs_problem(configs)
            if problem:
                return f"tools.{i}.{TOOLSET}.configs{problem}"
    return None


def _configs_problem(configs: Json) -> str:
    for member, config in configs.items():
        if member not in MEMBER_KEYS:
            return f".{member}: Extra inputs are not permitted"
        if not isinstance(config, dict | None):
            return f".{member}: Input should be a valid dictionary"
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
    names = [TOOLSET_NAME if _kind(t) == TOOLSET else str(t.get("name", "")) for t in asked.tools]
    again = next((name for name in names if name and names.count(name) > 1), None)
    return f"tools: Tool names must be unique: {again}" if again else None


def tool_choice(asked: Asked) -> str | None:
    """The newest models can't be forced to call a tool, and no model to call a whole toolset."""
    choice, model = asked.body.get("tool_choice"), asked.model
    if choice is None or model is None:
        return None
    kind = choice.get("type") if isinstance(choice, dict) else None
    if kind not in _CHOICES:
        return f"tool_choice: Input tag {kind!r} found using 'type' does not match any of the expected tags"
    if not isinstance(choice.get("disable_parallel_tool_use", False), bool):
        return f"tool_choice.{kind}.disable_parallel_tool_use: Input should be a valid boolean"
    forced = kind in ("any", "tool")
    if forced and not model.forced_choice:
        return f'tool_choice: type "{kind}" is not supported for this model.'
    has_toolset = any(_kind(tool) == TOOLSET for tool in asked.tools)
    if kind == "tool" and choice.get("name") == TOOLSET_NAME and has_toolset:
        return "tool_choice: a toolset cannot be forced by name."
    thinking = asked.body.get("thinking")
    thinks = isinstance(thinking, dict) and thinking.get("type") in ("adaptive", "enabled")
    return "Thinking may not be enabled when tool_choice forces tool use." if forced and thinks else None


def declared_toolset(asked: Asked) -> str | None:
    """Calls of a toolset stand in the history only beside its declaration."""
    if any(_kind(tool).endswith("toolset_20260801") for tool in asked.tools):
        return None
    for i, one in enumerate(asked.records):
        for j, block in enumerate(one.blocks):
            if block.get("type") == "tool_use" and block.get("toolset_name"):
                name = block["toolset_name"]
                place = f"messages.{i}.content.{j}.tool_use.toolset_name"
                return f"{place}: toolset '{name}' is not declared in `tools`"
    return None
