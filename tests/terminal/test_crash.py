"""A crash of the bridge: one sentence, no secret on the screen or in the log, the terminal put back."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from pilothouse.terminal.tty import RESTORE
from tests.terminal.fake_terminal import FakeTerminal

pytestmark = pytest.mark.terminal

SECRET = "planted-secret-value-0123456789"
TYPED = "sk-ant-api03-" + "Ab1_" * 23 + "xAA"

PROGRAM = """
import os, sys
from textual.widgets import Static
from pilothouse.terminal.app import GuardedApp
from pilothouse.terminal.tty import restored

class Breaks(GuardedApp):
    def compose(self):
        yield Static("READY", id="text")

    def on_key(self, event):
        planted = os.environ["PLANTED_API_KEY"]
        nested = {"headers": {"x-api-key": planted}}
        if event.key == "x":
            raise ValueError(f"refused {planted} and TYPED \\x1b]2;pwned\\x07 [/b]")
        if event.key == "m":
            self.query_one("#text").update("[/crash]")
        if event.key == "k":
            os._exit(9)

with restored():
    app = Breaks()
    app.run()
sys.exit(app.return_code)
""".replace("TYPED", TYPED)


def run(tmp_path: Path) -> FakeTerminal:
    environ = {"PLANTED_API_KEY": SECRET, "PILOTHOUSE_STATE_DIR": str(tmp_path / "state")}
    return FakeTerminal([sys.executable, "-c", PROGRAM], environ=environ)


@pytest.mark.parametrize("key", [b"x", b"m"])
def test_a_crash_is_one_sentence_without_a_secret(tmp_path: Path, key: bytes) -> None:
    with run(tmp_path) as terminal:
        terminal.wait_for_text("READY")
        terminal.type(key)
        assert terminal.wait_for_exit() == 1
        assert b"The bridge failed: " in terminal.sent
        assert b"Traceback" not in terminal.sent
        assert b"locals" not in terminal.sent
        assert b"\x1b]2;pwned" not in terminal.sent
        log = tmp_path / "state" / "crash.log"
        assert log.stat().st_mode & 0o777 == 0o600
        trace = log.read_text()
        assert "Traceback" in trace
        for secret in (SECRET, TYPED):
            assert secret.encode() not in terminal.sent
            assert secret not in trace
        assert terminal.sent.count(RESTORE.encode()) == 1


def test_a_hangup_of_the_terminal_ends_the_viewer(tmp_path: Path) -> None:
    with run(tmp_path) as terminal:
        terminal.wait_for_text("READY")
        os.kill(terminal.process.pid, signal.SIGHUP)
        assert terminal.wait_for_exit() != 0
