"""Rows, the currency between a run's indexes and the widget that scrolls them.

Nothing here knows events or styles.
"""

from __future__ import annotations

from typing import Protocol

Span = tuple[str, str]
"""Cleaned text and its tone: the name of a component class of `widgets.rows.Rows`."""
Line = tuple[Span, ...]


class RowSource(Protocol):
    """A growing list of rows. What a row says may depend on the position, how high it is may not."""

    def __len__(self) -> int: ...

    def seq(self, index: int) -> int:
        """Give the position from which on the row exists; ascending over the rows."""
        ...

    def stamp(self, position: int) -> int:
        """Give a number that differs between two positions at which any row looks different."""
        ...

    def look(self, index: int, position: int) -> int:
        """Give a number that differs between two positions at which this row looks different."""
        ...

    def lines(self, index: int, width: int, position: int) -> list[Line]:
        """Lay a row out in lines of at most `width` cells, as it was at a position."""
        ...

    def toggle(self, index: int) -> bool:
        """Open or close a row; says whether it has anything to open."""
        ...

    def text(self, index: int) -> str:
        """Give what copying the row means, cleaned."""
        ...
