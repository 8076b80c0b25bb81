"""A compositor that asks widgets for what is dirty of them and not covered, and for nothing else.

Textual's asks every widget that overlaps the box around all that is dirty for all of its lines: with a clock
at the top and keys at the foot that is the whole screen, for each letter typed. For a whole screen it asks
those that lie under others too. What is sent is the same.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from textual._compositor import (
    ChopsUpdate,
    Compositor,
    LayoutUpdate,
)  # private; checked at every release
from textual.geometry import Region

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from textual.strip import Strip

Line = dict[int, "Strip | None"]
"""A line's stretches by the column they begin at; None for one that is not rendered."""
Span = tuple[int, int, int]
"""A line and the columns from and up to which it is dirty."""


class FrugalCompositor(Compositor):
    """Textual's compositor, but for how it renders."""

    _within: Region | None = None

    @property
    def is_dirty(self) -> bool:
        """Say whether anything is to be rendered."""
        return bool(self._dirty_regions)

    def narrow(self, within: Region) -> bool:
        """Render only what is dirty within a region, until `widen`; says whether anything is."""
        is_dirty = any(region.overlaps(within) for region in self._dirty_regions)
        self._within = within if is_dirty else None
        return is_dirty

    def widen(self) -> None:
        """Render all that is dirty again."""
        self._within = None

    def render_full_update(self, simplify: bool = False) -> LayoutUpdate:
        """Render all of the screen."""
        if simplify:  # a picture of the screen, not the screen
            return super().render_full_update(simplify)
        self._dirty_regions.clear()
        width, height = self.size
        lines = self._render_spans([(y, 0, width) for y in range(height)])
        strips: list[Iterable[Strip]] = [
            [part for part in line.values() if part is not None] for line in lines
        ]
        return LayoutUpdate(strips, self.size.region)

    def render_partial_update(self) -> ChopsUpdate | None:
        """Render what is dirty; None where nothing is."""
        whole = self._within or self.size.region
        regions = {seen for region in self._dirty_regions if (seen := region.intersection(whole))}
        left = {
            region for region in self._dirty_regions if self._within and not whole.contains_region(region)
        }
        self._dirty_regions = left
        spans = list(self._regions_to_spans(regions))
        if not spans:
            return None
        return ChopsUpdate(self._render_spans(spans), spans, [cuts[1:] for cuts in self.cuts])

    def _render_spans(self, spans: Sequence[Span]) -> list[Line]:
        """Fill the stretches that are dirty, from the widget in front to the one behind all."""
        lines: list[Line] = [dict.fromkeys(cuts[:-1]) for cuts in self.cuts]
        missing = self._stretches(spans)
        for widget, (region, clip) in self.visible_widgets.items():
            seen = region.intersection(clip)
            for top, bottom in _runs(seen, missing):
                part = Region(seen.x - region.x, top - region.y, seen.width, bottom - top)
                for y, strip in enumerate(widget.render_lines(part), top):
                    filled = self._fill(lines[y], self.cuts[y], strip, seen)
                    missing[y] = [cut for cut in missing[y] if cut not in filled]
        return lines

    def _stretches(self, spans: Sequence[Span]) -> dict[int, list[int]]:
        """Give, by line, where the stretches begin that have something dirty."""
        found: dict[int, list[int]] = {}
        for y, x1, x2 in spans:
            found.setdefault(y, []).extend(
                cut for cut, end in pairwise(self.cuts[y]) if cut < x2 and end > x1
            )
        return found

    @staticmethod
    def _fill(line: Line, cuts: Sequence[int], strip: Strip, seen: Region) -> set[int]:
        first, last = seen.column_span
        within = [cut for cut in cuts if first <= cut <= last]
        filled = set()
        for cut, part in zip(within, strip.divide([cut - first for cut in within[1:]]), strict=False):
            filled.add(cut)
            if line.get(cut) is None:
                line[cut] = part
        return filled


def _runs(seen: Region, missing: dict[int, list[int]]) -> Iterator[tuple[int, int]]:
    """Give the lines, from and up to, of which something is missing that a widget shows."""
    first, last = seen.column_span
    start = None
    for y in seen.line_range:
        is_needed = any(first <= cut < last for cut in missing.get(y, ()))
        if is_needed and start is None:
            start = y
        elif not is_needed and start is not None:
            yield start, y
            start = None
    if start is not None:
        yield start, seen.bottom
