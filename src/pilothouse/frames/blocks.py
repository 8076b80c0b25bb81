"""Pictures from block characters, two pixels wide and two high per cell, for terminals that know no pictures.

Four pixels share two colours in a cell, so each cell takes the split of its pixels that loses least.
Neighbouring cells
of one look are one segment: a page's flat areas cost a few bytes (tui-style §3.2: run-length halves the
stream).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from pilothouse.frames.decode import shrink
from pilothouse.frames.geometry import Extent
from pilothouse.frames.indexed import BEST
from pilothouse.frames.painter import Patch, Piece

if TYPE_CHECKING:
    from PIL.Image import Image

    from pilothouse.frames.indexed import Quality

Rgb = tuple[int, int, int]

# Bit 0 top left, 1 top right, 2 bottom left, 3 bottom right: set where the foreground shows.
_QUADRANTS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"
_STYLE_BYTES = 38
"""`CSI 38;2;r;g;b;48;2;r;g;b m` at its longest."""
_SAME = 18 * 18 * 3
"""Squared distance of two colours below which a cell is shown flat."""


class Blocks:
    """Paints with quadrant blocks; stateless."""

    def pixels(self, cells: Extent) -> Extent:
        """Two by two pixels per cell."""
        return Extent(cells.width * 2, cells.height * 2)

    def paint(self, image: Image, cells: Extent, quality: Quality = BEST) -> Patch:
        """Paint; about 6 µs per cell."""
        small = shrink(image, self.pixels(cells)).quantize(quality.colours).convert("RGB")
        data = small.tobytes()
        stride = cells.width * 6
        rows = [
            _row(
                data[y * 2 * stride : (y * 2 + 1) * stride], data[(y * 2 + 1) * stride : (y * 2 + 2) * stride]
            )
            for y in range(cells.height)
        ]
        strips = tuple(Strip(row, cells.width) for row in rows)
        cost = sum(_STYLE_BYTES + len(segment.text) * 3 for row in rows for segment in row)
        return Patch(strips, cost)

    def again(self, rows: range) -> tuple[Piece, ...]:
        """The cells are the picture."""
        return ()

    def undo(self) -> str:
        """Nothing but cells was sent."""
        return ""


def _row(top: bytes, bottom: bytes) -> list[Segment]:
    segments: list[Segment] = []
    text, look = "", ((0, 0, 0), (0, 0, 0))
    for x in range(0, len(top), 6):
        glyph, front, back = _cell(top[x : x + 6], bottom[x : x + 6])
        if glyph == " ":
            front = look[0] if look[1] == back else front
        if (front, back) != look and text:
            segments.append(Segment(text, _style(*look)))
            text = ""
        text, look = text + glyph, (front, back)
    segments.append(Segment(text, _style(*look)))
    return segments


@lru_cache(maxsize=16_384)
def _cell(top: bytes, bottom: bytes) -> tuple[str, Rgb, Rgb]:
    """Choose glyph, foreground and background for four pixels."""
    pixels: list[Rgb] = [
        (top[0], top[1], top[2]),
        (top[3], top[4], top[5]),
        (bottom[0], bottom[1], bottom[2]),
        (bottom[3], bottom[4], bottom[5]),
    ]
    first, second, apart = pixels[0], pixels[0], 0
    for i in range(3):
        for j in range(i + 1, 4):
            distance = _distance(pixels[i], pixels[j])
            if distance > apart:
                first, second, apart = pixels[i], pixels[j], distance
    if apart < _SAME:
        return " ", (0, 0, 0), _mean(pixels)
    # A fixed rule which of the two is the background keeps neighbouring cells alike, and the stream short.
    if sum(first) > sum(second):
        first, second = second, first
    bits = sum(1 << n for n, px in enumerate(pixels) if _distance(px, first) < _distance(px, second))
    front = [px for n, px in enumerate(pixels) if bits >> n & 1]
    back = [px for n, px in enumerate(pixels) if not bits >> n & 1]
    return _QUADRANTS[bits], _mean(front or [first]), _mean(back or [second])


def _distance(a: Rgb, b: Rgb) -> int:
    return (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2


def _mean(pixels: list[Rgb]) -> Rgb:
    n = len(pixels)
    return sum(p[0] for p in pixels) // n, sum(p[1] for p in pixels) // n, sum(p[2] for p in pixels) // n


@lru_cache(maxsize=8_192)
def _style(front: Rgb, back: Rgb) -> Style:
    return Style(color=Color.from_rgb(*front), bgcolor=Color.from_rgb(*back))
