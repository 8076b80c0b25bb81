"""What Claude calls a key is what Kernel gets, or it is refused before anything is pressed."""

from ctypes.util import find_library

import pytest

from pilothouse.browser import keys
from pilothouse.browser.keys import MODIFIERS, parse_chord, parse_modifiers, parse_sequence
from pilothouse.errors import UsageError


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("Return", "Return"),
        ("enter", "Return"),
        ("ctrl+s", "ctrl+s"),
        ("Control+Shift+T", "ctrl+shift+T"),
        ("Control_L+a", "ctrl+a"),
        ("cmd+a", "super+a"),
        ("option+Left", "alt+Left"),
        ("alt+Tab", "alt+Tab"),
        ("ctrl++", "ctrl+plus"),
        ("+", "plus"),
        ("ctrl+-", "ctrl+minus"),
        ("ctrl+minus", "ctrl+minus"),
        ("page_down", "Page_Down"),
        ("PageUp", "Page_Up"),
        ("ArrowDown", "Down"),
        ("F5", "F5"),
        ("f12", "F12"),
        ("shift", "Shift_L"),
        ("Shift_R", "Shift_L"),
        ("?", "question"),
        ("KP_Enter", "KP_Enter"),
        ("kp_page_up", "KP_Page_Up"),
        ("exclam", "exclam"),
        ("Aacute", "Aacute"),
        ("aacute", "aacute"),
        ("xf86back", "XF86Back"),
        ("AltGr", "ISO_Level3_Shift"),
        ("1", "1"),
    ],
)
def test_a_chord_is_written_in_keysyms(written: str, sent: str) -> None:
    assert parse_chord(written) == sent


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("ctrl+a Delete", ["ctrl+a", "Delete"]),
        ("Down Down Return", ["Down", "Down", "Return"]),
        ("ctrl + c", ["ctrl+c"]),
        ("Ctrl + Shift + t", ["ctrl+shift+t"]),
        ("shift + +", ["shift+plus"]),
        ("x + y", ["x", "plus", "y"]),
        (" ", ["space"]),
        ("\n", ["Return"]),
        ("\t", ["Tab"]),
    ],
)
def test_several_keys_are_pressed_one_after_the_other(written: str, sent: list[str]) -> None:
    assert parse_sequence(written) == sent


@pytest.mark.parametrize(
    "written", ["", "ctrl+", "hyper+a", "a+b", "Retrun", "ctrl+Entr", "é", "  ", "ctrl + "]
)
def test_an_unknown_key_is_refused(written: str) -> None:
    with pytest.raises(UsageError):
        parse_sequence(written)


@pytest.mark.skipif(find_library("xcb") is None, reason="the list of all keysyms comes with libxcb")
def test_every_name_we_send_is_one_x_knows() -> None:
    from xcffib import keysymdef

    sent = {parse_chord(name) for name in (*keys._NAMED, *keys._EXACT, *keys._PUNCTUATION, *MODIFIERS)}
    unknown = {name for name in sent if len(name) > 1 and not hasattr(keysymdef, f"XK_{name}")}
    assert {name for name in unknown if not name.startswith("XF86")} == set()


def test_modifiers_of_a_click() -> None:
    assert parse_modifiers("Ctrl+Shift") == ["ctrl", "shift"]
    assert parse_modifiers("ctrl + shift") == ["ctrl", "shift"]
    assert parse_modifiers(None) == []
    with pytest.raises(UsageError, match="can't be held"):
        parse_modifiers("a")
