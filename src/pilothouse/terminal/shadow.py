"""Sends of a frame only the cells that differ from what the terminal shows.

Textual repaints whole lines of whole widgets; of a line of streamed text that is 200 cells for one word. Here
a copy of the screen is kept, and what is new is written with colours said only where they change
(performance §6). Lines with wide or joined characters, links, and pictures are sent as Textual would: whole.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from rich.cells import get_character_cell_size
from rich.color import ColorSystem
from textual._compositor import (
    ChopsUpdate,
    CompositorUpdate,
    LayoutUpdate,
)  # private; checked at every release
from textual.strip import Strip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.segment import Segment

GAP: Final = 6
"""So many unchanged cells between two changed ones are sent again: a move costs as much."""
_UNKNOWN: Final = ("", "?")
Cell = tuple[str, str]
"""A character and the colours it is shown in, as the terminal is told them."""


class Shadow:
    """What the terminal shows, as far as it is known."""

    def __init__(self) -> None:
        self._lines: dict[int, list[Cell]] = {}
        self.written: list[tuple[int, int, int]] = []
        """What the last update wrote to: column, row and width of each stretch."""

    def forget(self) -> None:
        """Know nothing any more: the next frame is sent as it is."""
        self._lines.clear()

    def render(self, update: CompositorUpdate, console: Console) -> str:
        """Give what makes the terminal show an update; empty where it does already."""
        self.written = []
        match update:
            case LayoutUpdate():
                self.forget()
                parts = list(_layout(update))
            case ChopsUpdate() if update.spans:
                parts = list(_chops(update))
            case _:
                return update.render_segments(console)
        system = console._color_system or ColorSystem.TRUECOLOR
        return "".join(self._part(x, y, strip, console, system) for x, y, strip in parts)

    def _part(self, x: int, y: int, strip: Strip, console: Console, system: ColorSystem) -> str:
        cells = _cells(strip, system)
        shown = self._lines.setdefault(y, [])
        width = strip.cell_length if cells is None else len(cells)
        if len(shown) < x + width:
            shown.extend([_UNKNOWN] * (x + width - len(shown)))
        if cells is None:
            shown[x : x + width] = [_UNKNOWN] * width
            # A wide character cut in two takes its other half with it.
            for beside in (x - 1, x + width):
                if 0 <= beside < len(shown):
                    shown[beside] = _UNKNOWN
            self.written.append((x, y, width))
            return f"\x1b[{y + 1};{x + 1}H{strip.render(console)}"
        before = shown[x : x + width]
        if cells == before:
            return ""
        shown[x : x + width] = cells
        runs = list(_runs(before, cells))
        self.written += [(x + start, y, end - start) for start, end in runs]
        return "".join(f"\x1b[{y + 1};{x + start + 1}H{_written(cells[start:end])}" for start, end in runs)


def _layout(update: LayoutUpdate) -> Iterator[tuple[int, int, Strip]]:
    x = update.region.x
    for y, line in enumerate(update.strips, update.region.y):
        yield x, y, Strip.join(list(line))


def _chops(update: ChopsUpdate) -> Iterator[tuple[int, int, Strip]]:
    """Give the parts of lines that an update sends, as its own renderer does."""
    for y, x1, x2 in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if strip is None or x > x2 or end <= x1:
                continue
            whole = x2 > x >= x1 and end <= x2
            yield x, y, strip if whole else strip.crop(0, min(end, x2) - x)


def _cells(strip: Strip, system: ColorSystem) -> list[Cell] | None:
    """Take a strip apart; None where cells and characters differ, or where more than colours is said."""
    cells: list[Cell] = []
    for segment in strip:
        found = _segment_cells(segment, system)
        if found is None:
            return None
        cells += found
    return cells


def _segment_cells(segment: Segment, system: ColorSystem) -> list[Cell] | None:
    text, style, control = segment
    if control or not (text.isascii() or all(get_character_cell_size(one) == 1 for one in text)):
        return None
    if style is None:
        return [(character, "") for character in text]
    if style._link:
        return None
    codes = style._ansi
    if codes is None:
        codes = Strip.render_ansi(style, system)
    return [(character, codes) for character in text]


def _runs(before: list[Cell], after: list[Cell]) -> Iterator[tuple[int, int]]:
    """Give the stretches that differ, those close together as one."""
    start = end = -1
    for at, (old, new) in enumerate(zip(before, after, strict=True)):
        if old == new:
            continue
        if start < 0:
            start = at
        elif at - end > GAP:
            yield start, end
            start = at
        end = at + 1
    if start >= 0:
        yield start, end


def _written(cells: list[Cell]) -> str:
    parts: list[str] = []
    for codes, run in groupby(cells, key=lambda cell: cell[1]):
        text = "".join(character for character, _ in run)
        parts.append(f"\x1b[0;{codes}m{text}" if codes else f"\x1b[m{text}")
    return "".join(parts) + "\x1b[m"
