"""What each member of the computer tool takes, typed once for every generation. Nothing here acts.

Limits are the API's where it documents them (model-api §1.2); what is beyond them is refused, never clamped.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from pilothouse.errors import BrowserError

WAIT_MAX_S = 300
REPEAT_MAX = 100
SCROLL_MAX = 100

Point = tuple[int, int]
Seconds = int | float


class MemberRefused(BrowserError):
    """A member can't do what it was asked; the sentence goes to the model, and nothing was done."""


class Nothing(msgspec.Struct, frozen=True, kw_only=True):
    """Takes nothing."""


class Click(msgspec.Struct, frozen=True, kw_only=True):
    """Where, and the modifiers to hold in `text`."""

    coordinate: Point | None = None
    text: str | None = None


class Drag(msgspec.Struct, frozen=True, kw_only=True):
    """From the first point, or the pointer, to the second."""

    coordinate: Point
    start_coordinate: Point | None = None
    text: str | None = None


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """Where to."""

    coordinate: Point
    text: str | None = None


class Scroll(msgspec.Struct, frozen=True, kw_only=True):
    """Wheel clicks, which way and where."""

    scroll_direction: Literal["up", "down", "left", "right"]
    scroll_amount: int
    coordinate: Point | None = None
    text: str | None = None


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """What to type."""

    text: str


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """What to press, and how often."""

    text: str
    repeat: int | None = None


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """What to hold, and for how many seconds."""

    text: str
    duration: Seconds


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """How many seconds."""

    duration: Seconds


class Zoom(msgspec.Struct, frozen=True, kw_only=True):
    """Two corners."""

    region: Annotated[tuple[int, ...], Meta(min_length=4, max_length=4)]


Input = Nothing | Click | Drag | Move | Scroll | Text | Keys | Hold | Wait | Zoom
MEMBERS: dict[str, type[Input]] = {
    "screenshot": Nothing,
    "zoom": Zoom,
    "cursor_position": Nothing,
    "wait": Wait,
    "left_click": Click,
    "right_click": Click,
    "middle_click": Click,
    "double_click": Click,
    "triple_click": Click,
    "mouse_move": Move,
    "left_mouse_down": Nothing,
    "left_mouse_up": Nothing,
    "left_click_drag": Drag,
    "scroll": Scroll,
    "type": Text,
    "key": Keys,
    "hold_key": Hold,
}
"""Every member there is."""


def read_input(member: str, given: Any) -> Input:
    """Read a member's input.

    Raises:
        MemberRefused: It is not what the member takes.
    """
    try:
        return msgspec.convert(given, MEMBERS[member])
    except msgspec.ValidationError as error:
        raise MemberRefused(f"The input of {member} can't be used: {error}.") from None
