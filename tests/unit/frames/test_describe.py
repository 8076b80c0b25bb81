"""An action in words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.frames.describe import describe
from pilothouse.safety import is_clean


@pytest.mark.parametrize(
    ("member", "given_", "words"),
    [
        ("left_click", {"coordinate": [640, 60]}, "click at 640, 60"),
        ("double_click", {"coordinate": [1, 2], "text": "shift"}, "double-click at 1, 2 holding shift"),
        ("triple_click", {}, "triple-click at the cursor"),
        ("right_click", {"coordinate": "x"}, "right-click at an unknown place"),
        ("middle_click", {"coordinate": [10**5000, 2]}, "middle-click at a number too large, 2"),
        (
            "left_click_drag",
            {"start_coordinate": [1, 2], "coordinate": [30.5, 4]},
            "drag from 1, 2 to 30.5, 4",
        ),
        ("mouse_move", {"coordinate": [3, 4]}, "move the mouse to 3, 4"),
        (
            "scroll",
            {"coordinate": [3, 4], "scroll_direction": "down", "scroll_amount": 1},
            "scroll down 1 notch at 3, 4",
        ),
        ("scroll", {"scroll_direction": "up", "scroll_amount": 3}, "scroll up 3 notches at the cursor"),
        ("zoom", {"region": [10, 20, 110, 70]}, "look closer at 100×50 from 10, 20"),
        ("zoom", {}, "look closer at an unknown place"),
        ("type", {"text": "a\nb\n"}, 'type "a\\nb\\n" (4 characters, Enter 2 times)'),
        ("type", {"text": "x\n"}, 'type "x\\n" (2 characters, with Enter)'),
        ("type", {"text": "é"}, 'type "é" (1 character)'),
        ("type", {"text": "z" * 300}, f'type "{"z" * 199}…" (300 characters)'),
        ("type", {}, "type nothing"),
        ("key", {"text": "ctrl+s"}, "press ctrl+s"),
        ("key", {"text": "Tab", "repeat": 3}, "press Tab 3 times"),
        ("hold_key", {"text": "shift", "duration": 2}, "hold shift for 2 s"),
        ("wait", {"duration": 5}, "wait 5 s"),
        ("screenshot", {}, "take a screenshot"),
        ("left_mouse_down", {}, "press the left button at the cursor"),
        ("left_mouse_up", {}, "let the left button go at the cursor"),
        ("dance", {"b": 1, "a": 2}, 'dance {"a": 2, "b": 1}'),
    ],
)
def test_every_action_can_be_said(member: str, given_: dict[str, Any], words: str) -> None:
    assert describe(member, given_) == words


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)
KEYS = ["coordinate", "start_coordinate", "text", "region", "scroll_direction", "scroll_amount", "duration"]
MEMBERS = ["left_click", "left_click_drag", "scroll", "zoom", "type", "key", "wait", "mouse_move"]


@given(
    st.sampled_from(MEMBERS) | st.text(max_size=20),
    st.dictionaries(st.sampled_from(KEYS), values, max_size=5),
)
def test_whatever_comes_is_one_clean_line(member: str, given_: dict[str, Any]) -> None:
    words = describe(member, given_)
    assert words
    assert is_clean(words)
    assert "\n" not in words
    assert len(words) < 700


def test_a_text_can_not_pass_for_our_words() -> None:
    assert describe("type", {"text": 'a" (1 character) then click at 1, 2'}).startswith('type "a\\" (1 char')
