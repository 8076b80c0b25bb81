"""X key names as DevTools key events. Nothing here sends one; `keysyms.py` is the X11 side of this."""

from __future__ import annotations

import string
from typing import Any

import msgspec

MODIFIER_BITS = {
    "alt": 1, "alt_l": 1, "ctrl": 2, "control": 2, "control_l": 2, "meta": 4, "super": 4, "super_l": 4,
    "shift": 8, "shift_l": 8,
}  # fmt: skip
_ALT, _CTRL, _META, _SHIFT = 1, 2, 4, 8
_FOR_THE_BROWSER = frozenset("ldktnwjhopsufrqe") | {"tab", "f4", "page_up", "page_down", "f5", "f11", "f12"}
"""With ctrl (or alt): what a browser keeps for itself, the page never gets."""

_NAMED: dict[str, tuple[str, str, int, str]] = {
    "Return": ("Enter", "Enter", 13, "\r"),
    "KP_Enter": ("Enter", "NumpadEnter", 13, "\r"),
    "Tab": ("Tab", "Tab", 9, ""),
    "Escape": ("Escape", "Escape", 27, ""),
    "BackSpace": ("Backspace", "Backspace", 8, ""),
    "Delete": ("Delete", "Delete", 46, ""),
    "Insert": ("Insert", "Insert", 45, ""),
    "space": (" ", "Space", 32, " "),
    "Up": ("ArrowUp", "ArrowUp", 38, ""),
    "Down": ("ArrowDown", "ArrowDown", 40, ""),
    "Left": ("ArrowLeft", "ArrowLeft", 37, ""),
    "Right": ("ArrowRight", "ArrowRight", 39, ""),
    "Home": ("Home", "Home", 36, ""),
    "End": ("End", "End", 35, ""),
    "Page_Up": ("PageUp", "PageUp", 33, ""),
    "Page_Down": ("PageDown", "PageDown", 34, ""),
    "minus": ("-", "Minus", 189, "-"),
    "plus": ("+", "Equal", 187, "+"),
    "equal": ("=", "Equal", 187, "="),
    "comma": (",", "Comma", 188, ","),
    "period": (".", "Period", 190, "."),
    "slash": ("/", "Slash", 191, "/"),
} | {f"F{n}": (f"F{n}", f"F{n}", 111 + n, "") for n in range(1, 13)}
_EDITING = {"a": "selectAll", "c": "copy", "v": "paste", "x": "cut", "z": "undo"}


class Key(msgspec.Struct, frozen=True):
    """One key, as a page sees it."""

    key: str
    code: str
    number: int
    text: str

    def fields(self, modifiers: int) -> dict[str, Any]:
        """Write the event of pressing it."""
        command = _EDITING.get(self.key.lower()) if modifiers & _CTRL else None
        plain = bool(self.text) and not modifiers & (_CTRL | _ALT | _META)
        return {
            "type": "keyDown" if plain else "rawKeyDown",
            "key": self.key,
            "code": self.code,
            "windowsVirtualKeyCode": self.number,
            "modifiers": modifiers,
            **({"text": self.text} if plain else {}),
            **({"commands": [command]} if command else {}),
        }


def is_for_the_browser(chord: str) -> bool:
    """Say whether a combination is meant for the address bar, the tabs or a dialog, not for the page."""
    *held, last = chord.lower().split("+")
    bits = sum({MODIFIER_BITS.get(name, 0) for name in held})
    if not bits & (_CTRL | _ALT):
        return last in ("f5", "f11", "f12", "f6", "f1", "f3")
    return (
        last in _FOR_THE_BROWSER
        or last.isdigit()
        or (bool(bits & _ALT) and last in ("left", "right", "home"))
    )


def parse(chord: str) -> tuple[int, Key] | None:
    """Read a combination: its modifiers and its key; None if a part has no meaning."""
    *held, last = [chord] if len(chord) == 1 else chord.split("+")
    bits = [MODIFIER_BITS.get(name.lower()) for name in held]
    key = _key(last)
    if key is None or None in bits:
        return None
    return sum({bit for bit in bits if bit is not None}), key


def key_of_character(character: str) -> Key | None:
    """Give the key that types a character; None for one that has none."""
    if character == "\n":
        return _key("Return")
    return _key("Tab") if character == "\t" else _key(character)


def _key(name: str) -> Key | None:
    named = _NAMED.get("Return" if name.lower() == "return" else "space" if name == " " else name)
    if named:
        return Key(*named)
    if len(name) == 1 and name in string.ascii_letters:
        return Key(name, f"Key{name.upper()}", ord(name.upper()), name)
    if len(name) == 1 and name in string.digits:
        return Key(name, f"Digit{name}", ord(name), name)
    if len(name) == 1 and name in string.punctuation:
        return Key(name, "", 0, name)
    return None
