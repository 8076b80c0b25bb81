"""What is shown as a function of events and position, without a screen."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from pilothouse import events as ev
from pilothouse.events import Hold, Outcome, RunPhase
from pilothouse.tui import words
from pilothouse.tui.calls import Calls
from pilothouse.tui.pace import IDLE_LIMIT_S
from pilothouse.tui.playhead import Playhead
from pilothouse.tui.record import SNAPSHOT_EVERY, Record
from pilothouse.tui.transcript import Transcript
from pilothouse.tui.widgets.lines import Fact, fitting, row
from pilothouse.tui.widgets.prompts import Place, parse_place
from pilothouse.tui.wrap import cells, cut, wrap
from tests.folding import reduce_all
from tests.tui.fake_runs import Script, shop_script


def recorded(script: Script) -> tuple[Record, Transcript, Calls]:
    record, transcript = Record(), Transcript()
    calls = Calls(record)
    record.extend(script.events)
    for event in script.events:
        transcript.feed(event)
        calls.feed(event)
    return record, transcript, calls


def long_script() -> Script:
    script = shop_script(ended=False)
    while len(script.events) < 2 * SNAPSHOT_EVERY + 100:
        script.start_turn()
        script.text("again ", "and again")
        script.act("wait", {"duration": 1}, "Waited 1s.", ok=script.action % 7 != 0)
        script.end_turn()
    script.end()
    return script


LONG = long_script()
LONG_RECORD, LONG_TRANSCRIPT, LONG_CALLS = recorded(LONG)


@given(st.lists(st.integers(-2, len(LONG.events) + 2), min_size=1, max_size=8))
@settings(max_examples=25, deadline=None)
def test_the_state_at_a_position_is_the_events_up_to_it_reduced(positions: list[int]) -> None:
    for position in positions:
        assert LONG_RECORD.state_at(position) == reduce_all(list(LONG.events[: max(position + 1, 0)]))


@given(st.integers(20, 120), st.integers(-1, len(LONG.events)), st.data())
@settings(max_examples=60, deadline=None)
def test_a_row_is_as_high_at_every_position_and_never_too_wide(
    width: int, position: int, data: st.DataObject
) -> None:
    source: Any = data.draw(st.sampled_from([LONG_TRANSCRIPT, LONG_CALLS]))
    index = data.draw(st.integers(0, len(source) - 1))
    lines = source.lines(index, width, position)
    assert len(lines) == len(source.lines(index, width, len(LONG.events)))
    assert all(sum(cells(text) for text, _ in line) <= width for line in lines)


def test_rows_are_in_the_order_of_their_events() -> None:
    for source in (LONG_TRANSCRIPT, LONG_CALLS):
        seqs = [source.seq(n) for n in range(len(source))]
        assert seqs == sorted(set(seqs))


def test_streamed_text_is_bright_only_as_far_as_it_had_come() -> None:
    script = Script()
    script.start_turn()
    script.text("first part of it ", "second part of it")
    _, transcript, _ = recorded(script)
    (before, half, whole) = (transcript.lines(0, 22, position) for position in (0, 1, 2))
    tones = [[line[-1][1] for line in lines if line] for lines in (before, half, whole)]
    assert tones == [["future", "future"], ["text", "future"], ["text", "text"]]


def test_the_status_of_a_call_follows_the_position() -> None:
    script = Script()
    script.start_turn()
    script.act("left_click", {"coordinate": [1, 2]}, "no", ok=False)
    _, _, calls = recorded(script)
    assert [calls.calls[0].status_at(p) for p in range(4)] == ["future", "proposed", "started", "failed"]


def test_an_answer_that_was_not_streamed_is_shown_all_the_same() -> None:
    transcript = Transcript()
    transcript.feed(ev.TurnStarted(seq=0, turn=1))
    content = [{"type": "thinking", "thinking": "…"}, {"type": "text", "text": "The price is 34.90."}]
    transcript.feed(ev.TurnFinished(seq=1, turn=1, stop_reason="end_turn", content=content))
    assert [row.text for row in transcript.rows] == ["The price is 34.90."]


def test_a_dropped_answer_is_struck_and_its_next_attempt_is_not() -> None:
    script = Script()
    script.start_turn()
    script.text("half an ans")
    script.put(ev.TurnDiscarded(turn=1, attempt=1, why="torn"))
    script.put(ev.TurnStarted(turn=1, attempt=2))
    script.text("a whole answer")
    _, transcript, _ = recorded(script)
    assert [row.tone for row in transcript.rows] == ["dropped", "warning", "text"]


def test_an_unknown_event_is_a_row() -> None:
    transcript = Transcript()
    transcript.feed(ev.Unknown(seq=0, type_name="MoonRose", raw=b"{}"))
    assert transcript.rows[0].text == "MoonRose (not known to this version)"


@given(st.text(max_size=300), st.integers(2, 60))
@example("\x1b ⼀", 2)
def test_wrapping_keeps_to_the_width_and_loses_only_spaces(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


@given(st.text(max_size=60), st.integers(0, 40))
def test_cutting_keeps_to_the_width(text: str, width: int) -> None:
    assert cell_len(cut(text, width)) <= width


@pytest.mark.parametrize(
    ("member", "given", "said"),
    [
        ("left_click", {"coordinate": [640, 60]}, "(640, 60)"),
        ("left_click", {"coordinate": [640, 60], "text": "shift"}, "shift (640, 60)"),
        ("left_click_drag", {"start_coordinate": [1, 2], "coordinate": [3, 4]}, "(1, 2) → (3, 4)"),
        ("scroll", {"scroll_direction": "down", "scroll_amount": 5, "coordinate": [1, 2]}, "down 5 (1, 2)"),
        ("type", {"text": "red\nkettle"}, "“red␊kettle”"),
        ("key", {"text": "Tab", "repeat": 3}, "Tab ×3"),
        ("hold_key", {"text": "shift", "duration": 2}, "shift 2 s"),
        ("wait", {"duration": 2}, "2 s"),
        ("zoom", {"region": [0, 0, 10, 20]}, "(0, 0, 10, 20)"),
        ("screenshot", {}, ""),
        ("novel", {"depth": 3}, '{"depth":3}'),
        ("left_click", {"coordinate": "nowhere"}, "nowhere"),
    ],
)
def test_what_an_action_aims_at_is_said_shortly(member: str, given: dict[str, Any], said: str) -> None:
    assert words.target(member, given) == said


def test_figures_are_written_shortly() -> None:
    assert [words.count(n) for n in (7, 940, 23_440, 1_200_000)] == ["7", "940", "23.4k", "1.2M"]
    assert [words.clock(s) for s in (0, 61.9, 3_725)] == ["0:00", "1:01", "1:02:05"]
    assert [words.took(ms) for ms in (0.2, 87, 1_240, 125_000)] == ["", "87ms", "1.2s", "2:05"]
    assert words.money(0.119) + words.money(1, priced=False) == "$0.12$1.00+"


@pytest.mark.parametrize("hold", list(Hold))
def test_every_hold_and_outcome_has_words(hold: Hold) -> None:
    assert words.HOLDS[hold] in words.state_words(RunPhase.HOLDING, (hold,), None)
    assert set(words.OUTCOMES) == set(Outcome)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("12", Place(step=12)),
        ("1:30", Place(seconds=90)),
        ("1:00:05", Place(seconds=3605)),
        ("50%", Place(part=0.5)),
        ("999%", Place(part=1.0)),
        ("soon", None),
        ("", None),
        ("٣", None),
    ],
)
def test_places_are_read(text: str, place: Place | None) -> None:
    assert parse_place(text) == place


def test_a_replay_never_waits_longer_than_the_idle_limit() -> None:
    script = Script()
    for after_ms in (0, 100, 3_600_000, 100):
        script.put(ev.Warned(what="x"), after_ms)
    record, _, _ = recorded(script)
    assert record.paced_s == pytest.approx([0.0, 0.1, 0.1 + IDLE_LIMIT_S, 0.2 + IDLE_LIMIT_S])


def test_steps_stop_where_the_action_has_its_picture() -> None:
    record, _, _ = recorded(shop_script())
    kinds = [type(record.events[stop]).__name__ for stop in record.stops]
    assert kinds == [
        "FrameCaptured" if n != 4 else "ActionFinished" for n in range(7)
    ]  # the fifth failed, and a failure has no picture


def test_the_playhead_follows_rests_and_starts_again_at_the_end() -> None:
    at_s = [0.0]
    record, _, _ = recorded(shop_script())
    head = Playhead(record, following=True, now=lambda: at_s[0])
    assert head.position == record.head
    head.go(3)
    assert (head.position, head.following) == (3, False)
    head.go(10_000)
    assert head.position == record.head
    head.toggle()
    assert (head.position, head.playing) == (record.opening, True)
    at_s[0] = record.paced_s[-1] / 2
    assert head.tick()
    assert 0 < head.position < record.head
    head.set_speed(16.0)
    at_s[0] += record.paced_s[-1] / 16
    assert head.tick()
    assert (head.position, head.playing) == (record.head, False)
    assert not head.tick()


@given(st.lists(st.tuples(st.text(max_size=20), st.integers(0, 5)), max_size=8), st.integers(1, 60))
def test_a_line_of_facts_keeps_to_its_width_and_gives_up_the_highest_ranks_first(
    given_facts: list[tuple[str, int]], width: int
) -> None:
    facts = [Fact("".join(text.split()), rank=rank) for text, rank in given_facts]
    line = row(facts[::2], facts[1::2], width)
    least = 2 * sum(1 for fact in facts if fact.text and fact.rank == 0)
    assert cell_len(line.plain) <= max(width, least + sum(cells(f.text) for f in facts if f.rank == 0))
    kept = [fact.rank for fact in fitting(facts, width) if fact.text]
    lost = [
        old.rank for old, new in zip(facts, fitting(facts, width), strict=True) if old.text and not new.text
    ]
    assert not kept or not lost or max(kept) <= max(lost)
