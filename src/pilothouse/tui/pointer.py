"""What a person's hands do on the picture, as deeds on the page: mouse and keys in, deeds out.

Pure: it is told the time, and neither draws nor sends. A deed is a member of the computer tool with its
input, in the picture's pixels; the order in which deeds wait to be sent is `outbox`'s.
"""

from __future__ import annotations

import math
import unicodedata
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from pilothouse.frames.geometry import Point

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pilothouse.frames.geometry import Geometry

HOVER_S: Final = 0.08
"""The pointer is taken along once it has rested so long: what it passes over on its way means nothing."""
HOLD_S: Final = 0.5
"""A button held so long without moving is pressed on the page too."""
SLOP_PX: Final = 4.0
"""Moving less than this with a button down is still a click."""
ESCAPE_S: Final = 0.3
"""A lone escape reaches the page after so long; a second one until then gives the wheel back."""
PASTE_MAX: Final = 10_000
"""Characters of one paste."""
TYPE_MAX: Final = 500
"""Characters typed in one go: a slow page must have done it before its engine is given up."""
LET_GO: Final = "ctrl+t"
"""The key that always gives the wheel back."""

LEFT, MIDDLE, RIGHT = 1, 2, 3
_CLICK_OF: Final = {LEFT: "left_click", MIDDLE: "middle_click", RIGHT: "right_click"}


class Deed(NamedTuple):
    """One thing to do on the page."""

    member: str
    input: dict[str, Any]


class Report(msgspec.Struct, frozen=True):
    """What the mouse did, in the picture's pixels."""

    kind: str
    """`down`, `up`, `move` or `scroll`."""
    at: Point
    button: int = 0
    """1 left, 2 middle, 3 right; for a move, what is held down."""
    way: str = ""
    """Of a scroll: up, down, left, right."""
    held: str = ""
    """Modifier keys, as `ctrl+shift`."""


class _Press(msgspec.Struct, frozen=True):
    at: Point
    button: int
    held: str
    since: float


class Mouse:
    """Makes clicks, drags, scrolls and moves of what the mouse reports."""

    def __init__(self) -> None:
        self._press: _Press | None = None
        self._is_down = False
        """The page knows that the button is down."""
        self._last: Point | None = None
        """Where the page has the pointer."""
        self._rests: tuple[Point, str, float] | None = None

    @property
    def is_busy(self) -> bool:
        """Say whether a button is held."""
        return self._press is not None

    def forget(self) -> None:
        """Begin anew: whatever was under way is not."""
        self._press, self._is_down, self._last, self._rests = None, False, None, None

    def take(self, report: Report, now: float) -> list[Deed]:
        """Take a report; gives what it amounts to by now."""
        match report.kind:
            case "down":
                self._rests = None
                if self._press is None and report.button in _CLICK_OF:
                    self._press = _Press(report.at, report.button, report.held, now)
                return []
            case "up":
                return self._up(report)
            case "scroll":
                self._rests, self._last = None, report.at
                given = {"scroll_direction": report.way, "scroll_amount": 1, **_at(report.at)}
                return [Deed("scroll", given | _held(report.held))]
            case _:
                return self._move(report, now)

    def tick(self, now: float) -> list[Deed]:
        """Give what waiting makes of what was begun."""
        if self._press is not None:
            press = self._press
            holds = press.button == LEFT and not self._is_down and not press.held
            return self._down(press.at) if holds and now - press.since >= HOLD_S else []
        if self._rests is None or now - self._rests[2] < HOVER_S:
            return []
        at, held, _since = self._rests
        self._rests = None
        return self._to(at, held)

    def _move(self, report: Report, now: float) -> list[Deed]:
        press = self._press
        if press is None:
            self._rests = (report.at, report.held, now)
            return []
        if press.button != LEFT or press.held:
            return []  # told as a whole when it is let go
        if self._is_down:
            return self._to(report.at)
        if _apart(press.at, report.at) < SLOP_PX:
            return []
        return [*self._down(press.at), *self._to(report.at)]

    def _up(self, report: Report) -> list[Deed]:
        press = self._press
        if press is None or report.button not in {press.button, 0}:
            return []
        self._press = None
        if self._is_down:
            self._is_down = False
            return [*self._to(report.at), Deed("left_mouse_up", {})]
        if press.button == LEFT and _apart(press.at, report.at) >= SLOP_PX:
            self._last = report.at
            start = {"start_coordinate": at_point(press.at)}
            return [Deed("left_click_drag", {**start, **_at(report.at), **_held(press.held)})]
        self._last = press.at
        return [Deed(_CLICK_OF[press.button], {**_at(press.at), **_held(press.held)})]

    def _down(self, at: Point) -> list[Deed]:
        self._is_down = True
        return [*self._to(at), Deed("left_mouse_down", {})]

    def _to(self, at: Point, held: str = "") -> list[Deed]:
        if at == self._last and not held:
            return []
        self._last = at
        return [Deed("mouse_move", {**_at(at), **_held(held)})]


def at_point(point: Point) -> list[int]:
    """Write a place as an action's input has it."""
    return [int(point.x), int(point.y)]


def _at(point: Point) -> dict[str, Any]:
    return {"coordinate": at_point(point)}


def _held(modifiers: str) -> dict[str, Any]:
    return {"text": modifiers} if modifiers else {}


def _apart(a: Point, b: Point) -> float:
    return math.hypot(a.x - b.x, a.y - b.y)


# --- keys ----------------------------------------------------------------------------------------------

_KEYS: Final = {
    "enter": "Return",
    "tab": "Tab",
    "escape": "Escape",
    "backspace": "BackSpace",
    "delete": "Delete",
    "insert": "Insert",
    "home": "Home",
    "end": "End",
    "pageup": "Page_Up",
    "pagedown": "Page_Down",
    "up": "Up",
    "down": "Down",
    "left": "Left",
    "right": "Right",
    "space": "space",
    "at": "space",  # a terminal sends ctrl+space as ctrl+@
    "@": "space",
    "minus": "minus",
    "plus": "plus",
    "slash": "slash",
    "backslash": "backslash",
    "underscore": "underscore",
    "hyphen_minus": "minus",
    "equals_sign": "equal",
    "less_than_sign": "less",
    "greater_than_sign": "greater",
} | {f"f{number}": f"F{number}" for number in range(1, 25)}
"""Textual's names of keys, in those of the computer tool."""
_MODIFIERS: Final = {"ctrl": "ctrl", "alt": "alt", "shift": "shift", "super": "super", "meta": "alt"}


def deed_of_key(key: str, character: str | None) -> Deed | None:
    """Make a deed of a key: what prints is typed, the rest pressed; None for a key no page knows.

    Args:
        key: Textual's name, as `ctrl+left` or `full_stop`.
        character: What it prints, if it does.
    """
    *held, last = key.split("+") if not key.endswith("++") else [*key[:-2].split("+"), "plus"]
    modifiers = [_MODIFIERS.get(name, "") for name in held]
    if not any(name != "shift" for name in modifiers) and character and character.isprintable():
        return Deed("type", {"text": character})
    name = _name_of(last)
    if not name or not all(modifiers):
        return None
    return Deed("key", {"text": "+".join([*dict.fromkeys(modifiers), name])})


def _name_of(key: str) -> str:
    if key in _KEYS:
        return _KEYS[key]
    if len(key) == 1:
        return key if key.isascii() and key.isprintable() else ""
    try:
        character = unicodedata.lookup(key.replace("_", " "))
    except KeyError:
        return ""
    return character if character.isascii() and character.isprintable() else ""


class Keyboard:
    """Makes deeds of keys, and finds the way out among them."""

    def __init__(self) -> None:
        self._escaped: float | None = None

    def forget(self) -> None:
        """Begin anew."""
        self._escaped = None

    def take(self, key: str, character: str | None, now: float) -> list[Deed] | None:
        """Take a key; gives what it amounts to by now, None for the way out."""
        waited = self._take_escape()
        if key == LET_GO:
            return None
        if key == "escape":
            if waited:
                return None
            self._escaped = now
            return []
        deed = deed_of_key(key, character)
        return [*waited, deed] if deed is not None else waited

    def tick(self, now: float) -> list[Deed]:
        """Give the lone escape that has waited long enough."""
        if self._escaped is None or now - self._escaped < ESCAPE_S:
            return []
        return self._take_escape()

    def _take_escape(self) -> list[Deed]:
        if self._escaped is None:
            return []
        self._escaped = None
        return [Deed("key", {"text": "Escape"})]


def deeds_of_paste(text: str) -> list[Deed]:
    """Make deeds of pasted text: lines end as the page's do, other controls are left out; none too long."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(_printing(lines))
    return [Deed("type", {"text": kept[at : at + TYPE_MAX]}) for at in range(0, len(kept), TYPE_MAX)]


def _printing(text: str) -> Iterable[str]:
    return (character for character in text if character in "\n\t" or unicodedata.category(character) != "Cc")


# --- the crosshair -------------------------------------------------------------------------------------

_WAYS: Final = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
_CLICKS: Final = {"enter": (LEFT, 1), "d": (LEFT, 2), "m": (MIDDLE, 1), "r": (RIGHT, 1)}
_SCROLLS: Final = {"u": "up", "n": "down"}


def aim_reports(key: str, at: Point, geometry: Geometry, *, is_held: bool) -> tuple[Point, list[Report]]:
    """Say where a key takes the crosshair, and what a mouse there would have done.

    Args:
        key: Textual's name.
        at: Where the crosshair is, in the picture's pixels.
        geometry: How far a cell goes.
        is_held: The button is down.
    """
    way = _WAYS.get(key.removeprefix("shift+"))
    if way is not None:
        to = geometry.nudged(at, *way, fine=key.startswith("shift+"))
        return to, [Report("move", to, LEFT if is_held else 0)]
    if key in _SCROLLS:
        return at, [Report("scroll", at, way=_SCROLLS[key])]
    if key == "space":
        return at, [Report("up" if is_held else "down", at, LEFT)]
    if key not in _CLICKS or is_held:
        return at, []
    button, times = _CLICKS[key]
    return at, [Report(kind, at, button) for _ in range(times) for kind in ("down", "up")]
