"""How pictures get onto this terminal: which ways there are, and the painter of each.

Our own probe has asked the terminal, before Textual started. textual-image's widgets would ask again, at
their import, and wait 0.1 s: on a slow link the answers arrive later, as keys (tui-style §0.3).
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from pilothouse.frames.geometry import CELL_PX, Extent

if TYPE_CHECKING:
    from pilothouse.frames.painter import Painter
    from pilothouse.terminal.probe import Capabilities


class Graphics(StrEnum):
    """A way to paint pictures."""

    KITTY = "kitty"
    SIXEL = "sixel"
    BLOCKS = "blocks"
    OFF = "off"


def ways(capabilities: Capabilities, asked: str = "auto") -> tuple[Graphics, ...]:
    """List the ways to paint here, the first to begin with.

    Inside a multiplexer only Kitty's pictures get through, where tmux was told to pass them on.

    Args:
        capabilities: What our probe found.
        asked: `auto`, or a way the person insists on: then it comes first, whatever the terminal said.
    """
    found = [Graphics.KITTY] if capabilities.kitty else []
    found += [Graphics.SIXEL] if capabilities.sixel else []
    if capabilities.multiplexer:
        found = [Graphics.KITTY] if capabilities.passthrough else []
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


def painter_for(way: Graphics, cell_px: Extent, *, few_colours: bool = False) -> Painter:
    """Make the painter of a way.

    Args:
        way: How to paint; `off` paints nothing, and any painter does.
        cell_px: Pixels of a cell.
        few_colours: Cells can only be told apart by 256 colours, as in a multiplexer.
    """
    match way:
        case Graphics.KITTY:
            from pilothouse.frames.kitty import Kitty

            return Kitty(cell_px, few=few_colours)
        case Graphics.SIXEL:
            from pilothouse.frames.sixel import Sixel

            return Sixel(cell_px)
        case _:
            from pilothouse.frames.blocks import Blocks

            return Blocks()
