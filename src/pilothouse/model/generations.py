"""The generations of the computer tool behind one interface: how each is declared, how its calls are read.

What a call does in the browser is not here (`browser.members`). Facts: model-api §1. Results differ in one
thing: those of the toolset echo its name, which `Call.toolset` carries. The halt text is one for all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from pilothouse.errors import SettingError
from pilothouse.model.catalogue import TOOLSET, nearest
from pilothouse.model.conversation import Call

if TYPE_CHECKING:
    from pilothouse.events import Json
    from pilothouse.model.catalogue import Model

_FIRST = frozenset(
    {
        "key",
        "type",
        "mouse_move",
        "left_click",
        "left_click_drag",
        "right_click",
        "middle_click",
        "double_click",
        "screenshot",
        "cursor_position",
    }
)
_SECOND = _FIRST | {"left_mouse_down", "left_mouse_up", "scroll", "hold_key", "wait", "triple_click"}
ALL_MEMBERS = _SECOND | {"zoom"}


class Generation(Protocol):
    """One version of the computer tool."""

    @property
    def type(self) -> str:
        """Its type on the wire."""

    @property
    def betas(self) -> tuple[str, ...]:
        """What must be in the `anthropic-beta` header."""

    @property
    def members(self) -> frozenset[str]:
        """The actions it has."""

    @property
    def modifiers(self) -> bool:
        """Whether `text` of a mouse action holds keys down."""

    def declare(self, width_px: int, height_px: int) -> Json:
        """Make the entry in `tools`; the size is that of the pictures the model gets."""

    def read(self, block: Json) -> Call:
        """Read a `tool_use` block."""


class Toolset(msgspec.Struct, frozen=True, kw_only=True):
    """`computer_toolset_20260801`: a member is a tool of its own, and several come in one turn."""

    type: str = TOOLSET
    betas: tuple[str, ...] = ()
    members: frozenset[str] = ALL_MEMBERS
    modifiers: bool = True

    def declare(self, width_px: int, height_px: int) -> Json:
        """Make the entry in `tools`: no name and no size, they are refused (model-api §1.2)."""
        return {"type": self.type}

    def read(self, block: Json) -> Call:
        """Read a call; it goes by toolset and name together, never by the name alone."""
        toolset = str(block.get("toolset_name") or "")
        return Call(
            id=str(block["id"]),
            member=str(block["name"]),
            input=_object(block.get("input")),
            toolset=toolset,
            offered=toolset == "computer",
        )


class SingleTool(msgspec.Struct, frozen=True, kw_only=True):
    """The older generations: one tool named `computer`, whose `action` selects."""

    type: str
    betas: tuple[str, ...]
    members: frozenset[str]
    modifiers: bool = True
    zooms: bool = False

    def declare(self, width_px: int, height_px: int) -> Json:
        """Make the entry in `tools`."""
        entry = {
            "type": self.type,
            "name": "computer",
            "display_width_px": width_px,
            "display_height_px": height_px,
        }
        return {**entry, "enable_zoom": True} if self.zooms else entry

    def read(self, block: Json) -> Call:
        """Read a call: the action is its member, the rest of the input the member's."""
        given, name = _object(block.get("input")), str(block["name"])
        action = given.get("action")
        if name != "computer" or block.get("toolset_name"):
            return Call(id=str(block["id"]), member=name, input=given, offered=False)
        return Call(
            id=str(block["id"]),
            member=action if isinstance(action, str) and action else "no action",
            input={key: value for key, value in given.items() if key != "action"},
        )


def _object(given: object) -> dict[str, object]:
    return given if isinstance(given, dict) else {}


GENERATIONS: dict[str, Generation] = {
    generation.type: generation
    for generation in (
        Toolset(),
        SingleTool(
            type="computer_20251124", betas=("computer-use-2025-11-24",), members=ALL_MEMBERS, zooms=True
        ),
        SingleTool(type="computer_20250124", betas=("computer-use-2025-01-24",), members=_SECOND),
        SingleTool(
            type="computer_20241022", betas=("computer-use-2024-10-22",), members=_FIRST, modifiers=False
        ),
    )
}
"""By type, the newest first."""


def choose(model: Model, tool_version: str = "", *, toolsets: bool = True, provider: str = "") -> Generation:
    """Choose the generation for a model: the newest it takes, or the one asked for.

    Args:
        model: Its row of the table.
        tool_version: The type asked for; empty for the newest.
        toolsets: Whether the provider has toolsets; others than Anthropic's own have none (model-api §1).
        provider: Its name, for the sentence.

    Raises:
        SettingError: There is no such version, or the model or the provider does not take it.
    """
    where = f"--tool-version {tool_version}" if tool_version else f"--model {model.name}"
    if tool_version and tool_version not in GENERATIONS:
        raise SettingError("there is no such version", where, nearest(tool_version, GENERATIONS))
    takes = [kind for kind in model.tools if kind in GENERATIONS] if model.known else list(GENERATIONS)
    if tool_version and tool_version not in takes:
        raise SettingError(f"{model.name} does not take it", where, f"it takes {', '.join(takes)}")
    offered = [kind for kind in takes if toolsets or kind != TOOLSET]
    wanted = tool_version or (offered[0] if offered else takes[0] if takes else "")
    if not wanted:
        raise SettingError("the table of models names no tool that this version knows", where)
    if wanted not in offered:
        raise SettingError(f"{provider} has no {wanted}", where, "use another model, or --provider anthropic")
    return GENERATIONS[wanted]
