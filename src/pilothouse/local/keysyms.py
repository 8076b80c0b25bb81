"""Key names, as xdotool takes them, to X keysyms. Nothing here presses a key.

A keysym is X's number for what is on a key's cap. Kernel's server ignores a name it does not know and answers
200 (kernel-api §0.7); this one says so, unless it is asked to be just like Kernel.
"""

from __future__ import annotations

from xcffib import keysymdef

SHIFT = 0xFFE1
_UNICODE = 0x01000000
_ALIASES = {
    "alt": "Alt_L",
    "control": "Control_L",
    "ctrl": "Control_L",
    "meta": "Meta_L",
    "shift": "Shift_L",
    "super": "Super_L",
    "return": "Return",
}
_CONTROLS = {"\n": 0xFF0D, "\r": 0xFF0D, "\t": 0xFF09, "\b": 0xFF08, "\x1b": 0xFF1B}


def keysym_of_name(name: str) -> int | None:
    """Look a key name up: `Return`, `ctrl`, `a`, `-`; None if there is none such."""
    if len(name) == 1:
        return keysym_of_character(name)
    known = _ALIASES.get(name.lower(), name)
    found = getattr(keysymdef, f"XK_{known}", None)
    return found if isinstance(found, int) else None


def keysym_of_character(character: str) -> int | None:
    """Give the keysym that types a character; None for control characters that no key types."""
    point = ord(character)
    if character in _CONTROLS:
        return _CONTROLS[character]
    if point < 0x20 or 0x7F <= point < 0xA0 or 0xD800 <= point <= 0xDFFF:
        return None
    # Latin-1 keysyms are the code points; everything else has one in the Unicode range.
    return point if point < 0x100 else _UNICODE | point


def split_chord(chord: str) -> list[str]:
    """Split `ctrl+shift+Tab` at its plus signs; `Ctrl++` is Ctrl and a plus, `+` a plus."""
    if chord == "+":
        return ["+"]
    if chord.endswith("++"):
        return [*chord[:-2].split("+"), "+"]
    return chord.split("+")
