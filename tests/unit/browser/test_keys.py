"""What Claude calls a key is what Kernel gets, or it is refused before anything is pressed."""

import pytest

from pilothouse.browser.keys import parse_chord, parse_modifiers
from pilothouse.errors import UsageError


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("Return", "Return"),
        ("enter", "Return"),
        ("ctrl+s", "ctrl+s"),
        ("Control+Shift+T", "ctrl+shift+T"),
        ("cmd+a", "super+a"),
        ("alt+Tab", "alt+Tab"),
        ("ctrl++", "ctrl+plus"),
        ("+", "plus"),
        ("ctrl+-", "ctrl+minus"),
        ("page_down", "Page_Down"),
        ("PageUp", "Page_Up"),
        ("F5", "F5"),
        ("shift", "Shift_L"),
        ("?", "question"),
    ],
)
def test_a_chord_is_written_in_keysyms(written: str, sent: str) -> None:
    assert parse_chord(written) == sent


@pytest.mark.parametrize("written", ["", "ctrl+", "hyper+a", "a+b", "Retrun", "ctrl+Entr", "é"])
def test_an_unknown_key_is_refused(written: str) -> None:
    with pytest.raises(UsageError):
        parse_chord(written)


def test_modifiers_of_a_click() -> None:
    assert parse_modifiers("Ctrl+Shift") == ["ctrl", "shift"]
    assert parse_modifiers(None) == []
    with pytest.raises(UsageError, match="can't be held"):
        parse_modifiers("a")
