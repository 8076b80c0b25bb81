"""A list of rows of any height and any number, painted line by line. Knows nothing of what the rows mean.

Never a widget per row: 5,000 of those take 13 s to add; this takes a screen's worth of lines per paint,
whatever the
number of rows (tui-style §2.4, performance §5).
"""

from __future__ import annotations

from bisect import bisect_right
from math import ceil
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.cache import LRUCache
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar
from textual.strip import Strip

from pilothouse.tui.heights import Heights
from pilothouse.tui.widgets.brush import Brush
from pilothouse.tui.widgets.late_styles import LateStyles

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from textual import events
    from textual.selection import Selection

    from pilothouse.tui.rowlist import Line, RowSource

TONES = (
    "instruction", "instruction-glyph", "thinking", "thinking-glyph", "text", "text-glyph", "message",
    "message-glyph", "dropped", "action", "note", "state", "warning", "error", "end-completed", "end-failed",
    "end-aborted", "end-limit", "end-needs-person", "call-proposed", "call-started", "call-done",
    "call-failed", "call-skipped", "call-in-doubt", "call-future", "member", "aim", "detail", "dim", "future",
    "heading", "strong", "code", "quote", "link",
)  # fmt: skip
_LAID_OUT = 512
AT_ONCE, REST_S = 400, 0.005
"""So many rows are measured in one go, and the next after a rest: keys are heard in between."""
EXACT = 4_096
"""Rows up to which every one is measured; of more, those in view and near it (performance §6)."""
_AHEAD = 2
"""Lines kept in view below the cursor's row."""


def _same(strip: Strip, other: Strip | None) -> bool:
    return strip is other or strip == other


def thumb(bar: ScrollBar) -> tuple[int, int]:
    """Give where a vertical scrollbar's thumb begins and how long it is, in eighths of a cell."""
    lines, window, cells = bar.window_virtual_size, bar.window_size, bar.size.height
    if not cells or window >= lines:
        return 0, 0
    long = max(1.0, window * cells / lines)
    return int((cells - long) * bar.position / (lines - window) * 8), ceil(long * 8)


class Rows(LateStyles, ScrollView, can_focus=True, inherit_bindings=False):
    """Scrolls a `RowSource`; a cursor marks the row the screen is at. Its keys are the screen's."""

    LATE_STYLES: ClassVar[frozenset[str]] = frozenset(
        f"rows--{tone}" for tone in (*TONES, "cursor", "bar", "match")
    )
    LATE_SHEET = "widgets/rows.tcss"
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
        self._heights = Heights()
        self._laid: LRUCache[int, tuple[int, list[Line]]] = LRUCache(_LAID_OUT)
        """Rows as they were laid out, and the look they had."""
        self._brush = Brush(self)
        self._position = -1
        self._cursor = -1
        self._width = 0
        self._stamp = -1
        self._follows = False
        self._seen = 0
        """Rows there were when the end was last in view."""
        self._exact = 0
        """Rows that were measured, from the first; of a list of any length those in view are, besides."""
        self._is_settling = self._is_behind = False
        self._painted: dict[int, Strip] = {}
        """What each line of the pane showed when it was last painted, the mouse's selection aside."""

    # --- what the screen says ---------------------------------------------------------------------

    @property
    def cursor(self) -> int:
        """The marked row; -1 while there is none."""
        return self._cursor

    @property
    def source(self) -> RowSource:
        """What is listed."""
        return self._source

    @property
    def new_below(self) -> int:
        """Count the rows that came since the end was last in view."""
        return max(len(self._source) - self._seen, 0)

    def changed_from(self, index: int) -> None:
        """Take note that rows from here on are new or changed."""
        self._heights.truncate(max(index, 0))
        self._exact = min(self._exact, max(index, 0))
        for at in [at for at in self._laid.keys() if at >= index]:  # noqa: SIM118 - no mapping
            self._laid.discard(at)

    def seek(self, pattern: re.Pattern[str] | None) -> None:
        """Make what matches stand out from here on; None for nothing."""
        self._brush.seek(pattern)
        self.refresh()

    def show(self, position: int, cursor: int, follow: bool) -> None:
        """Show rows as they were at a position, with the cursor in view, or the end in view when
        following.
        """
        was_at = (self._stamp, self._cursor, self._follows)
        grew = len(self._heights) < len(self._source)
        cursor = min(cursor, len(self._source) - 1)
        self._position, self._cursor, self._follows = position, cursor, follow
        self._stamp = self._source.stamp(position)
        self._measure()
        if follow != was_at[2]:
            self.anchor(follow)
        elif follow and not self._anchor_released:
            self.scroll_end(animate=False, immediate=True)  # in this frame, not in one of its own
        if not follow and cursor != was_at[1]:
            self.reveal(cursor)
        if follow or self.scroll_offset.y + self.size.height >= self._heights.total:
            self._seen = len(self._source)
        if grew or was_at != (self._stamp, self._cursor, self._follows):
            self._repaint()

    def _repaint(self) -> None:
        """Repaint the lines that look different now, and no others: a slow link has to carry each of them."""
        width = self.scrollable_content_region.width
        looks = self._strips(range(self.size.height))
        if changed := [y for y, _, strip in looks if not _same(strip, self._painted.get(y))]:
            self.refresh(*(Region(0, y, width, 1) for y in changed))

    def index_at(self, position: int) -> int:
        """Find the last row that exists at a position; -1 before the first."""
        return bisect_right(range(len(self._source)), position, key=self._source.seq) - 1

    def reveal(self, index: int) -> None:
        """Scroll as little as needed to show a row whole, or its top if it is higher than the pane."""
        if not 0 <= index < len(self._heights) or not self.size.height:
            return
        self._settle(index)
        top, below = self._heights.top(index), self._heights.top(index + 1)
        height = self.size.height
        if top < self.scroll_offset.y or below - top > height:
            self._scroll(top)
        elif (wanted := min(below + _AHEAD, self._heights.total)) > self.scroll_offset.y + height:
            self._scroll(min(wanted - height, top))

    def _scroll(self, line: int) -> None:
        self.scroll_to(y=line, animate=False, immediate=True)

    # --- measuring --------------------------------------------------------------------------------

    def _forget(self) -> None:
        self._laid.clear()
        self._brush.clear()

    def _measure(self) -> None:
        """Bring the heights up to date: of every row while they are few, else of those that are looked at."""
        width = self.scrollable_content_region.width
        if not width:
            return
        if width != self._width:
            self._width = width
            self._heights, self._exact = Heights(), 0
            self._forget()
        count, known = len(self._source), len(self._heights)
        self._heights.extend(count - known)
        start, self._exact = self._exact, min(self._exact + AT_ONCE, count)
        rows = range(start, self._exact if count <= EXACT else start)
        if count <= EXACT and start == known and self._exact == count:
            for index in rows:
                self._measure_row(index)
            self._resize()
        else:
            self._settle(count - 1 if self._follows else self._cursor, rows=rows)
        if self._exact < count <= EXACT and not self._is_behind:
            self._is_behind = True
            self.set_timer(REST_S, self._catch_up)

    def _catch_up(self) -> None:
        self._is_behind = False
        if self._exact < len(self._heights) <= EXACT:
            self._measure()

    def _measure_row(self, index: int) -> int:
        """Lay a row out if nobody has yet; returns by how many lines what is below it moves."""
        if self._heights.is_measured(index):
            return 0
        return self._heights.put(index, len(self._lines(index)))

    def _resize(self) -> None:
        """Take the height there is, past its watchers: they would lay out the whole screen for it."""
        if self.virtual_size.height != self._heights.total:
            self.set_reactive(Rows.virtual_size, Size(0, self._heights.total))
            self.scroll_y = self.validate_scroll_y(self.scroll_y)
            self._tell_bar()

    def _tell_bar(self) -> None:
        """Repaint the scrollbar where its thumb looks different: of a growing list it hardly ever does."""
        bar = self.vertical_scrollbar
        before = thumb(bar)
        bar.set_reactive(ScrollBar.window_virtual_size, self._heights.total)
        bar.set_reactive(ScrollBar.position, self.scroll_y)
        if thumb(bar) != before:
            bar.refresh()

    def _settle(self, *indexes: int, rows: range = range(0)) -> None:
        """Measure rows a page around what is in view and around others, and some; nothing in view moves."""
        count = len(self._heights)
        if not count or not self._width or self._is_settling:
            return
        self._is_settling = True
        try:
            line = self.scroll_offset.y
            first = self._heights.at(line)
            around = {first, *indexes}
            moved = sum(self._measure_around(index, first) for index in around if 0 <= index < count)
            moved += sum([self._measure_row(index) for index in rows][: max(first - rows.start, 0)])
            self._resize()
            if moved:
                released = self._anchor_released
                self._scroll(line + moved)
                self._anchor_released = released  # nobody scrolled: the same rows are in view
        finally:
            self._is_settling = False

    def _measure_around(self, index: int, first: int) -> int:
        """Measure a page of lines on either side of a row; returns by how much the `first` one moved."""
        moved, pages = 0, max(self.size.height, 1) + _AHEAD
        for rows in (range(index, len(self._heights)), range(index - 1, -1, -1)):
            lines = 0
            for at in rows:
                shift = self._measure_row(at)
                moved += shift if at < first else 0
                lines += self._heights.of(at)
                if lines >= pages:
                    break
        return moved

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Measure what comes into view, and paint it; the scrollbar only where Textual's own would always."""
        if len(self._heights) > EXACT:
            self._settle()
        self._tell_bar()
        if round(old_value) != round(new_value):
            self.refresh(self.size.region)

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
        self._brush.forget()
        self.refresh()

    # --- painting ---------------------------------------------------------------------------------

    def render_lines(self, crop: Region) -> list[Strip]:
        """Paint lines of the pane.

        There is neither border nor padding, so that Textual need not go over every line that scrolled by.
        """
        filters, (_, background) = self.get_line_filters(), self.background_colors
        strips = []
        for y, line, strip in self._strips(crop.line_range):
            self._painted[y] = strip
            strip = self._placed(line, strip)
            for each in filters:
                strip = strip.apply_filter(each, background)
            strips.append(strip)
        first, last = crop.column_span
        return strips if (first, last) == (0, self.size.width) else [one.crop(first, last) for one in strips]

    def render_line(self, y: int) -> Strip:
        """Give one line of the pane: the mouse asks by it what lies where it points."""
        return next(self._placed(line, strip) for _, line, strip in self._strips(range(y, y + 1)))

    def _placed(self, line: int, strip: Strip) -> Strip:
        """Show what of a line is selected, and say in it where it stands, for what will be."""
        if line >= self._heights.total:
            return strip
        return self._selected(strip, line).apply_offsets(0, line)

    def _strips(self, ys: range) -> Iterator[tuple[int, int, Strip]]:
        """Give lines of the pane, the line of the list that each shows, and how it looks."""
        offset, width = self.scroll_offset.y, self.size.width
        for y in ys:
            line = y + offset
            if line >= self._heights.total:
                yield y, line, self._brush.blank(width)
                continue
            index = self._heights.at(line)
            shown = self._line(index, line - self._heights.top(index))
            yield y, line, self._brush.paint(line, shown, width, index == self._cursor)

    def _line(self, index: int, nth: int) -> Line:
        laid = self._lines(index)
        # A row may have shrunk since it was measured; the next measure puts that right.
        return laid[nth] if nth < len(laid) else ()

    def _lines(self, index: int) -> list[Line]:
        """Lay a row out, unless it looks as it did."""
        look = self._source.look(index, self._position)
        kept = self._laid.get(index)
        if kept is not None and kept[0] == look:
            return kept[1]
        lines = self._source.lines(index, self._width - 1, self._position)
        self._laid[index] = look, lines
        return lines

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
        end = self._heights.total - 1
        last = min(selection.end.y if selection.end else end, end)
        lines = []
        for line in range(first, last + 1):
            text = self._plain(line)
            span = selection.get_span(line) or (0, 0)
            lines.append(text[span[0] : len(text) if span[1] == -1 else span[1]].rstrip())
        return "\n".join(lines), "\n"

    def _plain(self, line: int) -> str:
        index = self._heights.at(line)
        return " " + "".join(text for text, _ in self._line(index, line - self._heights.top(index)))

    def selection_updated(self, selection: Selection | None) -> None:
        """Repaint when the mouse selects."""
        self.refresh()

    # --- the person -------------------------------------------------------------------------------

    def move(self, by: int) -> None:
        """Move the cursor, as far as there are rows."""
        last = len(self._source) - 1
        if last >= 0:
            self.post_message(self.Chosen(self, min(max(self._cursor + by, 0), last)))

    def page(self, by: int) -> None:
        """Move the cursor by about a pane's height of lines."""
        if 0 <= self._cursor < len(self._heights):
            line = self._heights.top(self._cursor) + by * max(self.size.height - 2, 1)
            index = self._heights.at(min(max(line, 0), self._heights.total - 1))
            self.move(index - self._cursor)

    def on_click(self, event: events.Click) -> None:
        """Mark the row under the pointer; a second click opens it."""
        line = event.y + self.scroll_offset.y
        if line < self._heights.total:
            index = self._heights.at(line)
            kind = self.Opened if event.chain > 1 else self.Chosen
            self.post_message(kind(self, index))
