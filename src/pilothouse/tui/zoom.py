"""Which part of a frame is shown: how far it is enlarged, and where. Nothing here paints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pilothouse.frames.geometry import Point, View, panned, showing, whole, zoomed
from pilothouse.tui.graphics import Graphics

if TYPE_CHECKING:
    from pilothouse.frames.geometry import Extent

MOST: Final = 16.0


class Zoom:
    """A view that stays where it is while frames change."""

    def __init__(self) -> None:
        self._view: View | None = None
        self._of: Extent | None = None
        self._has_looked_around = False

    @property
    def is_on(self) -> bool:
        """Say whether less than the whole is shown."""
        return self._view is not None

    def view_of(self, image_px: Extent, way: Graphics) -> View | None:
        """Give the part to be shown of a frame; None for all of it, as of one of another size."""
        return self._view if way is not Graphics.OFF and self._of == image_px else None

    def by(self, factor: float, image_px: Extent, at: Point | None) -> None:
        """Enlarge around a place until a person looks elsewhere; below 1 show more, and in the end all."""
        full = whole(image_px)
        middle = Point(full.x + full.width / 2, full.y + full.height / 2)
        if self._view is None or self._of != image_px:
            if factor <= 1:
                self._view = None
                return
            self._of, self._has_looked_around = image_px, False
            view = zoomed(full, image_px, factor, at or middle)
            self._view = showing(view, image_px, at) if at is not None else view
            return
        now = self._view
        if factor > 1 and full.width / now.width * factor > MOST:
            return
        here = Point(now.x + now.width / 2, now.y + now.height / 2)
        view = zoomed(now, image_px, factor, here if at is None or self._has_looked_around else at)
        self._view = None if view.width >= full.width and view.height >= full.height else view

    def pan(self, dx: float, dy: float, image_px: Extent) -> None:
        """Move by parts of what is shown."""
        if self._view is not None:
            self._has_looked_around = True
            self._view = panned(self._view, image_px, dx, dy)
