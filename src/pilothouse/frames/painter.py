"""What a painter is:

a picture and a number of cells in, a patch with its cost out. The painters are beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from PIL.Image import Image
    from textual.strip import Strip

    from pilothouse.frames.geometry import Extent


class Patch(NamedTuple):
    """A painted picture, one strip per row of cells, and what it costs to send."""

    strips: tuple[Strip, ...]
    cost_bytes: int
    """Known before it is sent; an estimate from above for painters whose terminal driver drops repeated
    styles."""


class Painter(Protocol):
    """Paints pictures; blocking, so called in a thread."""

    def pixels(self, cells: Extent) -> Extent:
        """Say to how many pixels a picture for so many cells should be scaled."""
        ...

    def paint(self, image: Image, cells: Extent) -> Patch:
        """Paint a picture into exactly so many cells."""
        ...
