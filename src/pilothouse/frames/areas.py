"""Which cells of a picture changed, as few rectangles. Nothing here knows how a terminal is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pilothouse.frames.geometry import Box, Extent

if TYPE_CHECKING:
    from PIL.Image import Image

JOIN_CELLS: Final = 3
"""Changes this close in one row are one: a rectangle of its own costs more."""


def changed_cells(before: Image, after: Image, cell_px: Extent) -> list[list[bool]]:
    """Say row by row which cells differ between two pictures of one size, a whole number of cells."""
    width, height = after.width // cell_px.width, after.height // cell_px.height
    if before.size != after.size:
        return [[True] * width for _ in range(height)]
    from PIL import ImageChops  # not for the first frame

    apart = ImageChops.difference(before, after).convert("L", matrix=(1, 1, 1, 0))
    # A mean over a cell would lose a single pixel: first every difference is made whole, way by way.
    for way in ((cell_px.width, 1), (1, cell_px.height)):
        apart = apart.point(_WHOLE).reduce(way)
    data = apart.point(_WHOLE).tobytes()
    return [[bool(cell) for cell in data[y * width : (y + 1) * width]] for y in range(height)]


_WHOLE: Final = [0] + [255] * 255


def rectangles(changed: list[list[bool]]) -> list[Box]:
    """Cover the changed cells with rectangles that do not overlap."""
    found: list[Box] = []
    for y, row in enumerate(changed):
        for x, width in _spans(row):
            found = _with(found, Box(x, y, width, 1))
    return found


def _spans(row: list[bool]) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for x, is_changed in enumerate(row):
        if not is_changed:
            continue
        if spans and x - sum(spans[-1]) < JOIN_CELLS:
            spans[-1] = (spans[-1][0], x + 1 - spans[-1][0])
        else:
            spans.append((x, 1))
    return spans


def _with(boxes: list[Box], new: Box) -> list[Box]:
    """Add a box, made one with those it touches from below or overlaps."""
    while touched := next((box for box in boxes if _touch(box, new)), None):
        boxes = [box for box in boxes if box is not touched]
        new = _around(touched, new)
    return [*boxes, new]


def _touch(one: Box, other: Box) -> bool:
    across = one.x < other.x + other.width and other.x < one.x + one.width
    return across and one.y <= other.y + other.height and other.y <= one.y + one.height


def _around(one: Box, other: Box) -> Box:
    x, y = min(one.x, other.x), min(one.y, other.y)
    right = max(one.x + one.width, other.x + other.width)
    bottom = max(one.y + one.height, other.y + other.height)
    return Box(x, y, right - x, bottom - y)
