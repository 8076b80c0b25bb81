"""An app whose frames and pictures wait for the terminal to take them, by the rules of `pacing`.

Here they are written and the answers taken; how a frame is made small is in `shadow`.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

from textual._ansi_sequences import SYNC_END, SYNC_START
from textual._compositor import CompositorUpdate
from textual.app import App, ReturnType
from textual.events import Event, Idle, Key, Paste
from textual.screen import Screen

from pilothouse.terminal.compositing import FrugalCompositor
from pilothouse.terminal.ingress import GuardedDriver
from pilothouse.terminal.pacing import Pacer
from pilothouse.terminal.shadow import Shadow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.events import Resize, ScreenResume

    from pilothouse.terminal.graphics import Graphic
    from pilothouse.terminal.ingress import Answered
    from pilothouse.terminal.link import LinkFigures

LOOK_AGAIN_S: Final = 0.05
HURRY_S: Final = 0.05
"""So long after a key its echo may still be on its way through the widgets."""


class PacedScreen(Screen[None]):
    """A screen that is painted when the terminal has taken what went before."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._compositor: FrugalCompositor = FrugalCompositor()

    def _on_screen_resume(self, event: ScreenResume) -> None:
        """Leave the styles of what is shown for the first time: it was styled as it was mounted.

        Textual's own handler is called besides, after this one.
        """
        event.refresh_styles = event.refresh_styles and self.stack_updates > 0

    async def _on_idle(self, event: Idle) -> None:
        """Paint what a key has changed without waiting for Textual's clock, which may be two turns away.

        Textual's own handler is called besides.
        """
        app: Any = self.app
        if not app.hurries or not self.is_current or app._batch_count:
            return
        if self._layout_required or self._scroll_required:
            self._on_timer_update()
        elif self._dirty_widgets and not self._repaint_required:
            self._paint_echo()

    def _paint_echo(self) -> None:
        """Paint what is dirty where the keys go; the rest, often a whole pane, is left to the clock."""
        compositor = self._compositor
        compositor.update_widgets(self._dirty_widgets)
        where = compositor.visible_widgets.get(self.focused) if self.focused is not None else None
        if where is not None and compositor.narrow(where[0].intersection(where[1])):
            self._compositor_refresh()
            compositor.widen()
        if compositor.is_dirty:
            self._dirty_widgets.add(self)  # has nothing of its own to paint, but keeps the clock going

    def _compositor_refresh(self) -> None:
        app: Any = self.app
        if self is not app.screen or not app.wait_to_paint(self._paint_late):
            super()._compositor_refresh()
        else:
            self._dirty_widgets.clear()  # the compositor keeps their regions

    def _paint_late(self) -> None:
        """Paint what waited, and with it what has changed since: painting forgets all that has."""
        self._compositor.update_widgets(self._dirty_widgets)
        self._compositor_refresh()


class Paced(App[ReturnType]):
    """An app whose frames wait for the terminal; mixed into `GuardedApp`."""

    def __init__(self, **app_options: Any) -> None:
        super().__init__(**app_options)
        self.pacer = Pacer(time.monotonic, self._backlog)
        self._shadow = Shadow()
        self._unpainted: list[Callable[[], None]] = []
        self._unsent = asyncio.Event()
        self._key_at = float("-inf")
        self._look_again: asyncio.TimerHandle | None = None
        self._sending = asyncio.Lock()
        self.when_overwritten: list[Callable[[list[tuple[int, int, int]]], None]] = []
        """Told, after each frame, which stretches of cells (column, row, width) it wrote to."""

    @property
    def hurries(self) -> bool:
        """Say whether a key was typed a moment ago: its echo comes before anything else."""
        return time.monotonic() - self._key_at < HURRY_S

    async def on_event(self, event: Event) -> None:
        """Take note of keys."""
        if isinstance(event, Key | Paste):
            self._key_at = time.monotonic()
        await super().on_event(event)

    @property
    def erases(self) -> bool:
        """Say whether erased cells take the present background: all do but GNU screen's."""
        return self._shadow.erases

    @erases.setter
    def erases(self, erases: bool) -> None:
        self._shadow.erases = erases

    @property
    def link(self) -> LinkFigures:
        """What the line to the terminal carries."""
        return self.pacer.figures()

    @property
    def _is_paced(self) -> bool:
        driver = self._driver
        return (
            isinstance(driver, GuardedDriver)
            and not self.is_headless
            and self._running
            and not self._closed
            and driver._writer_thread is not None
        )

    def _backlog(self) -> int:
        return self._driver.backlog if isinstance(self._driver, GuardedDriver) else 0

    def wait_to_paint(self, paint: Callable[[], None]) -> bool:
        """Say whether painting has to wait; it is then called when it is time."""
        if not self._is_paced or self.pacer.may_paint(is_echo=self.hurries):
            return False
        if paint not in self._unpainted:
            self._unpainted.append(paint)
        self._watch()
        return True

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        """Send what differs from what the terminal shows, and ask for its acknowledgement."""
        ours = isinstance(renderable, CompositorUpdate) and not self._batch_count
        if not (ours and self._is_paced) or self._driver is None or self._driver.is_inline:
            super()._display(screen, renderable)
            return
        try:
            try:
                changed = self._shadow.render(renderable, self.console)
            except Exception as error:  # as Textual does: what a widget paints must not end the pump
                self._handle_exception(error)
                return
            if changed:
                self._write_frame(changed)
                for tell in self.when_overwritten:
                    tell(self._shadow.written)
        finally:
            self.post_display_hook()

    def _write_frame(self, changed: str) -> None:
        x, y = self.screen.outer_size.clamp_offset(self.cursor_position)
        frame = f"{changed}\x1b[{y + 1};{x + 1}H"
        if self._sync_available:
            frame = f"{SYNC_START}{frame}{SYNC_END}"
        self._write_marked(frame, is_text=True)

    def _write_marked(self, data: str, *, is_text: bool) -> None:
        assert self._driver is not None
        count = len(data.encode("utf-8", "replace"))
        self._driver.write(data + self.pacer.mark(count, is_text=is_text))
        self._watch()

    async def send_pictures(self, graphics: Sequence[Graphic], *, in_tmux: bool = False) -> None:
        """Send graphics a piece at a time, frames of text between; returns when all of it has arrived."""
        if not self._is_paced:
            return
        async with self._sending:
            waiting = [graphic.written(in_tmux=in_tmux) for graphic in graphics]
            while waiting and self._is_paced:
                await self._turn(self.pacer.may_send)
                piece: list[str] = []
                size = 0
                while waiting and (not piece or size + len(waiting[0]) <= self.pacer.piece_bytes):
                    piece.append(waiting.pop(0))
                    size += len(piece[-1])
                if self._is_paced:
                    self._write_marked("".join(piece), is_text=False)
            await self._turn(lambda: self.pacer.settled)

    async def painted(self) -> None:
        """Wait until everything that was to be repainted has been written."""
        done = asyncio.Event()
        self.screen.call_after_refresh(done.set)
        await done.wait()
        await self._turn(lambda: not self._unpainted)

    async def _turn(self, is_time: Callable[[], bool]) -> None:
        while self._is_paced and not is_time():
            self._unsent.clear()
            self._watch()
            await self._unsent.wait()

    # --- what the terminal says -------------------------------------------------------------------

    def _on_answered(self, event: Answered) -> None:
        """Go on: the terminal has taken a frame."""
        event.stop()
        if self.pacer.answered(event.row, event.column, event.at_s):
            self._go_on()

    def _go_on(self) -> None:
        """Paint what has waited, text before pictures."""
        if self.pacer.may_paint():
            unpainted, self._unpainted = self._unpainted, []
            for paint in unpainted:
                paint()
        self._unsent.set()

    def _watch(self) -> None:
        """Look again when an answer is overdue, or soon where none is to be expected."""
        if self._look_again is not None:
            self._look_again.cancel()
        due_s = self.pacer.due_s
        wait_s = LOOK_AGAIN_S if due_s is None else max(due_s - time.monotonic(), LOOK_AGAIN_S)
        self._look_again = asyncio.get_running_loop().call_later(wait_s, self._looked)

    def _looked(self) -> None:
        self._look_again = None
        if not self._running:
            return
        self.pacer.expire()
        if self._is_paced:
            self._go_on()
        else:
            self._unsent.set()
        if self._unpainted or self.pacer.due_s is not None:
            self._watch()

    def _resume_signal(self) -> None:
        """Know nothing of a screen that something else has had."""
        self._shadow.forget()
        super()._resume_signal()

    async def _on_resize(self, event: Resize) -> None:
        """Know nothing of a screen of another size; Textual's own handler is called besides."""
        self._shadow.forget()
        self.pacer.resized()
        self._unsent.set()
