"""What a computer call asks for, as frozen structs, and Kernel's rules for it. Nothing here performs one.

Texts and order of the checks are those of the server's source (kernel-api §2); coordinates are refused out of
bounds, never clamped.
"""

# ruff: noqa: D102 - every `check` does what `_Body.check` says
from __future__ import annotations

from typing import Any, ClassVar, TypeAlias

import msgspec

SLEEP_MAX_MS = 30_000
TEXT_MAX_CHARS = 100_000


class Refused(Exception):
    """The server says no, or can't: an HTTP status, Kernel's `code` (our guess) and its message."""

    def __init__(self, status: int, code: str, message: str, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after_s = retry_after_s


def bad_request(message: str) -> Refused:
    """Refuse an input."""
    return Refused(400, "bad_request", message)


def not_implemented(message: str) -> Refused:
    """Refuse what a local browser does not do; never pretend."""
    return Refused(501, "not_implemented", message)


class Screen(msgspec.Struct, frozen=True):
    """A size in pixels."""

    width_px: int
    height_px: int

    def check(self, x: int, y: int) -> None:
        """Refuse a point that is not on it."""
        if x < 0 or y < 0:
            raise bad_request("coordinates must be non-negative")
        if x >= self.width_px or y >= self.height_px:
            last = f"{self.width_px - 1}x{self.height_px - 1}"
            raise bad_request(f"coordinates exceed screen bounds (max: {last})")


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    """A request body; unknown fields are ignored, as Go's decoder does."""

    NAME: ClassVar[str] = ""

    def check(self, screen: Screen) -> None:
        """Refuse what Kernel refuses."""


class ClickMouse(_Body, frozen=True, kw_only=True):
    """Press, release or click a button at a point."""

    NAME = "click_mouse"
    x: int
    y: int
    button: str = "left"
    click_type: str = "click"
    num_clicks: int = 1
    hold_keys: tuple[str, ...] = ()

    def check(self, screen: Screen) -> None:
        screen.check(self.x, self.y)
        if self.button not in ("left", "right", "middle", "back", "forward"):
            raise bad_request(f"unsupported button: {self.button}")
        if self.click_type not in ("down", "up", "click"):
            raise bad_request(f"unsupported click type: {self.click_type}")


class MoveMouse(_Body, frozen=True, kw_only=True):
    """Move the pointer; `smooth` is taken and not done."""

    NAME = "move_mouse"
    x: int
    y: int
    smooth: bool = False
    duration_ms: int | None = None
    hold_keys: tuple[str, ...] = ()

    def check(self, screen: Screen) -> None:
        screen.check(self.x, self.y)
        _within("duration_ms", self.duration_ms, 50, 5000)


class DragMouse(_Body, frozen=True, kw_only=True):
    """Press a button at the first point, go along the path, release it at the last."""

    NAME = "drag_mouse"
    path: tuple[tuple[int, ...], ...]
    button: str = "left"
    delay: int = 0
    smooth: bool = False
    duration_ms: int | None = None
    steps_per_segment: int = 10
    step_delay_ms: int = 10
    hold_keys: tuple[str, ...] = ()

    def check(self, screen: Screen) -> None:
        if len(self.path) < 2:
            raise bad_request("path must contain at least two points")
        for index, point in enumerate(self.path):
            if len(point) != 2:
                raise bad_request(f"path[{index}] must be [x,y]")
            screen.check(*point)
        if self.button not in ("left", "right", "middle"):
            raise bad_request(f"unsupported button: {self.button}")
        _not_negative("delay", self.delay)
        _within("duration_ms", self.duration_ms, 50, 10_000)
        _within("steps_per_segment", self.steps_per_segment, 1, 1000)
        _within("step_delay_ms", self.step_delay_ms, 0, 5000)


class Scroll(_Body, frozen=True, kw_only=True):
    """Turn the wheel at a point, by notches; positive is down and right."""

    NAME = "scroll"
    NOTCHES_MAX: ClassVar[int] = 1000
    x: int
    y: int
    delta_x: int = 0
    delta_y: int = 0
    hold_keys: tuple[str, ...] = ()

    def check(self, screen: Screen) -> None:
        screen.check(self.x, self.y)
        if not self.delta_x and not self.delta_y:
            raise bad_request("at least one of delta_x or delta_y must be non-zero")
        if max(abs(self.delta_x), abs(self.delta_y)) > self.NOTCHES_MAX:
            raise bad_request(f"deltas are wheel notches, at most {self.NOTCHES_MAX}")


class TypeText(_Body, frozen=True, kw_only=True):
    """Type a text, key by key; `delay` is in milliseconds between keys."""

    NAME = "type_text"
    text: str
    delay: int = 0

    def check(self, screen: Screen) -> None:
        _not_negative("delay", self.delay)
        if len(self.text) > TEXT_MAX_CHARS:
            raise bad_request(f"text must have at most {TEXT_MAX_CHARS} characters")


class PressKey(_Body, frozen=True, kw_only=True):
    """Press key combinations; with a duration (ms) hold them all that long."""

    NAME = "press_key"
    keys: tuple[str, ...]
    duration: int = 0
    hold_keys: tuple[str, ...] = ()

    def check(self, screen: Screen) -> None:
        if not self.keys:
            raise bad_request("keys must contain at least one key")
        _not_negative("duration", self.duration)


class SetCursor(_Body, frozen=True, kw_only=True):
    """Show the pointer in screenshots, or not."""

    NAME = "set_cursor"
    hidden: bool


class Sleep(_Body, frozen=True, kw_only=True):
    """Wait, inside a batch."""

    NAME = "sleep"
    duration_ms: int

    def check(self, screen: Screen) -> None:
        if not 0 <= self.duration_ms <= SLEEP_MAX_MS:
            raise bad_request(f"duration_ms must be between 0 and {SLEEP_MAX_MS}")


class Region(_Body, frozen=True, kw_only=True):
    """A part of the screen."""

    x: int
    y: int
    width: int
    height: int

    def check(self, screen: Screen) -> None:
        if self.x < 0 or self.y < 0 or self.width <= 0 or self.height <= 0:
            raise bad_request("invalid region dimensions")
        if self.x + self.width > screen.width_px or self.y + self.height > screen.height_px:
            raise bad_request("region exceeds screen bounds")


class Screenshot(_Body, frozen=True, kw_only=True):
    """Ask for a picture of the screen, or of a region of it."""

    region: Region | None = None

    def check(self, screen: Screen) -> None:
        if self.region is not None:
            self.region.check(screen)


class WriteClipboard(_Body, frozen=True, kw_only=True):
    """Put a text on the clipboard."""

    text: str


Action: TypeAlias = ClickMouse | MoveMouse | DragMouse | Scroll | TypeText | PressKey | SetCursor | Sleep
IN_A_BATCH: dict[str, type[Action]] = {
    kind.NAME: kind
    for kind in (ClickMouse, MoveMouse, TypeText, PressKey, Scroll, DragMouse, SetCursor, Sleep)
}


def parse_batch(body: Any) -> list[Action]:
    """Read the actions of a batch; nothing is done if one of them can't be read.

    Raises:
        Refused: 400, with Kernel's text.
    """
    actions = body.get("actions") if isinstance(body, dict) else None
    if not isinstance(actions, list) or not actions:
        raise bad_request("actions must contain at least one action")
    return [_parse_one(index, item) for index, item in enumerate(actions)]


def _parse_one(index: int, item: Any) -> Action:
    name = item.get("type") if isinstance(item, dict) else None
    kind = IN_A_BATCH.get(name) if isinstance(name, str) else None
    if kind is None:
        raise bad_request(f"actions[{index}]: unsupported action type: {name}")
    if item.get(name) is None:
        raise bad_request(f"actions[{index}] ({name}): {name} field is required when type is {name}")
    try:
        return msgspec.convert(item[name], kind)
    except msgspec.ValidationError as error:
        raise bad_request(f"actions[{index}] ({name}): invalid request body: {error}") from None


def _not_negative(name: str, value: int) -> None:
    if value < 0:
        raise bad_request(f"{name} must be non-negative")


def _within(name: str, value: int | None, low: int, high: int) -> None:
    if value is not None and not low <= value <= high:
        raise bad_request(f"{name} must be between {low} and {high}")
