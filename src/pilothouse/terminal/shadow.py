"""Sends of a frame only the cells that differ from what the terminal shows.

Textual repaints whole lines of whole widgets; of a line of streamed text that is 200 cells for one word. Here
a copy of the screen is kept, and what is new is written with colours said only where they change
(performance §6). Lines with wide characters or links are sent as Textual would: whole.
"""

from __future__ import annotations

from functools import lru_cache
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

from pilothouse.regex import lazily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.segment import Segment

GAP: Final = 6
"""So many unchanged cells between two changed ones are sent again: a move costs as much."""
_MANY: Final = " " * 12
_BLANKS: Final = lazily(r" {12,}")
_UNKNOWN: Final = ("", "?")
Cell = tuple[str, str]
"""A character and the colours it is shown in, as the terminal is told them."""


class Shadow:
    """What the terminal shows, as far as it is known.

    Args:
        erases: Erased cells take the present background, as in every terminal but GNU screen.
    """

    def __init__(self, *, erases: bool = True) -> None:
        self.erases = erases
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
                parts = list(_layout(update))
            case ChopsUpdate() if update.spans:
                parts = list(_chops(update))
            case _:
                return update.render_segments(console)
        frame = _Frame(erases=self.erases)
        for x, y, strip in parts:
            self.line(x, y, strip, console, frame)
        return frame.text

    def line(self, x: int, y: int, strip: Strip, console: Console, frame: _Frame | None = None) -> str:
        """Add to a frame what makes the terminal show part of a line; returns all of the frame."""
        frame = frame or _Frame(erases=self.erases)
        cells = _cells(strip, console._color_system or ColorSystem.TRUECOLOR)
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
            frame.whole(x, y, strip.render(console))
            return frame.text
        before = shown[x : x + width]
        if cells != before:
            shown[x : x + width] = cells
            for start, end in _runs(before, cells):
                self.written.append((x + start, y, end - start))
                frame.run(x + start, y, cells[start:end])
        return frame.text


class _Frame:
    """What is written for one update; colours are said when they change, over moves and lines."""

    def __init__(self, *, erases: bool) -> None:
        self._parts: list[str] = []
        self._erases = erases
        self._codes = ""

    @property
    def text(self) -> str:
        """All of it; it leaves no colour behind."""
        return "".join([*self._parts, "\x1b[m" if self._codes else ""])

    def whole(self, x: int, y: int, rendered: str) -> None:
        """Add what was rendered with its own colours."""
        plain = "\x1b[m" if self._codes else ""
        self._codes = ""
        self._parts.append(f"\x1b[{y + 1};{x + 1}H{plain}{rendered}")

    def run(self, x: int, y: int, cells: list[Cell]) -> None:
        """Add cells side by side."""
        self._parts.append(f"\x1b[{y + 1};{x + 1}H")
        for codes, same in groupby(cells, key=lambda cell: cell[1]):
            self._parts.append(_change(self._codes, codes))
            self._codes = codes
            text = "".join(character for character, _ in same)
            self._parts.append(self._shortened(text, codes))

    def _shortened(self, text: str, codes: str) -> str:
        """Write many blanks as cells erased in the present colour; not where an attribute shows on them."""
        look = _LOOK.fullmatch(codes) if self._erases and _MANY in text else None
        if look is None or look[1]:
            return text
        return _BLANKS.sub(lambda found: f"\x1b[{len(found[0])}X\x1b[{len(found[0])}C", text)


@lru_cache(maxsize=4_096)
def _change(before: str, after: str) -> str:
    """Say what changes one look into another."""
    if before == after:
        return ""
    if not after:
        return "\x1b[m"
    old, new = _LOOK.fullmatch(before), _LOOK.fullmatch(after)
    if not (old and new) or old[1] != new[1] or any(old[n] and not new[n] for n in (2, 3)):
        return f"\x1b[0;{after}m"
    said = [new[n] for n in (2, 3) if old[n] != new[n] and new[n]]
    return f"\x1b[{';'.join(said)}m"


_LOOK: Final = lazily(
    r"((?:[1-9](?:;|$))*)"
    r"(3[0-79]|9[0-7]|38;5;\d+|38;2;\d+;\d+;\d+)?;?"
    r"(4[0-79]|10[0-7]|48;5;\d+|48;2;\d+;\d+;\d+)?"
)
"""Attributes, foreground and background, as Textual writes them."""


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
    if control or (style is not None and style._link):
        return None
    codes = "" if style is None else style._ansi
    if codes is None and style is not None:
        codes = Strip.render_ansi(style, system)
    codes = codes or ""
    if text.isascii():
        return [(character, codes) for character in text]
    clusters = _clusters(text)
    return None if clusters is None else [(cluster, codes) for cluster in clusters]


@lru_cache(maxsize=2_048)
def _clusters(text: str) -> list[str] | None:
    """Take a text apart into cells, marks with what they stand on; None where a cell is not one wide."""
    found: list[str] = []
    for character in text:
        match get_character_cell_size(character):
            case 1:
                found.append(character)
            case 0 if found:
                found[-1] += character
            case _:
                return None
    return found


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
