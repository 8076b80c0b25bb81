"""The whole bridge in a pty, probe and driver included: what it sends, and what replies do not do."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.terminal.fake_terminal import ANSWERS, FakeTerminal

ROOT = Path(__file__).parents[2]
PROGRAM = """
import asyncio, sys
sys.path.insert(0, {root!r})
from pilothouse.tui.launch import run_bridge
from tests.tui.fake_runs import RUN, FakeRuns, shop_script

async def main():
    script = shop_script(ended=False)
    runs = FakeRuns(script.events, script.blobs)
    code = await run_bridge(runs, RUN, graphics={graphics!r})
    print("commands", [type(command).__name__ for command in runs.commands], "code", code)

asyncio.run(main())
"""
PLACEHOLDER = "\U0010eeee".encode()


def bridge(graphics: str = "auto", **options: object) -> FakeTerminal:
    program = PROGRAM.format(root=str(ROOT), graphics=graphics)
    return FakeTerminal([sys.executable, "-c", program], **options)  # type: ignore[arg-type]


@pytest.mark.terminal
@pytest.mark.parametrize("delay_s", [0.0, 0.3], ids=["near", "far"])
def test_a_kitty_gets_its_picture_and_its_replies_are_no_keys(delay_s: float) -> None:
    with bridge(delay_s=delay_s) as terminal:
        terminal.wait_for(lambda sent: b"\x1b_G" in sent and b"f=100" in sent and PLACEHOLDER in sent)
        terminal.wait_for_text("Transcript")
        terminal.type(b"q")
        terminal.wait_for_text("goes on: pilothouse attach ab12cd34ef")
        terminal.wait_for_text("commands [] code 0")
        assert terminal.wait_for_exit() == 0


@pytest.mark.terminal
def test_a_terminal_with_sixel_only_gets_sixel() -> None:
    answers = [(question, answer) for question, answer in ANSWERS if b"_G" not in question.pattern]
    with bridge(answers=answers) as terminal:
        terminal.wait_for(lambda sent: re.search(rb"\x1bP[\d;]*q", sent) is not None)
        terminal.type(b"q")
        assert terminal.wait_for_exit() == 0


@pytest.mark.terminal
def test_inside_tmux_pictures_are_blocks_and_nothing_is_asked() -> None:
    with bridge(environ={"TMUX": "/tmp/none,1,0"}) as terminal:
        terminal.wait_for(lambda sent: "▄".encode() in sent or "▀".encode() in sent or "▐".encode() in sent)
        terminal.type(b" ")
        terminal.wait_for_text("holding: paused")
        terminal.type(b"\x11")
        terminal.wait_for_text("commands ['Pause'] code 0")
        assert b"\x1b_G" not in terminal.sent
        assert terminal.wait_for_exit() == 0


@pytest.mark.terminal
def test_the_bridge_is_seen_where_standard_error_goes_into_a_file(tmp_path: Path) -> None:
    shell = ["sh", "-c", f'exec "$@" 2>{tmp_path / "errors"}', "sh"]
    program = PROGRAM.format(root=str(ROOT), graphics="off")
    with FakeTerminal([*shell, sys.executable, "-c", program]) as terminal:
        terminal.wait_for_text("Transcript")
        terminal.type(b"q")
        assert terminal.wait_for_exit() == 0
    assert (tmp_path / "errors").read_text() == ""


@pytest.mark.terminal
def test_pasted_keys_do_nothing_and_alt_enter_sends_now() -> None:
    with bridge(graphics="off") as terminal:
        terminal.wait_for_text("Transcript")
        terminal.type(b"\x1b[200~ xPq\x1b[201~")
        terminal.type(b"i")
        terminal.wait_for_text("send after this batch")
        terminal.type(b"\x1b[200~x\rq \x19\n\x1b[201~")  # nor in the composer, where it is text
        terminal.wait_for_text("\u2419")
        terminal.type(b"hello\x1b\r")  # as most terminals write alt+enter; with extended keys \x1b[13;3u
        terminal.wait_for_text("(now)")
        terminal.type(b"q")
        terminal.wait_for_text("commands ['Say'] code 0")
        assert terminal.wait_for_exit() == 0
