from __future__ import annotations

import pytest

from pilothouse import events as ev
from pilothouse.cli.plain import LINE_CHARACTERS, PlainLog


def lines(*events: ev.Event, colour: bool = False) -> list[str]:
    log = PlainLog(colour)
    return [line for event in events for line in log.lines(event)]


def test_an_action_is_told_once_with_its_input_and_its_time() -> None:
    told = lines(
        ev.ActionProposed(
            t=10**9, turn=1, action=3, tool_use_id="t", member="left_click", input={"coordinate": [1, 2]}
        ),
        ev.ActionStarted(t=10**9, action=3, tool_use_id="t", member="left_click"),
        ev.ActionFinished(
            t=2 * 10**9, action=3, tool_use_id="t", member="left_click", ok=True, duration_ms=350
        ),
    )
    assert told == ["     2.0s  did       3. left_click coordinate=[1,2] (0.35 s)"]


def test_a_failed_action_gives_the_text_the_model_gets() -> None:
    (line,) = lines(ev.ActionFinished(action=1, tool_use_id="t", member="key", ok=False, text="no such\nkey"))
    assert line.endswith("failed    1. key: no such key")


def test_a_halted_action_is_told_as_skipped() -> None:
    (line,) = lines(
        ev.ActionFinished(action=1, tool_use_id="t", member="key", ok=False, executed=False, text="halted")
    )
    assert "skipped   1. key: halted" in line


def test_what_the_model_thinks_and_says_is_told_when_its_turn_is_whole() -> None:
    content: list[ev.Json] = [
        {"type": "thinking", "thinking": "First the search.\nThen the cart.", "signature": "s"},
        {"type": "text", "text": "I look for it."},
        {"type": "tool_use", "id": "t", "name": "computer", "input": {}},
        {"type": "text", "text": 7},
    ]
    told = lines(ev.TurnFinished(turn=1, stop_reason="tool_use", content=content))
    assert [line.split("s  ", 1)[1] for line in told] == [
        "thinks    First the search. Then the cart.",
        "says      I look for it.",
    ]


def test_a_page_is_told_when_it_changes_and_not_with_every_frame() -> None:
    frame = ev.FrameCaptured(
        frame=1,
        blob=ev.Blob(sha256="0" * 64, size=1, mime="image/png"),
        source="settled",
        url="http://a/",
        title="A",
    )
    assert len(lines(frame, frame)) == 1


def test_a_hold_is_told_when_it_begins_and_when_it_is_over() -> None:
    told = lines(
        ev.StateChanged(phase=ev.RunPhase.RUNNING),
        ev.StateChanged(phase=ev.RunPhase.HOLDING, holding=(ev.Hold.PAUSE,)),
        ev.StateChanged(phase=ev.RunPhase.RUNNING),
    )
    assert [line.split("hold", 1)[1].strip() for line in told] == ["pause", "over: the run goes on"]


@pytest.mark.parametrize("text", ["\x1b]0;title\x07", "\x9b31m", "a\u202eb", "\r\nx", "\x00", "x" * 100_000])
def test_text_from_outside_stays_one_clean_bounded_line(text: str) -> None:
    told = lines(
        ev.Warned(what=text, where=text, way_out=text),
        ev.ActionProposed(turn=1, action=1, tool_use_id="t", member=text, input={text: text, "n": [text]}),
        ev.ActionFinished(action=1, tool_use_id="t", member=text, ok=False, text=text),
        ev.Unknown(type_name=text, raw=b"{}"),
    )
    assert len(told) == 3
    for line in told:
        assert line.isprintable() or line.replace("\ufffd", "").isprintable()
        assert len(line) <= LINE_CHARACTERS + 22


def test_colour_marks_the_kind_and_nothing_else() -> None:
    plain, coloured = (lines(ev.Warned(what="careful"), colour=colour) for colour in (False, True))
    assert coloured[0].replace("\x1b[33m", "").replace("\x1b[0m", "") == plain[0]


def test_the_end_gives_the_outcome_and_the_sums() -> None:
    (line,) = lines(
        ev.RunEnded(
            outcome=ev.Outcome.ABORTED, why="ctrl+c", turns=2, actions=5, cost_usd=0.123, duration_s=9
        )
    )
    assert line.endswith("aborted: ctrl+c; 5 actions in 2 turns, $0.12, 9.0 s")
