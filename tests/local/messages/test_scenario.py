"""Scenario files: what they may hold, and which turn answers a history."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import pilothouse.local
from pilothouse.errors import UsageError
from pilothouse.local.scenario import Expect, Scenario, load, parse, resolve_call
from pilothouse.local.scenario_play import choose, unmet

BUNDLED = sorted((Path(pilothouse.local.__file__).parent / "scenarios").glob("*.toml"))
Json = dict[str, Any]


def played(scenario: Scenario, *messages: Json) -> tuple[str, str]:
    choice = choose(scenario, list(messages))
    return choice.turn.text, choice.said


def said(text: str, role: str = "user") -> Json:
    return {"role": role, "content": [{"type": "text", "text": text}]}


def results(*texts: str) -> Json:
    return {
        "role": "user",
        "content": [{"type": "tool_result", "content": "OK"}] + [said(t)["content"][0] for t in texts],
    }


ANSWER = {"role": "assistant", "content": [{"type": "text", "text": "…"}]}
THREE = parse({"turn": [{"text": "one"}, {"text": "two"}, {"text": "three"}], "closing": "closed"}, "x")


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.stem)
def test_bundled_scenarios_load(path: Path) -> None:
    assert load(path).turn


def test_the_demo_has_what_a_demo_needs() -> None:
    demo = load(next(path for path in BUNDLED if path.stem == "demo"))
    members = [call["do"] for turn in demo.turn for call in turn.calls]
    assert len(members) >= 12
    assert {"type", "zoom", "scroll", "key", "left_click", "screenshot"} <= set(members)
    assert demo.task
    assert any(x >= 1280 for x, _ in demo.targets.values()), "one action has to fail"
    assert not any(turn.expect != Expect() for turn in demo.turn), "a person who steers must not break it"
    assert not demo.turn[-1].calls


def test_turns_follow_the_number_of_answers() -> None:
    task = said("task")
    assert played(THREE, task) == ("one", "")
    assert played(THREE, task, ANSWER, results()) == ("two", "")
    assert played(THREE, task, ANSWER, results(), ANSWER, results()) == ("three", "")
    assert played(THREE, task, *[ANSWER, results()] * 3) == ("closed", "")


def test_a_message_is_what_was_newly_said_in_either_role() -> None:
    relay = "The user sent the following message while you were working: go left"
    assert played(THREE, said("task"), ANSWER, results("go left")) == ("two", "go left")
    assert played(THREE, said("task"), ANSWER, results(), said(relay, "system")) == ("two", "go left")
    assert played(THREE, said("task"), ANSWER, results("go left"), ANSWER, results()) == ("three", "")


def test_a_paused_answer_and_its_continuation_are_one() -> None:
    assert played(THREE, said("task"), ANSWER) == ("one", "")
    assert played(THREE, said("task"), ANSWER, ANSWER, results()) == ("two", "")


def test_an_aside_is_played_once_and_the_main_line_goes_on() -> None:
    turns = [{"text": "aside", "when_user_says": "lantern"}, {"text": "one"}, {"text": "two"}]
    scenario = parse({"turn": turns}, "x")
    history = [said("find a lantern"), ANSWER, results("the lantern"), ANSWER, results()]
    assert played(scenario, *history[:1]) == ("one", "")
    assert played(scenario, *history[:3]) == ("aside", "")
    assert played(scenario, *history) == ("two", "")


def test_calls_that_a_message_interrupted_are_made_again() -> None:
    calls = [
        {"type": "tool_use", "id": n, "name": "type", "input": {"text": n}, "toolset_name": "computer"}
        for n in "ab"
    ]
    outcome = [
        {"type": "tool_result", "tool_use_id": "a", "content": "Typed."},
        {
            "type": "tool_result",
            "tool_use_id": "b",
            "is_error": True,
            "content": "Interrupted by the operator.",
        },
    ]
    history: list[Json] = [said("task"), {"role": "assistant", "content": calls}]
    history.append({"role": "user", "content": [*outcome, *said("be quick")["content"]]})
    choice = choose(THREE, history)
    assert choice.turn.calls == [{"do": "type", "input": {"text": "b"}, "toolset": "computer"}]
    assert choice.said == "be quick"
    assert played(THREE, *history, ANSWER, results()) == ("two", "")


def test_targets_become_coordinates() -> None:
    scenario = parse({"targets": {"a": [1, 2], "b": [3, 4]}, "regions": {"r": [1, 2, 3, 4]}}, "x")
    drag = {"do": "left_click_drag", "from": "a", "at": "b", "text": "shift"}
    wire = {"start_coordinate": [1, 2], "coordinate": [3, 4], "text": "shift"}
    assert resolve_call(drag, scenario) == ("left_click_drag", wire)
    assert resolve_call({"do": "zoom", "region": "r"}, scenario) == ("zoom", {"region": [1, 2, 3, 4]})
    assert resolve_call({"do": "left_click", "at": [5, 6]}, scenario) == (
        "left_click",
        {"coordinate": [5, 6]},
    )
    assert resolve_call({"do": "odd", "input": {"x": 1}}, scenario) == ("odd", {"x": 1})


@pytest.mark.parametrize(
    ("document", "wording"),
    [
        ({"titel": "x"}, "'titel' is unknown (did you mean 'title'?)"),
        ({"turn": [{"texts": "x"}]}, "turn 1, key 'texts' is unknown (did you mean 'text'?)"),
        ({"turn": [{"calls": [{"do": "left_clik"}]}]}, "did you mean 'left_click'?"),
        ({"turn": [{"calls": [{"at": [1, 2]}]}]}, "turn 1, call is missing"),
        ({"turn": [{"calls": [{"do": "wait", "durations": 1}]}]}, "did you mean 'duration'?"),
        ({"turn": [{"fault": [{"kind": "droop"}]}]}, "did you mean 'drop'?"),
        ({"turn": [{"pace": {"before": 1}}]}, "did you mean 'before_s'?"),
        ({"turn": [{"expect": {"picture": True}}]}, "turn 1, expect, key 'picture' is unknown"),
        ({"turn": [{"calls": [{"do": "left_click", "at": "nowhere"}]}]}, "no target is called 'nowhere'"),
        ({"turn": [{"when_user_says": "("}]}, "turn 1: "),
        ({"turn": [{"text": 5}]}, "Expected `str`, got `int`"),
        ({"turn": "x"}, "Expected `array`"),
    ],
)
def test_a_wrong_file_is_named_with_place_and_nearest_key(document: Json, wording: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(document, "my.toml")
    assert str(caught.value).startswith("my.toml: ")
    assert wording in str(caught.value)


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.toml: can't be read"):
        load(tmp_path / "gone.toml")
    (tmp_path / "bad.toml").write_text("= 1")
    with pytest.raises(UsageError, match=r"bad\.toml: is not TOML"):
        load(tmp_path / "bad.toml")


def test_variables_are_filled_in(tmp_path: Path) -> None:
    path = tmp_path / "v.toml"
    path.write_text('[[turn]]\ntext = "at {{url}}"\n')
    assert load(path, {"url": "http://here/"}).turn[0].text == "at http://here/"


def test_expectations_say_what_is_not_met() -> None:
    image = {"type": "tool_result", "content": [{"type": "image"}, {"type": "text", "text": "X=1"}]}
    error = {"type": "tool_result", "is_error": True, "content": "outside the screen"}
    assert unmet(Expect(image=True, text="X=\\d", is_error=False), [image]) == ""
    assert unmet(Expect(is_error=True, text="outside"), [error]) == ""
    assert "an error was expected" in unmet(Expect(is_error=True), [image])
    assert "no error was expected" in unmet(Expect(is_error=False), [error])
    assert "a picture was expected" in unmet(Expect(image=True), [error])
    assert "no result says" in unmet(Expect(text="nothing"), [image])
