"""Model pixels and display pixels of one run, and the ways between them: the one place. Nothing here looks.

A display larger than the model's picture limits is shown to it smaller, by one scale for the whole run: its
clicks are carried up, the pointer's place down (model-api §2). Points are pixels: the middle of one is
carried to the pixel it falls in, so that every pixel of the picture comes back as itself. Regions are edges.
"""

from __future__ import annotations

from typing import NamedTuple

PATCH_PX = 28
"""Visual tokens are counted in squares of this side, begun ones whole."""


class Size(NamedTuple):
    """A width and a height in pixels."""

    width: int
    height: int


class Region(NamedTuple):
    """A rectangle: its left upper corner and its size, in pixels."""

    x: int
    y: int
    width: int
    height: int


def visual_tokens(width: int, height: int) -> int:
    """Count what a picture of this size costs."""
    return -(-width // PATCH_PX) * -(-height // PATCH_PX)


def fitted(width: int, height: int, edge: int, tokens: int) -> Size:
    """Give the largest size of the same shape that keeps both limits; it is unchanged where it does already.

    Args:
        width: Of the display, in pixels.
        height: Of the display, in pixels.
        edge: The longest side that is allowed, in pixels.
        tokens: The most visual tokens that are allowed.
    """
    if height > width:
        return Size(*reversed(fitted(height, width, edge, tokens)))
    if width <= edge and visual_tokens(width, height) <= tokens:
        return Size(width, height)
    fits, too_large = 1, min(width, edge) + 1
    while too_large - fits > 1:
        middle = (fits + too_large) // 2
        if visual_tokens(middle, _short(middle, width, height)) <= tokens:
            fits = middle
        else:
            too_large = middle
    return Size(fits, _short(fits, width, height))


def _short(long: int, width: int, height: int) -> int:
    return max(round(long * height / width), 1)


class Scale(NamedTuple):
    """One run's two spaces."""

    display: Size
    model: Size

    @classmethod
    def of(cls, width: int, height: int, limits: tuple[int, int] | None = None) -> Scale:
        """Make the scale of a display; `limits` are the longest edge and the visual tokens of a picture."""
        display = Size(width, height)
        return cls(display, display if limits is None else fitted(width, height, *limits))

    @property
    def shrinks(self) -> bool:
        """Say whether pictures are made smaller for the model."""
        return self.display != self.model

    def on_picture(self, x: int, y: int) -> bool:
        """Say whether a model pixel exists."""
        return 0 <= x < self.model.width and 0 <= y < self.model.height

    def to_display(self, x: int, y: int) -> tuple[int, int]:
        """Carry a model pixel onto the display."""
        return (
            _carry(x, self.model.width, self.display.width),
            _carry(y, self.model.height, self.display.height),
        )

    def to_model(self, x: int, y: int) -> tuple[int, int]:
        """Carry a display pixel onto the model's picture."""
        return (
            _carry(x, self.display.width, self.model.width),
            _carry(y, self.display.height, self.model.height),
        )

    def region(self, x0: int, y0: int, x1: int, y1: int) -> Region:
        """Carry a region, given by two corners of the picture, onto the display: all that it touches."""
        left = x0 * self.display.width // self.model.width
        top = y0 * self.display.height // self.model.height
        right = -(-x1 * self.display.width // self.model.width)
        bottom = -(-y1 * self.display.height // self.model.height)
        return Region(left, top, right - left, bottom - top)


def _carry(at: int, source: int, target: int) -> int:
    """Carry the middle of a pixel of one axis; exact, in whole numbers."""
    return (2 * at + 1) * target // (2 * source)
