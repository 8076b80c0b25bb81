"""Which rows of a list are shown: what a filter asks for, what the chosen detail leaves out. No widgets.

A `Sieve` stands between an index over events and the widget that scrolls it, and numbers what it shows.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from pilothouse.tui.rowlist import Line, RowSource

KINDS: Final = (
    "instruction", "text", "thinking", "message", "action", "error", "warning", "approval", "state", "note",
    "end", "marked",
)  # fmt: skip
OUTCOMES: Final = ("proposed", "started", "done", "failed", "skipped", "in_doubt")
BRIEF, USUAL, FULL = "brief", "usual", "everything"
DETAILS: Final = (USUAL, FULL, BRIEF)
AT_ONCE: Final = 500
"""So many rows are looked at without letting anything else happen."""
_NOT_BRIEF: Final = frozenset({"thinking", "state", "note"})


class Facts(msgspec.Struct, frozen=True, gc=False):
    """What a filter looks at."""

    kind: str
    member: str = ""
    outcome: str = ""


class Filter(msgspec.Struct, frozen=True):
    """Rows wanted: any of each named sort, and all of the words."""

    kinds: frozenset[str] = frozenset()
    members: frozenset[str] = frozenset()
    outcomes: frozenset[str] = frozenset()
    words: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Say whether it lets everything through."""
        return self == Filter()

    def wants(self, facts: Facts, text: Callable[[], str], is_marked: Callable[[], bool]) -> bool:
        """Say whether a row is wanted; its text is only asked for when that decides."""
        if self.members and facts.member not in self.members:
            return False
        if self.outcomes and facts.outcome not in self.outcomes:
            return False
        if self.kinds and facts.kind not in self.kinds and not ("marked" in self.kinds and is_marked()):
            return False
        if not self.words:
            return True
        folded = text().casefold()
        return all(word in folded for word in self.words)


def parse_filter(text: str) -> Filter:
    """Read `error member:left_click outcome:failed kettle`: what is no known word is looked for as text.

    A bare word that names a kind or an outcome means that; `member:` and `text:` say what a word alone can't.
    """
    found: dict[str, list[str]] = {"kind": [], "member": [], "outcome": [], "text": []}
    for word in text.split():
        head, colon, rest = word.partition(":")
        if colon and head.lower() in found and rest:
            found[head.lower()].append(rest)
        elif word.lower() in KINDS:
            found["kind"].append(word)
        elif word.lower() in OUTCOMES:
            found["outcome"].append(word)
        else:
            found["text"].append(word)
    kinds, members, outcomes = (
        frozenset(word.lower() for word in found[sort]) for sort in ("kind", "member", "outcome")
    )
    return Filter(kinds, members, outcomes, tuple(word.casefold() for word in found["text"]))


class Sifted(Protocol):
    """What a sieve needs of the rows behind it."""

    def __len__(self) -> int: ...

    def seq(self, index: int) -> int: ...  # noqa: D102 (as in `RowSource`)

    def position(self, index: int) -> int: ...  # noqa: D102

    def stamp(self, position: int) -> int: ...  # noqa: D102

    def look(self, index: int, position: int) -> int: ...  # noqa: D102

    def lines(self, index: int, width: int, position: int) -> list[Line]: ...  # noqa: D102

    def toggle(self, index: int) -> bool: ...  # noqa: D102

    def text(self, index: int) -> str: ...  # noqa: D102

    def facts(self, index: int) -> Facts:
        """Say what a filter may ask of a row."""
        ...


class Sieve:
    """A `RowSource` of those rows of another that are wanted."""

    def __init__(self, rows: Sifted) -> None:
        self.rows = rows
        self.filter = Filter()
        self.detail = USUAL
        self.markers: list[int] = []
        """Positions that a person marked, ascending."""
        self._kept: array[int] | None = None
        """Which rows are shown; None for all."""
        self._looked = 0
        """Rows looked at, from the first."""

    def __len__(self) -> int:
        return len(self.rows) if self._kept is None else len(self._kept)

    def behind(self, index: int) -> int:
        """Give the number that a shown row has among all."""
        return index if self._kept is None else self._kept[index]

    def shown(self, index: int) -> int | None:
        """Find a row, by its number among all, among those shown."""
        if self._kept is None:
            return index if 0 <= index < len(self.rows) else None
        at = bisect_left(self._kept, index)
        return at if at < len(self._kept) and self._kept[at] == index else None

    def set(self, wanted: Filter | None = None, detail: str = "") -> None:
        """Show what another filter wants, or another detail."""
        self.filter = self.filter if wanted is None else wanted
        self.detail = detail or self.detail
        everything = self.filter.is_open and self.detail != BRIEF
        self._kept = None if everything else array("q")
        self._looked = 0
        self.changed_from(0)

    def changed_from(self, index: int) -> int:
        """Look again at the rows from here on; returns the first shown one that is new or changed.

        Of many rows only the first are looked at: it is for others to `go_on`, and to let keys be heard.
        """
        if self._kept is None:
            return index
        first = bisect_left(self._kept, index)
        del self._kept[first:]
        self._looked = min(self._looked, index)
        self.go_on(AT_ONCE)
        return first

    @property
    def is_done(self) -> bool:
        """Say whether all rows have been looked at."""
        return self._kept is None or self._looked >= len(self.rows)

    @property
    def done(self) -> float:
        """Say which part of the rows has been looked at."""
        return 1.0 if self.is_done else self._looked / len(self.rows)

    def go_on(self, count: int) -> int:
        """Look at so many more rows; returns the first shown one that is new."""
        shown = len(self)
        if self._kept is not None:
            until = min(self._looked + count, len(self.rows))
            self._kept.extend(at for at in range(self._looked, until) if self._wants(at))
            self._looked = max(self._looked, until)
        return shown

    def _wants(self, at: int) -> bool:
        facts = self.rows.facts(at)
        if self.detail == BRIEF and facts.kind in _NOT_BRIEF:
            return False
        return self.filter.wants(facts, lambda: self.rows.text(at), lambda: self._is_marked(at))

    def _is_marked(self, at: int) -> bool:
        found = bisect_left(self.markers, self.rows.seq(at))
        return found < len(self.markers) and self.markers[found] <= self.rows.position(at)

    def seq(self, index: int) -> int:
        """Give the event a row begins with."""
        return self.rows.seq(self.behind(index))

    def position(self, index: int) -> int:
        """Give the position that selecting a row means."""
        return self.rows.position(self.behind(index))

    def stamp(self, position: int) -> int:
        """Give a number that differs between positions at which any row looks different."""
        return self.rows.stamp(position)

    def look(self, index: int, position: int) -> int:
        """Give a number that differs between positions at which a row looks different."""
        return self.rows.look(self.behind(index), position)

    def lines(self, index: int, width: int, position: int) -> list[Line]:
        """Lay a row out."""
        return self.rows.lines(self.behind(index), width, position)

    def toggle(self, index: int) -> bool:
        """Open or close a row."""
        return self.rows.toggle(self.behind(index))

    def text(self, index: int) -> str:
        """Give what copying a row means."""
        return self.rows.text(self.behind(index))


def as_source(sieve: Sieve) -> RowSource:
    """Pass a sieve where rows are wanted; mypy holds it to the protocol here."""
    return sieve
