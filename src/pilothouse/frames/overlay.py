"""What is drawn on a picture before an action happens: where it would click, drag, scroll, look and type.

It grows from `marker`, which shows what has happened, and is told apart by its colours: they are chosen
against the ground they stand on, so that the mark is seen on any page and in any size, down to two pixels
per cell.
What the action says in words is in `describe`.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pilothouse.frames.describe import describe
from pilothouse.frames.geometry import Box, Extent, Point
from pilothouse.frames.marker import SCROLLS, around, carry, point, reach, width
from pilothouse.safety import clean_line

if TYPE_CHECKING:
    from PIL import ImageDraw
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont
    from PIL.ImageFont import ImageFont as BitmapFont

Rgb = tuple[int, int, int]

__all__ = ["Overlay", "describe", "draw_overlay", "inks_for", "label_cell", "overlay_of"]

LEAST: Final = Point(3.0, 2.0)
"""The smallest radius: a ring of three cells in block characters."""
DOT_LEAST_PX: Final = 5.0
POINTER_LEAST_PX: Final = 8.0
LABEL_CHARS: Final = 40
LABEL_LEAST_PX: Final = 320
"""On a smaller picture letters can't be read: the label is left to the cells beside it."""
_CLICKS: Final = {
    "left_click": ("left", 1),
    "right_click": ("right", 1),
    "middle_click": ("middle", 1),
    "double_click": ("left", 2),
    "triple_click": ("left", 3),
}


class Inks(NamedTuple):
    """The colour of a mark, and of the edge that sets it off."""

    ink: Rgb
    halo: Rgb


_PALETTE: Final = (
    Inks((255, 140, 0), (0, 0, 0)),
    Inks((0, 120, 255), (255, 255, 255)),
    Inks((190, 0, 220), (255, 255, 255)),
    Inks((0, 230, 118), (0, 0, 0)),
    Inks((255, 235, 0), (0, 0, 0)),
)
"""Orange first: the mark of what has happened is red."""


class Overlay(NamedTuple):
    """What to draw, in model pixels."""

    kind: str
    """`click`, `drag`, `move`, `press`, `release`, `scroll`, `zoom`, `type` or `key`."""
    at: Point | None
    """None where the place is not known; then only the label is drawn, in the lower left corner."""
    start: Point | None = None
    """Where a drag begins, or the other corner of what is looked at closer."""
    button: str = ""
    clicks: int = 0
    direction: str = ""
    label: str = ""
    """What will be typed or pressed, clean and short."""
    at_cursor: bool = False
    """The action names no place: it happens where the cursor is."""


def overlay_of(member: str, given: dict[str, Any], cursor: Point | None = None) -> Overlay | None:
    """Read what to draw from a proposed action, which is outside data; None where nothing is to be shown."""
    named = point(given.get("coordinate"))
    at, is_at_cursor = (named, False) if named is not None else (cursor, True)
    held = _short(given.get("text"))
    if member in _CLICKS:
        button, clicks = _CLICKS[member]
        return Overlay("click", at, button=button, clicks=clicks, label=held, at_cursor=is_at_cursor)
    match member:
        case "left_click_drag":
            return Overlay("drag", named, start=point(given.get("start_coordinate")), label=held)
        case "mouse_move":
            return Overlay("move", named)
        case "left_mouse_down" | "left_mouse_up":
            kind = "press" if member.endswith("down") else "release"
            return Overlay(kind, cursor, at_cursor=True)
        case "scroll":
            way = clean_line(str(given.get("scroll_direction", "")), 20)
            amount = clean_line(str(given.get("scroll_amount", "")), 8)
            notches = f"{amount} notches" if amount else ""
            label = " ".join(word for word in (notches, held) if word)
            return Overlay("scroll", at, direction=way, label=label, at_cursor=is_at_cursor)
        case "zoom":
            return _zoom(given.get("region"))
        case "type" | "key" | "hold_key":
            kind = "type" if member == "type" else "key"
            return Overlay(kind, cursor, label=held or "?", at_cursor=True)
        case _:
            return None


def _zoom(region: Any) -> Overlay | None:
    match region:
        case [x0, y0, x1, y1]:
            first, second = point([x0, y0]), point([x1, y1])
            return Overlay("zoom", second, start=first) if first and second else None
        case _:
            return None


def _short(text: Any) -> str:
    """Put a text on one short line, with what can't be seen in words."""
    if not isinstance(text, str):
        return ""
    shown = text.replace("\r\n", "\n").replace("\n", " [Enter] ").replace("\t", " [Tab] ")
    line = clean_line(shown.strip(), LABEL_CHARS)
    return f"{line[:-1]}..." if line.endswith("…") else line


# ---------------------------------------------------------------------------------------------- drawing


def draw_overlay(image: Image, overlay: Overlay, model_px: Extent) -> Image:
    """Return a copy of the picture with what is about to happen on it, sized to be seen at this scale."""
    marked = image.copy()
    at = None if overlay.at is None else carry(overlay.at, model_px, image)
    start = None if overlay.start is None else carry(overlay.start, model_px, image)
    radius = reach(image, model_px, LEAST)
    inks = inks_for(image, at or Point(0, image.height), start, radius)
    from PIL import ImageDraw  # not for the first frame

    pen = _Pen(ImageDraw.Draw(marked), radius, inks)
    if at is not None:
        _draw(pen, overlay, at, start)
    if overlay.label and _can_read(image, model_px):
        gap = pen.outer(overlay.clicks).x + radius.x
        pen.label(overlay.label, at, Extent(image.width, image.height), gap)
    return marked


def _draw(pen: _Pen, overlay: Overlay, at: Point, start: Point | None) -> None:
    match overlay.kind:
        case "click":
            pen.click(at, overlay.button, overlay.clicks)
        case "drag":
            pen.drag(start, at)
        case "scroll":
            pen.scroll(at, overlay.direction)
        case "zoom" if start is not None:
            pen.frame(start, at)
        case "move":
            pen.cross(at)
        case "press" | "release":
            pen.button(at, is_down=overlay.kind == "press")
        case _:
            pen.caret(at)
    if overlay.at_cursor and overlay.kind not in ("type", "key"):
        pen.cursor(at)


class _Pen:
    """Draws with one colour, its halo and one size."""

    def __init__(self, pen: ImageDraw.ImageDraw, radius: Point, inks: Inks) -> None:
        self._pen = pen
        self._radius = radius
        self._inks = inks
        self._wide = width(radius)

    def click(self, at: Point, button: str, clicks: int) -> None:
        """A ring for each click; inside it a dot, the right half or a bar, by the button."""
        for n in reversed(range(clicks)):
            self._ring(at, self.outer(n + 1))
        inner = Point(self._radius.x * 0.55, self._radius.y * 0.55)
        if button == "right":
            self._pen.pieslice(around(at, inner), -90, 90, fill=self._inks.ink)
        elif button == "middle":
            self._pen.rectangle(around(at, Point(max(inner.x / 4, 0.5), inner.y)), fill=self._inks.ink)
        elif min(self._radius) >= DOT_LEAST_PX:
            self._pen.ellipse(around(at, Point(self._radius.x / 4, self._radius.y / 4)), fill=self._inks.ink)

    def outer(self, clicks: int) -> Point:
        """Give the radius of the outermost of so many rings."""
        apart = 2 * self._wide * (max(clicks, 1) - 1)
        return Point(self._radius.x + apart, self._radius.y + apart)

    def drag(self, start: Point | None, end: Point) -> None:
        """A square where it begins, an arrow to where it ends; a ring where no way leads there."""
        away = Point(end.x - start.x, end.y - start.y) if start is not None else Point(0, 0)
        length = math.hypot(away.x / self._radius.x, away.y / self._radius.y)
        if start is None or length < 2:
            self._ring(end, self._radius)
        else:
            neck = Point(end.x - away.x / length, end.y - away.y / length)
            self._lines([(start, neck)])
            self._head(end, Point(away.x / length / self._radius.x, away.y / length / self._radius.y))
        if start is not None:
            half = Point(self._radius.x * 0.55, self._radius.y * 0.55)
            edge = Point(half.x + self._wide, half.y + self._wide)
            self._pen.rectangle(around(start, edge), fill=self._inks.halo)
            self._pen.rectangle(around(start, half), fill=self._inks.ink)

    def _head(self, end: Point, way: Point) -> None:
        """Draw the head of an arrow with its tip at the end; `way` is one radius long."""
        edge = self._wide / min(self._radius)
        for grow, ink in ((edge, self._inks.halo), (0.0, self._inks.ink)):
            tip, back, side = 1.5 * grow, 1.5 + grow, 0.9 + 1.2 * grow
            corners = (
                (tip * way.x, tip * way.y),
                (-back * way.x - side * way.y, -back * way.y + side * way.x),
                (-back * way.x + side * way.y, -back * way.y - side * way.x),
            )
            shape = [(end.x + x * self._radius.x, end.y + y * self._radius.y) for x, y in corners]
            self._pen.polygon(shape, fill=ink)

    def scroll(self, at: Point, direction: str) -> None:
        """Two chevrons that point the way; a ring where the way is none."""
        if direction not in SCROLLS:
            self._ring(at, self._radius)
            return
        dx, dy = SCROLLS[direction]
        lines: list[tuple[Point, Point]] = []
        for step in (-0.3, 1.7):
            tip = Point(at.x + dx * self._radius.x * (step + 1), at.y + dy * self._radius.y * (step + 1))
            for side in (-1, 1):
                back = Point(step * dx + side * dy, step * dy + side * dx)
                lines.append((Point(at.x + back.x * self._radius.x, at.y + back.y * self._radius.y), tip))
        self._lines(lines)

    def _lines(self, lines: list[tuple[Point, Point]]) -> None:
        """Draw lines, all halos first, so that none covers another line."""
        for ink, wide in ((self._inks.halo, self._wide * 3), (self._inks.ink, self._wide)):
            for one, other in lines:
                self._pen.line((*one, *other), fill=ink, width=wide)

    def frame(self, one: Point, other: Point) -> None:
        """A rectangle."""
        x0, x1 = sorted((one.x, other.x))
        y0, y1 = sorted((one.y, other.y))
        for grow, ink in ((self._wide, self._inks.halo), (-self._wide, self._inks.halo), (0, self._inks.ink)):
            box = (x0 - grow, y0 - grow, max(x1 + grow, x0 - grow), max(y1 + grow, y0 - grow))
            self._pen.rectangle(box, outline=ink, width=self._wide)

    def cross(self, at: Point) -> None:
        """A cross with a gap in the middle, so that the place itself is seen."""
        self._lines(
            [
                (self._off(at, ux * 0.6, uy * 0.6), self._off(at, ux * 1.7, uy * 1.7))
                for ux, uy in ((1, 0), (-1, 0), (0, 1), (0, -1))
            ]
        )

    def button(self, at: Point, *, is_down: bool) -> None:
        """A full disc for a button pressed, an empty ring for one let go."""
        self._ring(at, self._radius)
        if is_down:
            inner = Point(self._radius.x * 0.8, self._radius.y * 0.8)
            self._pen.ellipse(around(at, inner), fill=self._inks.ink)

    def caret(self, at: Point) -> None:
        """An I-beam: what is typed goes where the focus is, near the last place at best."""
        up, down = self._off(at, 0, -1.4), self._off(at, 0, 1.4)
        bars = [(self._off(end, -0.6, 0), self._off(end, 0.6, 0)) for end in (up, down)]
        self._lines([(up, down), *bars])

    def _off(self, at: Point, x: float, y: float) -> Point:
        """Give the place so many radii away."""
        return Point(at.x + x * self._radius.x, at.y + y * self._radius.y)

    def cursor(self, at: Point) -> None:
        """The pointer itself, its tip at the place, where there is room for its shape."""
        if min(self._radius) < POINTER_LEAST_PX:
            return
        shape = ((0, 0), (0, 1.5), (0.38, 1.15), (0.62, 1.7), (0.85, 1.58), (0.62, 1.05), (1.1, 1.05))
        corners = [(at.x + x * self._radius.x, at.y + y * self._radius.y) for x, y in shape]
        self._pen.polygon(corners, fill=self._inks.halo, outline=self._inks.ink)

    def label(self, text: str, at: Point | None, size: Extent, gap: float) -> None:
        """Write beside the place, on the side that has room; in the lower left corner without a place."""
        font = _font(max(round(size.height / 36), 12))
        words = text if _has_letters(text) else f"{len(text)} characters"
        left, top, right, bottom = self._pen.textbbox((0, 0), words, font=font)
        pad = max(size.height // 160, 3)
        wide, high = right - left + 2 * pad, bottom - top + 2 * pad
        corner = at or Point(-gap, size.height)
        x = corner.x + gap if corner.x + gap + wide <= size.width else corner.x - gap - wide
        x = min(max(x, 0), max(size.width - wide, 0))
        y = min(max(corner.y - high / 2, 0), max(size.height - high, 0))
        self._pen.rectangle((x, y, x + wide, y + high), fill=self._inks.halo, outline=self._inks.ink, width=2)
        paper = (255, 255, 255) if self._inks.halo == (0, 0, 0) else (0, 0, 0)
        self._pen.text((x + pad - left, y + pad - top), words, fill=paper, font=font)

    def _ring(self, at: Point, radius: Point) -> None:
        """Draw a ring of this pen's width; larger rings are not thicker."""
        for grow, ink in ((self._wide, self._inks.halo), (0, self._inks.ink)):
            box = around(at, Point(radius.x + grow, radius.y + grow))
            self._pen.ellipse(box, outline=ink, width=self._wide * (3 if grow else 1))


def _can_read(image: Image, model_px: Extent) -> bool:
    """Say whether letters on this picture could be read: it is large enough, and its pixels are square."""
    across, down = image.width / model_px.width, image.height / model_px.height
    return min(image.width, image.height) >= LABEL_LEAST_PX * 0.6 and 0.8 <= across / down <= 1.25


@lru_cache(maxsize=8)
def _font(size_px: int) -> FreeTypeFont | BitmapFont:
    from PIL import ImageFont  # not for the first frame

    return ImageFont.load_default(size_px)


def _has_letters(text: str) -> bool:
    """Say whether the font that comes with the library has what a text needs."""
    return text.isascii()


# ---------------------------------------------------------------------------------------------- colours


def inks_for(image: Image, at: Point, start: Point | None, radius: Point) -> Inks:
    """Choose the colours that stand out most from the ground where the mark will be."""
    ground = _ground(image, at, radius)
    if start is not None:
        ground += _ground(image, start, radius)
    return max(_PALETTE, key=lambda inks: _stands_out(inks, ground))


def _ground(image: Image, at: Point, radius: Point) -> list[Rgb]:
    """Take a few pixels around a place."""
    left = int(min(max(at.x - radius.x * 2, 0), image.width - 1))
    top = int(min(max(at.y - radius.y * 2, 0), image.height - 1))
    right = int(min(max(at.x + radius.x * 2, left + 1), image.width))
    bottom = int(min(max(at.y + radius.y * 2, top + 1), image.height))
    small = (
        image.crop((left, top, max(right, left + 1), max(bottom, top + 1))).convert("RGB").resize((6, 6), 4)
    )
    data = small.tobytes()
    return [(data[n], data[n + 1], data[n + 2]) for n in range(0, len(data), 3)]


def _stands_out(inks: Inks, ground: list[Rgb]) -> int:
    """Say how far the ground is from the ink, at the worst tenth; the halo sets it off from the rest."""
    far = sorted(_distance(inks.ink, pixel) for pixel in ground)
    return far[len(far) // 10]


def _distance(a: Rgb, b: Rgb) -> int:
    """Compare two colours as the eye does, roughly: green counts most."""
    return 3 * (a[0] - b[0]) ** 2 + 4 * (a[1] - b[1]) ** 2 + 2 * (a[2] - b[2]) ** 2


# --------------------------------------------------------------------------------------- beside, in cells


def label_cell(cell: Point, length: int, box: Box) -> Point:
    """Say in which cell a label of so many cells begins: beside a place, inside the picture, not on it."""
    right = cell.x + 3
    x = right if right + length <= box.x + box.width else cell.x - 2 - length
    x = min(max(x, box.x), max(box.x + box.width - length, box.x))
    y = min(max(cell.y, box.y), box.y + box.height - 1)
    if x <= cell.x < x + length:  # no room on either side: on the line above or below
        y = y - 2 if y - 2 >= box.y else min(y + 2, box.y + box.height - 1)
    return Point(x, y)
