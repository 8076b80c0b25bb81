"""A small terminal: cells, Kitty's and sixel's pictures, the answers. It decodes what we send into pixels.

It knows what the bridge sends and no more, and says of anything else that it does not: a sequence it has no
word for is kept in `strange`.
"""

from __future__ import annotations

import base64
import io
import re
import unicodedata
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from PIL import Image

from pilothouse.frames.placeholders import MARKS, PLACEHOLDER

_TOKEN = re.compile(
    r"\x1b\[(?P<csi>[0-?]*[ -/]*[@-~])"
    r"|\x1b(?P<kind>[_PX^\]])(?P<body>(?:[^\x1b\x07]|\x1b\x1b)*)(?:\x1b\\|\x07)"
    r"|\x1b(?P<short>[78=>])"
    r"|(?P<text>[^\x1b]+)",
    re.DOTALL,
)
_WHERE = {mark: n for n, mark in enumerate(MARKS)}


class Look(NamedTuple):
    """Colours of a cell, as the terminal was told them."""

    front: tuple[int, ...] = ()
    back: tuple[int, ...] = ()
    others: tuple[int, ...] = ()


PLAIN = Look()


@dataclass(frozen=True)
class Cell:
    text: str = " "
    look: Look = PLAIN


@dataclass
class Placed:
    """A picture in the terminal's memory with its virtual placement."""

    image: Image.Image
    columns: int
    rows: int


@dataclass
class Screen:
    """A terminal of so many cells; `feed` it, then look."""

    width: int = 120
    height: int = 40
    cell_px: tuple[int, int] = (10, 20)
    kitty: bool = True
    sixel: bool = False
    name: bytes = b"kitty(0.42.1)"
    in_tmux: bool = False
    """What is not wrapped for passing through is not a picture."""
    answers: list[bytes] = field(default_factory=list)
    """What it has to say; whoever plays it takes them."""
    strange: list[str] = field(default_factory=list)
    pictures: dict[int, Placed] = field(default_factory=dict)
    received: int = 0
    """Pictures received whole."""

    def __post_init__(self) -> None:
        self.cells = [[Cell()] * self.width for _ in range(self.height)]
        self.canvas = Image.new("RGBA", (self.width * self.cell_px[0], self.height * self.cell_px[1]))
        self._x = self._y = 0
        self._saved = (0, 0, PLAIN)
        self._look = PLAIN
        self._open: tuple[dict[str, str], str] | None = None
        self._rest = ""
        self._decoder = __import__("codecs").getincrementaldecoder("utf-8")("replace")

    def resize(self, width: int, height: int) -> None:
        """Take another size; what lies beyond it is gone."""
        rows = [[*row[:width], *[Cell()] * (width - len(row))] for row in self.cells[:height]]
        self.cells = [*rows, *([Cell()] * width for _ in range(height - len(rows)))]
        self.width, self.height = width, height
        self.canvas = self.canvas.crop((0, 0, width * self.cell_px[0], height * self.cell_px[1]))

    def feed(self, data: bytes) -> None:
        """Take what was sent; a sequence cut in two waits for its rest."""
        self._rest = self._read(self._rest + self._decoder.decode(data))

    def _read(self, text: str) -> str:
        """Take what is whole; returns the rest."""
        at = 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                break
            at = found.end()
            self._take(found)
        return text[at:]

    def _take(self, found: re.Match[str]) -> None:
        if found["text"] is not None:
            self._write(found["text"])
        elif found["csi"] is not None:
            self._csi(found["csi"])
        elif found["kind"] == "_" and found["body"].startswith("G"):
            if not self.in_tmux:
                self._graphics(found["body"][1:])
        elif found["kind"] == "P" and found["body"].startswith("tmux;"):
            self.in_tmux, was = False, self.in_tmux
            assert not self._read(found["body"].removeprefix("tmux;").replace("\x1b\x1b", "\x1b"))
            self.in_tmux = was
        elif found["kind"] == "P":
            self._sixel(found["body"])
        elif found["short"] == "7":
            self._saved = (self._x, self._y, self._look)
        elif found["short"] == "8":
            self._x, self._y, self._look = self._saved
        elif found["kind"] != "]":
            self.strange.append(found[0])

    # --- cells ------------------------------------------------------------------------------------

    def _write(self, text: str) -> None:
        for character in text:
            if character == "\n":
                self._y += 1
            elif character == "\r":
                self._x = 0
            elif unicodedata.combining(character) or character == "\u200d":
                if 0 < self._x <= self.width and self._y < self.height:
                    before = self.cells[self._y][self._x - 1]
                    self.cells[self._y][self._x - 1] = replace(before, text=before.text + character)
            elif character >= " ":
                self._put(Cell(character, self._look))
                if unicodedata.east_asian_width(character) in "WF":
                    self._put(Cell("", self._look))

    def _put(self, cell: Cell) -> None:
        if 0 <= self._x < self.width and 0 <= self._y < self.height:
            self.cells[self._y][self._x] = cell
            wide, high = self.cell_px
            box = (self._x * wide, self._y * high, (self._x + 1) * wide, (self._y + 1) * high)
            self.canvas.paste((0, 0, 0, 0), box)
        self._x += 1

    def _csi(self, csi: str) -> None:
        given = [int(one) if one.isdigit() else 0 for one in csi[:-1].split(";")]
        match csi[-1]:
            case "H":
                self._y, self._x = max(given[0], 1) - 1, max((*given, 1)[1], 1) - 1
            case "m" if csi[0] not in "<>?":
                self._colour(given)
            case "X":
                x = self._x
                for _ in range(max(given[0], 1)):
                    self._put(Cell(" ", Look(back=self._look.back)))
                self._x = x
            case "C":
                self._x += max(given[0], 1)
            case "n" if csi == "6n":
                self.answers.append(f"\x1b[{self._y + 1};{self._x + 1}R".encode())
            case "c" if csi == "c":
                self.answers.append(b"\x1b[?62;4;22c" if self.sixel else b"\x1b[?62;22c")
            case "t" if csi == "16t":
                self.answers.append(b"\x1b[6;%d;%dt" % (self.cell_px[1], self.cell_px[0]))
            case "q" if csi == ">0q":
                self.answers.append(b"\x1bP>|%b\x1b\\" % self.name)
            case "p" if csi == "?2026$p":
                self.answers.append(b"\x1b[?2026;2$y")
            case "h" | "l" | "u" | "q" | "p":
                pass
            case _:
                self.strange.append(csi)

    def _colour(self, given: list[int]) -> None:
        front, back, others = self._look
        codes = iter(given)
        for code in codes:
            if code == 0:
                front, back, others = PLAIN
            elif code in (38, 48):
                kind = next(codes)
                value = tuple(next(codes) for _ in range(1 if kind == 5 else 3))
                front, back = (value, back) if code == 38 else (front, value)
            elif code in (39, 49):
                front, back = ((), back) if code == 39 else (front, ())
            elif 30 <= code <= 37 or 90 <= code <= 97:
                front = (code - (30 if code < 90 else 82),)
            elif 40 <= code <= 47 or 100 <= code <= 107:
                back = (code - (40 if code < 100 else 92),)
            else:
                others = (*others, code)
        self._look = Look(front, back, others)

    def line(self, y: int) -> str:
        """Give the text of a line."""
        return "".join(cell.text for cell in self.cells[y])

    @property
    def text(self) -> str:
        """Give everything that can be read."""
        return "\n".join(map(self.line, range(self.height)))

    # --- pictures ---------------------------------------------------------------------------------

    def _graphics(self, body: str) -> None:
        head, _, payload = body.partition(";")
        keys = dict(pair.split("=") for pair in head.split(","))
        if self._open is not None and "a" not in keys:
            opened, before = self._open
            self._open = (opened, before + payload)
        elif keys.get("a") == "q":
            if self.kitty:
                self.answers.append(b"\x1b_Gi=%d;OK\x1b\\" % int(keys["i"]))
            return
        elif keys.get("a") == "d":
            assert keys["d"] == "I", "only pictures of ours, by their numbers"
            self.pictures.pop(int(keys["i"]), None)
            return
        else:
            assert keys["a"] == "T" and keys["q"] == "2" and self._open is None, keys
            self._open = (keys, payload)
        if keys.get("m", "0") == "0":
            opened, data = self._open
            self._open = None
            image = Image.open(io.BytesIO(base64.b64decode(data, validate=True))).convert("RGB")
            self.pictures[int(opened["i"])] = Placed(image, int(opened["c"]), int(opened["r"]))
            self.received += 1

    def _sixel(self, body: str) -> None:
        head, _, data = body.partition("q")
        assert re.fullmatch(r"[\d;]*", head), head
        size = re.match(r'"1;1;(\d+);(\d+)', data)
        assert size is not None
        image = decode_sixel(data[size.end() :], (int(size[1]), int(size[2])))
        self.canvas.paste(image, (self._x * self.cell_px[0], self._y * self.cell_px[1]), image)
        self.received += 1

    def shown(self) -> tuple[Image.Image, tuple[int, int, int, int]] | None:
        """Give the picture that placeholders show, and its cells (left, top, right, bottom)."""
        parts: dict[tuple[int, int], tuple[int, int, int]] = {}
        for y, row in enumerate(self.cells):
            before: tuple[int, int, int] | None = None
            for x, cell in enumerate(row):
                before = _part(cell, before)
                if before is not None:
                    parts[x, y] = before
        if not parts:
            return None
        left, top = min(x for x, _ in parts), min(y for _, y in parts)
        right, bottom = max(x for x, _ in parts) + 1, max(y for _, y in parts) + 1
        wide, high = self.cell_px
        whole = Image.new("RGB", ((right - left) * wide, (bottom - top) * high), (255, 0, 255))
        scaled: dict[int, Image.Image] = {}
        for (x, y), (number, row_of, column_of) in parts.items():
            placed = self.pictures.get(number)
            if placed is None:
                continue
            if number not in scaled:
                scaled[number] = placed.image.resize((placed.columns * wide, placed.rows * high))
            box = (column_of * wide, row_of * high, (column_of + 1) * wide, (row_of + 1) * high)
            whole.paste(scaled[number].crop(box), ((x - left) * wide, (y - top) * high))
        return whole, (left, top, right, bottom)


def _part(cell: Cell, before: tuple[int, int, int] | None) -> tuple[int, int, int] | None:
    """Say what a placeholder shows: by its marks, else by what is to its left."""
    if not cell.text.startswith(PLACEHOLDER):
        return None
    front = cell.look.front
    number = front[0] if len(front) == 1 else (front[0] << 16 | front[1] << 8 | front[2])
    marks = [_WHERE[mark] for mark in cell.text[1:]]
    if marks:  # of a cell that has come in half the second is missing
        return number, marks[0], (*marks, 0)[1]
    if before is not None and before[0] == number:
        return number, before[1], before[2] + 1
    return number, 0, 0


def decode_sixel(data: str, size: tuple[int, int]) -> Image.Image:
    """Decode sixel data after its raster attributes."""
    image = Image.new("RGBA", (size[0], size[1] + 6))
    palette: dict[int, tuple[int, int, int, int]] = {}
    ink, x, y = (0, 0, 0, 255), 0, 0
    for token in re.finditer(r"#(\d+)(?:;2;(\d+);(\d+);(\d+))?|!(\d+)([?-~])|([$-])|([?-~])", data):
        number, red, green, blue, count, repeated, move, one = token.groups()
        if number is not None:
            if red is not None:
                rgb = (round(int(part) * 255 / 100) for part in (red, green, blue))
                palette[int(number)] = (*rgb, 255)  # type: ignore[assignment]
            else:  # to define is not to select, as in xterm
                ink = palette[int(number)]
        elif move is not None:
            x, y = 0, y + (6 if move == "-" else 0)
        else:
            bits, end = ord(repeated or one) - 63, x + int(count or 1)
            for bit in (bit for bit in range(6) if bits >> bit & 1):
                image.paste(ink, (x, y + bit, end, y + bit + 1))
            x = end
    return image.crop((0, 0, *size))
