"""A search a piece at a time finds what one at once would, and each match as soon as it is known."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from pilothouse.tui.search import Search

PATTERN = re.compile("x")


class Texts:
    """Rows that match where they are `x`; notes which were looked at."""

    def __init__(self, texts: str) -> None:
        self.texts = texts
        self.looked: list[int] = []

    def __len__(self) -> int:
        return len(self.texts)

    def text(self, index: int) -> str:
        self.looked.append(index)
        return self.texts[index]

    @property
    def matches(self) -> list[int]:
        return [index for index, text in enumerate(self.texts) if text == "x"]


def nearest(found: list[int], at: int) -> int | None:
    return next((index for index in found if index >= at), found[0] if found else None)


def nearest_before(found: list[int], at: int) -> int | None:
    return next((index for index in reversed(found) if index < at), found[-1] if found else None)


TEXTS = st.text("x.", max_size=40)
PLACES = st.integers(-1, 40)


@given(TEXTS, PLACES, PLACES, st.lists(st.integers(1, 15), max_size=12))
def test_what_is_said_of_a_match_is_so_however_little_is_known(
    texts: str, start: int, at: int, pieces: list[int]
) -> None:
    rows = Texts(texts)
    search = Search(rows, PATTERN, start)
    for piece in [*pieces, len(texts), len(texts)]:
        assert search.next(at) in {None, nearest(rows.matches, at)}
        assert search.previous(at) in {None, nearest_before(rows.matches, at)}
        search.go_on(piece)
    assert search.is_done
    assert search.done == 1
    assert sorted(rows.looked) == list(range(len(texts)))
    assert search.count == len(rows.matches)
    assert search.next(at) == nearest(rows.matches, at)
    assert search.previous(at) == nearest_before(rows.matches, at)
    assert [search.nth(match) for match in rows.matches] == list(range(1, search.count + 1))


@given(TEXTS, PLACES, st.lists(st.tuples(PLACES, TEXTS, st.integers(1, 30)), max_size=5))
def test_rows_that_change_are_looked_at_again(
    texts: str, start: int, changes: list[tuple[int, str, int]]
) -> None:
    rows = Texts(texts)
    search = Search(rows, PATTERN, start)
    for place, new, piece in changes:
        search.go_on(piece)
        first = min(max(place, 0), len(rows))
        rows.texts = rows.texts[:first] + new
        search.forget_from(first)
    while not search.is_done:
        search.go_on(7)
    assert search.count == len(rows.matches)
    assert [search.next(at) for at in range(len(rows))] == [
        nearest(rows.matches, at) for at in range(len(rows))
    ]


def test_the_nearest_match_is_known_before_the_rest() -> None:
    rows = Texts("x" + "." * 98 + "x")
    search = Search(rows, PATTERN, 60)
    search.go_on(10)
    assert search.next(60) is None
    search.go_on(30)
    assert (search.next(60), search.is_done) == (99, False)
    assert search.previous(60) is None
    search.go_on(60)
    assert (search.previous(60), search.is_done) == (0, True)
