"""Lines of spans painted as strips, each look of a line once. Which lines there are, `rows` knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.segment import Segment
from textual.cache import LRUCache
from textual.strip import Strip

from pilothouse.tui.wrap import cells

if TYPE_CHECKING:
    import re

    from rich.style import Style
    from textual.widget import Widget

    from pilothouse.tui.rowlist import Line

_STRIPS: Final = 2_048


class Brush:
    """Paints lines in a widget's component styles, `rows--` and the tone.

    A strip is kept by what it shows in which line of the list: one that scrolls, or whose row grows below it,
    stays the same strip, and with it all that Textual has worked out for it.
    """

    def __init__(self, widget: Widget) -> None:
        self._widget = widget
        self._styles: dict[str, Style] = {}
        self._strips: LRUCache[tuple[int, Line, int, bool], Strip] = LRUCache(_STRIPS)
        self._sought: re.Pattern[str] | None = None

    def forget(self) -> None:
        """Know no colours any more, and so no strips."""
        self._styles.clear()
        self.clear()

    def clear(self) -> None:
        """Keep no strips."""
        self._strips.clear()

    def seek(self, pattern: re.Pattern[str] | None) -> None:
        """Set what matches off from the rest from here on; None for nothing."""
        self._sought = pattern
        self.clear()

    def blank(self, width: int) -> Strip:
        """Paint a line where there is no row."""
        return Strip.blank(width, self._base())

    def paint(self, number: int, line: Line, width: int, is_marked: bool) -> Strip:
        """Paint a line, the list's with this number, with a bar before it where its row is the marked one."""
        is_marked = is_marked and bool(line)
        key = (number, line, width, is_marked)
        strip = self._strips.get(key)
        if strip is None:
            strip = self._strips[key] = self._painted(line, width, is_marked)
        return strip

    def _painted(self, line: Line, width: int, is_marked: bool) -> Strip:
        base = self._base()
        if is_marked:
            base = base + self.style("cursor")
        segments = [Segment("▎" if is_marked else " ", base + self.style("bar") if is_marked else base)]
        for text, tone in line:
            if text:
                segments += self._set_off(text, base + self.style(tone))
        used = 1 + sum(cells(text) for text, _ in line)
        return Strip(segments, used).adjust_cell_length(width, base).simplify()

    def _set_off(self, text: str, style: Style) -> list[Segment]:
        if self._sought is None:
            return [Segment(text, style)]
        segments, at = [], 0
        for match in self._sought.finditer(text):
            segments.append(Segment(text[at : match.start()], style))
            segments.append(Segment(match[0], style + self.style("match")))
            at = match.end()
        return [segment for segment in (*segments, Segment(text[at:], style)) if segment.text]

    def _base(self) -> Style:
        style = self._styles.get("")
        if style is None:
            style = self._styles[""] = self._widget.rich_style
        return style

    def style(self, tone: str) -> Style:
        """Give a tone's style, as far as it says anything."""
        style = self._styles.get(tone)
        if style is None:
            style = self._widget.get_component_rich_style(f"rows--{tone}", partial=True)
            self._styles[tone] = style
        return style
