"""The guards in a real terminal emulator: tmux obeys OSC 52, titles and queries, so that a leak shows."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

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


class Tmux:
    """A tmux server of its own, with one window of 160x50."""

    def __init__(self) -> None:
        self._socket = f"ph-{uuid.uuid4().hex[:8]}"

    def __call__(self, *arguments: str) -> str:
        environ = {name: value for name, value in os.environ.items() if name != "TMUX"}
        argv = ["tmux", "-L", self._socket, "-f", os.devnull, *arguments]
        return subprocess.run(argv, capture_output=True, text=True, env=environ, timeout=20).stdout

    def start(self, argv: list[str]) -> None:
        self("new-session", "-d", "-x", "160", "-y", "50", "sleep 600")
        self("set", "-g", "remain-on-exit", "on")
        self("set", "-g", "set-clipboard", "on")
        self("respawn-pane", "-k", *argv)

    def screen(self) -> str:
        return self("capture-pane", "-p")

    def wait_for(self, text: str, timeout_s: float = 20.0) -> str:
        until = time.monotonic() + timeout_s
        while text not in (shown := self.screen()):
            assert time.monotonic() < until, shown
            time.sleep(0.05)  # tmux offers no event for "the pane shows"; this is the poll of a condition
        return shown


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
