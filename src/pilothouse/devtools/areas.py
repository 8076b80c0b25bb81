"""Two pictures compared, but for areas that a page says never rest. Pillow is loaded when it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

    from pilothouse.devtools.page_signals import Area

AREAS_MAX = 100
"""So many areas that never rest are left out of a comparison: a page says which, and how many."""


def same_but_for(one: Image.Image, other: Image.Image, areas: tuple[Area, ...]) -> bool:
    """Say whether two pictures are the same elsewhere; both are painted over."""
    from PIL import ImageChops  # the core must not import PIL at import time (design §3.9)

    if one.size != other.size:
        return False
    for image in (one, other):
        _paint_over(image, areas[:AREAS_MAX])
    return ImageChops.difference(one, other).getbbox() is None


def _paint_over(image: Image.Image, areas: tuple[Area, ...]) -> None:
    width, height = image.size
    for left, top, right, bottom in areas:
        x0, y0 = _within(left, width), _within(top, height)
        x1, y1 = _within(right, width), _within(bottom, height)
        if x0 < x1 and y0 < y1:
            image.paste((0, 0, 0), (x0, y0, x1, y1))


def _within(place: float, most: int) -> int:
    """Bring a page's number onto the screen, whatever it is: infinite, or none at all."""
    return int(min(most, max(0, place)))
