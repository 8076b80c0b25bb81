"""The door for pictures: graphics sequences of ours pass, and nothing else; wrapped for tmux."""

from __future__ import annotations

import pytest

from pilothouse.terminal.graphics import Graphic, NotAPicture, passed_through
from tests.terminal.hostile import PAYLOADS

KITTY = "\x1b_Ga=T,U=1,q=2,f=100,i=300,p=1,c=2,r=1,m=0;aGVsbG8=\x1b\\"
SIXEL = '\x1bP0;0;0q"1;1;2;6#1;2;0;0;0~~-\x1b\\'
DELETE = "\x1b_Ga=d,d=I,q=2,i=300\x1b\\"


@pytest.mark.parametrize("data", [KITTY, SIXEL, DELETE, KITTY + DELETE])
def test_pictures_pass(data: str) -> None:
    assert Graphic.of(data).written(in_tmux=False) == data


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
@pytest.mark.parametrize("around", ["{}", KITTY + "{}", "\x1b_Ga=T,i=1;{}\x1b\\", '\x1bP0q"{}\x1b\\'])
def test_nothing_else_does(payload: str, around: str) -> None:
    data = around.format(payload)
    if data == around.format("") or "\x1b" not in payload + "\x1b" * (around == "{}"):
        return
    with pytest.raises(NotAPicture):
        Graphic.of(data)


def test_a_picture_with_a_place_leaves_the_cursor_where_it_was() -> None:
    assert Graphic.of(SIXEL, 3, 9).written(in_tmux=False) == f"\x1b7\x1b[4;10H{SIXEL}\x1b8"


def test_inside_tmux_every_sequence_is_wrapped_by_itself() -> None:
    inner = DELETE.replace("\x1b", "\x1b\x1b")
    assert passed_through(DELETE * 2) == f"\x1bPtmux;{inner}\x1b\\" * 2
