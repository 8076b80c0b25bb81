"""Frames developed off the event loop:

fetched, decoded, scaled, marked, painted; the newest wanted one wins.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from pilothouse.errors import PilothouseError
from pilothouse.frames import marker as marking
from pilothouse.frames.blocks import Blocks
from pilothouse.frames.changes import changed_boxes, draw_boxes
from pilothouse.frames.decode import decode, shrink
from pilothouse.frames.geometry import Box, Extent, View, fit
from pilothouse.frames.overlay import draw_overlay
from pilothouse.tui.graphics import Graphics

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from PIL.Image import Image

    from pilothouse.frames.marker import Marker
    from pilothouse.frames.overlay import Overlay
    from pilothouse.frames.painter import Patch

KEPT: Final = 6
"""Scaled pictures kept, for stepping to and fro; about 1.5 MB each."""


@dataclass(frozen=True, slots=True)
class Want:
    """A picture as it should be shown."""

    sha256: str
    pane_cells: Extent
    cell_px: Extent
    way: Graphics
    marker: Marker | None = None
    overlay: Overlay | None = None
    """What would happen, instead of what has."""
    view: View | None = None
    """The part of the frame to be shown; None for all of it."""
    compared: str = ""
    """Another picture's sha256: what differs from it is boxed, instead of a mark."""


@dataclass(frozen=True, slots=True)
class Developed:
    """What came of it:

    a patch of blocks, or an image for a terminal that takes pictures, or why there is none.
    """

    want: Want
    box: Box
    patch: Patch | None = None
    image: Image | None = None
    problem: str = ""


class Darkroom:
    """Develops one picture at a time."""

    def __init__(self, blob: Callable[[str], Awaitable[bytes]]) -> None:
        self._blob = blob
        self._kept: OrderedDict[tuple[str, Extent], tuple[Image, Extent]] = OrderedDict()

    async def develop(self, want: Want) -> Developed:
        """Develop a picture; a frame that can't be read gives its sentence instead."""
        try:
            data = b"" if self._is_kept(want) else await self._blob(want.sha256)
            other = await self._blob(want.compared) if want.compared else b""
            return await asyncio.to_thread(self._develop, want, data, other)
        except PilothouseError as error:
            return Developed(
                want, Box(0, 0, want.pane_cells.width, want.pane_cells.height), problem=str(error)
            )

    def _is_kept(self, want: Want) -> bool:
        return (want.sha256, self._size_key(want)) in self._kept

    def _size_key(self, want: Want) -> Extent:
        per_cell = Extent(2, 2) if want.way is Graphics.BLOCKS else want.cell_px
        return Extent(want.pane_cells.width * per_cell.width, want.pane_cells.height * per_cell.height)

    def _develop(self, want: Want, data: bytes, other: bytes = b"") -> Developed:
        scaled, image_px = self._scaled(want, data)
        box = fit(image_px, want.pane_cells, want.cell_px)
        if want.compared:
            before, _ = self._scaled(replace(want, sha256=want.compared), other)
            scaled = draw_boxes(scaled, changed_boxes(before, scaled))
        elif want.overlay is not None:
            scaled = draw_overlay(scaled, want.overlay, image_px)
        elif want.marker is not None:
            scaled = marking.draw(scaled, want.marker, image_px)
        if want.way is Graphics.BLOCKS:
            return Developed(want, box, patch=Blocks().paint(scaled, Extent(box.width, box.height)))
        return Developed(want, box, image=scaled)

    def _scaled(self, want: Want, data: bytes) -> tuple[Image, Extent]:
        key = (want.sha256, self._size_key(want))
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        image = decode(data)
        image_px = Extent(image.width, image.height)
        box = fit(image_px, want.pane_cells, want.cell_px)
        cells = Extent(box.width, box.height)
        if want.way is Graphics.BLOCKS:
            size_px = Blocks().pixels(cells)
        else:
            size_px = Extent(cells.width * want.cell_px.width, cells.height * want.cell_px.height)
        self._kept[key] = made = (shrink(image, size_px), image_px)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return made
