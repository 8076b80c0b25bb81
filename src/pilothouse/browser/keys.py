"""Key names: what Claude writes, turned into the X keysyms Kernel takes. Nothing here presses a key.

Kernel ignores a name it does not know and answers 200 (kernel-api §0.7), so that names are checked here.
"""

from __future__ import annotations

import string

from pilothouse.errors import UsageError

MODIFIERS = {
    "ctrl": "ctrl",
    "control": "ctrl",
    "alt": "alt",
    "option": "alt",
    "shift": "shift",
    "super": "super",
    "cmd": "super",
    "command": "super",
    "meta": "super",
    "win": "super",
}

_NAMED = {
    "return": "Return",
    "enter": "Return",
    "tab": "Tab",
    "escape": "Escape",
    "esc": "Escape",
    "backspace": "BackSpace",
    "delete": "Delete",
    "del": "Delete",
    "insert": "Insert",
    "space": "space",
    "up": "Up",
    "down": "Down",
    "left": "Left",
    "right": "Right",
    "arrowup": "Up",
    "arrowdown": "Down",
    "arrowleft": "Left",
    "arrowright": "Right",
    "home": "Home",
    "end": "End",
    "page_up": "Page_Up",
    "pageup": "Page_Up",
    "pgup": "Page_Up",
    "prior": "Page_Up",
    "page_down": "Page_Down",
    "pagedown": "Page_Down",
    "pgdn": "Page_Down",
    "next": "Page_Down",
    "caps_lock": "Caps_Lock",
    "capslock": "Caps_Lock",
    "num_lock": "Num_Lock",
    "print": "Print",
    "menu": "Menu",
    "pause": "Pause",
    "minus": "minus",
    "plus": "plus",
    "equal": "equal",
    "equals": "equal",
    "comma": "comma",
    "period": "period",
    "slash": "slash",
    "backslash": "backslash",
    "semicolon": "semicolon",
    "apostrophe": "apostrophe",
    "grave": "grave",
    "bracketleft": "bracketleft",
    "bracketright": "bracketright",
    "kp_enter": "KP_Enter",
    "kp_add": "KP_Add",
    "kp_subtract": "KP_Subtract",
    "kp_multiply": "KP_Multiply",
    "kp_divide": "KP_Divide",
    "kp_decimal": "KP_Decimal",
} | {f"f{number}": f"F{number}" for number in range(1, 25)}
_NAMED |= {f"kp_{digit}": f"KP_{digit}" for digit in string.digits}

_PUNCTUATION = {
    "-": "minus",
    "+": "plus",
    "=": "equal",
    ",": "comma",
    ".": "period",
    "/": "slash",
    "\\": "backslash",
    ";": "semicolon",
    "'": "apostrophe",
    "`": "grave",
    "[": "bracketleft",
    "]": "bracketright",
    "!": "exclam",
    "@": "at",
    "#": "numbersign",
    "$": "dollar",
    "%": "percent",
    "^": "asciicircum",
    "&": "ampersand",
    "*": "asterisk",
    "(": "parenleft",
    ")": "parenright",
    "_": "underscore",
    "?": "question",
    ":": "colon",
    '"': "quotedbl",
    "<": "less",
    ">": "greater",
    "|": "bar",
    "~": "asciitilde",
    "{": "braceleft",
    "}": "braceright",
    " ": "space",
}
_MODIFIER_KEYSYMS = {"ctrl": "Control_L", "alt": "Alt_L", "shift": "Shift_L", "super": "Super_L"}


def _split(chord: str) -> list[str]:
    """Split at plus signs; `ctrl++` is ctrl and a plus."""
    if chord == "+":
        return ["+"]
    if chord.endswith("++"):
        return [*chord[:-2].split("+"), "+"]
    return chord.split("+")


def _keysym(name: str) -> str:
    lowered = name.lower()
    if lowered in _NAMED:
        return _NAMED[lowered]
    if lowered in MODIFIERS:
        return _MODIFIER_KEYSYMS[MODIFIERS[lowered]]
    if name in _PUNCTUATION:
        return _PUNCTUATION[name]
    if len(name) == 1 and name in string.ascii_letters + string.digits:
        return name
    raise UsageError(
        f"no key is called {name!r}", way_out="use X keysym names such as Return, Page_Down, F5, a"
    )


def parse_chord(text: str) -> str:
    """Turn `cmd+a`, `Enter` or `ctrl++` into the chord Kernel takes, such as `super+a`.

    Raises:
        UsageError: A part is empty, not a modifier where one must be, or names no key.
    """
    parts = _split(text.strip())
    if not all(parts):
        raise UsageError(f"{text!r} is not a key combination", way_out="write one like ctrl+s")
    *held, last = parts
    modifiers = [_modifier(part) for part in held]
    if modifiers and "shift" not in modifiers and len(last) == 1:
        last = last.lower()  # names are case-insensitive: X would press Shift as well for the A of ctrl+A
    return "+".join([*modifiers, _keysym(last)])


def parse_modifiers(text: str | None) -> list[str]:
    """Turn the `text` of a mouse action into the keys to hold; none for no text.

    Raises:
        UsageError: A part is not a modifier.
    """
    return [_modifier(part) for part in text.strip().split("+")] if text else []


def _modifier(name: str) -> str:
    try:
        return MODIFIERS[name.strip().lower()]
    except KeyError:
        raise UsageError(
            f"{name!r} can't be held as a modifier", way_out="use ctrl, alt, shift or super"
        ) from None
