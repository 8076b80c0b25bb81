"""What lies between: tmux by its answer, mosh by its process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pilothouse.terminal.multiplexer import Outer, is_under_mosh, outer_terminal, read_outer


@pytest.mark.parametrize(
    ("said", "outer"),
    [
        ("on|kitty(0.35.2)|xterm-256color|9x18\n", Outer(True, 9, 18)),
        ("all||xterm-kitty|9x18\n", Outer(True, 9, 18)),
        ("on|ghostty 1.1|xterm-ghostty|8x17\n", Outer(True, 8, 17)),
        ("off|kitty(0.35.2)|xterm-kitty|9x18\n", Outer(False, 9, 18)),
        ("on|foot|foot|9x18\n", Outer(False, 9, 18)),
        ("on|kitty|xterm-kitty|\n", Outer(True)),
        ("|||x\n", Outer()),
        ("", Outer()),
    ],
)
def test_pictures_pass_where_tmux_may_and_the_terminal_behind_it_can(said: str, outer: Outer) -> None:
    assert read_outer(said) == outer


def test_a_tmux_that_is_not_there_passes_nothing() -> None:
    assert outer_terminal({"TMUX": "/nowhere/tmux,1,0", "PATH": os.environ["PATH"]}) == Outer()
    assert outer_terminal({}) == Outer()


def test_mosh_is_found_among_the_ancestors(tmp_path: Path) -> None:
    for pid, name, parent in ((os.getppid(), "bash (x)", 70), (70, "mosh-server", 1)):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "stat").write_text(f"{pid} ({name}) S {parent} 1 1 0")
    assert is_under_mosh(tmp_path)
    (tmp_path / "70" / "stat").write_text("70 (sshd) S 1 1 1 0")
    assert not is_under_mosh(tmp_path)
    assert not is_under_mosh(tmp_path / "none")
