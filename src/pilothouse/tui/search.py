"""A search through any number of rows, a piece at a time: from where one is to the end, then from the top.

What is nearest is known long before all is. No widgets; who calls `go_on`, and when, is the screen's to say.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import re


class Searched(Protocol):
    """What is searched."""

    def __len__(self) -> int: ...

    def text(self, index: int) -> str: ...  # noqa: D102 (as in `RowSource`)


class Search:
    """Which rows match, as far as they have been looked at.

    Args:
        rows: What is searched; `forget_from` says what of it changed.
        pattern: What is looked for.
        start: The row to begin with.
    """

    def __init__(self, rows: Searched, pattern: re.Pattern[str], start: int) -> None:
        self._rows, self._pattern = rows, pattern
        self._start = self._ahead = max(start, 0)
        """Rows looked at: from the start up to here, and"""
        self._top = 0
        """from the first up to here."""
        self._after, self._before = array("q"), array("q")
        """Matches at the start and after it, and before it."""

    @property
    def is_done(self) -> bool:
        """Say whether all rows have been looked at."""
        return self._is_end_known and self._is_top_known

    @property
    def done(self) -> float:
        """Say which part of the rows has been looked at."""
        looked = self._ahead - self._start + self._top
        return 1.0 if self.is_done else looked / len(self._rows)

    @property
    def count(self) -> int:
        """Count the matches that are known."""
        return len(self._before) + len(self._after)

    @property
    def _is_end_known(self) -> bool:
        return self._ahead >= len(self._rows)

    @property
    def _is_top_known(self) -> bool:
        return self._top >= min(self._start, len(self._rows))

    def go_on(self, count: int) -> None:
        """Look at so many more rows."""
        size = len(self._rows)
        until = min(self._ahead + count, size)
        if not self._is_end_known:
            self._after.extend(self._matches(self._ahead, until))
            count -= until - self._ahead
            self._ahead = until
        until = min(self._top + count, self._start, size)
        if count > 0 and self._is_end_known and not self._is_top_known:
            self._before.extend(self._matches(self._top, until))
            self._top = until

    def _matches(self, start: int, end: int) -> list[int]:
        search, text = self._pattern.search, self._rows.text
        return [index for index in range(start, end) if search(text(index))]

    def forget_from(self, index: int) -> None:
        """Take note that rows from here on are new or changed."""
        del self._after[bisect_left(self._after, index) :]
        del self._before[bisect_left(self._before, index) :]
        self._top = min(self._top, index)
        self._ahead = max(min(self._ahead, index), self._start)

    def next(self, at: int) -> int | None:
        """Give the nearest match from a row on, round the end; None while that is not known, or for none."""
        after, before = self._after, self._before
        parts = [(after, self._is_end_known), (before, self._is_top_known)]
        for found, is_known in parts if at >= self._start else reversed(parts):
            if (nth := bisect_left(found, at)) < len(found):
                return found[nth]
            if not is_known:
                return None
            at = 0  # what is looked at from here on lies behind it, or round the end
        first = before or after
        return first[0] if first else None

    def previous(self, at: int) -> int | None:
        """Give the nearest match before a row, round the top; None while that is not known, or for none."""
        after, before = self._after, self._before
        if at <= self._start:
            if self._top < min(at, len(self._rows)):
                return None
            if nth := bisect_left(before, at):
                return before[nth - 1]
        else:
            if self._ahead < min(at, len(self._rows)):
                return None
            if nth := bisect_left(after, at):
                return after[nth - 1]
        if not self.is_done:
            return None
        if at > self._start and before:
            return before[-1]
        last = after or before
        return last[-1] if last else None

    def nth(self, index: int) -> int:
        """Count the matches up to a row, those known."""
        return bisect_left(self._before, index + 1) + bisect_left(self._after, index + 1)
