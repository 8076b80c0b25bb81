"""How many lines each row of a list takes, and where it stands, for any number of rows. No widgets, no text.

Sums are kept by block of rows, so that a million rows cost a row's own lookup and not a million steps. A row
that nobody has looked at yet counts as one line: measuring takes laying it out (performance §6).
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from itertools import accumulate
from typing import Final

BLOCK: Final = 256


class Heights:
    """Lines per row, and their sums."""

    def __init__(self, count: int = 0) -> None:
        self._lines = array("I")
        """0 for a row that was not measured."""
        self._sums: list[int] = []
        """Lines by block; a row that was not measured counts as one."""
        self._tops: list[int] = [0]
        """First line of each block, as far as it is known."""
        self._inside: tuple[int, list[int]] = (-1, [])
        """The block that was looked at last, and the first line of each of its rows."""
        self.total = 0
        self.extend(count)

    def __len__(self) -> int:
        return len(self._lines)

    def extend(self, count: int) -> None:
        """Add rows at the end that were not measured yet."""
        if count <= 0:
            return
        self._touched(len(self._lines) // BLOCK)
        self._lines.frombytes(bytes(self._lines.itemsize * count))
        self.total += count
        while count:
            if not self._sums or len(self._sums) * BLOCK == len(self._lines) - count:
                self._sums.append(0)
            filled = len(self._lines) - count - (len(self._sums) - 1) * BLOCK
            fits = min(count, BLOCK - filled)
            self._sums[-1] += fits
            count -= fits

    def truncate(self, count: int) -> None:
        """Forget the rows from `count` on."""
        if count >= len(self._lines):
            return
        del self._lines[count:]
        full, rest = divmod(count, BLOCK)
        del self._sums[full + (rest > 0) :]
        if rest:
            self._sums[full] = self._sum(full * BLOCK, count)
        self._touched(full)
        self.total = sum(self._sums)

    def put(self, index: int, lines: int) -> int:
        """Measure a row; returns by how many lines everything below it moves."""
        moved = lines - max(self._lines[index], 1)
        self._lines[index] = lines
        if moved:
            block = index // BLOCK
            self._sums[block] += moved
            self._touched(block)
            self.total += moved
        return moved

    def is_measured(self, index: int) -> bool:
        """Say whether a row's height is known."""
        return self._lines[index] > 0

    def top(self, index: int) -> int:
        """Give the first line of a row; of the one after the last, the number of lines."""
        if index >= len(self._lines):
            return self.total
        block = index // BLOCK
        return self._block_tops(block)[block] + self._rows_in(block)[index - block * BLOCK]

    def of(self, index: int) -> int:
        """Give a row's lines."""
        return max(self._lines[index], 1)

    def at(self, line: int) -> int:
        """Find the row that a line belongs to; the last one for a line after the end, -1 if there is none."""
        if line >= self.total:
            return len(self._lines) - 1
        tops = self._block_tops(len(self._sums) - 1)
        block = bisect_right(tops, max(line, 0)) - 1
        return block * BLOCK + bisect_right(self._rows_in(block), max(line, 0) - tops[block]) - 1

    def _rows_in(self, block: int) -> list[int]:
        if self._inside[0] != block:
            part = self._lines[block * BLOCK : (block + 1) * BLOCK - 1]
            self._inside = block, list(accumulate((max(lines, 1) for lines in part), initial=0))
        return self._inside[1]

    def _sum(self, start: int, end: int) -> int:
        part = self._lines[start:end]
        return sum(part) + part.count(0)

    def _touched(self, block: int) -> None:
        del self._tops[max(block, 0) + 1 :]
        if self._inside[0] >= block:
            self._inside = -1, []

    def _block_tops(self, block: int) -> list[int]:
        known = len(self._tops)
        if known <= block:
            more = accumulate(self._sums[known - 1 : block], initial=self._tops[-1])
            self._tops[known - 1 :] = more
        return self._tops
