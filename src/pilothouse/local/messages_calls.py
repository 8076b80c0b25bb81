"""A scenario's calls in the form of the tool that a request declares. Chooses no turn."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from pilothouse.local.messages_models import TOOLSET
from pilothouse.local.messages_prompt import declared_tool
from pilothouse.local.scenario import resolve_call

if TYPE_CHECKING:
    from pilothouse.local.scenario import Scenario

Json = dict[str, Any]
_FIRST = "computer_20241022"
_ZOOMING = "computer_20251124"
_INSTEAD = {
    "scroll": "key",
    "hold_key": "key",
    "wait": "screenshot",
    "triple_click": "double_click",
    "left_mouse_down": "left_click",
    "left_mouse_up": "screenshot",
}
"""What a model of the first generation does for want of later actions (model-api §1.1)."""


def call_blocks(scenario: Scenario, calls: list[Json], body: Json) -> list[Json]:
    """Make the blocks of a turn's calls; one alone where the request forbids several."""
    choice = body.get("tool_choice")
    alone = isinstance(choice, dict) and choice.get("disable_parallel_tool_use")
    tool = declared_tool(body)
    return [_block(scenario, call, tool) for call in (calls[:1] if alone else calls)]


def _block(scenario: Scenario, call: Json, tool: Json) -> Json:
    name, given = resolve_call(call, scenario)
    raw = "input" in call
    block: Json = {"type": "tool_use", "id": f"toolu_{uuid.uuid4().hex[:24]}"}
    if "toolset" in call:
        block |= {"name": name, "input": given}
        if call["toolset"]:
            block["toolset_name"] = call["toolset"]
    elif tool["type"] == TOOLSET:
        name, given = (name, given) if raw else _as_member(name, given, tool)
        block |= {"name": name, "input": given, "toolset_name": "computer"}
    else:
        name, given = (name, given) if raw else _as_action(name, given, tool)
        block |= {"name": "computer", "input": {"action": name, **given}}
    return {**block, "caller": {"type": "direct"}}


def _as_member(name: str, given: Json, tool: Json) -> tuple[str, Json]:
    config = (tool.get("configs") or {}).get("zoom") or {}
    return ("screenshot", {}) if name == "zoom" and not config.get("enabled", True) else (name, given)


def _as_action(name: str, given: Json, tool: Json) -> tuple[str, Json]:
    """Word a member as an action of a single tool; the first generations know fewer."""
    kind = tool["type"]
    if name == "zoom" and not (kind == _ZOOMING and tool.get("enable_zoom")):
        return "screenshot", {}
    fields = dict(given)
    repeat = fields.pop("repeat", 1)
    if name == "key" and repeat > 1:
        fields["text"] = " ".join([str(fields["text"])] * repeat)
    return _as_first(name, fields) if kind == _FIRST else (name, fields)


def _as_first(name: str, fields: Json) -> tuple[str, Json]:
    instead = _INSTEAD.get(name, name)
    if name == "scroll":
        return instead, {"text": "Page_Up" if fields.get("scroll_direction") == "up" else "Page_Down"}
    known = ("text",) if instead in ("key", "type") else ("coordinate",)
    return instead, {key: fields[key] for key in known if key in fields and instead != "screenshot"}
