"""Takes terminal replies out of what is read from the terminal, so that none can be taken for a key.

Pure: text and times in, text out; the driver that reads the terminal is in `ingress`. Textual 8.2.8 knows no
OSC, DCS or APC replies and types them out as single keys, late or unknown CSI replies too (docs/safety.md).
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS  # the parser's own table; the pin in pyproject.toml

from pilothouse.regex import lazily

if TYPE_CHECKING:
    import re

ESC: Final = "\x1b"
ESCAPE_KEY: Final = "\x1b[27u"
"""The escape key as Kitty writes it: after a bare ESC Textual's parser would wait once more."""
ESCAPE_S: Final = 0.1
"""A lone ESC is the escape key after this long (Textual's own default)."""
INTRODUCER_S: Final = 0.2
"""An introducer with nothing behind it (alt+] and the like) is given up after this long."""
BODY_S: Final = 2.0
"""A reply already begun may stall this long; so may its rest after a lone ESC."""
PASTE_S: Final = 5.0
"""A bracketed paste that stalls this long is over."""
QUARANTINE_S: Final = 0.05
"""Plain characters this close behind a broken sequence belong to it."""
STRING_LIMIT: Final = 65_536
CSI_LIMIT: Final = 128
BURST: Final = 3
"""Characters in one read that no person types: the late rest of a reply."""

ALT_ENTER: Final = "\x1b[13;3u"
"""Alt+enter as Kitty writes it: Textual's parser knows no key in the ESC CR that other terminals send."""

PASTE_START: Final = "\x1b[200~"
PASTE_END: Final = "\x1b[201~"

_STRINGS: Final = "]P_^X"
_C1_TO_ESC: Final = {
    "\x9d": "]",
    "\x90": "P",
    "\x9f": "_",
    "\x9e": "^",
    "\x98": "X",
    "\x9b": "[",
    "\x8f": "O",
}
_POSITION: Final = lazily(r"\x1b\[(\d{1,5});(\d{1,5})R")
"""Where the cursor is; from the first row it may be F3 with a modifier, and is left to the parser."""
_CSI: Final = lazily(r"\x1b\[[0-?]*[ -/]*[@-~]")
# What Textual understands, and nothing else: Kitty keys, cursor position, mouse, focus, paste, in-band
# resize, and the two mode reports it asks for itself. Numbers are bounded and key event types (which nobody
# asked for) refused, because its parser raises on them, and with that the whole input ends.
_WANTED: Final = lazily(
    r"\x1b\[(?:"
    r"\d{0,6};\d{0,6}(?:;\d{0,6}(?::\d{1,6})*)?[u~ABCDEFHPQRS]|\d{1,6}[u~]|[IO]"
    r"|<\d{1,4};-?\d{1,6};-?\d{1,6}[Mm]|\?(?:2026|2048);\d\$y|48(?:;\d{1,6}(?::\d{1,6})?){4}t"
    r")"
)


class _State(Enum):
    GROUND = "ground"
    ESCAPE = "escape"
    CSI = "csi"
    X10_MOUSE = "x10 mouse"
    SS3 = "ss3"
    STRING = "string"
    STRING_ESCAPE = "string escape"
    PASTE = "paste"


_PATIENCE_S: Final = {
    _State.ESCAPE: ESCAPE_S,
    _State.SS3: ESCAPE_S,
    _State.CSI: BODY_S,
    _State.X10_MOUSE: BODY_S,
    _State.STRING: BODY_S,
    _State.STRING_ESCAPE: BODY_S,
    _State.PASTE: PASTE_S,
}


class ReplyFilter:
    """A state machine over what the terminal sends; keys, mouse, paste and wanted reports pass."""

    def __init__(self) -> None:
        self.positions: list[tuple[int, int]] = []
        """Cursor positions reported, as (row, column): what acknowledges a frame. The reader empties it."""
        self._state = _State.GROUND
        self._held = ""
        self._body = 0
        self._last_at = 0.0
        self._late = ""
        self._quarantined_until = 0.0

    def feed(self, data: str, now: float) -> str:
        """Return what of `data` is input. `now` is monotonic seconds; `tick` first if time has passed."""
        if self._late and now - self._last_at <= BODY_S and len(data) >= BURST and data[0] not in ESC:
            self._resume_late(data[0])
        self._late = ""
        out: list[str] = []
        for character in data:
            out.append(self._take(character, now))
        self._last_at = now
        return "".join(out)

    def tick(self, now: float) -> str:
        """Return what became input by waiting: a lone ESC (the escape key), alt+O, the end of a paste."""
        waited = now - self._last_at
        if self._state is _State.STRING and not self._body and waited > INTRODUCER_S:
            self._late, self._state, self._held = self._held, _State.GROUND, ""
            return ""
        if self._state is _State.GROUND or waited <= _PATIENCE_S[self._state]:
            return ""
        state, held = self._state, self._held
        self._reset()
        match state:
            case _State.ESCAPE:
                self._late = held
                return ESCAPE_KEY
            case _State.SS3:
                return held
            case _State.PASTE:
                return PASTE_END
            case _:
                self._quarantined_until = self._last_at + _PATIENCE_S[state] + QUARANTINE_S
                return ""

    def _resume_late(self, first: str) -> None:
        """Take a burst right after a timed-out ESC or introducer for the rest of a slow reply."""
        if self._late == ESC and first in _STRINGS + "[O":
            self._state, self._held = _State.ESCAPE, ESC
        elif len(self._late) > 1:
            self._state, self._body = _State.STRING, 1

    def _reset(self) -> None:
        self._state, self._held, self._body = _State.GROUND, "", 0

    def _take(self, character: str, now: float) -> str:
        if "\udc80" <= character <= "\udcff":
            # A raw byte that was no UTF-8: an 8-bit control, or noise.
            character = chr(ord(character) - 0xDC00)
            if character > "\x9f":
                return ""
        match self._state:
            case _State.GROUND:
                return self._ground(character, now)
            case _State.ESCAPE:
                return self._after_escape(character, now)
            case _State.CSI:
                return self._in_csi(character, now)
            case _State.X10_MOUSE:
                self._body -= 1
                if not self._body:
                    self._reset()
                return ""
            case _State.SS3:
                return self._after_ss3(character, now)
            case _State.STRING:
                return self._in_string(character, now)
            case _State.STRING_ESCAPE:
                return self._in_string_escape(character, now)
            case _State.PASTE:
                return self._in_paste(character)

    def _ground(self, character: str, now: float) -> str:
        if character == ESC:
            self._state, self._held = _State.ESCAPE, ESC
            return ""
        if character in _C1_TO_ESC:
            return self._after_escape(_C1_TO_ESC[character], now)
        if "\x80" <= character <= "\x9f":
            return ""
        if now < self._quarantined_until:
            self._quarantined_until = now + QUARANTINE_S
            return ""
        return character

    def _after_escape(self, character: str, now: float) -> str:
        self._reset()
        if character == ESC:
            # The first was the escape key; the second may begin something.
            self._state, self._held = _State.ESCAPE, ESC
            return ESCAPE_KEY
        if character in _STRINGS:
            self._state, self._held = _State.STRING, ESC + character
        elif character == "[":
            self._state, self._held = _State.CSI, ESC + character
        elif character == "O":
            self._state, self._held = _State.SS3, ESC + character
        elif character == "\\" or "\x80" <= character <= "\x9f":
            return ""  # a string terminator whose string is gone
        elif character == "\r":
            return "" if now < self._quarantined_until else ALT_ENTER
        else:
            return ESC + character
        return ""

    def _in_csi(self, character: str, now: float) -> str:
        if character == ESC or not " " <= character <= "~":
            return self._break_off(character, now)
        self._held += character
        held = self._held
        if held == "\x1b[[" or (not _CSI.fullmatch(held) and held not in ANSI_SEQUENCES_KEYS):
            if len(held) > CSI_LIMIT:
                self._reset()
                self._quarantined_until = now + QUARANTINE_S
            return ""
        self._reset()
        if held == "\x1b[M":
            self._state, self._body = _State.X10_MOUSE, 3
            return ""
        if held == PASTE_START:
            self._state = _State.PASTE
            return held
        if (position := _POSITION.fullmatch(held)) and not _may_be_f3(position):
            self.positions.append((int(position[1]), int(position[2])))
            return ""
        return held if held in ANSI_SEQUENCES_KEYS or _WANTED.fullmatch(held) else ""

    def _after_ss3(self, character: str, now: float) -> str:
        if character == ESC or not " " <= character <= "~":
            return self._break_off(character, now)
        held = self._held + character
        self._reset()
        return held if held in ANSI_SEQUENCES_KEYS else ""

    def _in_string(self, character: str, now: float) -> str:
        self._body += 1
        if character == ESC:
            self._state = _State.STRING_ESCAPE
        elif character in "\x07\x9c\x18\x1a":
            self._reset()
        elif self._body > STRING_LIMIT:
            self._reset()
            self._quarantined_until = now + QUARANTINE_S
        return ""

    def _in_string_escape(self, character: str, now: float) -> str:
        if character in "\\\r":  # its end; or ESC CR inside it, which no reply holds and no person typed
            self._reset()
            return ""
        # ESC breaks a string off and begins something else, a key perhaps.
        return self._after_escape(character, now)

    def _break_off(self, character: str, now: float) -> str:
        self._reset()
        self._quarantined_until = now + QUARANTINE_S
        return self._ground(character, now)

    def _in_paste(self, character: str) -> str:
        """Pass a paste on, its ESCs shown as pictures, up to its end mark."""
        self._held += character
        if self._held == PASTE_END:
            self._reset()
            return PASTE_END
        if PASTE_END.startswith(self._held):
            return ""
        held, self._held = self._held, ""
        if held[-1] == ESC and len(held) > 1:
            held, self._held = held[:-1], ESC
        return held.replace(ESC, "\u241b")


def _may_be_f3(position: re.Match[str]) -> bool:
    return position[1] == "1" and 2 <= int(position[2]) <= 16
