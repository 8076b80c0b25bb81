"""An action's input with its place set by pointing. Pure: knows members, and no picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pilothouse.tui.pointer import at_point

if TYPE_CHECKING:
    from pilothouse.frames.geometry import Point

_ONE_PLACE = frozenset(
    {"left_click", "right_click", "middle_click", "double_click", "triple_click", "mouse_move", "scroll"}
)


def placed(member: str, given: dict[str, Any], start: Point, end: Point) -> dict[str, Any] | None:
    """Give the input with the place pointed at; None for a member that names none.

    Args:
        member: What is proposed.
        given: Its input so far; all but the place stays.
        start: Where the button went down, in the picture's pixels.
        end: Where it is now; the same for a click, which moves the end of a drag and keeps its start.
    """
    if member in _ONE_PLACE:
        return {**given, "coordinate": at_point(end)}
    if member == "left_click_drag":
        begins = {} if start == end else {"start_coordinate": at_point(start)}
        return {**given, **begins, "coordinate": at_point(end)}
    if member == "zoom":
        (x0, x1), (y0, y1) = sorted((int(start.x), int(end.x))), sorted((int(start.y), int(end.y)))
        return given if start == end else {**given, "region": [x0, y0, x1, y1]}
    return None
