"""Pictures by sixel: drawn onto the screen where cells are blank, and again where something overwrote them.

The encoding is textual-image's, the part of it that asks the terminal nothing; its widget sends every frame
twice (tui-style §3.1), so that what is sent is decided here. Only rectangles that changed are drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.strip import Strip

from pilothouse.frames.areas import changed_cells, rectangles
from pilothouse.frames.decode import shrink
from pilothouse.frames.geometry import Box, Extent
from pilothouse.frames.indexed import BEST
from pilothouse.frames.painter import Patch, Piece
from pilothouse.frames.workshop import as_sixels

if TYPE_CHECKING:
    from PIL.Image import Image

    from pilothouse.frames.indexed import Quality

BAND_ROWS: Final = 5
WHOLE_FROM: Final = 0.4


class Sixel:
    """Paints by sixel and knows what is on the screen.

    Args:
        cell_px: Pixels of a cell.
    """

    def __init__(self, cell_px: Extent) -> None:
        self._cell_px = cell_px
        self._cells = Extent(0, 0)
        self._image: Image | None = None
        self._quality = BEST
        self._encoded: dict[Box, str] = {}

    def pixels(self, cells: Extent) -> Extent:
        """As many as the terminal shows there."""
        return Extent(cells.width * self._cell_px.width, cells.height * self._cell_px.height)

    def paint(self, image: Image, cells: Extent, quality: Quality = BEST) -> Patch:
        """Paint: everything the first time and at a new size, else what changed."""
        image = shrink(image, self.pixels(cells))
        is_first = cells != self._cells or self._image is None
        boxes: list[Box] | None = None
        if self._image is not None and not is_first:
            changed = changed_cells(self._image, image, self._cell_px)
            if sum(map(sum, changed)) <= WHOLE_FROM * cells.width * cells.height:
                boxes = rectangles(changed)
        self._image, self._cells, self._quality = image, cells, quality
        self._encoded.clear()
        drawn = self._bands(range(cells.height)) if boxes is None else boxes
        pieces = tuple(self._draw(box) for box in drawn)
        strips = tuple(Strip.blank(cells.width) for _ in range(cells.height))
        cost = sum(len(piece.data) for piece in pieces)
        # Cells painted blank would wipe out what is drawn: they are painted at a new size only.
        return Patch(strips, cost, pieces, None if is_first else (), boxes is None)

    def again(self, rows: range) -> tuple[Piece, ...]:
        """Draw the bands that rows of cells lie in."""
        if self._image is None:
            return ()
        return tuple(self._draw(box) for box in self._bands(rows))

    def undo(self) -> str:
        """Nothing is kept in the terminal; what is on the screen is painted over."""
        return ""

    def _bands(self, rows: range) -> list[Box]:
        bands = []
        for y in range(0, self._cells.height, BAND_ROWS):
            height = min(BAND_ROWS, self._cells.height - y)
            if y < rows.stop and rows.start < y + height:
                bands.append(Box(0, y, self._cells.width, height))
        return bands

    def _draw(self, box: Box) -> Piece:
        if box not in self._encoded:
            self._encoded[box] = self._encode(box)
        return Piece(self._encoded[box], box.x, box.y)

    def _encode(self, box: Box) -> str:
        assert self._image is not None
        wide, high = self._cell_px
        area = (box.x * wide, box.y * high, (box.x + box.width) * wide, (box.y + box.height) * high)
        return as_sixels(self._image.crop(area), self._quality)
