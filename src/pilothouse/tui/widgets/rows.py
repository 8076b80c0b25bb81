"""A list of rows of any height and any number, painted line by line. Knows nothing of what the rows mean.

Never a widget per row: 5,000 of those take 13 s to add; this takes a screen's worth of lines per paint,
whatever the
number of rows (tui-style §2.4, performance §5).
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.cache import LRUCache
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from pilothouse.tui.wrap import cells

if TYPE_CHECKING:
    from rich.style import Style
    from textual import events
    from textual.selection import Selection

    from pilothouse.tui.rowlist import Line, RowSource

TONES = (
    "instruction", "instruction-glyph", "thinking", "thinking-glyph", "text", "text-glyph", "message",
    "message-glyph", "dropped", "action", "note", "state", "warning", "error", "end-completed", "end-failed",
    "end-aborted", "end-limit", "end-needs-person", "call-proposed", "call-started", "call-done",
    "call-failed", "call-skipped", "call-in-doubt", "call-future", "member", "aim", "detail", "dim", "future",
)  # fmt: skip
_LAID_OUT = 512
_STRIPS = 2_048
_AHEAD = 2
"""Lines kept in view below the cursor's row."""


class Rows(ScrollView, can_focus=True, inherit_bindings=False):
    """Scrolls a `RowSource`; a cursor marks the row the screen is at. Its keys are the screen's."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"rows--{tone}" for tone in TONES} | {
        "rows--cursor",
        "rows--bar",
    }
    ALLOW_MAXIMIZE = False

    class Chosen(Message):
        """The person moved the cursor to a row."""

        def __init__(self, rows: Rows, index: int) -> None:
            super().__init__()
            self.rows = rows
            self.index = index

        @property
        def control(self) -> Rows:
            """Give the list concerned."""
            return self.rows

    class Opened(Chosen):
        """The person asked for more of a row."""

    def __init__(self, source: RowSource, id: str) -> None:  # noqa: A002 (Textual's own name)
        super().__init__(id=id)
        self._source = source
        self._tops: list[int] = [0]
        """First line of each row, and the line after the last."""
        self._laid: LRUCache[tuple[int, int, int], list[Line]] = LRUCache(_LAID_OUT)
        self._strips: LRUCache[tuple[int, bool, int], Strip] = LRUCache(_STRIPS)
        self._position = -1
        self._cursor = -1
        self._width = 0
        self._stamp = -1
        self._follows = False
        self._painted: dict[int, Strip] = {}
        """What each line of the pane showed when it was last painted, the mouse's selection aside."""
        self._styles: dict[str, Style] = {}

    # --- what the screen says ---------------------------------------------------------------------

    @property
    def cursor(self) -> int:
        """The marked row; -1 while there is none."""
        return self._cursor

    def changed_from(self, index: int) -> None:
        """Take note that rows from here on are new or changed."""
        del self._tops[max(index, 0) + 1 :]
        self._forget()

    def show(self, position: int, cursor: int, follow: bool) -> None:
        """Show rows as they were at a position, with the cursor in view, or the end in view when
        following.
        """
        was_at = (self._stamp, self._cursor, self._follows)
        grew = len(self._tops) <= len(self._source)
        self._position, self._cursor, self._follows = position, cursor, follow
        self._stamp = self._source.stamp(position)
        if self._stamp != was_at[0]:
            self._forget()
        self._measure()
        if follow != was_at[2]:
            self.anchor(follow)
        elif follow and not self._anchor_released:
            self.scroll_end(animate=False, immediate=True)  # in this frame, not in one of its own
        if not follow and cursor != was_at[1]:
            self.reveal(cursor)
        if grew or was_at != (self._stamp, self._cursor, self._follows):
            self._repaint()

    def _repaint(self) -> None:
        """Repaint the lines that look different now, and no others: a slow link has to carry each of them."""
        width = self.scrollable_content_region.width
        if changed := [y for y in range(self.size.height) if self._strip(y) != self._painted.get(y)]:
            self.refresh(*(Region(0, y, width, 1) for y in changed))

    def index_at(self, position: int) -> int:
        """Find the last row that exists at a position; -1 before the first."""
        return bisect_right(range(len(self._source)), position, key=self._source.seq) - 1

    def reveal(self, index: int) -> None:
        """Scroll as little as needed to show a row whole, or its top if it is higher than the pane."""
        if not 0 <= index < len(self._tops) - 1 or not self.size.height:
            return
        top, below = self._tops[index], self._tops[index + 1]
        height = self.size.height
        if top < self.scroll_offset.y or below - top > height:
            self.scroll_to(y=top, animate=False)
        elif (wanted := min(below + _AHEAD, self._tops[-1])) > self.scroll_offset.y + height:
            self.scroll_to(y=min(wanted - height, top), animate=False)

    # --- measuring --------------------------------------------------------------------------------

    def _forget(self) -> None:
        self._laid.clear()
        self._strips.clear()

    def _measure(self) -> None:
        """Bring the heights up to date; only rows that changed are laid out."""
        width = self.scrollable_content_region.width
        if not width:
            return
        if width != self._width:
            self._width = width
            self._tops = [0]
            self._forget()
        for index in range(len(self._tops) - 1, len(self._source)):
            self._tops.append(self._tops[-1] + len(self._source.lines(index, width - 1, self._position)))
        if self.virtual_size.height != self._tops[-1]:
            self.virtual_size = Size(0, self._tops[-1])

    def on_resize(self) -> None:
        """Wrap anew at another width."""
        self._measure()
        if self._anchored and not self._anchor_released:
            self.scroll_end(animate=False, immediate=True)
        else:
            self.reveal(self._cursor)

    def notify_style_update(self) -> None:
        """Forget colours after a change of theme or focus."""
        super().notify_style_update()
        self._styles.clear()
        self._strips.clear()

    # --- painting ---------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """Paint one line of the pane."""
        self._painted[y] = strip = self._strip(y)
        line = y + self.scroll_offset.y
        return self._selected(strip, line).apply_offsets(0, line) if line < self._tops[-1] else strip

    def _strip(self, y: int) -> Strip:
        line = y + self.scroll_offset.y
        if line >= self._tops[-1]:
            return Strip.blank(self.size.width, self.rich_style)
        index = bisect_right(self._tops, line) - 1
        is_cursor = index == self._cursor
        key = (line, is_cursor, self.size.width)
        strip = self._strips.get(key)
        if strip is None:
            strip = self._strips[key] = self._paint(index, line - self._tops[index], is_cursor)
        return strip

    def _paint(self, index: int, nth: int, is_cursor: bool) -> Strip:
        key = (index, self._width, self._stamp)
        laid = self._laid.get(key)
        if laid is None:
            laid = self._laid[key] = self._source.lines(index, self._width - 1, self._position)
        # A row may have shrunk since it was measured; the next measure puts that right.
        line = laid[nth] if nth < len(laid) else ()
        base = self.rich_style
        marked = is_cursor and bool(line)
        if marked:
            base = base + self._style("cursor")
        bar = Segment("▎" if marked else " ", base + self._style("bar") if marked else base)
        segments = [bar]
        for text, tone in line:
            if text:
                style = self._style(tone)
                segments.append(Segment(text, base + style))
        used = 1 + sum(cells(text) for text, _ in line)
        strip = Strip(segments, used)
        return strip.adjust_cell_length(self.size.width, base).simplify()

    def _selected(self, strip: Strip, line: int) -> Strip:
        """Show which part of a line is selected with the mouse."""
        selection = self.text_selection
        span = selection.get_span(line) if selection is not None else None
        if span is None:
            return strip
        start, end = span[0], strip.cell_length if span[1] == -1 else span[1]
        style = self.screen.get_component_rich_style("screen--selection")
        before, inside, after = (
            strip.crop(0, start),
            strip.crop(start, end),
            strip.crop(end, strip.cell_length),
        )
        restyled = Strip([Segment(s.text, (s.style or self.rich_style) + style) for s in inside], end - start)
        return Strip.join([before, restyled, after])

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Give the selected text; only the lines concerned are laid out."""
        first = selection.start.y if selection.start else 0
        last = min(selection.end.y if selection.end else self._tops[-1] - 1, self._tops[-1] - 1)
        lines = []
        for line in range(first, last + 1):
            text = self._plain(line)
            span = selection.get_span(line) or (0, 0)
            lines.append(text[span[0] : len(text) if span[1] == -1 else span[1]].rstrip())
        return "\n".join(lines), "\n"

    def _plain(self, line: int) -> str:
        index = bisect_right(self._tops, line) - 1
        laid = self._source.lines(index, self._width - 1, self._position)
        nth = line - self._tops[index]
        return " " + "".join(text for text, _ in laid[nth]) if nth < len(laid) else ""

    def selection_updated(self, selection: Selection | None) -> None:
        """Repaint when the mouse selects."""
        self.refresh()

    def _style(self, tone: str) -> Style:
        style = self._styles.get(tone)
        if style is None:
            style = self._styles[tone] = self.get_component_rich_style(f"rows--{tone}", partial=True)
        return style

    # --- the person -------------------------------------------------------------------------------

    def move(self, by: int) -> None:
        """Move the cursor, as far as there are rows."""
        last = len(self._source) - 1
        if last >= 0:
            self.post_message(self.Chosen(self, min(max(self._cursor + by, 0), last)))

    def page(self, by: int) -> None:
        """Move the cursor by about a pane's height of lines."""
        if 0 <= self._cursor < len(self._tops) - 1:
            line = self._tops[self._cursor] + by * max(self.size.height - 2, 1)
            index = bisect_right(self._tops, min(max(line, 0), self._tops[-1] - 1)) - 1
            self.move(index - self._cursor)

    def on_click(self, event: events.Click) -> None:
        """Mark the row under the pointer; a second click opens it."""
        line = event.y + self.scroll_offset.y
        if line < self._tops[-1]:
            index = bisect_right(self._tops, line) - 1
            kind = self.Opened if event.chain > 1 else self.Chosen
            self.post_message(kind(self, index))
