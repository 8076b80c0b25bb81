"""The mark an action leaves on the picture: a ring for a click, a line for a drag, a chevron for a scroll.

Only drawing: what is marked comes from the event, where it lies from `geometry`. What is about to happen is
drawn by `overlay`, with this module's measures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pilothouse.frames.geometry import Point

if TYPE_CHECKING:
    from PIL import ImageDraw
    from PIL.Image import Image

    from pilothouse.frames.geometry import Extent

INK: Final = (255, 64, 96)
HALO: Final = (255, 255, 255)
SMALLEST: Final = Point(1.5, 1.0)
"""The smallest radius of a mark, in pixels of the picture."""
SCROLLS: Final = {"up": (0, -1), "down": (0, 1), "left": (-1, 0), "right": (1, 0)}


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
    at = point(given.get("coordinate"))
    if at is None:
        return None
    if member == "left_click_drag" and (start := point(given.get("start_coordinate"))):
        return Marker("drag", at, start=start)
    if member == "scroll":
        return Marker("scroll", at, direction=str(given.get("scroll_direction", "")))
    return Marker("point", at)


def draw(image: Image, marker: Marker, model_px: Extent) -> Image:
    """Return a copy of the picture with the marker on it, sized to be seen at this scale.

    Pixels need not be square: those of block characters are twice as high as wide.
    """
    marked = image.copy()
    from PIL import ImageDraw  # not for the first frame

    pen = ImageDraw.Draw(marked)
    at = carry(marker.at, model_px, image)
    radius = reach(image, model_px)
    if marker.kind == "scroll":
        _chevron(pen, at, radius, marker.direction)
        return marked
    if marker.start is not None:
        _stroke(pen, carry(marker.start, model_px, image), at, radius)
    _ring(pen, at, radius)
    return marked


def carry(point: Point, model_px: Extent, image: Image) -> Point:
    """Carry a point from model pixels onto the picture."""
    return Point(point.x * image.width / model_px.width, point.y * image.height / model_px.height)


def reach(image: Image, model_px: Extent, least: Point = SMALLEST) -> Point:
    """Give the radius of a mark on the picture; pixels need not be square."""
    size = min(model_px.width, model_px.height) / 28
    return Point(
        max(size * image.width / model_px.width, least.x), max(size * image.height / model_px.height, least.y)
    )


def width(radius: Point) -> int:
    """Give the width of a stroke for marks of a radius."""
    return max(round(min(radius) / 3), 1)


def _ring(pen: ImageDraw.ImageDraw, at: Point, radius: Point) -> None:
    thick = width(radius)
    for grow, ink in ((thick, HALO), (0, INK)):
        pen.ellipse(around(at, Point(radius.x + grow, radius.y + grow)), outline=ink, width=thick)
    pen.ellipse(around(at, Point(max(radius.x / 4, 0.5), max(radius.y / 4, 0.5))), fill=INK)


def around(at: Point, radius: Point) -> tuple[float, float, float, float]:
    """Give the box around a point."""
    return (at.x - radius.x, at.y - radius.y, at.x + radius.x, at.y + radius.y)


def _stroke(pen: ImageDraw.ImageDraw, start: Point, end: Point, radius: Point) -> None:
    thick = width(radius)
    for ink, wide in ((HALO, thick * 3), (INK, thick)):
        pen.line((start.x, start.y, end.x, end.y), fill=ink, width=wide)


def _chevron(pen: ImageDraw.ImageDraw, at: Point, radius: Point, direction: str) -> None:
    dx, dy = SCROLLS.get(direction, (0, 1))
    tip = Point(at.x + dx * radius.x * 2, at.y + dy * radius.y * 2)
    wings = (
        Point(at.x - dy * radius.x, at.y - dx * radius.y),
        Point(at.x + dy * radius.x, at.y + dx * radius.y),
    )
    for wing in wings:
        _stroke(pen, wing, tip, radius)


def point(given: Any) -> Point | None:
    """Read a coordinate, which is outside data."""
    match given:
        case [int() | float() as x, int() | float() as y]:
            # The bounds keep Pillow's integer arithmetic safe from a page-sized joke.
            return Point(min(max(x, -100_000), 100_000), min(max(y, -100_000), 100_000))
        case _:
            return None
