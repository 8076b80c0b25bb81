"""What a terminal is sent when a run needs a person: once for each need, cleaned, and wrapped for tmux."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.terminal.fake_terminal import FakeTerminal

pytestmark = pytest.mark.terminal

ROOT = Path(__file__).parents[2]
PROGRAM = """
import asyncio, sys
sys.path.insert(0, {root!r})
from pilothouse import events as ev
from pilothouse.events import Hold, RunPhase
from pilothouse.tui.launch import run_bridge
from tests.tui.fake_runs import RUN, FakeRuns, shop_script

WHY = "pay\\x1b]0;owned\\x07 9;4;1 \\x1b]52;c;cHduZWQ=\\x07"

async def main():
    script = shop_script(ended=False)
    runs = FakeRuns(script.events, script.blobs)

    async def happen():
        # Each line typed is the next thing that happens: `-` is no key of the bridge.
        await runs.marks.get()
        await ask("a1")
        await runs.marks.get()
        await runs.append(ev.Warned(what="the same need, Ω"))
        await runs.marks.get()
        decided = ev.ApprovalDecided(request="a1", decision="reject", actor="bob")
        await runs.append(decided, ev.StateChanged(phase=RunPhase.RUNNING))
        await runs.marks.get()
        await ask("a2")

    async def ask(name):
        held = ev.StateChanged(phase=RunPhase.HOLDING, holding=(Hold.APPROVAL,))
        await runs.append(ev.ApprovalRequested(request=name, action=9, tool_use_id="t", args_sha256="0",
            member="left_click", input={{"coordinate": [1, 1]}}, why=WHY), held)

    async def control(run, command):
        runs.marks.put_nowait(command)
        return await FakeRuns.control(runs, run, command)

    runs.marks, runs.control, runs.obeys = asyncio.Queue(), control, False
    happening = asyncio.create_task(happen())
    code = await run_bridge(runs, RUN, graphics="off")
    happening.cancel()
    print("code", code)

asyncio.run(main())
"""
NOTE = rb"\x1b\]9;pilothouse: left_click waits for an approval \(pay[^\x00-\x1f]*\x07"
TITLE = rb"\x1b\]2;\xe2\x97\x8f needs you: left_click waits[^\x00-\x1f]*\x1b\\"


def bells(sent: bytes) -> int:
    """Count the bells: a BEL also ends a sequence of Textual's and of ours."""
    return re.sub(rb"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1bP.*?\x1b\\", b"", sent, flags=re.DOTALL).count(
        b"\a"
    )


def seen(sent: bytes, note: bytes = NOTE) -> tuple[int, int, int]:
    return bells(sent), len(re.findall(TITLE, sent)), len(re.findall(note, sent))


def bridge(tmp_path: Path, **environ: str) -> FakeTerminal:
    program = PROGRAM.format(root=str(ROOT))
    own = {"PILOTHOUSE_CONFIG_DIR": str(tmp_path), "PILOTHOUSE_STATE_DIR": str(tmp_path)}
    return FakeTerminal([sys.executable, "-c", program], environ={**own, **environ})


def test_each_need_rings_titles_and_notifies_once(tmp_path: Path) -> None:
    with bridge(tmp_path, TERM_PROGRAM="iTerm.app") as terminal:
        terminal.wait_for_text("Transcript")
        terminal.type(b" ")
        terminal.wait_for(lambda sent: seen(sent) == (1, 1, 1))
        terminal.type(b" ")
        # Only the cells that differ are sent: the rest of the words may stand there already.
        terminal.wait_for_text("Ω")
        usual = b"\x1b]2;pilothouse ab12cd34ef\x1b\\"
        before = terminal.sent.count(usual)
        terminal.type(b" ")
        terminal.wait_for(lambda sent: sent.count(usual) == before + 1)
        assert seen(terminal.sent) == (1, 1, 1)
        terminal.type(b" ")
        terminal.wait_for(lambda sent: seen(sent) == (2, 2, 2))
        terminal.type(b"q")
        assert terminal.wait_for_exit() == 0
        assert b"]0;owned\a" not in terminal.sent.replace("\u241b".encode(), b"")
        assert b"\x1b]52" not in terminal.sent


def test_inside_tmux_a_notification_is_wrapped_for_it(tmp_path: Path) -> None:
    wrapped = rb"\x1bPtmux;\x1b" + NOTE + rb"\x1b\\"
    with bridge(tmp_path, TMUX="/tmp/none,1,0", KITTY_WINDOW_ID="1") as terminal:
        terminal.wait_for_text("Transcript")
        terminal.type(b" ")
        terminal.wait_for(lambda sent: seen(sent, wrapped) == (1, 1, 1))
        terminal.type(b"q")
        assert terminal.wait_for_exit() == 0


def test_what_is_not_wanted_is_not_sent(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('bell = false\nwindow-title = false\nnotify = "off"\n')
    with bridge(tmp_path, TERM_PROGRAM="iTerm.app") as terminal:
        terminal.wait_for_text("Transcript")
        terminal.type(b" ")
        terminal.wait_for_text("Let this happen?")
        terminal.type(b" ")
        terminal.wait_for_text("Ω")
        assert seen(terminal.sent) == (0, 0, 0)
        terminal.type(b"q")
        assert terminal.wait_for_exit() == 0
