"""Frames developed off the event loop:

fetched, decoded, scaled, marked, painted; the newest wanted one wins.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

import msgspec

from pilothouse.errors import PilothouseError
from pilothouse.frames import marker as marking
from pilothouse.frames.blocks import Blocks
from pilothouse.frames.changes import changed_boxes, draw_boxes
from pilothouse.frames.geometry import Box, Extent, Point, View, fit, whole
from pilothouse.frames.indexed import BEST
from pilothouse.frames.marker import Marker
from pilothouse.frames.overlay import Overlay, draw_overlay
from pilothouse.frames.painter import Patch
from pilothouse.frames.workshop import scaled as scale
from pilothouse.tui.graphics import Graphics

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from PIL.Image import Image

    from pilothouse.frames.indexed import Quality
    from pilothouse.frames.painter import Painter

NOTHING: Final = Extent(0, 0)
KEPT: Final = 6
"""Scaled pictures kept, for stepping to and fro; about 1.5 MB each."""
CLOSE_UP_FROM: Final = 60
"""A pane of so many cells has room for an enlarged part beside the whole."""


class Want(msgspec.Struct, frozen=True):
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
    close_up: bool = False
    """Show the place of the action enlarged beside the whole, where that can't be read."""


class Developed(msgspec.Struct, frozen=True):
    """What came of it: a painted picture, or why there is none."""

    want: Want
    box: Box
    patch: Patch | None = None
    image_px: Extent = NOTHING
    """Of the frame as it was stored."""
    close_up: tuple[Box, Patch] | None = None
    """The place of the action enlarged, and where that lies."""
    problem: str = ""


class Darkroom:
    """Develops one picture at a time."""

    def __init__(self, blob: Callable[[str], Awaitable[bytes]]) -> None:
        self._blob = blob
        self._kept: OrderedDict[tuple[object, ...], tuple[Image, Extent]] = OrderedDict()

    async def develop(self, want: Want, painter: Painter | None = None, quality: Quality = BEST) -> Developed:
        """Develop a picture; a frame that can't be read gives its sentence instead.

        Args:
            want: What is to be seen.
            painter: Who paints it; blocks by default.
            quality: How good it may be.
        """
        painter = painter or Blocks()
        try:
            data = b"" if self._is_kept(want) else await self._blob(want.sha256)
            other = await self._blob(want.compared) if want.compared else b""
            return await asyncio.to_thread(self._develop, want, data, other, painter, quality)
        except PilothouseError as error:
            return Developed(
                want, Box(0, 0, want.pane_cells.width, want.pane_cells.height), problem=str(error)
            )

    def _is_kept(self, want: Want) -> bool:
        return _kept_as(want, want.view) in self._kept and not want.close_up

    def _develop(
        self, want: Want, data: bytes, other: bytes, painter: Painter, quality: Quality
    ) -> Developed:
        room, close_room = _rooms(want)
        scaled, image_px = self._scaled(want, want.view, room, data, painter)
        view = want.view or whole(image_px)
        box = fit(Extent(round(view.width), round(view.height)), room, want.cell_px)
        if want.compared:
            before, _ = self._scaled(
                msgspec.structs.replace(want, sha256=want.compared), want.view, room, other, painter
            )
            marked = draw_boxes(scaled, changed_boxes(before, scaled))
        else:
            marked = _marked(want, scaled, view)
        patch = painter.paint(marked, Extent(box.width, box.height), quality)
        close_up = None
        at = place_of(want)
        if close_room is not None and at is not None:
            close_up = self._close_up(want, data, image_px, at, close_room)
        return Developed(want, box, patch, image_px, close_up)

    def _close_up(self, want: Want, data: bytes, image_px: Extent, at: Point, room: Box) -> tuple[Box, Patch]:
        """Enlarge the place of an action: a pixel of the frame for each one of the blocks."""
        painter = Blocks()
        tall = want.cell_px.height / want.cell_px.width
        size = Extent(room.width * 2, round(room.height * tall))
        view = showing_around(at, size, image_px)
        cells = Extent(room.width, room.height)
        scaled, _ = self._scaled(want, view, cells, data, painter)
        box = fit(Extent(round(view.width), round(view.height)), cells, want.cell_px)
        patch = painter.paint(_marked(want, scaled, view), Extent(box.width, box.height))
        return Box(room.x + box.x, room.y + box.y, box.width, box.height), patch

    def _scaled(
        self, want: Want, view: View | None, room: Extent, data: bytes, painter: Painter
    ) -> tuple[Image, Extent]:
        key = _kept_as(want, view)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        made = scale(data, view, room, want.cell_px, painter.pixels(Extent(1, 1)))
        if view is None or view == want.view:
            self._kept[key] = made
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return made


def _kept_as(want: Want, view: View | None) -> tuple[object, ...]:
    per_cell = Extent(2, 2) if want.way is Graphics.BLOCKS else want.cell_px
    return (want.sha256, want.pane_cells, per_cell, view, want.close_up)


def _rooms(want: Want) -> tuple[Extent, Box | None]:
    """Share the pane between the whole picture and the enlarged part of it, side by side."""
    pane = want.pane_cells
    if not want.close_up or want.way is not Graphics.BLOCKS or want.view or pane.width < CLOSE_UP_FROM:
        return pane, None
    if place_of(want) is None:
        return pane, None
    left = pane.width * 2 // 5
    return Extent(left, pane.height), Box(left + 1, 0, pane.width - left - 1, pane.height)


def place_of(want: Want) -> Point | None:
    """Say where on the frame something happened, or would."""
    if want.overlay is not None:
        return want.overlay.at
    return want.marker.at if want.marker is not None else None


def showing_around(at: Point, size: Extent, image_px: Extent) -> View:
    """Give a view of so many pixels with a place in its middle, as far as the frame goes."""
    width, height = min(size.width, image_px.width), min(size.height, image_px.height)
    x = min(max(at.x - width / 2, 0), image_px.width - width)
    y = min(max(at.y - height / 2, 0), image_px.height - height)
    return View(float(int(x)), float(int(y)), float(width), float(height))


def _marked(want: Want, scaled: Image, view: View) -> Image:
    """Draw what happened, or would, onto a part of the frame."""
    shown_px = Extent(round(view.width), round(view.height))
    if want.overlay is not None:
        return draw_overlay(scaled, _moved_overlay(want.overlay, view), shown_px)
    if want.marker is not None:
        return marking.draw(scaled, _moved_marker(want.marker, view), shown_px)
    return scaled


def _moved_overlay(overlay: Overlay, view: View) -> Overlay:
    return overlay._replace(at=_moved(overlay.at, view), start=_moved(overlay.start, view))


def _moved_marker(marker: Marker, view: View) -> Marker:
    return marker._replace(at=_moved(marker.at, view) or marker.at, start=_moved(marker.start, view))


def _moved(at: Point | None, view: View) -> Point | None:
    return None if at is None else Point(at.x - view.x, at.y - view.y)
