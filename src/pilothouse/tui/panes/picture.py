"""The screenshot pane:

where the browser was, how old the picture is, and the picture. Fetches through a `Darkroom`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import work
from textual.content import Content
from textual.geometry import Offset, Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from pilothouse.frames.geometry import Box, Extent, Geometry, fit
from pilothouse.safety import clean_line
from pilothouse.terminal.egress import EgressGuard, painted
from pilothouse.tui.graphics import Graphics
from pilothouse.tui.panes.pointed import Pointed
from pilothouse.tui.widgets.lines import Fact, FactLine, PaneHead
from pilothouse.tui.wrap import cut
from pilothouse.tui.zoom import Zoom

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from textual.app import ComposeResult
    from textual.filter import LineFilter

    from pilothouse.events import ApprovalRequested
    from pilothouse.frames.indexed import Quality
    from pilothouse.frames.overlay import Overlay
    from pilothouse.frames.painter import Painter
    from pilothouse.state import CurrentAction, Frame
    from pilothouse.tui.darkroom import Darkroom, Developed, Want
    from pilothouse.tui.hanging import Hanger

HEAD_ROWS = 2
"""Above the picture: the pane's head and the page's address."""
_NOWHERE = Extent(0, 0)
STALE_S = 5
"""From this age on the head says how old the picture is."""


class Canvas(Widget):
    """Paints a patch of blocks in the middle of itself, or a sentence where there is none."""

    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__(id="canvas")
        self._shown: Developed | None = None
        self._words = ""

    def put(self, shown: Developed | None, words: str = "") -> None:
        """Show a developed picture, or words instead."""
        if (shown, words) == (self._shown, self._words):
            return
        before, self._shown, self._words = self._shown, shown, words
        changed = shown.patch.changed if shown is not None and shown.patch is not None else None
        if changed is None or shown is None or before is None or before.box != shown.box:
            self.refresh()
        elif changed:
            at = shown.box
            self.refresh(*(Region(at.x + x, at.y + y, w, h) for x, y, w, h in changed))

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Keep the guards only: the colours of a picture's cells say which picture they show."""
        guards = [one for one in super().get_line_filters() if isinstance(one, EgressGuard)]
        is_pictures = self._shown is not None and self._shown.want.way is not Graphics.BLOCKS
        return guards if is_pictures else super().get_line_filters()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Paint lines; without a picture they are but for one the same blank, so that it is made once."""
        if self._shown is not None:
            return super().render_lines(crop)
        filters, (_, background) = self.get_line_filters(), self.background_colors

        def filtered(strip: Strip) -> Strip:
            for each in filters:
                strip = strip.apply_filter(each, background)
            return strip.crop(*crop.column_span)

        middle, blank = self.size.height // 2, filtered(Strip.blank(self.size.width, self.rich_style))
        return [
            filtered(self.render_line(y)) if self._words and y == middle else blank for y in crop.line_range
        ]

    def render_line(self, y: int) -> Strip:
        """Paint one line."""
        width, base = self.size.width, self.rich_style
        shown = self._shown
        if shown is not None and shown.patch is not None:
            parts: list[Strip] = []
            used = 0
            for box, patch in ((shown.box, shown.patch), *([shown.close_up] if shown.close_up else [])):
                if box.y <= y < box.y + len(patch.strips):
                    parts += [Strip.blank(box.x - used, base), painted(patch.strips[y - box.y])]
                    used = box.x + box.width
            return Strip.join([*parts, Strip.blank(max(width - used, 0), base)])
        if self._words and y == self.size.height // 2:
            text = Content(cut(self._words, width - 2)).stylize("$text-muted").center(width)
            return Strip(text.render_segments(self.visual_style), width)
        return Strip.blank(width, base)


class PicturePane(Pointed, can_focus=True):
    """Shows one frame with the mark of the action it belongs to."""

    ALLOW_MAXIMIZE = False

    class Painted(Message):
        """A picture is on the screen."""

        def __init__(self, sha256: str) -> None:
            super().__init__()
            self.sha256 = sha256

    def __init__(self, blob: Callable[[str], Awaitable[bytes]], way: Graphics, cell_px: Extent) -> None:
        super().__init__(id="picture", classes="pane")
        self._blob = blob
        self._way = way
        self._cell_px = cell_px
        self._frame: Frame | None = None
        self._action: CurrentAction | None = None
        self._asked: ApprovalRequested | None = None
        self._drawn: Overlay | None = None
        self.model_px: Extent | None = None
        """What actions count in, where that is not the picture's own pixels."""
        self._comparison = ""
        self._before: Frame | None = None
        self._wanted: Want | None = None
        self.shown: Developed | None = None
        self._busy = False
        self._workplace: tuple[Darkroom, Hanger] | None = None
        self._zoom = Zoom()
        self.is_alone = False
        """The picture fills the screen."""

    def compose(self) -> ComposeResult:
        """Lay out head, address and picture."""
        yield PaneHead(3)
        yield FactLine(id="address")
        yield Canvas()

    @property
    def way(self) -> Graphics:
        """How pictures are painted here."""
        return self._way

    @property
    def settled(self) -> bool:
        """Say whether what is wanted is what is shown."""
        return self._wanted is None or (self.shown is not None and self.shown.want == self._wanted)

    @property
    def geometry(self) -> Geometry | None:
        """Say where the picture lies and how its pixels lead to the model's; None while there is none."""
        size = self._frame and Extent(self._frame.blob.width_px, self._frame.blob.height_px)
        if not size or not size.width or not size.height:
            return None
        model_px, shown = self.model_px or size, self.shown
        if shown is None or shown.problem:
            return Geometry(size, model_px, model_px, fit(size, self._room(), self._cell_px))
        return Geometry(size, model_px, model_px, shown.box, shown.want.view)

    @property
    def stage(self) -> Offset:
        """The upper left corner of the cells below the head and the address, on the screen."""
        return self.content_region.offset + Offset(0, HEAD_ROWS)

    @property
    def address(self) -> str:
        """The page's address, cleaned."""
        return clean_line(self._frame.url, 2_000) if self._frame else ""

    def show(
        self,
        frame: Frame | None,
        action: CurrentAction | None,
        age_s: float | None,
        asked: ApprovalRequested | None = None,
        overlay: Overlay | None = None,
    ) -> None:
        """Show a frame with an overlay, else with what is asked about, else with the mark of its action.

        `age_s` is how long ago it was taken, None where that means nothing.
        """
        self._frame, self._action, self._asked, self._drawn = frame, action, asked, overlay
        head = self.query_one(PaneHead)
        address = self.query_one("#address", FactLine)
        if frame is None:
            head.say()
            address.put([Fact("no picture yet")])
        else:
            stale = f"{age_s:.0f} s old" if age_s is not None and age_s >= STALE_S else ""
            said = {"before": "before the step", "after": "what the step changed"}.get(self._comparison, "")
            shown = self._before if self._comparison == "before" and self._before else frame
            head.say(f"frame {shown.frame}" if shown.frame else "live", stale, said)
            address.put(self._caption(frame))
        self._want()

    def compare(self, how: str, before: Frame | None) -> None:
        """Show from now on the picture `before` a step, or what changed `after` it; nothing for neither."""
        self._comparison, self._before = (how, before) if before is not None else ("", None)

    def _caption(self, frame: Frame) -> list[Fact]:
        """Say where the picture was taken; a browser without a page's address gives its size and action."""
        if frame.url or frame.title:
            address = Fact(clean_line(frame.url, 500), "$text-primary")
            return [address, Fact(clean_line(frame.title, 200), "$text-muted", 1)]
        size = f"{frame.blob.width_px}×{frame.blob.height_px}"
        after = f"after action {frame.action}" if frame.action else ""
        return [Fact(size, "$text-muted"), Fact(after, "$text-muted", 1)]

    async def use(self, way: Graphics) -> None:
        """Paint in another way from now on."""
        self._way = way
        self.query_one(Canvas).put(None)
        if self._workplace is not None:
            await self._workplace[1].use(way)
        self.shown = self._wanted = None
        self._want()

    def zoom(self, factor: float) -> None:
        """Show less of the picture, larger, beginning around the action; or more of it."""
        if self._frame is not None:
            from pilothouse.tui.darkroom import place_of

            size = Extent(self._frame.blob.width_px, self._frame.blob.height_px)
            self._zoom.by(factor, size, place_of(self._wanted) if self._wanted is not None else None)
            self._want()

    def pan(self, dx: float, dy: float) -> bool:
        """Look further to a side, by parts of what is shown; says whether the picture is enlarged."""
        if self._frame is None or not self._zoom.is_on:
            return False
        self._zoom.pan(dx, dy, Extent(self._frame.blob.width_px, self._frame.blob.height_px))
        self._want()
        return True

    def stand_alone(self, is_alone: bool) -> None:
        """Take note whether the picture fills the screen."""
        if is_alone != self.is_alone:
            self.is_alone = is_alone
            self._want()

    async def on_unmount(self) -> None:
        """Take the pictures off the terminal."""
        if self._workplace is not None:
            await self._workplace[1].close()

    def on_mount(self) -> None:
        """Say that there is no picture yet."""
        self._want()

    async def _furnished(self) -> tuple[Darkroom, Hanger]:
        """Set up what develops and hangs pictures; with the first one, for the first frame has none."""
        if self._workplace is None:
            from pilothouse.tui.darkroom import Darkroom
            from pilothouse.tui.hanging import Hanger

            self._workplace = Darkroom(self._blob), Hanger(self.app, self._place, self._cell_px)
            await self._workplace[1].use(self._way)
        return self._workplace

    def on_resize(self) -> None:
        """Develop anew at another size."""
        self.call_after_refresh(self._want)

    def _place(self) -> Box | None:
        """Say where the canvas lies; None while it is not to be seen."""
        canvas = self.query_one(Canvas)
        if self.app.screen is not self.screen or not self.display or not canvas.region:
            return None
        return Box(*canvas.region)

    def _room(self) -> Extent:
        from pilothouse.frames.placeholders import MOST_CELLS

        size = self.content_size
        return Extent(min(size.width, MOST_CELLS), min(max(size.height - HEAD_ROWS, 0), MOST_CELLS))

    def _want(self) -> None:
        canvas = self.query_one(Canvas)
        frame, room = self._frame, self._room() if self._frame else _NOWHERE
        if frame is None or self._way is Graphics.OFF or not room.width or not room.height:
            self._wanted = self.shown = None
            canvas.put(None, self._words())
            return
        want = self._with_marks(frame, room)
        if want != self._wanted:
            self._wanted = want
            if not self._busy:
                self._develop()

    def _with_marks(self, frame: Frame, room: Extent) -> Want:
        """Ask for the frame with its marks, or for what a comparison shows instead."""
        from pilothouse.frames.marker import marker_of
        from pilothouse.frames.overlay import overlay_of
        from pilothouse.tui.darkroom import Want

        view = self._zoom.view_of(Extent(frame.blob.width_px, frame.blob.height_px), self._way)
        if self._before is not None:
            before = self._before.blob.sha256
            if self._comparison == "before":
                return Want(before, room, self._cell_px, self._way, view=view)
            return Want(frame.blob.sha256, room, self._cell_px, self._way, view=view, compared=before)
        action, overlay = self._action, self._drawn
        if overlay is None and self._asked is not None:
            overlay = overlay_of(self._asked.member, self._asked.input)
        return Want(
            frame.blob.sha256,
            room,
            self._cell_px,
            self._way,
            marker_of(action.member, action.input) if action is not None else None,
            overlay,
            view=view,
            close_up=self.is_alone and self._way is Graphics.BLOCKS,
        )

    def _words(self) -> str:
        if self._frame is None:
            return "the first picture is on its way"
        blob = self._frame.blob
        return f"pictures are off · {blob.width_px}×{blob.height_px} · press c"

    @work(group="darkroom", exit_on_error=False)
    async def _develop(self) -> None:
        """Develop what is wanted until nothing newer is: one in flight, the newest wins."""
        self._busy = True
        try:
            darkroom, hanger = await self._furnished()
            while self._wanted is not None and not self.settled:
                await hanger.wait_for_turn()
                want, painter, quality = self._wanted, hanger.painter, hanger.quality
                if want is not None:
                    shown = await darkroom.develop(want, painter, quality)
                    await self._put(shown, hanger, painter, quality)
        finally:
            self._busy = False

    async def _put(self, shown: Developed, hanger: Hanger, painter: Painter, quality: Quality) -> None:
        """Show what was developed: what the terminal needs for it first, then its cells."""
        if self._wanted is None or painter is not hanger.painter:
            return
        await hanger.send(shown, quality)
        if self._wanted is None or painter is not hanger.painter:
            return
        self.shown = shown
        if shown.problem:
            self.query_one(Canvas).put(None, clean_line(shown.problem))
        else:
            self.query_one(Canvas).put(shown)
            await hanger.draw(shown)
        self.post_message(self.Painted(shown.want.sha256))
