"""Gets developed pictures onto the screen: what a painter made is sent before its cells, one at a time.

The pane says what is to be seen; frame rate and quality follow the line to the terminal. Decodes nothing.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

from pilothouse.frames.indexed import BEST, quality_for
from pilothouse.terminal import tty
from pilothouse.terminal.graphics import Graphic
from pilothouse.tui.graphics import Graphics, painter_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pilothouse.frames.geometry import Box, Extent
    from pilothouse.frames.indexed import Quality
    from pilothouse.frames.painter import Painter, Patch, Piece
    from pilothouse.tui.darkroom import Developed

NEAR_S, FAR_S = 0.2, 0.5
"""At most five pictures a second, two over SSH (tui-style §3.4)."""
FRAME_S: Final = 1.0
"""A whole picture may take the line so long; with what else it carries the newest is there within 4 s."""
FAR_BYTES: Final = 30_000
"""What it may take over SSH while the rate of the line is not known."""
FAST: Final = 400_000.0
"""Bytes a second from which on no picture is made smaller."""


class Hanger:
    """One place for pictures on the screen.

    Args:
        app: Whose terminal it is: a `terminal.sending.Paced`.
        place: Where the canvas lies on the screen; None while it is not to be seen.
        cell_px: Pixels of a cell.
    """

    def __init__(self, app: Any, place: Callable[[], Box | None], cell_px: Extent) -> None:
        self._app = app
        self._place = place
        self._cell_px = cell_px
        self._hung_at = float("-inf")
        self._last = (0, BEST)
        self._shown: Developed | None = None
        self._drawn = False
        self._unpainted = False
        self._wiped: set[int] = set()
        self._redrawing = False
        self.way = Graphics.OFF
        self.painter: Painter = painter_for(Graphics.OFF, cell_px)
        self._name = f"pictures {id(self)}"
        app.when_overwritten.append(self._overwritten)

    # --- how --------------------------------------------------------------------------------------

    @property
    def _capabilities(self) -> Any:
        return getattr(self._app, "capabilities", None)

    @property
    def _in_tmux(self) -> bool:
        return bool(self._capabilities) and self._capabilities.multiplexer == "tmux"

    @property
    def _is_far(self) -> bool:
        return bool(self._capabilities) and self._capabilities.ssh

    async def use(self, way: Graphics) -> None:
        """Paint in another way from now on; what was sent is taken off the terminal."""
        undo = self.painter.undo()
        self._drawn, self._shown = False, None
        few = self._in_tmux or str(self._app.console.color_system) == "256"
        self.way, self.painter = way, painter_for(way, self._cell_px, few_colours=few)
        tty.leave(self._name, "")
        if undo:
            await self._app.send_pictures(_graphics_of(undo), in_tmux=self._in_tmux)

    async def close(self) -> None:
        """Take the pictures off the terminal, and look on no longer."""
        self._app.when_overwritten.remove(self._overwritten)
        await self.use(Graphics.OFF)

    @property
    def quality(self) -> Quality:
        """How good a picture the line allows."""
        rate = self._app.pacer.link.rate
        if rate >= FAST or (not rate and not self._is_far):
            return BEST
        budget = int(rate * FRAME_S) if rate else FAR_BYTES
        if self.way is Graphics.BLOCKS:
            return BEST
        return quality_for(budget, *self._last)

    async def wait_for_turn(self) -> None:
        """Wait until the next picture may be begun, so that the newest is taken then."""
        if self.way is Graphics.BLOCKS and not self._is_far:
            return  # cells like any others: frames of text are paced by the terminal
        if self._app.is_headless:
            return
        left_s = self._hung_at + (FAR_S if self._is_far else NEAR_S) - time.monotonic()
        if left_s > 0:
            await asyncio.sleep(left_s)

    # --- hanging ----------------------------------------------------------------------------------

    async def send(self, shown: Developed, quality: Quality) -> None:
        """Send what the terminal needs before the cells of a picture are painted."""
        self._hung_at = time.monotonic()
        patch = shown.patch
        if patch is None or not patch.pieces:
            return
        if patch.is_whole:
            self._last = (patch.cost_bytes, quality)
        if patch.pieces[0].x < 0:
            self._remember_to_undo()
            if self._unpainted:
                await self._app.painted()  # this picture deletes what cells showed before the last
                self._unpainted = False
            await self._send(patch.pieces, shown.box)

    async def draw(self, shown: Developed) -> None:
        """Draw onto the painted cells, where a painter does that."""
        patch: Patch | None = shown.patch
        self._shown = shown
        if patch is None or not patch.pieces:
            return
        if patch.pieces[0].x < 0:
            self._unpainted = patch.changed != ()
            return
        if patch.changed is None:
            self._drawn = False
            await self._app.painted()
        self._wiped.clear()
        self._drawn = True
        await self._send(patch.pieces, shown.box)

    def _remember_to_undo(self) -> None:
        undo = _graphics_of(self.painter.undo())
        tty.leave(self._name, "".join(graphic.written(in_tmux=self._in_tmux) for graphic in undo))

    async def _send(self, pieces: Sequence[Piece], box: Box) -> None:
        place = self._place()
        if place is None and pieces[0].x >= 0:
            return
        x, y = (place.x + box.x, place.y + box.y) if place is not None else (0, 0)
        graphics = [
            Graphic.of(piece.data, y + piece.y, x + piece.x) if piece.x >= 0 else Graphic.of(piece.data)
            for piece in pieces
        ]
        await self._app.send_pictures(graphics, in_tmux=self._in_tmux)

    # --- drawing again ----------------------------------------------------------------------------

    def _overwritten(self, stretches: list[tuple[int, int, int]]) -> None:
        """Take note of cells painted over a drawn picture."""
        place = self._place()
        if not self._drawn or self._shown is None or place is None:
            return
        box = self._shown.box
        left, top = place.x + box.x, place.y + box.y
        rows = {
            y - top
            for x, y, width in stretches
            if top <= y < top + box.height and x < left + box.width and left < x + width
        }
        if rows:
            self._wiped |= rows
            if not self._redrawing:
                self._app.run_worker(self._draw_again(), group="drawing", exit_on_error=False)

    async def _draw_again(self) -> None:
        self._redrawing = True
        try:
            while self._wiped and self._drawn and self._shown is not None:
                rows = range(min(self._wiped), max(self._wiped) + 1)
                self._wiped.clear()
                pieces = await asyncio.to_thread(self.painter.again, rows)
                if pieces:
                    await self._send(pieces, self._shown.box)
        finally:
            self._redrawing = False


def _graphics_of(data: str) -> list[Graphic]:
    return [Graphic.of(f"{part}\x1b\\") for part in data.split("\x1b\\") if part]
