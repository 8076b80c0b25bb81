"""The bridge's pictures in a pty, on good and bad lines: the screen's pixels, and what is left after."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from pilothouse.frames.decode import decode, shrink
from pilothouse.frames.geometry import Extent
from tests.terminal.played import PlayedTerminal
from tests.terminal.screen import Screen
from tests.tui.fake_runs import shop_script

pytestmark = pytest.mark.terminal

ROOT = Path(__file__).parents[2]
PROGRAM = """
import asyncio, sys
sys.path.insert(0, {root!r})
from pilothouse.terminal import multiplexer, probe
{before}
from pilothouse.tui.launch import run_bridge
from tests.tui.fake_runs import RUN, FakeRuns, shop_script

async def main():
    script = shop_script(ended=False)
    runs = FakeRuns(script.events, script.blobs)
    code = await run_bridge(runs, RUN)
    print("commands", [type(command).__name__ for command in runs.commands], "code", code)

asyncio.run(main())
"""
KITTY_BEHIND_TMUX = "probe.outer_terminal = lambda environ: multiplexer.Outer(True, 10, 20)"
CRASH = """
from pilothouse.tui.screens.run import RunScreen
def crash(self):
    raise RuntimeError("as a test wants it")
RunScreen.do_help = crash
"""


def bridge(screen: Screen, before: str = "", **line: object) -> PlayedTerminal:
    program = PROGRAM.format(root=str(ROOT), before=before)
    return PlayedTerminal([sys.executable, "-c", program], screen, **line)  # type: ignore[arg-type]


def latest() -> Image.Image:
    """The last frame of the run."""
    script = shop_script(ended=False)
    return decode(list(script.blobs.values())[-1])


def off(screen: Screen, image: Image.Image) -> float:
    """Say how far what the screen shows is from a frame; the mark of the action aside, which is small."""
    shown = screen.shown()
    if shown is None:
        return 255.0
    wanted = shrink(image, Extent(*shown[0].size))
    return max(ImageStat.Stat(ImageChops.difference(shown[0], wanted)).mean)


@pytest.mark.parametrize("one_way_s", [0.0, 0.15], ids=["near", "far"])
def test_kitty_shows_the_frame_and_nothing_of_it_is_left(one_way_s: float) -> None:
    with bridge(Screen(), one_way_s=one_way_s) as terminal:
        terminal.wait_for(lambda screen: off(screen, latest()) < 6)
        terminal.type(b"q")
        assert terminal.wait_for_exit() == 0
        assert terminal.screen.pictures == {}
        assert terminal.screen.strange == []
        assert "commands [] code 0" in terminal.screen.text


def test_a_crash_leaves_no_picture_either() -> None:
    with bridge(Screen(), CRASH) as terminal:
        terminal.wait_for(lambda screen: bool(screen.pictures))
        terminal.type(b"?")
        terminal.wait_for_exit()
        assert "The bridge failed: RuntimeError: as a test wants it" in terminal.screen.text
        assert terminal.screen.pictures == {}


def test_through_tmux_every_picture_is_wrapped() -> None:
    with bridge(Screen(in_tmux=True), KITTY_BEHIND_TMUX, environ={"TMUX": "/tmp/none,1,0"}) as terminal:
        terminal.wait_for(lambda screen: off(screen, latest()) < 6)
        assert b"\x1bPtmux;\x1b\x1b_Ga=T" in terminal.sent
        fronts = {
            cell.look.front for row in terminal.screen.cells for cell in row if cell.text[0:1] > "\U0010ee00"
        }
        assert {len(front) for front in fronts} == {1}  # 256 colours get through any tmux
        terminal.type(b"q")
        assert terminal.wait_for_exit() == 0
        assert terminal.screen.pictures == {}


def test_sixel_is_drawn_on_the_screen() -> None:
    with bridge(Screen(kitty=False, sixel=True)) as terminal:
        terminal.wait_for(lambda screen: screen.received >= 3 and screen.canvas.getbbox() is not None)
        left, top, right, bottom = terminal.screen.canvas.getbbox() or (0, 0, 0, 0)
        assert (right - left) % 10 == 0
        drawn = terminal.screen.canvas.crop((left, top, right, bottom)).convert("RGB")
        terminal.wait_for(
            lambda screen: (
                max(
                    ImageStat.Stat(
                        ImageChops.difference(
                            screen.canvas.crop(screen.canvas.getbbox()).convert("RGB"),
                            shrink(latest(), Extent(*screen.canvas.crop(screen.canvas.getbbox()).size)),
                        )
                    ).mean
                )
                < 12
            )
        )
        assert drawn.width > 200
        terminal.type(b"q")
        assert terminal.wait_for_exit() == 0


def test_a_terminal_that_answers_nothing_still_gets_its_screen_and_its_keys() -> None:
    with bridge(Screen(), answers=False) as terminal:
        terminal.wait_for_text("Transcript")
        terminal.type(b"?")
        terminal.wait_for_text("The run")
        terminal.type(b"\x11")
        assert terminal.wait_for_exit() == 0


def test_answers_that_stop_and_come_again_cost_time_only() -> None:
    with bridge(Screen()) as terminal:
        terminal.wait_for(lambda screen: off(screen, latest()) < 6)
        terminal.answering = False
        terminal.type(b" ")
        terminal.wait_for_text("holding: paused")
        terminal.answering = True
        terminal.type(b"q")
        assert terminal.wait_for_exit() == 0
        assert "commands ['Pause'] code 0" in terminal.screen.text


def test_a_resize_in_the_midst_of_a_frame_ends_with_the_whole_frame() -> None:
    with bridge(Screen(), rate=60_000.0) as terminal:
        terminal.wait_for(lambda screen: screen.received > 0)
        terminal.resize(100, 30)
        terminal.wait_for(lambda screen: (shown := screen.shown()) is not None and shown[1][2] <= 100)
        terminal.wait_for(lambda screen: off(screen, latest()) < 6)
        terminal.type(b"q")
        assert terminal.wait_for_exit() == 0
        assert terminal.screen.pictures == {}
