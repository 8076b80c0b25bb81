"""An action in words, for where no picture is shown: graphics off, `ctl`, a log. Loads no picture library."""

from __future__ import annotations

from typing import Any, Final

from pilothouse.safety import clean, clean_line

TEXT_CHARS: Final = 200
"""So much of a text to be typed is shown; its length is always said."""
_CLICKS: Final = {
    "left_click": "click",
    "right_click": "right-click",
    "middle_click": "middle-click",
    "double_click": "double-click",
    "triple_click": "triple-click",
}
_PLAIN: Final = {
    "screenshot": "take a screenshot",
    "cursor_position": "ask where the cursor is",
    "left_mouse_down": "press the left button at the cursor",
    "left_mouse_up": "let the left button go at the cursor",
}


def describe(member: str, given: dict[str, Any]) -> str:
    """Say in words what an action would do; both are outside data, what is returned is clean and one line."""
    match member:
        case "left_click" | "right_click" | "middle_click" | "double_click" | "triple_click":
            return _CLICKS[member] + _place(given.get("coordinate")) + _held(given)
        case "left_click_drag":
            start, end = _pair(given.get("start_coordinate")), _pair(given.get("coordinate"))
            return f"drag from {start} to {end}" + _held(given)
        case "mouse_move":
            return f"move the mouse to {_pair(given.get('coordinate'))}"
        case "scroll":
            return _scroll(given) + _place(given.get("coordinate")) + _held(given)
        case "zoom":
            return _zoom(given.get("region"))
        case "type":
            return _type(given.get("text"))
        case "key" | "hold_key" | "wait":
            return _timed(member, given)
        case _ if member in _PLAIN:
            return _PLAIN[member]
        case _:
            return clean_line(f"{member} {_json(given)}".strip(), TEXT_CHARS)


def _pair(given: Any) -> str:
    match given:
        case [int() | float() as x, int() | float() as y]:
            return f"{_number(x)}, {_number(y)}"
        case _:
            return "an unknown place"


def _place(given: Any) -> str:
    return " at the cursor" if given is None else f" at {_pair(given)}"


def _number(value: Any) -> str:
    match value:
        case float():
            return f"{value:g}"
        case int() if abs(value) < 10**9:  # a page-sized number takes long to write, or can't be
            return str(value)
        case int():
            return "a number too large"
        case _:
            return clean_line(str(value), 20)


def _held(given: dict[str, Any]) -> str:
    text = given.get("text")
    return f" holding {clean_line(text, 40)}" if isinstance(text, str) and text else ""


def _scroll(given: dict[str, Any]) -> str:
    amount = given.get("scroll_amount")
    notches = f" {_number(amount)} {'notch' if amount == 1 else 'notches'}" if amount is not None else ""
    return f"scroll {clean_line(str(given.get('scroll_direction', '?')), 20)}{notches}"


def _zoom(region: Any) -> str:
    match region:
        case [int() | float() as x0, int() | float() as y0, int() | float() as x1, int() | float() as y1]:
            return f"look closer at {_number(x1 - x0)}×{_number(y1 - y0)} from {_number(x0)}, {_number(y0)}"
        case _:
            return "look closer at an unknown place"


def _type(text: Any) -> str:
    if not isinstance(text, str):
        return "type nothing"
    enters = text.count("\n")
    presses = f", Enter {enters} times" if enters > 1 else (", with Enter" if enters else "")
    letters = f"{len(text)} character{'' if len(text) == 1 else 's'}"
    return f"type {quoted(text)} ({letters}{presses})"


def _timed(member: str, given: dict[str, Any]) -> str:
    seconds = f"{_number(given.get('duration', '?'))} s"
    if member == "wait":
        return f"wait {seconds}"
    keys = clean_line(str(given.get("text", "?")), TEXT_CHARS)
    if member == "hold_key":
        return f"hold {keys} for {seconds}"
    repeat = given.get("repeat")
    return f"press {keys}" + (f" {_number(repeat)} times" if repeat not in (None, 1) else "")


def quoted(text: str) -> str:
    """Quote a text as JSON does, so that what is in it can't be taken for our words; cut where it is long."""
    import json  # not for the first frame, which describes nothing

    cut = text if len(text) <= TEXT_CHARS else text[: TEXT_CHARS - 1] + "…"
    return clean(json.dumps(cut, ensure_ascii=False), limit=None)


def _json(given: dict[str, Any]) -> str:
    import json

    try:
        return json.dumps(given, ensure_ascii=False, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return "?"
