"""Filters as they are written, and the rows that they let through while the list grows."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse import events as ev
from pilothouse.tui.calls import Calls
from pilothouse.tui.record import Record
from pilothouse.tui.sieve import AT_ONCE, BRIEF, USUAL, Filter, Sieve, parse_filter
from pilothouse.tui.transcript import Transcript
from tests.tui.fake_runs import shop_script

EVENTS = shop_script().events


def indexes() -> tuple[Record, Transcript, Calls]:
    record = Record()
    return record, Transcript(), Calls(record)


def whole() -> tuple[Sieve, Sieve]:
    record, transcript, calls = indexes()
    for event in record.extend(EVENTS):
        transcript.feed(event)
        calls.feed(event)
    return Sieve(transcript), Sieve(calls)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", Filter()),
        ("error failed", Filter(kinds=frozenset({"error"}), outcomes=frozenset({"failed"}))),
        ("member:Left_Click kettle", Filter(members=frozenset({"left_click"}), words=("kettle",))),
        ("text:error KETTLE", Filter(words=("error", "kettle"))),
        ("kind:text kind:thinking", Filter(kinds=frozenset({"text", "thinking"}))),
        ("http://a:", Filter(words=("http://a:",))),
    ],
)
def test_a_filter_is_read_as_it_is_written(text: str, wanted: Filter) -> None:
    assert parse_filter(text) == wanted


@pytest.mark.parametrize(
    ("text", "said", "called"),
    [
        ("failed", 1, 1),
        ("member:type", 1, 1),
        ("outcome:done member:left_click", 2, 2),
        ("error", 1, 0),
        ("€34.90", 1, 0),
        ("end", 1, 0),
        ("nowhere to be found", 0, 0),
    ],
)
def test_a_filter_lets_through_what_it_names(text: str, said: int, called: int) -> None:
    transcript, calls = whole()
    for sieve in (transcript, calls):
        sieve.set(parse_filter(text))
    assert (len(transcript), len(calls)) == (said, called)


def test_brief_leaves_out_thinking_states_and_notes() -> None:
    transcript, _ = whole()
    usual = len(transcript)
    transcript.set(detail=BRIEF)
    kinds = {transcript.rows.facts(transcript.behind(n)).kind for n in range(len(transcript))}
    assert len(transcript) < usual
    assert kinds == {"instruction", "text", "action", "error", "end"}
    transcript.set(detail=USUAL)
    assert len(transcript) == usual


def test_a_marked_row_is_found_by_the_marker_inside_it() -> None:
    transcript, _ = whole()
    transcript.markers = [transcript.seq(5), transcript.position(9)]
    transcript.set(parse_filter("marked"))
    assert [transcript.behind(n) for n in range(len(transcript))] == [5, 9]


def test_of_many_rows_only_some_are_looked_at_at_once() -> None:
    record, transcript, _ = indexes()
    for event in record.extend(ev.Warned(what=f"number {n}") for n in range(3 * AT_ONCE)):
        transcript.feed(event)
    sieve = Sieve(transcript)
    sieve.set(parse_filter("text:number"))
    assert (len(sieve), sieve.is_done, sieve.done) == (AT_ONCE, False, 1 / 3)
    assert sieve.go_on(AT_ONCE) == AT_ONCE
    assert sieve.changed_from(10) == 10
    assert (len(sieve), sieve.is_done) == (AT_ONCE + 10, False)
    sieve.go_on(3 * AT_ONCE)
    assert (len(sieve), sieve.is_done, sieve.done) == (3 * AT_ONCE, True, 1)
    sieve.set(parse_filter("text:1499"))
    sieve.set(parse_filter(""))
    assert sieve.is_done


@given(
    st.lists(st.integers(1, len(EVENTS) // 4), min_size=1, max_size=6),
    st.sampled_from(["failed", "done", "error", "text:step", "action", ""]),
    st.sampled_from([USUAL, BRIEF]),
)
@settings(max_examples=40, deadline=None)
def test_a_growing_list_shows_what_a_whole_one_does(pieces: list[int], text: str, detail: str) -> None:
    record, transcript, calls = indexes()
    sieves = Sieve(transcript), Sieve(calls)
    for sieve in sieves:
        sieve.set(parse_filter(text), detail)
    taken = 0
    for piece in [*pieces, len(EVENTS)]:
        fed = record.extend(EVENTS[taken : taken + piece])
        taken += piece
        sources: tuple[Transcript | Calls, ...] = (transcript, calls)
        for source, sieve in zip(sources, sieves, strict=True):
            changes = [at for event in fed if (at := source.feed(event)) is not None]
            if changes:
                sieve.changed_from(min(changes))
    for sieve, fresh in zip(sieves, whole(), strict=True):
        fresh.set(parse_filter(text), detail)
        assert [sieve.behind(n) for n in range(len(sieve))] == [fresh.behind(n) for n in range(len(fresh))]
        assert all(sieve.shown(sieve.behind(n)) == n for n in range(len(sieve)))
