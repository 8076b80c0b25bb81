"""A run's latest picture, small, in block characters. It develops what it is given and knows no runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import work
from textual.content import Content
from textual.strip import Strip
from textual.widget import Widget

from pilothouse.frames.geometry import CELL_PX, Extent
from pilothouse.safety import clean_line
from pilothouse.tui.darkroom import Darkroom, Developed, Want
from pilothouse.tui.graphics import Graphics
from pilothouse.tui.wrap import cut

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Fetch = Callable[[str], Awaitable[bytes]]


class Thumbnail(Widget):
    """Blocks only: several Kitty pictures at once would cost a slow line its keys."""

    ALLOW_SELECT = False

    def __init__(self, cell_px: Extent = CELL_PX, classes: str | None = None) -> None:
        super().__init__(classes=classes)
        self._cell_px = cell_px
        self._fetch: Fetch | None = None
        self._darkroom: Darkroom | None = None
        self._sha256 = ""
        self._of = ""
        self._wanted: Want | None = None
        self._shown: Developed | None = None
        self._busy = False

    def show(self, of: str, sha256: str, fetch: Fetch) -> None:
        """Show a picture of a run; an empty hash shows that there is none."""
        if of != self._of:
            self._darkroom, self._shown = Darkroom(fetch), None
        self._of, self._sha256, self._fetch = of, sha256, fetch
        self._want()

    @property
    def settled(self) -> bool:
        """Say whether what is wanted is what is shown."""
        return self._wanted is None or (self._shown is not None and self._shown.want == self._wanted)

    def on_resize(self) -> None:
        """Develop anew at another size."""
        self._want()

    def _want(self) -> None:
        size = self.size
        if not self._sha256 or not size.width or not size.height:
            self._wanted, self._shown = None, None
            self.refresh()
            return
        want = Want(self._sha256, Extent(size.width, size.height), self._cell_px, Graphics.BLOCKS)
        if want != self._wanted:
            self._wanted = want
            if not self._busy:
                self._develop()

    @work(group="thumbnail", exit_on_error=False)
    async def _develop(self) -> None:
        """Develop what is wanted until nothing newer is."""
        self._busy = True
        try:
            while self._wanted is not None and self._darkroom is not None and not self.settled:
                room = self._darkroom
                shown = await room.develop(self._wanted)
                if room is self._darkroom:
                    self._shown = shown
                    self.refresh()
        finally:
            self._busy = False

    def render_line(self, y: int) -> Strip:
        """Paint one line."""
        width, base, shown = self.size.width, self.rich_style, self._shown
        if shown is not None and shown.patch is not None and shown.want.pane_cells.width == width:
            box = shown.box
            if box.y <= y < box.y + len(shown.patch.strips):
                strip = shown.patch.strips[y - box.y]
                return Strip.join([Strip.blank(box.x, base), strip]).adjust_cell_length(width, base)
        elif y == self.size.height // 2:
            said = clean_line(shown.problem) if shown is not None and shown.problem else ""
            said = said or ("no picture yet" if not self._sha256 else "")
            text = Content(cut(said, max(width - 2, 1))).stylize("$text-muted").center(width)
            return Strip(text.render_segments(self.visual_style), width)
        return Strip.blank(width, base)
