"""A tmux server of a test's own: a real terminal emulator that can be typed into and read."""

from __future__ import annotations

import os
import subprocess
import time
import uuid


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

    def screen(self, *, history: bool = False) -> str:
        return self("capture-pane", "-p", *(("-S", "-") if history else ()))

    def wait_for(self, text: str, timeout_s: float = 20.0, *, history: bool = False) -> str:
        until = time.monotonic() + timeout_s
        while text not in (shown := self.screen(history=history)):
            assert time.monotonic() < until, shown
            time.sleep(0.05)  # tmux offers no event for "the pane shows"; this is the poll of a condition
        return shown
