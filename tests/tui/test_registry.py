"""The registry of actions: whole, documented, safe, and the only place with keys."""

from __future__ import annotations

from pathlib import Path

from pilothouse.tui import keysdoc
from pilothouse.tui.actions import ACTIONS, BY_ID, Action
from pilothouse.tui.screens.run import RunScreen


def test_docs_keys_is_what_the_registry_says() -> None:
    page = Path(__file__).parents[2] / "docs" / "keys.md"
    assert page.read_text() == keysdoc.render()


def test_every_action_has_a_method_and_one_id() -> None:
    assert len(BY_ID) == len(ACTIONS)
    assert [action.id for action in ACTIONS if not _is_done(action)] == []


def _is_done(action: Action) -> bool:
    # The palette is Textual's own action; its key is bound by the app.
    return action.id == "palette" or callable(getattr(RunScreen, action.method, None))


def test_no_key_means_two_things() -> None:
    keys = [key for action in ACTIONS for key in action.keys]
    assert sorted(keys) == sorted(set(keys))


def test_what_ends_a_run_is_on_no_key_of_the_registry() -> None:
    # `x` only opens a pane; ctrl+y inside it commits. Terminal replies are made of letters, digits and `;`.
    assert "ctrl+y" not in {key for action in ACTIONS for key in action.keys}
    assert BY_ID["run.abort"].method == "do_run_abort"
    assert "send" not in RunScreen.do_run_abort.__code__.co_names


def test_what_takes_the_wheel_is_on_no_key_of_the_registry_either() -> None:
    names = RunScreen.do_run_takeover.__code__.co_names
    assert not {"send", "ask", "_take_wheel", "_ask_for_wheel"} & set(names)
