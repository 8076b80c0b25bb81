"""Where a point is: in terminal cells, image pixels, model pixels and display pixels. Nothing here draws.

*Image* pixels are those of the stored frame. *Model* pixels are the ones the model speaks in: those of the
full
screenshot it was given (model-api §1.2). *Display* pixels are the browser's screen. All three are linear
images of one
another; *cells* are the grid of the picture pane, where a picture is fitted whole and centred.
"""

from __future__ import annotations

from typing import NamedTuple


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


class Geometry(NamedTuple):
    """The spaces of one picture on one pane, and the ways between them."""

    image_px: Extent
    model_px: Extent
    display_px: Extent
    box_cells: Box
    """Where the picture lies in its pane."""

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

    def image_to_cell(self, at: Point) -> Point:
        """Say which cell of the pane shows an image pixel; whole numbers, always inside the picture."""
        box = self.box_cells
        x = int(at.x * box.width / self.image_px.width)
        y = int(at.y * box.height / self.image_px.height)
        return Point(box.x + _clamp(x, box.width), box.y + _clamp(y, box.height))

    def cell_to_image(self, cell: Point) -> Point:
        """Give the image pixel at the middle of a cell of the pane; cells beside the picture count as its
        edge.
        """
        box = self.box_cells
        x = _clamp(int(cell.x) - box.x, box.width) + 0.5
        y = _clamp(int(cell.y) - box.y, box.height) + 0.5
        return Point(x * self.image_px.width / box.width, y * self.image_px.height / box.height)


def _scale(at: Point, source: Extent, target: Extent) -> Point:
    return Point(at.x * target.width / source.width, at.y * target.height / source.height)


def _clamp(value: int, size: int) -> int:
    return min(max(value, 0), size - 1)
