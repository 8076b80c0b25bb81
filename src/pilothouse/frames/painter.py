"""What a painter is:

a picture and a number of cells in, a patch with its cost out. The painters are beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from PIL.Image import Image
    from textual.strip import Strip

    from pilothouse.frames.geometry import Box, Extent
    from pilothouse.frames.indexed import Quality


class Piece(NamedTuple):
    """One whole sequence for the terminal, and where it is drawn."""

    data: str
    x: int = -1
    """Cells from the picture's upper left corner; -1 where the cells themselves say it."""
    y: int = -1


class Patch(NamedTuple):
    """A painted picture, one strip per row of cells, and what it costs to send."""

    strips: tuple[Strip, ...]
    cost_bytes: int
    """Known before it is sent; an estimate from above for painters whose terminal driver drops repeated
    styles."""
    pieces: tuple[Piece, ...] = ()
    """What the terminal is sent before the cells are painted."""
    changed: tuple[Box, ...] | None = None
    """The cells that look different now; None for all of them."""
    is_whole: bool = True
    """All of the picture is sent, not only what is new in it."""


class Painter(Protocol):
    """Paints pictures; blocking, so called in a thread, one picture at a time.

    A painter knows what the terminal was sent, and may send only what is new in the next picture.
    """

    def pixels(self, cells: Extent) -> Extent:
        """Say to how many pixels a picture for so many cells should be scaled."""
        ...

    def paint(self, image: Image, cells: Extent, quality: Quality = ...) -> Patch:
        """Paint a picture into exactly so many cells."""
        ...

    def again(self, rows: range) -> tuple[Piece, ...]:
        """Give what draws rows of the picture again, after the terminal was made to overwrite them."""
        ...

    def undo(self) -> str:
        """Give what takes everything off the terminal again that it was sent."""
        ...
