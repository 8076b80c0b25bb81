"""How pictures get onto this terminal:

which ways there are, and the door to textual-image that keeps it from asking.

textual-image asks the terminal when it is imported and waits 0.1 s: on a slow link the answers arrive
later, as keys
(tui-style §0.3). Our own probe has asked already, before Textual started, so here its questions are cut off.
"""

from __future__ import annotations

import io
import sys
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pilothouse.frames.geometry import CELL_PX, Extent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from textual.filter import LineFilter
    from textual.widget import Widget

    from pilothouse.terminal.probe import Capabilities


class Graphics(StrEnum):
    """A way to paint pictures."""

    KITTY = "kitty"
    SIXEL = "sixel"
    BLOCKS = "blocks"
    OFF = "off"


def ways(capabilities: Capabilities, asked: str = "auto") -> tuple[Graphics, ...]:
    """List the ways to paint here, the first to begin with; inside a multiplexer pictures do not get through.

    Args:
        capabilities: What our probe found.
        asked: `auto`, or a way the person insists on: then it comes first, whatever the terminal said.
    """
    found = [Graphics.KITTY] if capabilities.kitty else []
    found += [Graphics.SIXEL] if capabilities.sixel else []
    if capabilities.multiplexer:
        found = []
    found += [Graphics.BLOCKS, Graphics.OFF]
    if asked == "auto":
        return tuple(found)
    first = Graphics(asked)
    return (first, *(way for way in found if way is not first))


def cell_size(capabilities: Capabilities) -> Extent:
    """Give the pixels of a cell as the terminal told, else the usual ones."""
    if capabilities.cell_width_px and capabilities.cell_height_px:
        return Extent(capabilities.cell_width_px, capabilities.cell_height_px)
    return CELL_PX


def picture_widget(way: Graphics, cell_px: Extent) -> Widget:
    """Make textual-image's widget for a way that draws real pictures; give it pictures by `.image`."""
    with _unasked(cell_px):
        from textual_image.renderable.tgp import Image as TgpRenderable
        from textual_image.widget import SixelImage, TGPImage

    kitty: Any = TGPImage
    sixel: Any = SixelImage

    class Kitty(kitty, Renderable=TgpRenderable):  # type: ignore[misc, call-arg]
        """Its colours carry image ids and its text is ours: no filter may touch either."""

        def get_line_filters(self) -> Sequence[LineFilter]:
            return []

    return Kitty(id="painted") if way is Graphics.KITTY else sixel(id="painted")


@contextmanager
def _unasked(cell_px: Extent) -> Iterator[None]:
    """Import textual-image as if there were no terminal, with the cell size already known."""
    from textual_image import _terminal

    told: Any = _terminal.get_cell_size
    told._result = _terminal.CellSize(cell_px.width, cell_px.height)
    system: Any = sys
    real, system.__stdout__ = sys.__stdout__, io.StringIO()
    try:
        yield
    finally:
        system.__stdout__ = real
