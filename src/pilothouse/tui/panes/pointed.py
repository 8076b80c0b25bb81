"""The mouse over the picture: where on the page it points, told to whoever asked for it. Paints nothing.

While nobody asks, the mouse means here what it means everywhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Vertical
from textual.message import Message

from pilothouse.frames.geometry import Point
from pilothouse.tui.pointer import Report

if TYPE_CHECKING:
    from textual import events
    from textual.geometry import Offset

    from pilothouse.frames.geometry import Geometry


class Pointed(Vertical):
    """A pane with a picture that can be pointed at."""

    takes_pointer = False
    """Somebody wants to know what the mouse does on the picture."""
    _exact = False
    """The terminal reports pixels: known from the first place that is no whole cell."""

    class Pointer(Message):
        """The mouse did something on the picture."""

        def __init__(self, report: Report) -> None:
            super().__init__()
            self.report = report

    @property
    def geometry(self) -> Geometry | None:
        """Say where the picture lies, counted from `stage`; None while there is none."""
        return None

    @property
    def stage(self) -> Offset:
        """The upper left corner of the cells in which the picture is fitted, on the screen."""
        return self.content_region.offset

    @property
    def is_exact(self) -> bool:
        """Say whether the terminal tells where in a cell the mouse is."""
        return self._exact

    def zoom(self, factor: float) -> None:
        """Show less of the picture, larger; a pane that can't does nothing."""

    def pan(self, dx: float, dy: float) -> bool:
        """Look further to a side, by parts of what is shown; says whether the picture is enlarged."""
        return False

    def let_pointer_go(self) -> None:
        """Take no more interest in the mouse, in the middle of a drag too."""
        self.takes_pointer = False
        self.release_mouse()

    async def _on_mouse_down(self, event: events.MouseDown) -> None:
        if self._tell("down", event):
            self.capture_mouse()

    def _on_mouse_move(self, event: events.MouseMove) -> None:
        self._tell("move", event)

    async def _on_mouse_up(self, event: events.MouseUp) -> None:
        self._tell("up", event)
        self.release_mouse()

    def _on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._tell("scroll", event, "left" if event.shift else "up")

    def _on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._tell("scroll", event, "right" if event.shift else "down")

    def _on_mouse_scroll_left(self, event: events.MouseScrollLeft) -> None:
        self._tell("scroll", event, "left")

    def _on_mouse_scroll_right(self, event: events.MouseScrollRight) -> None:
        self._tell("scroll", event, "right")

    def _tell(self, kind: str, event: events.MouseEvent, way: str = "") -> bool:
        """Say what the mouse did; returns whether it did it on the picture, or on from there."""
        at = Point(event.pointer_screen_x - self.stage.x, event.pointer_screen_y - self.stage.y)
        self._exact = self._exact or at != Point(int(at.x), int(at.y))
        geometry = self.geometry if self.takes_pointer else None
        if geometry is None:
            return False
        event.stop()
        event.prevent_default()
        is_held = self.app.mouse_captured is self
        place = geometry.meant(at, exact=self._exact, clamped=is_held)
        if place is None:
            return False
        names = (("ctrl", event.ctrl), ("alt", event.meta), ("shift", event.shift and not way))
        held = "+".join(name for name, is_down in names if is_down)
        self.post_message(self.Pointer(Report(kind, place, event.button, way, held)))
        return True
