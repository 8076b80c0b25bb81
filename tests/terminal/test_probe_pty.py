"""The probe in a real pty: right on a slow link, and nothing of an answer is left for the key parser."""

from __future__ import annotations

import sys

import pytest

from pilothouse.terminal.probe import Capabilities
from tests.terminal.fake_terminal import ANSWERS, FakeTerminal

pytestmark = pytest.mark.terminal

# Probes, says what it found, then what is left to read, then runs an app that reports its keys.
PROGRAM = """
import os, select, sys
from pilothouse.terminal.probe import probe
found = probe(timeout_s=float(sys.argv[1]))
assert not [name for name in sys.modules if name.startswith(("textual", "rich", "PIL"))]
left = b"" if not select.select([0], [], [], 0)[0] else os.read(0, 4096)
print(f"FOUND {found!r} LEFT {left!r} END", flush=True)
from tests.terminal.hostile import Gallery
Gallery().run()
"""


def run(delay_s: float, timeout_s: float = 2.0, **options: object) -> FakeTerminal:
    argv = [sys.executable, "-c", PROGRAM, str(timeout_s)]
    return FakeTerminal(argv, delay_s=delay_s, **options)  # type: ignore[arg-type]


def found_in(sent: bytes) -> Capabilities:
    text = sent.split(b"FOUND ")[1].split(b" LEFT ")[0].decode()
    found = eval(text, {"Capabilities": Capabilities})
    assert isinstance(found, Capabilities)
    return found


@pytest.mark.parametrize("delay_s", [0.0, 0.2, 0.6])
def test_the_probe_is_right_at_any_latency_and_leaves_nothing(delay_s: float) -> None:
    with run(delay_s) as terminal:
        terminal.wait_for_text("READY")
        found = found_in(terminal.sent)
        assert (found.kitty, found.sixel, found.has_answered) == (True, True, True)
        assert (found.cell_width_px, found.cell_height_px) == (10, 20)
        assert delay_s * 1000 <= found.rtt_ms < delay_s * 1000 + 1000
        assert b"LEFT b'' END" in terminal.sent
        terminal.type(b"z")
        terminal.wait_for_text("KEY:z:")
        assert terminal.sent.count(b"KEY:") == 1


def test_answers_later_than_the_probe_waits_are_no_keys() -> None:
    with run(0.6, timeout_s=0.1) as terminal:
        terminal.wait_for_text("READY")
        assert found_in(terminal.sent) == Capabilities(truecolor=True, rtt_ms=found_in(terminal.sent).rtt_ms)
        terminal.wait_for_answers(4)
        terminal.type(b"z")
        terminal.wait_for_text("KEY:z:")
        assert terminal.sent.count(b"KEY:") == 1


def test_a_terminal_without_pictures_gets_blocks() -> None:
    with run(0.0, answers=[ANSWERS[3]], environ={"COLORTERM": ""}) as terminal:
        terminal.wait_for_text("READY")
        found = found_in(terminal.sent)
        assert not found.kitty
        assert found.cell_width_px == 0


def test_a_cell_that_is_not_told_is_a_part_of_the_window() -> None:
    with run(0.0, answers=[ANSWERS[3]], size_px=(1084, 604)) as terminal:  # with xterm's inner border
        terminal.wait_for_text("READY")
        found = found_in(terminal.sent)
        assert (found.cell_width_px, found.cell_height_px) == (9, 15)
        assert found.best_painter == "sixel"


def test_sixel_of_a_size_nobody_knows_is_not_used() -> None:
    with run(0.0, answers=[ANSWERS[3]]) as terminal:
        terminal.wait_for_text("READY")
        assert found_in(terminal.sent).best_painter == "blocks"


@pytest.mark.parametrize("environ", [{"TMUX": "/x,1,0"}, {"TERM": "screen-256color"}, {"MOSH_KEY": "x"}])
def test_a_multiplexer_is_not_asked(environ: dict[str, str]) -> None:
    with run(0.0, environ=environ) as terminal:
        terminal.wait_for_text("READY")
        assert found_in(terminal.sent).best_painter == "blocks"
        assert b"a=q" not in terminal.sent
