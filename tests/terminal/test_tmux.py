"""The guards in a real terminal emulator: tmux obeys OSC 52, titles and queries, so that a leak shows."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.terminal.tmux_server import Tmux

pytestmark = [
    pytest.mark.terminal,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]

UNGUARDED = """
from tests.terminal.hostile import PAYLOADS
from textual.app import App
from textual.content import Content
from textual.widgets import Static
class Plain(App):
    def compose(self):
        yield Static(Content("SHOWN " + " ".join(PAYLOADS[n] for n in ("osc52", "osc2"))))
Plain().run()
"""


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    server = Tmux()
    yield server
    server("kill-server")


def test_a_hostile_title_reaches_neither_clipboard_nor_title_nor_keys(tmux: Tmux, tmp_path: Path) -> None:
    environ = ["env", f"PILOTHOUSE_STATE_DIR={tmp_path}"]
    tmux.start([*environ, sys.executable, "-m", "tests.terminal.hostile", "--quiet"])
    tmux.wait_for("READY")
    from tests.terminal.hostile import PAYLOADS

    for name in PAYLOADS:
        tmux("send-keys", "F9")
        assert "KEY:" not in tmux.wait_for(f"SHOWN:{name}:")
    assert tmux("list-buffers") == ""
    assert "pwned" not in tmux("display-message", "-p", "#{pane_title}")
    # Keys that a reply had typed would have been shown before this one.
    tmux("send-keys", "z")
    assert tmux.wait_for("KEY:z:").count("KEY:") == 1


def test_the_same_text_without_the_guards_does_reach_the_clipboard(tmux: Tmux) -> None:
    tmux.start([sys.executable, "-c", UNGUARDED])
    tmux.wait_for("SHOWN")
    assert "pwned" in tmux("list-buffers")
    assert tmux("display-message", "-p", "#{pane_title}").strip() == "pwned"
