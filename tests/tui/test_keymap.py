"""A person's own keys: what may be had, and what is refused by name and costs nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pilothouse import commands as cmd
from pilothouse.tui import keymap
from pilothouse.tui.actions import ACTIONS, BY_ID, GUARDED
from pilothouse.tui.keymap import Keymap, places
from pilothouse.tui.widgets.palette import PalettePane
from tests.tui.harness import bridge


def test_keys_are_read_as_a_person_writes_them() -> None:
    given = {"run.freeze": "f9", "mark": {"next": [")", "ctrl+right"]}, "help": ["F1", "!"]}
    made, problems = keymap.make(given)
    assert problems == []
    assert made == Keymap(
        {
            "run.freeze": ("f9",),
            "mark.next": ("right_parenthesis", "ctrl+right"),
            "help": ("f1", "exclamation_mark"),
        }
    )


def test_an_empty_list_takes_the_keys_away() -> None:
    made, problems = keymap.make({"step.back": []})
    assert problems == []
    assert made.shown(BY_ID["step.back"]) == "palette"
    assert made.for_textual() == {"step.back": keymap.NO_KEY}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"run.pauze": "p"}, ["no action", "did you mean run.pause?"]),
        ({"run.pause": "hyper+p"}, ["run.pause", "is no key"]),
        ({"run.pause": "spaec"}, ["is no key"]),
        ({"run.pause": 7}, ["wants a key"]),
        ({"run.pause": "ctrl+y"}, ["run.pause", "ctrl+y commits"]),
        ({"run.pause": "esc"}, ["esc backs out"]),
        ({"run.pause": "ctrl+i"}, ["terminals send tab"]),
        ({"leave": []}, ["leave needs a key"]),
        ({"run.abort": "z"}, ["run.abort", "replies"]),
        ({"run.abort": "7"}, ["run.abort", "replies"]),
        ({"run.abort": ";"}, ["run.abort", "replies"]),
        ({"attend": "shift+a"}, ["attend", "replies"]),
        ({"home.delete": "X"}, ["home.delete", "replies"]),
    ],
)
def test_what_cannot_be_had_is_said_by_name_and_the_usual_keys_stay(
    given: dict[str, Any], words: list[str]
) -> None:
    made, problems = keymap.make({**given, "run.freeze": "f9"})
    assert made == Keymap({"run.freeze": ("f9",)})
    (problem,) = problems
    assert [word for word in words if word not in problem] == []


def test_what_leads_to_an_end_or_a_decision_may_have_keys_no_reply_holds() -> None:
    made, problems = keymap.make({"run.abort": ["ctrl+x", "f8"], "attend": "alt+n"})
    assert problems == []
    assert made.keys(BY_ID["run.abort"]) == ("ctrl+x", "f8")


def test_a_clash_is_named_and_both_actions_work_as_usual() -> None:
    made, problems = keymap.make({"run.freeze": "b", "go": "f9"})
    assert made == Keymap({"go": ("f9",)})
    assert problems == ["b would mean run.freeze and run.limits: run.freeze keeps the usual keys"]


def test_keys_may_be_swapped() -> None:
    made, problems = keymap.make({"run.freeze": "b", "run.limits": "P"})
    assert problems == []
    assert made.own == {"run.freeze": ("b",), "run.limits": ("P",)}


def test_a_swap_that_loses_one_half_loses_the_other() -> None:
    made, problems = keymap.make({"run.freeze": "b", "run.limits": "nonsense"})
    assert made == Keymap()
    assert len(problems) == 2


def test_no_place_has_a_clash_of_its_own() -> None:
    for actions in places().values():
        keys = [key for action in actions for key in action.keys]
        assert sorted(keys) == sorted(set(keys))


def test_what_speaks_of_an_end_a_takeover_or_a_decision_is_guarded() -> None:
    dangerous = ("abort", "takeover", "take over", "approve", "the wheel", "trash", "decide")
    speaking = [
        action.id
        for actions in places().values()
        for action in actions
        if any(word in f"{action.id} {action.title}".lower() for word in dangerous)
    ]
    assert [name for name in speaking if name not in GUARDED] == []


def test_a_missing_file_changes_nothing_and_a_broken_one_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "keymap.toml"
    assert keymap.load(path) == (Keymap(), [])
    path.write_text("run.pause = [")
    made, (problem,) = keymap.load(path)
    assert made == Keymap()
    assert str(path) in problem


async def test_own_keys_work_and_are_shown_and_the_usual_ones_are_free() -> None:
    made, _ = keymap.make({"run.pause": "f9", "help": "f2"})
    async with bridge(keymap=made) as seen:
        assert "f9 pause" in seen.footer
        await seen.press("space")
        assert seen.runs.commands == []
        await seen.press("f9")
        await seen.until(lambda: [type(sent) for sent in seen.runs.commands] == [cmd.Pause])
        await seen.press("f2")
        assert "f9 " in seen.text()


async def test_a_bad_keymap_costs_one_toast_and_the_bridge_works() -> None:
    path = keymap.keymap_path()
    path.parent.mkdir(parents=True)
    path.write_text('run.freeze = "b"\nrun.pauze = "p"\n')
    async with bridge() as seen:
        (toast,) = seen.toasts
        assert ("run.freeze and run.limits" in toast, "did you mean run.pause?" in toast) == (True, True)
        await seen.press("b")
        assert seen.screen.drawer.opened == "limits"


async def test_the_palette_is_a_pane_with_every_action_and_says_why_not() -> None:
    async with bridge() as seen:
        before = seen.app.screen
        await seen.press("ctrl+p")
        pane = seen.screen.query_one(PalettePane)
        assert seen.app.screen is before
        offered = {entry.id for entry in pane.found}
        assert offered >= {action.id for action in ACTIONS if action.id != "palette"}
        await seen.press(*"next match")
        assert "not now: nothing is searched for" in seen.text()
        await seen.press("escape")
        assert not seen.screen.drawer.opened


async def test_letters_in_the_palette_steer_nothing() -> None:
    async with bridge() as seen:
        await seen.press("ctrl+p", *"xPi .q", "up", "down", "tab", "ctrl+y", "escape")
        assert seen.runs.commands == []
        assert seen.app.is_running
