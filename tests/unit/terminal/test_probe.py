"""Reading a terminal's answers, and when it is not asked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pilothouse.errors import TerminalUnfit
from pilothouse.terminal.probe import Capabilities, from_environment, probe, read_reply
from pilothouse.terminal.tty import require_terminal


def test_the_answers_of_a_kitty_are_read() -> None:
    found = read_reply(b"\x1b_Gi=31;OK\x1b\\\x1bP>|kitty(0.42.1)\x1b\\\x1b[6;36;18t\x1b[?62;22c")
    assert found == Capabilities(kitty=True, cell_width_px=18, cell_height_px=36, has_answered=True)
    assert found.best_painter == "kitty"


@pytest.mark.parametrize(
    ("name", "painter"),
    [
        ("kitty(0.26.5)", "blocks"),  # Debian 12's: it shows a box for each placeholder
        ("kitty(0.28.0)", "kitty"),
        ("ghostty 1.2.0", "kitty"),
        ("WezTerm 20240203-110809-5046fc22", "blocks"),
        ("Konsole 22.12.3", "blocks"),
        ("", "blocks"),
    ],
)
def test_pictures_go_into_placeholders_only_where_they_are_known(name: str, painter: str) -> None:
    said = f"\x1bP>|{name}\x1b\\".encode() if name else b""
    found = read_reply(b"\x1b_Gi=31;OK\x1b\\" + said + b"\x1b[6;36;18t\x1b[?62c")
    assert found.best_painter == painter


def test_sixel_is_attribute_four_and_not_the_class() -> None:
    assert read_reply(b"\x1b[?62;4;22c").sixel
    assert not read_reply(b"\x1b[?4;22c").sixel
    assert not read_reply(b"\x1b[?62;14;44c").sixel


def test_an_error_from_kitty_graphics_is_no() -> None:
    assert not read_reply(b"\x1b_Gi=31;ENOTSUPPORTED\x1b\\\x1b[?62c").kitty


def test_no_answer_is_all_false() -> None:
    assert read_reply(b"") == Capabilities()


def test_without_a_terminal_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with path.open("w") as out, Path(os.devnull).open() as source:
        assert probe(source.fileno(), out.fileno(), environ={"COLORTERM": "truecolor"}) == Capabilities()
    assert path.read_bytes() == b""


@pytest.mark.parametrize(
    ("environ", "multiplexer"),
    [
        ({"TMUX": "x"}, "tmux"),
        ({"TERM": "tmux-256color"}, "tmux"),
        ({"STY": "x"}, "screen"),
        ({"TERM": "xterm"}, ""),
    ],
)
def test_the_multiplexer_is_known_from_the_environment(environ: dict[str, str], multiplexer: str) -> None:
    assert from_environment(environ).multiplexer == multiplexer


def test_no_terminal_is_one_sentence_with_a_way_out(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w+") as file, pytest.raises(TerminalUnfit, match="--plain"):
        require_terminal(file.fileno(), file.fileno())
