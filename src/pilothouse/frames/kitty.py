"""Pictures by Kitty's graphics protocol: bands of the picture once, then only the rectangles that changed.

A picture is sent as bands across it, each an image of its own with a virtual placement, and shown by
placeholder cells; a band is replaced under its number, so that the cells stay as they are. A small change is
a new image laid over the cells it covers. Numbers that no cell shows any more are deleted. Nothing is asked
back (`q=2`). Measured: a page takes less than 1/5 of one truecolour image, a typed word under 1 kB.
"""

from __future__ import annotations

import base64
import secrets
from itertools import groupby
from typing import TYPE_CHECKING, Final
from weakref import WeakSet

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from pilothouse.frames.areas import changed_cells, rectangles
from pilothouse.frames.decode import shrink
from pilothouse.frames.geometry import Box, Extent
from pilothouse.frames.indexed import BEST
from pilothouse.frames.painter import Patch, Piece
from pilothouse.frames.placeholders import Part, written
from pilothouse.frames.workshop import encoded

if TYPE_CHECKING:
    from PIL.Image import Image

    from pilothouse.frames.indexed import Quality

BAND_ROWS: Final = 6
CHUNK: Final = 4_096
"""Base64 characters of one command, as the protocol wants it."""
WHOLE_FROM: Final = 0.4
"""From this share of changed cells on, whole bands cost less than rectangles."""
MOST_PATCHES: Final = 24
FEW_IDS: Final = range(17, 250)
"""Numbers that a cell can say in 256 colours, for terminals and multiplexers that know no more."""
MANY_IDS: Final = 1 << 24
_PLACEMENT: Final = 1


class Numbers:
    """Numbers of pictures, unlike those of other programs in the same terminal as far as chance goes."""

    def __init__(self, *, few: bool) -> None:
        self._few = few
        self._next = secrets.randbelow(len(FEW_IDS) if few else MANY_IDS - 512)
        self.held: set[int] = set()
        """Those the terminal has."""
        _everyone.add(self)

    def new(self) -> int:
        """Give a number the terminal does not have."""
        while True:
            self._next += 1
            number = FEW_IDS[self._next % len(FEW_IDS)] if self._few else 256 + self._next % (MANY_IDS - 512)
            if not any(number in one.held for one in _everyone):
                self.held.add(number)
                return number

    def style(self, number: int) -> Style:
        """Give the style that says a number: the colour of a cell."""
        colour = Color.from_ansi(number) if self._few else Color.from_rgb(*number.to_bytes(3, "big"))
        return Style(color=colour)


_everyone: WeakSet[Numbers] = WeakSet()
"""All that give numbers in this process: none gives one that another has."""


class Kitty:
    """Paints by placeholders and knows what the terminal holds; one for each place on the screen.

    Args:
        cell_px: Pixels of a cell.
        few: Use numbers up to 255 only.
    """

    def __init__(self, cell_px: Extent, *, few: bool = False) -> None:
        self._cell_px = cell_px
        self._numbers = Numbers(few=few)
        self._cells = Extent(0, 0)
        self._image: Image | None = None
        self._bands: list[tuple[int, Box]] = []
        self._parts: list[list[Part]] = []
        self._strips: list[Strip] = []
        self._doomed: list[int] = []

    def pixels(self, cells: Extent) -> Extent:
        """As many as the terminal shows there."""
        return Extent(cells.width * self._cell_px.width, cells.height * self._cell_px.height)

    def paint(self, image: Image, cells: Extent, quality: Quality = BEST) -> Patch:
        """Paint: everything the first time and at a new size, else what changed."""
        image = shrink(image, self.pixels(cells))
        pieces = self._deletions()
        is_first = cells != self._cells or self._image is None
        if is_first:
            pieces += self._begin(cells)
            changed = [[True] * cells.width for _ in range(cells.height)]
        else:
            assert self._image is not None
            changed = changed_cells(self._image, image, self._cell_px)
        count = sum(map(sum, changed))
        before = [_said(row) for row in self._parts]
        is_whole = is_first or count > WHOLE_FROM * cells.width * cells.height or self._is_patchy
        if is_whole:
            pieces += self._send_bands(image, changed, quality)
        else:
            for box in rectangles(changed):
                pieces += self._send_patch(image, box, quality)
        self._image = image
        self._doom()
        boxes = self._repaint(before, everything=is_first)
        cost = sum(len(piece.data) for piece in pieces) + _cells_cost(boxes, cells)
        return Patch(tuple(self._strips), cost, tuple(pieces), boxes, is_whole)

    def _repaint(self, before: list[list[tuple[Part, bool]]], *, everything: bool) -> tuple[Box, ...] | None:
        """Make the strips of rows that say something else now; gives the cells that do, None for all."""
        changed = [
            [one != other for one, other in zip(was, _said(row), strict=True)]
            for was, row in zip(before, self._parts, strict=True)
        ]
        for y, row in enumerate(changed):
            if any(row) or everything:
                self._strips[y] = self._strip(y)
        return None if everything else tuple(rectangles(changed))

    def again(self, rows: range) -> tuple[Piece, ...]:
        """The cells say what is shown; nothing else was overwritten."""
        return ()

    def undo(self) -> str:
        """Delete every picture the terminal has."""
        return "".join(map(_deletion, sorted(self._numbers.held)))

    # --- sending ----------------------------------------------------------------------------------

    @property
    def _is_patchy(self) -> bool:
        return len(self._numbers.held) > len(self._bands) + MOST_PATCHES

    def _begin(self, cells: Extent) -> list[Piece]:
        """Lay out bands for so many cells; gives what deletes those before."""
        old = sorted(self._numbers.held)
        self._cells = cells
        self._bands = []
        self._parts = []
        for y in range(0, cells.height, BAND_ROWS):
            box = Box(0, y, cells.width, min(BAND_ROWS, cells.height - y))
            number = self._numbers.new()
            self._bands.append((number, box))
            self._parts += [[Part(number, row, x) for x in range(cells.width)] for row in range(box.height)]
        self._strips = [Strip([])] * cells.height
        self._numbers.held.difference_update(old)
        return [Piece(_deletion(number)) for number in old]

    def _send_bands(self, image: Image, changed: list[list[bool]], quality: Quality) -> list[Piece]:
        """Send every band in which something changed; what lay over it is gone."""
        pieces: list[Piece] = []
        for number, box in self._bands:
            if any(any(changed[y]) for y in range(box.y, box.y + box.height)):
                self._numbers.held.add(number)
                pieces += self._send(image, number, box, quality)
                self._own(number, box)
        return pieces

    def _send_patch(self, image: Image, box: Box, quality: Quality) -> list[Piece]:
        """Send a rectangle, under the number of what lies exactly there if there is one."""
        number = self._parts[box.y][box.x].picture
        if not self._shows_exactly(number, box):
            number = self._numbers.new()
            self._own(number, box)
        return self._send(image, number, box, quality)

    def _shows_exactly(self, number: int, box: Box) -> bool:
        there = sum(part.picture == number for row in self._parts for part in row)
        return there == box.width * box.height and all(
            self._parts[box.y + row][box.x + column] == Part(number, row, column)
            for row in range(box.height)
            for column in range(box.width)
        )

    def _own(self, number: int, box: Box) -> None:
        for row in range(box.height):
            self._parts[box.y + row][box.x : box.x + box.width] = [
                Part(number, row, column) for column in range(box.width)
            ]

    def _send(self, image: Image, number: int, box: Box, quality: Quality) -> list[Piece]:
        wide, high = self._cell_px
        area = (box.x * wide, box.y * high, (box.x + box.width) * wide, (box.y + box.height) * high)
        data = base64.b64encode(encoded(image.crop(area), quality)).decode("ascii")
        head = f"a=T,U=1,q=2,f=100,i={number},p={_PLACEMENT},c={box.width},r={box.height}"
        chunks = [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)]
        pieces = []
        for n, chunk in enumerate(chunks):
            more = f"m={int(n < len(chunks) - 1)}"
            pieces.append(Piece(f"\x1b_G{head if n == 0 else 'q=2'},{more};{chunk}\x1b\\"))
        return pieces

    # --- forgetting -------------------------------------------------------------------------------

    def _doom(self) -> None:
        """Take note of pictures that no cell shows any more; they go when the cells have been painted."""
        shown = {part.picture for row in self._parts for part in row}
        self._doomed = sorted(self._numbers.held - shown)

    def _deletions(self) -> list[Piece]:
        doomed, self._doomed = self._doomed, []
        self._numbers.held.difference_update(doomed)
        return [Piece(_deletion(number)) for number in doomed]

    def _strip(self, y: int) -> Strip:
        segments: list[Segment] = []
        x = 0
        for number, run in groupby(self._parts[y], key=lambda part: part.picture):
            parts = list(run)
            style = self._numbers.style(number)
            segments += [Segment(text, style) for text in written(parts, at=x, width=self._cells.width)]
            x += len(parts)
        return Strip(segments, self._cells.width)


def _said(row: list[Part]) -> list[tuple[Part, bool]]:
    """Give what cells say: the part they show, and whether the first of its picture, which says it itself."""
    return [(part, x == 0 or row[x - 1].picture != part.picture) for x, part in enumerate(row)]


def _deletion(number: int) -> str:
    """Free a picture and its placements."""
    return f"\x1b_Ga=d,d=I,q=2,i={number}\x1b\\"


def _cells_cost(boxes: tuple[Box, ...] | None, cells: Extent) -> int:
    """Say what painting cells costs, from above: half a mark for each; colours and a move for each row."""
    rows = (
        [cells.width] * cells.height
        if boxes is None
        else [box.width for box in boxes for _ in range(box.height)]
    )
    return sum(5 * width + 45 for width in rows)
