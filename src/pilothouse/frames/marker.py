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
    """Return a copy of the picture with the marker on it, sized to be seen at this scale."""
    marked = image.copy()
    pen = ImageDraw.Draw(marked)
    at = _carry(marker.at, model_px, image)
    radius = max(min(image.width, image.height) / 28, 1.5)
    if marker.kind == "drag" and marker.start is not None:
        _line(pen, _carry(marker.start, model_px, image), at, radius)
    elif marker.kind == "scroll":
        _chevron(pen, at, radius, marker.direction)
        return marked
    _ring(pen, at, radius)
    return marked


def _carry(point: Point, model_px: Extent, image: Image) -> Point:
    return Point(point.x * image.width / model_px.width, point.y * image.height / model_px.height)


def _ring(pen: ImageDraw.ImageDraw, at: Point, radius: float) -> None:
    width = max(round(radius / 3), 1)
    for grow, ink in ((width, HALO), (0, INK)):
        r = radius + grow
        pen.ellipse((at.x - r, at.y - r, at.x + r, at.y + r), outline=ink, width=width)
    dot = max(radius / 4, 0.5)
    pen.ellipse((at.x - dot, at.y - dot, at.x + dot, at.y + dot), fill=INK)


def _line(pen: ImageDraw.ImageDraw, start: Point, end: Point, radius: float) -> None:
    width = max(round(radius / 3), 1)
    pen.line((start.x, start.y, end.x, end.y), fill=HALO, width=width * 3)
    pen.line((start.x, start.y, end.x, end.y), fill=INK, width=width)


def _chevron(pen: ImageDraw.ImageDraw, at: Point, radius: float, direction: str) -> None:
    dx, dy = _SCROLLS.get(direction, (0, 1))
    width = max(round(radius / 3), 1)
    tip = Point(at.x + dx * radius * 2, at.y + dy * radius * 2)
    wings = (Point(at.x - dy * radius, at.y - dx * radius), Point(at.x + dy * radius, at.y + dx * radius))
    for ink, thick in ((HALO, width * 3), (INK, width)):
        for wing in wings:
            pen.line((wing.x, wing.y, tip.x, tip.y), fill=ink, width=thick)


def _point(given: Any) -> Point | None:
    match given:
        case [int() | float() as x, int() | float() as y]:
            # The bounds keep Pillow's integer arithmetic safe from a page-sized joke.
            return Point(min(max(x, -100_000), 100_000), min(max(y, -100_000), 100_000))
        case _:
            return None
