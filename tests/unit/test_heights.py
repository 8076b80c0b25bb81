"""Rows' heights and tops, against the plain sums of a plain list."""

from __future__ import annotations

from itertools import accumulate

from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.tui.heights import BLOCK, Heights

EDITS = st.lists(
    st.one_of(
        st.tuples(st.just("extend"), st.integers(0, 3 * BLOCK), st.just(0)),
        st.tuples(st.just("truncate"), st.integers(0, 5 * BLOCK), st.just(0)),
        st.tuples(st.just("put"), st.integers(0, 5 * BLOCK), st.integers(1, 9)),
    ),
    max_size=12,
)


def apply(edit: tuple[str, int, int], heights: Heights, plain: list[int]) -> None:
    match edit:
        case ("extend", count, _):
            heights.extend(count)
            plain += [1] * count
        case ("truncate", count, _):
            heights.truncate(count)
            del plain[count:]
        case (_, index, lines) if index < len(plain):
            assert heights.put(index, lines) == lines - plain[index]
            assert heights.is_measured(index)
            plain[index] = lines


@given(EDITS, st.lists(st.integers(0, 12 * BLOCK), max_size=6))
@settings(max_examples=120, deadline=None)
def test_heights_are_the_sums_of_their_rows(edits: list[tuple[str, int, int]], places: list[int]) -> None:
    heights, plain = Heights(), list[int]()
    for edit in edits:
        apply(edit, heights, plain)
        tops = [0, *accumulate(plain)]
        assert (len(heights), heights.total) == (len(plain), tops[-1])
        for place in places:
            if place < len(plain):
                assert heights.top(place) == tops[place]
                assert heights.of(place) == plain[place]
            if place < tops[-1]:
                at = heights.at(place)
                assert tops[at] <= place < tops[at + 1]
    assert heights.top(len(plain)) == heights.total
    assert heights.at(heights.total) == len(plain) - 1
