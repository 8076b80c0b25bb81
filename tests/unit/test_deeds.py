"""What a person did becomes few events, and one short list."""

from __future__ import annotations

from typing import Any

import pytest

from pilothouse import events as ev
from pilothouse.engine.deeds import LET_GO, NOTHING, TOLD_CHARS, Deeds, deed_of
from pilothouse.safety import MASK, Redactor

AT = {"coordinate": [5, 6]}
THERE = {"coordinate": [70, 80]}
DOWN: dict[str, Any] = {"scroll_direction": "down", "scroll_amount": 3, "coordinate": [1, 2]}
Acts = list[tuple[str, dict[str, Any]]]


def done(acts: Acts, *, masked: bool = False) -> tuple[Deeds, list[ev.HumanActed]]:
    """Do these, and journal them."""
    told: list[ev.HumanActed] = []

    def publish(event: ev.Event) -> None:
        assert isinstance(event, ev.HumanActed)
        told.append(event)

    deeds = Deeds("w1", publish, Redactor(["correct-horse-battery"]))
    for member, given in acts:
        deeds.add(deed_of(member, given, masked=masked))
    deeds.close()
    return deeds, told


def did(acts: Acts, *, masked: bool = False) -> str:
    return done(acts, masked=masked)[0].note().partition("What they did: ")[2].removesuffix(".")


@pytest.mark.parametrize(
    ("acts", "words"),
    [
        ([("left_click", AT)], "clicked at (5, 6)"),
        ([("left_click", AT)] * 3, "clicked at (5, 6) 3 times"),
        ([("double_click", AT), ("right_click", {})], "double-clicked at (5, 6); right-clicked at (5, 6)"),
        ([("mouse_move", AT), ("mouse_move", THERE)], ""),
        ([("mouse_move", AT), ("left_mouse_down", {}), ("left_mouse_up", {})], "clicked at (5, 6)"),
        (
            [("mouse_move", AT), ("left_mouse_down", {}), ("mouse_move", THERE), ("left_mouse_up", {})],
            "dragged from (5, 6) to (70, 80)",
        ),
        (
            [("mouse_move", AT), ("left_mouse_down", {}), ("mouse_move", THERE)],
            "pressed the mouse button at (5, 6)",
        ),
        (
            [("left_click_drag", {"start_coordinate": [5, 6], **THERE})],
            "dragged from (5, 6) to (70, 80)",
        ),
        ([("scroll", DOWN)] * 4, "scrolled down by 12 at (1, 2)"),
        (
            [("type", {"text": "te"}), ("key", {"text": "a"}), ("key", {"text": "Tab"})],
            "typed “tea”; pressed Tab",
        ),
        ([("type", {"text": "a\nb"})], "typed “a␊b”"),
        ([("hold_key", {"text": "shift", "duration": 2})], "held shift for 2 s"),
    ],
)
def test_the_model_is_told_in_words(acts: Acts, words: str) -> None:
    assert did(acts) == words


def test_doing_nothing_is_told_too() -> None:
    assert done([])[0].note() == NOTHING
    assert done([])[0].note(let_go=True) == NOTHING + LET_GO


def test_what_is_masked_is_told_as_such() -> None:
    acts: Acts = [("type", {"text": "hunter2"}), ("key", {"text": "x"}), ("left_click", AT)]
    assert did(acts, masked=True) == "typed something that is not shown; clicked at (5, 6)"
    assert "hunter2" not in str(done(acts, masked=True)[1])


def test_an_act_of_unknown_outcome_is_told_as_such() -> None:
    deeds, _ = done([])
    deeds.add(deed_of("left_click", AT, error="no answer"))
    assert "clicked at (5, 6) (it is not known whether it happened: no answer)" in deeds.note()


def test_a_long_list_is_told_by_its_ends() -> None:
    words = did([("left_click", {"coordinate": [n, 0]}) for n in range(3000)])
    told = words.split("; ")
    assert len(told) == 21
    assert told[:2] == ["clicked at (0, 0)", "clicked at (1, 0)"]
    assert told[6] == "… (2980 more)"
    assert told[-1] == "clicked at (2999, 0)"


def test_a_long_text_is_told_by_its_beginning() -> None:
    words = did([("type", {"text": "x" * 1500})] * 4)
    assert words.endswith("…” (6000 characters)")
    assert len(words) < TOLD_CHARS + 50


def test_a_page_that_became_another_is_told_where_it_did() -> None:
    deeds, _ = done([])
    deeds.saw("https://a.example/")
    deeds.add(deed_of("left_click", AT))
    deeds.saw("https://a.example/")
    deeds.saw("https://b.example/")
    assert "clicked at (5, 6); the page became https://b.example/." in deeds.note()


def test_many_moves_and_keys_are_few_events() -> None:
    moves: Acts = [("mouse_move", {"coordinate": [n, n]}) for n in range(100)]
    keys: Acts = [("type", {"text": letter}) for letter in "hello"]
    _, told = done([*moves, *keys, ("left_click", AT)])
    assert [(one.member, one.input) for one in told] == [
        ("mouse_move", {"coordinate": [99, 99]}),
        ("type", {"text": "hello"}),
        ("left_click", AT),
    ]


def test_a_secret_is_masked_however_slowly_it_is_typed() -> None:
    told: list[ev.Event] = []
    deeds = Deeds("w1", told.append, Redactor(["correct-horse-battery"]))
    for letter in "my correct-horse-battery.":
        deeds.add(deed_of("type", {"text": letter}))
        deeds.pause()
    deeds.close()
    assert "".join(event.input["text"] for event in told if isinstance(event, ev.HumanActed)) == f"my {MASK}."
    assert f"typed “my {MASK}.”" in deeds.note()
