"""Key names: what Claude writes, turned into the X keysyms Kernel takes. Nothing here presses a key.

Kernel ignores a name it does not know and answers 200 (kernel-api §0.7), so that names are checked here. They
are X's own, in any case where that is not ambiguous, and what browsers and other systems call the same keys.
"""

from __future__ import annotations

import re
import string

from pilothouse.errors import UsageError

MODIFIERS = {
    "ctrl": "ctrl",
    "control": "ctrl",
    "control_l": "ctrl",
    "control_r": "ctrl",
    "ctl": "ctrl",
    "alt": "alt",
    "alt_l": "alt",
    "alt_r": "alt",
    "option": "alt",
    "opt": "alt",
    "shift": "shift",
    "shift_l": "shift",
    "shift_r": "shift",
    "super": "super",
    "super_l": "super",
    "super_r": "super",
    "cmd": "super",
    "command": "super",
    "meta": "super",
    "meta_l": "super",
    "meta_r": "super",
    "win": "super",
    "windows": "super",
}
"""Names of modifiers, to those that Kernel holds; left and right are one."""

_CHARACTERS = """
    Aacute aacute Acircumflex acircumflex acute Adiaeresis adiaeresis AE ae Agrave agrave ampersand
    apostrophe Aring aring asciicircum asciitilde asterisk at Atilde atilde backslash bar braceleft
    braceright bracketleft bracketright brokenbar Ccedilla ccedilla cedilla cent colon comma copyright
    currency degree diaeresis division dollar Eacute eacute Ecircumflex ecircumflex Ediaeresis
    ediaeresis Egrave egrave equal ETH Eth eth exclam exclamdown grave greater guillemetleft
    guillemetright guillemotleft guillemotright hyphen Iacute iacute Icircumflex icircumflex Idiaeresis
    idiaeresis Igrave igrave less macron masculine minus mu multiply nobreakspace notsign Ntilde ntilde
    numbersign Oacute oacute Ocircumflex ocircumflex Odiaeresis odiaeresis Ograve ograve onehalf
    onequarter onesuperior Ooblique ooblique ordfeminine ordmasculine Oslash oslash Otilde otilde
    paragraph parenleft parenright percent period periodcentered plus plusminus question questiondown
    quotedbl quoteleft quoteright registered section semicolon slash space ssharp sterling THORN Thorn
    thorn threequarters threesuperior twosuperior Uacute uacute Ucircumflex ucircumflex Udiaeresis
    udiaeresis Ugrave ugrave underscore Yacute yacute ydiaeresis yen
    EuroSign
"""
"""X's names of printable characters; in these capitals count (`Aacute`, `aacute`)."""

_FUNCTIONS = """
    BackSpace Begin Break Cancel Caps_Lock Clear Delete Down End Escape Execute Find Help Home Insert
    KP_Add KP_Begin KP_Decimal KP_Delete KP_Divide KP_Down KP_End KP_Enter KP_Equal KP_F1 KP_F2 KP_F3
    KP_F4 KP_Home KP_Insert KP_Left KP_Multiply KP_Next KP_Page_Down KP_Page_Up KP_Prior KP_Right
    KP_Separator KP_Space KP_Subtract KP_Tab KP_Up Left Linefeed Menu Next Num_Lock Page_Down Page_Up
    Pause Print Prior Redo Return Right Scroll_Lock Select Sys_Req Tab Undo Up
    ISO_Left_Tab ISO_Level3_Shift
    XF86Back XF86Forward XF86Refresh XF86Reload XF86Stop XF86HomePage XF86Search XF86Favorites
    XF86AudioPlay XF86AudioPause XF86AudioStop XF86AudioNext XF86AudioPrev XF86AudioMute
    XF86AudioRaiseVolume XF86AudioLowerVolume
"""

_ALIASES = {
    "enter": "Return",
    "newline": "Return",
    "esc": "Escape",
    "del": "Delete",
    "ins": "Insert",
    "backtab": "ISO_Left_Tab",
    "spacebar": "space",
    "arrowup": "Up",
    "arrowdown": "Down",
    "arrowleft": "Left",
    "arrowright": "Right",
    "up_arrow": "Up",
    "down_arrow": "Down",
    "left_arrow": "Left",
    "right_arrow": "Right",
    "pageup": "Page_Up",
    "pgup": "Page_Up",
    "prior": "Page_Up",
    "pagedown": "Page_Down",
    "pgdn": "Page_Down",
    "pgdown": "Page_Down",
    "next": "Page_Down",
    "capslock": "Caps_Lock",
    "numlock": "Num_Lock",
    "scrolllock": "Scroll_Lock",
    "printscreen": "Print",
    "prtsc": "Print",
    "contextmenu": "Menu",
    "apps": "Menu",
    "altgr": "ISO_Level3_Shift",
    "alt_gr": "ISO_Level3_Shift",
    "dash": "minus",
    "hyphen": "minus",
    "equals": "equal",
    "dot": "period",
    "backquote": "grave",
    "backtick": "grave",
    "quote": "apostrophe",
    "pound": "numbersign",
    "numpadenter": "KP_Enter",
}
_ALIASES |= {f"numpad{digit}": f"KP_{digit}" for digit in string.digits}
_EXACT = frozenset(_CHARACTERS.split())
_NAMED = {name.lower(): name for name in (*_FUNCTIONS.split(), *_CHARACTERS.split())} | _ALIASES
_NAMED |= {f"f{number}": f"F{number}" for number in range(1, 36)}
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
}
MODIFIER_KEYSYMS = {"ctrl": "Control_L", "alt": "Alt_L", "shift": "Shift_L", "super": "Super_L"}
_SPACES = {" ": "space", "\n": "Return", "\t": "Tab"}
_SPACED_PLUS = re.compile(rf"(?i)\b({'|'.join(MODIFIERS)})\s*\+\s*")


def _split(chord: str) -> list[str]:
    """Split at plus signs; `ctrl++` is ctrl and a plus."""
    if chord == "+":
        return ["+"]
    if chord.endswith("++"):
        return [*chord[:-2].split("+"), "+"]
    return chord.split("+")


def _keysym(name: str) -> str:
    lowered = name.lower()
    if name in _EXACT:
        return name
    if lowered in _NAMED and len(name) > 1:
        return _NAMED[lowered]
    if lowered in MODIFIERS:
        return MODIFIER_KEYSYMS[MODIFIERS[lowered]]
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


def parse_sequence(text: str) -> list[str]:
    """Turn one chord, or several separated by spaces, into what Kernel presses one after the other.

    `ctrl + c` is one chord, as people write it; a lone space, line end or tab is that key.

    Raises:
        UsageError: A part of it names no key.
    """
    if text in _SPACES:
        return [_SPACES[text]]
    words = _SPACED_PLUS.sub(r"\1+", text).split()
    return [parse_chord(word) for word in words or [text]]


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
