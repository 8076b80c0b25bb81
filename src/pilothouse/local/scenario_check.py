"""Which keys a scenario file may hold, and the nearest known one for each that it may not. Reads no files."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Json = dict[str, Any]

_CLICK = ("at", "text")
MEMBER_KEYS: dict[str, tuple[str, ...]] = {
    "screenshot": (),
    "zoom": ("region",),
    "cursor_position": (),
    "left_click": _CLICK,
    "right_click": _CLICK,
    "middle_click": _CLICK,
    "double_click": _CLICK,
    "triple_click": _CLICK,
    "left_click_drag": ("from", "at", "text"),
    "mouse_move": ("at",),
    "left_mouse_down": (),
    "left_mouse_up": (),
    "scroll": ("scroll_direction", "scroll_amount", "at", "text"),
    "type": ("text",),
    "key": ("text", "repeat"),
    "hold_key": ("text", "duration"),
    "wait": ("duration",),
}
"""Keys of a call in a scenario, by member of the toolset (model-api §1.2); `at`, `from` are points."""


def check_shape(
    document: Json, where: str, shapes: Mapping[str, type[msgspec.Struct]], fault_kinds: Iterable[str]
) -> None:
    """Refuse unknown keys with the nearest known one.

    Raises:
        UsageError: Names file, place and key.
    """
    _keys(document, _fields(shapes[""]) - {"name", "main"}, where, "the top level")
    _keys(_table(document.get("pace")), _fields(shapes["pace"]), where, "[pace]")
    for number, turn in enumerate(_tables(document.get("turn")), start=1):
        place = f"turn {number}"
        _keys(turn, _fields(shapes["turn"]), where, place)
        _keys(_table(turn.get("pace")), _fields(shapes["turn.pace"]), where, f"{place}, pace")
        _keys(_table(turn.get("expect")), _fields(shapes["turn.expect"]), where, f"{place}, expect")
        for fault in _tables(turn.get("fault")):
            _keys(fault, _fields(shapes["turn.fault"]), where, f"{place}, fault")
            _one_of(fault.get("kind"), fault_kinds, where, f"{place}, fault kind")
        for call in _tables(turn.get("calls")):
            _call(call, where, place)


def _call(call: Json, where: str, place: str) -> None:
    if "input" in call:  # a raw call may be as wrong as a test wants it
        _keys(call, {"do", "toolset", "input"}, where, f"{place}, raw call")
        return
    _one_of(call.get("do"), MEMBER_KEYS, where, f"{place}, call")
    _keys(call, {"do", "toolset", *MEMBER_KEYS[str(call["do"])]}, where, f"{place}, call {call['do']}")


def _fields(shape: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(shape)}


def _keys(table: Json, known: set[str], where: str, place: str) -> None:
    for key in table:
        _one_of(key, known, where, f"{place}, key")


def _one_of(value: object, known: Iterable[str], where: str, what: str) -> None:
    names = sorted(known)
    if value in names:
        return
    near = difflib.get_close_matches(str(value), names, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names) or 'none'}"
    said = "is missing" if value is None else f"{value!r} is unknown"
    raise UsageError(f"{what} {said}", where, hint)


def _table(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _tables(value: object) -> list[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
