"""Where a point is: in terminal cells, image pixels, model pixels and display pixels. Nothing here draws.

*Image* pixels are those of the stored frame. *Model* pixels are the ones the model speaks in: those of the
full screenshot it was given (model-api §1.2). *Display* pixels are the browser's screen. All three are linear
images of one another; *cells* are the grid of the picture pane, where a picture, or a part of it, its *view*,
is fitted whole and centred. A whole cell means its middle; a *pointer* is a place inside a cell, as terminals
with pixel mouse reports tell it. What leads to a pixel to click on (`hit`, `display_pixel`, `model_pixel`,
`nudged`) never leads off the screen.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import msgspec


class Point(NamedTuple):
    """A place; the unit is said where it is used."""

    x: float
    y: float


class Extent(NamedTuple):
    """A width and a height; the unit is said where it is used."""

    width: int
    height: int


class Box(NamedTuple):
    """A rectangle of whole cells inside a pane."""

    x: int
    y: int
    width: int
    height: int


CELL_PX = Extent(10, 20)
"""Pixels of one cell where the terminal does not tell."""


def fit(image_px: Extent, pane_cells: Extent, cell_px: Extent = CELL_PX) -> Box:
    """Fit an image whole into a pane, centred, keeping its shape to the nearest cell; never empty."""
    pane_w = max(pane_cells.width, 1)
    pane_h = max(pane_cells.height, 1)
    image_w = max(image_px.width, 1)
    image_h = max(image_px.height, 1)
    scale = min(pane_w * cell_px.width / image_w, pane_h * cell_px.height / image_h)
    width = min(max(round(image_w * scale / cell_px.width), 1), pane_w)
    height = min(max(round(image_h * scale / cell_px.height), 1), pane_h)
    return Box((pane_w - width) // 2, (pane_h - height) // 2, width, height)


class View(NamedTuple):
    """The part of an image that is shown, in image pixels; inside it, and never empty."""

    x: float
    y: float
    width: float
    height: float


VIEW_LEAST_PX: Final = 16.0
"""A view shows at least so many image pixels each way, or all there are."""


def whole(image_px: Extent) -> View:
    """Show all of an image."""
    return View(0.0, 0.0, float(max(image_px.width, 1)), float(max(image_px.height, 1)))


def zoomed(view: View, image_px: Extent, factor: float, at: Point) -> View:
    """Show less of the image, or more with a factor below 1, and leave `at` where it is on the pane."""
    full = whole(image_px)
    # One scale for both sides keeps the shape; the bounds are those of the side that meets them first.
    most = min(full.width / view.width, full.height / view.height)
    least = min(max(VIEW_LEAST_PX / view.width, VIEW_LEAST_PX / view.height), most)
    scale = min(max(1.0 / factor, least), most) if factor > 0 else most
    x = at.x - (at.x - view.x) * scale
    y = at.y - (at.y - view.y) * scale
    return _inside(View(x, y, view.width * scale, view.height * scale), full)


def panned(view: View, image_px: Extent, dx: float, dy: float) -> View:
    """Move a view by parts of itself: 0.5 is half a view."""
    moved = view._replace(x=view.x + dx * view.width, y=view.y + dy * view.height)
    return _inside(moved, whole(image_px))


def showing(view: View, image_px: Extent, at: Point) -> View:
    """Move a view no further than it takes to show a point."""
    x = min(max(view.x, at.x - view.width), at.x)
    y = min(max(view.y, at.y - view.height), at.y)
    return _inside(view._replace(x=x, y=y), whole(image_px))


def _inside(view: View, full: View) -> View:
    width, height = min(view.width, full.width), min(view.height, full.height)
    x = min(max(view.x, 0.0), full.width - width)
    y = min(max(view.y, 0.0), full.height - height)
    return View(x, y, width, height)


class Geometry(msgspec.Struct, frozen=True):
    """The spaces of one picture on one pane, and the ways between them."""

    image_px: Extent
    model_px: Extent
    display_px: Extent
    box_cells: Box
    """Where the picture lies in its pane."""
    view: View | None = None
    """The part of the image that the box shows; None for all of it."""

    @property
    def shown(self) -> View:
        """The part of the image that the box shows."""
        return whole(self.image_px) if self.view is None else self.view

    def model_to_image(self, at: Point) -> Point:
        """Carry a point the model named onto the stored frame."""
        return _scale(at, self.model_px, self.image_px)

    def image_to_model(self, at: Point) -> Point:
        """Carry a point of the stored frame into the model's pixels."""
        return _scale(at, self.image_px, self.model_px)

    def image_to_display(self, at: Point) -> Point:
        """Carry a point of the stored frame onto the browser's screen."""
        return _scale(at, self.image_px, self.display_px)

    def display_to_image(self, at: Point) -> Point:
        """Carry a point of the browser's screen onto the stored frame."""
        return _scale(at, self.display_px, self.image_px)

    def sees(self, at: Point) -> bool:
        """Say whether an image pixel is in view."""
        view = self.shown
        return 0 <= at.x - view.x < view.width and 0 <= at.y - view.y < view.height

    def image_to_cell(self, at: Point) -> Point:
        """Say which cell of the pane shows an image pixel; whole numbers, always inside the picture."""
        box, view = self.box_cells, self.shown
        x = int((at.x - view.x) * box.width / view.width)
        y = int((at.y - view.y) * box.height / view.height)
        return Point(box.x + _clamp(x, box.width), box.y + _clamp(y, box.height))

    def cell_to_image(self, cell: Point) -> Point:
        """Give the image pixel at the middle of a cell; cells beside the picture count as its edge."""
        box = self.box_cells
        x = _clamp(int(cell.x) - box.x, box.width) + 0.5
        y = _clamp(int(cell.y) - box.y, box.height) + 0.5
        return self._from_box(x, y)

    def pointer_to_image(self, pointer: Point) -> Point:
        """Give the image pixel under a place inside a cell; places beside the picture count as its edge."""
        box = self.box_cells
        return self._from_box(
            min(max(pointer.x - box.x, 0.0), float(box.width)),
            min(max(pointer.y - box.y, 0.0), float(box.height)),
        )

    def _from_box(self, x: float, y: float) -> Point:
        box, view = self.box_cells, self.shown
        return Point(view.x + x * view.width / box.width, view.y + y * view.height / box.height)

    def contains(self, cell: Point) -> bool:
        """Say whether a cell, or a place inside one, is on the picture."""
        box = self.box_cells
        return box.x <= cell.x < box.x + box.width and box.y <= cell.y < box.y + box.height

    def display_pixel(self, image: Point) -> Point:
        """Give the pixel of the browser's screen under an image pixel: whole, and always on the screen."""
        return _pixel(self.image_to_display(image), self.display_px)

    def model_pixel(self, image: Point) -> Point:
        """Give the model's pixel under an image pixel: whole, and always on the screenshot."""
        return _pixel(self.image_to_model(image), self.model_px)

    def hit(self, at: Point, *, exact: bool = False) -> Point | None:
        """Give the display pixel that a click on the pane means; None beside the picture.

        Args:
            at: A cell; a place inside one if it is `exact`.
            exact: The terminal reports pixels.
        """
        if not self.contains(at):
            return None
        return self.display_pixel(self.pointer_to_image(at) if exact else self.cell_to_image(at))

    def meant(self, at: Point, *, exact: bool = False, clamped: bool = False) -> Point | None:
        """Give the model's pixel that a place on the pane means; None beside the picture.

        Args:
            at: A cell; a place inside one if it is `exact`.
            exact: The terminal reports pixels.
            clamped: Beside the picture counts as its edge: a drag that began inside goes on.
        """
        if not clamped and not self.contains(at):
            return None
        return self.model_pixel(self.pointer_to_image(at) if exact else self.cell_to_image(at))

    def display_per_cell(self) -> Point:
        """Give the display pixels that one cell stands for: how far off a click by cells may be."""
        box, view = self.box_cells, self.shown
        across = view.width * self.display_px.width / self.image_px.width
        down = view.height * self.display_px.height / self.image_px.height
        return Point(across / box.width, down / box.height)

    def nudged(self, at: Point, dx: int, dy: int, *, fine: bool = False) -> Point:
        """Move a crosshair on the browser's screen: by cells, or by single pixels; whole, never off it."""
        step = Point(1.0, 1.0) if fine else self.display_per_cell()
        moved = Point(at.x + dx * max(step.x, 1.0), at.y + dy * max(step.y, 1.0))
        return _pixel(moved, self.display_px)


def pointer_of(px: Point, cell_px: Extent) -> Point:
    """Turn a terminal's pixel, counted from the pane's upper left corner, into a place inside a cell."""
    return Point(px.x / max(cell_px.width, 1), px.y / max(cell_px.height, 1))


def _pixel(at: Point, space: Extent) -> Point:
    return Point(_clamp(math.floor(at.x), space.width), _clamp(math.floor(at.y), space.height))


def _scale(at: Point, source: Extent, target: Extent) -> Point:
    return Point(at.x * target.width / source.width, at.y * target.height / source.height)


def _clamp(value: int, size: int) -> int:
    return min(max(value, 0), size - 1)
