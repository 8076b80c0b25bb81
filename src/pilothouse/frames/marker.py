"""The mark an action leaves on the picture: a ring for a click, a line for a drag, a chevron for a scroll.

Only drawing: what is marked comes from the event, where it lies from `geometry`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from PIL import ImageDraw

from pilothouse.frames.geometry import Point

if TYPE_CHECKING:
    from PIL.Image import Image

    from pilothouse.frames.geometry import Extent

INK: Final = (255, 64, 96)
HALO: Final = (255, 255, 255)
_SCROLLS: Final = {"up": (0, -1), "down": (0, 1), "left": (-1, 0), "right": (1, 0)}


class Marker(NamedTuple):
    """What to draw, in model pixels."""

    kind: str
    """`point`, `drag` or `scroll`."""
    at: Point
    start: Point | None = None
    """Where a drag began."""
    direction: str = ""


def marker_of(member: str, given: dict[str, Any]) -> Marker | None:
    """Read the mark of an action from its input, which is outside data; None where there is nothing to
    point at.
    """
    at = _point(given.get("coordinate"))
    if at is None:
        return None
    if member == "left_click_drag" and (start := _point(given.get("start_coordinate"))):
        return Marker("drag", at, start=start)
    if member == "scroll":
        return Marker("scroll", at, direction=str(given.get("scroll_direction", "")))
    return Marker("point", at)


def draw(image: Image, marker: Marker, model_px: Extent) -> Image:
    """Return a copy of the picture with the marker on it, sized to be seen at this scale.

    Pixels need not be square: those of block characters are twice as high as wide.
    """
    marked = image.copy()
    pen = ImageDraw.Draw(marked)
    at = _carry(marker.at, model_px, image)
    reach = min(model_px.width, model_px.height) / 28
    radius = Point(
        max(reach * image.width / model_px.width, 1.5), max(reach * image.height / model_px.height, 1.0)
    )
    if marker.kind == "scroll":
        _chevron(pen, at, radius, marker.direction)
        return marked
    if marker.start is not None:
        _stroke(pen, _carry(marker.start, model_px, image), at, radius)
    _ring(pen, at, radius)
    return marked


def _carry(point: Point, model_px: Extent, image: Image) -> Point:
    return Point(point.x * image.width / model_px.width, point.y * image.height / model_px.height)


def _width(radius: Point) -> int:
    return max(round(min(radius) / 3), 1)


def _ring(pen: ImageDraw.ImageDraw, at: Point, radius: Point) -> None:
    width = _width(radius)
    for grow, ink in ((width, HALO), (0, INK)):
        pen.ellipse(_around(at, Point(radius.x + grow, radius.y + grow)), outline=ink, width=width)
    pen.ellipse(_around(at, Point(max(radius.x / 4, 0.5), max(radius.y / 4, 0.5))), fill=INK)


def _around(at: Point, radius: Point) -> tuple[float, float, float, float]:
    return (at.x - radius.x, at.y - radius.y, at.x + radius.x, at.y + radius.y)


def _stroke(pen: ImageDraw.ImageDraw, start: Point, end: Point, radius: Point) -> None:
    width = _width(radius)
    for ink, thick in ((HALO, width * 3), (INK, width)):
        pen.line((start.x, start.y, end.x, end.y), fill=ink, width=thick)


def _chevron(pen: ImageDraw.ImageDraw, at: Point, radius: Point, direction: str) -> None:
    dx, dy = _SCROLLS.get(direction, (0, 1))
    tip = Point(at.x + dx * radius.x * 2, at.y + dy * radius.y * 2)
    wings = (
        Point(at.x - dy * radius.x, at.y - dx * radius.y),
        Point(at.x + dy * radius.x, at.y + dx * radius.y),
    )
    for wing in wings:
        _stroke(pen, wing, tip, radius)


def _point(given: Any) -> Point | None:
    match given:
        case [int() | float() as x, int() | float() as y]:
            # The bounds keep Pillow's integer arithmetic safe from a page-sized joke.
            return Point(min(max(x, -100_000), 100_000), min(max(y, -100_000), 100_000))
        case _:
            return None
