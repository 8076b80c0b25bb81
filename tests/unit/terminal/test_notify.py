"""Desktop notifications: which terminal is asked how, and that no text becomes a sequence."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.safety import UNSAFE_IN_SEGMENT
from pilothouse.terminal.notify import TEXT_MAX, desktop, way_of


@pytest.mark.parametrize(
    ("environ", "multiplexer", "wanted", "way"),
    [
        ({"TERM": "xterm-256color"}, "", "auto", "off"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "", "auto", "osc9"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, "", "auto", "off"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "vscode", "VTE_VERSION": "7600"}, "", "auto", "off"),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "", "auto", "osc9"),
        ({"TERM": "xterm-kitty"}, "", "auto", "osc9"),
        ({"TERM": "foot"}, "", "auto", "osc777"),
        ({"TERM": "rxvt-unicode-256color"}, "", "auto", "osc777"),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7600"}, "", "auto", "osc777"),
        ({"TERM": "tmux-256color", "TERM_PROGRAM": "tmux"}, "tmux", "auto", "off"),
        ({"TERM": "tmux-256color", "TERM_PROGRAM": "tmux", "KITTY_WINDOW_ID": "1"}, "tmux", "auto", "osc9"),
        ({"TERM": "screen", "KITTY_WINDOW_ID": "1"}, "screen", "auto", "off"),
        ({"TERM": "screen"}, "screen", "osc9", "off"),
        ({"TERM": "xterm-kitty"}, "", "off", "off"),
        ({"TERM": "xterm"}, "", "osc777", "osc777"),
    ],
)
def test_only_a_terminal_that_is_known_to_show_one_is_asked(
    environ: dict[str, str], multiplexer: str, wanted: str, way: str
) -> None:
    assert way_of(environ, multiplexer, wanted) == way


def test_the_bytes_of_each_way() -> None:
    assert desktop("a; b", "osc9") == "\x1b]9;pilothouse: a; b\a"
    assert desktop("a; b", "osc777") == "\x1b]777;notify;pilothouse;a, b\a"
    assert desktop("a", "off") == ""
    assert desktop("a", "osc9", tmux=True) == "\x1bPtmux;\x1b\x1b]9;pilothouse: a\a\x1b\\"


@given(st.text() | st.sampled_from(["4;3;9", "\x1b]0;x\a", "a\a\x1b]52;c;eA==\a", "x\x9c\x1b\\y"]))
def test_no_text_ends_the_sequence_or_begins_another(text: str) -> None:
    for way, head in (("osc9", "\x1b]9;pilothouse: "), ("osc777", "\x1b]777;notify;pilothouse;")):
        sent = desktop(text, way)
        body = sent.removeprefix(head).removesuffix("\a")
        assert sent == head + body + "\a"
        assert not UNSAFE_IN_SEGMENT.search(body)
        assert len(body) <= TEXT_MAX
        assert way == "osc9" or ";" not in body
        wrapped = desktop(text, way, tmux=True)
        assert re.fullmatch(r"\x1bPtmux;(?:[^\x1b]|\x1b\x1b)*\x1b\\", wrapped)
