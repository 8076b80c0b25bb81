"""Keys while something lies open in front of the run: they are for that, and nothing leaks behind it."""

from __future__ import annotations

import pytest
from textual import events

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.events import Outcome
from pilothouse.tui.panes.help import HelpPane
from pilothouse.tui.widgets.composer import Composer
from pilothouse.tui.widgets.prompts import AbortPane, GoTo
from tests.tui.harness import Watched, bridge

STEERING = ("space", ".", "P", "x", "i", "F", "g", "s", "1", "2", "3", "c", "[", "]", "<", ">", "=", "0", "y")


def written(seen: Watched) -> str:
    return seen.screen.query_one(Composer).text


async def paste(seen: Watched, text: str) -> None:
    seen.app.post_message(events.Paste(text))
    for _ in range(3):
        await seen.pilot.pause()


async def test_every_key_of_the_registry_is_a_letter_in_the_composer() -> None:
    async with bridge() as seen:
        await seen.press("i", *STEERING, "q", "?", "h", "j", ",")
        assert written(seen) == " .PxiFgs123c[]<>=0yq?hj,"
        assert seen.runs.commands == []
        assert seen.app.is_running
        assert not seen.shows(HelpPane)


async def test_a_message_typed_ahead_of_the_composer_is_whole_and_steers_nothing() -> None:
    async with bridge() as seen:
        seen.type_ahead("i", *"no. x P g", "enter")
        await seen.until(lambda: bool(seen.runs.commands))
        assert [type(command) for command in seen.runs.commands] == [cmd.Say]
        assert isinstance(seen.runs.commands[0], cmd.Say)
        assert seen.runs.commands[0].text == "no. x P g"


async def test_keys_typed_right_behind_escape_are_for_the_run_again() -> None:
    async with bridge() as seen:
        seen.type_ahead("i", "a", "escape", "space")
        await seen.until(lambda: bool(seen.runs.commands))
        assert [type(command) for command in seen.runs.commands] == [cmd.Pause]
        assert written(seen) == "a"


async def test_keys_that_are_no_letters_do_nothing_behind_the_composer() -> None:
    async with bridge() as seen:
        following = seen.screen.playhead.following
        await seen.press(
            "i", "a", "tab", "shift+tab", "f1", "ctrl+y", "left", "home", "end", "up", "down", "pageup", "x"
        )
        assert seen.screen.query_one(Composer).has_focus
        assert written(seen).replace("\t", "").strip() in {"ax", "xa"}
        assert seen.screen.playhead.following is following
        assert seen.runs.commands == []


async def test_a_click_elsewhere_does_not_take_the_keys_from_the_composer() -> None:
    async with bridge() as seen:
        await seen.press("i", "a")
        await seen.pilot.click(seen.screen.calls_rows, offset=(10, 1))
        await seen.press("space", "x", "q", "P")
        assert written(seen) == "a xqP"
        assert seen.runs.commands == []


@pytest.mark.parametrize("pane", ["", "i", "g", "question_mark"])
async def test_ctrl_y_ends_nothing_outside_the_abort_pane(pane: str) -> None:
    async with bridge() as seen:
        await seen.press(*([pane] if pane else []), "ctrl+y", "ctrl+y")
        assert seen.runs.commands == []
        assert "● running" in seen.status


async def test_only_the_abort_pane_s_own_keys_work_in_it() -> None:
    async with bridge() as seen:
        await seen.press("x", *STEERING, "enter", "tab", "question_mark", "pageup", "left", "ctrl+s")
        await seen.pilot.click(seen.screen.calls_rows, offset=(10, 1))
        await seen.press("space", "enter", "y")
        assert seen.runs.commands == []
        assert seen.screen.query_one(AbortPane).has_focus
        await seen.press("escape")
        assert not seen.screen.drawer.opened


async def test_in_the_help_no_key_steers_and_ctrl_c_still_pauses() -> None:
    async with bridge() as seen:
        await seen.press("question_mark", *STEERING, "enter", "tab", "home", "end", "ctrl+s")
        assert seen.runs.commands == []
        assert seen.shows(HelpPane)
        assert not seen.screen.drawer.opened
        assert "esc close" in seen.footer
        await seen.press("ctrl+c")
        await seen.until(lambda: [type(sent) for sent in seen.runs.commands] == [cmd.Pause])
        await seen.press("escape")
        assert not seen.shows(HelpPane)


async def test_an_action_chosen_in_the_palette_closes_the_help_first() -> None:
    async with bridge() as seen:
        await seen.press("question_mark", "ctrl+p")
        await seen.press(*"freeze")
        await seen.until(lambda: "freeze" in seen.text())
        await seen.press("enter")
        await seen.until(lambda: bool(seen.runs.commands))
        assert not seen.shows(HelpPane)


async def test_the_place_prompt_keeps_its_keys_and_cleans_what_is_pasted() -> None:
    async with bridge() as seen:
        await seen.press("g", "x", "space", "q", "tab")
        prompt = seen.screen.query_one(GoTo)
        assert prompt.has_focus
        await paste(seen, "\x1b]0;t\x07\u202e1\n2")
        assert "\x1b" not in prompt.value
        assert "\u202e" not in prompt.value
        assert prompt.value.startswith("x q")
        assert seen.runs.commands == []


async def test_ctrl_c_twice_opens_the_abort_pane_over_the_composer_and_keeps_its_text() -> None:
    async with bridge() as seen:
        await seen.press("i", "h", "i", "ctrl+c", "ctrl+c")
        assert seen.screen.query_one(AbortPane).has_focus
        await seen.press("escape", "i")
        assert written(seen) == "hi"


@pytest.mark.parametrize("pane", ["", "x", "question_mark"])
async def test_a_paste_is_no_key_wherever_it_lands(pane: str) -> None:
    async with bridge() as seen:
        await seen.press(*([pane] if pane else []))
        await paste(seen, "x\n q\x19\x03P.\r\n")
        assert seen.runs.commands == []
        assert seen.app.is_running


async def test_a_paste_into_the_composer_only_pastes() -> None:
    async with bridge() as seen:
        await seen.press("i")
        await paste(seen, "first x\nq \x19\x13second\r\nthird")
        assert written(seen) == "first x\nq ␙␓second\nthird"
        assert seen.runs.commands == []
        await seen.press("enter")
        await seen.until(lambda: bool(seen.runs.commands))


async def test_a_message_that_did_not_get_through_is_there_again() -> None:
    async with bridge() as seen:
        seen.runs.refusal = "the run is ending"
        await seen.press("i", *"hello", "enter")
        await seen.until(lambda: "the run is ending" in seen.toasts)
        assert written(seen) == "hello"


async def test_a_run_that_ends_withdraws_the_question_whether_to_end_it() -> None:
    async with bridge() as seen:
        await seen.press("x")
        await seen.runs.append(ev.RunEnded(outcome=Outcome.COMPLETED))
        await seen.until(lambda: not seen.screen.drawer.opened)
        await seen.press("ctrl+y")
        assert seen.runs.commands == []
