"""How the bridge looks: a picture per situation, text and colours, compared with the one reviewed last.

`pytest tests/tui/test_snapshots.py --snapshot-update` takes them anew; a commit of its own says why. The
clock stands still, pictures are blocks, the environment is empty (the plugin prints it into its report), and
Textual is pinned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pilothouse import events as ev
from pilothouse.terminal.probe import Capabilities
from pilothouse.tui.app import Bridge
from tests.tui.fake_runs import RUN, FakeRuns, Script, shop_script
from tests.tui.harness import Clock, Watched

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.pilot import Pilot

    SnapCompare = Callable[..., bool]


class Scene:
    """A bridge in a situation: how it is made, and which keys lead there."""

    def __init__(
        self,
        *keys: str,
        size: tuple[int, int] = (120, 36),
        script: Callable[[], Script] = lambda: shop_script(ended=False),
        dead: bool = False,
        shows: str = "",
        **options: Any,
    ) -> None:
        self.keys = keys
        self.size = size
        self.script = script
        self.dead = dead
        self.shows = shows
        self.options = options

    def compare(self, snap_compare: SnapCompare) -> bool:
        script = self.script()
        clock = Clock()
        runs = FakeRuns(script.events, script.blobs)
        runs.alive = not self.dead
        app = Bridge(runs, RUN, capabilities=Capabilities(), now=clock, strict_egress=True, **self.options)

        async def lead(pilot: Pilot[None]) -> None:
            seen = Watched(app, pilot, runs, clock)
            await seen.loaded()
            for key in self.keys:
                await seen.press(key)
            await seen.until(lambda: not app.run_screen.pending and self.shows in seen.text())
            await seen.until(seen.picture_is_there)

        return snap_compare(app, terminal_size=self.size, run_before=lead)


def streaming() -> Script:
    script = shop_script(ended=False, actions=3)
    script.start_turn()
    script.think(
        "The results are in. ", "The third one is red, and it is a kettle; its price is not shown here."
    )
    return script


def troubled() -> Script:
    script = shop_script(ended=False, actions=5)
    script.put(
        ev.RetryScheduled(what="model", attempt=2, delay_ms=2_000, why="the service is overloaded (529)")
    )
    script.put(ev.TurnDiscarded(turn=5, attempt=1, why="the stream broke off", kind="torn"))
    script.put(ev.MessageQueued(id="m", text="Only kettles that are in stock, please.", when="after"))
    script.put(ev.Warned(what="the browser did not answer for 8 s", way_out="it is asked again"))
    return script


SCENES = {
    "nothing-yet": Scene(script=Script, size=(80, 24)),
    "live-80x24": Scene(size=(80, 24)),
    "live-120x36": Scene(),
    "live-200x60": Scene(size=(200, 60)),
    "small-one-pane": Scene("2", size=(60, 16)),
    "too-small": Scene(size=(36, 8)),
    "thinking-streams": Scene(script=streaming),
    "trouble": Scene(script=troubled),
    "paused-and-writing": Scene("space", "i", *"In stock only", size=(100, 30)),
    "abort-pane": Scene("x", "down", size=(100, 30)),
    "help": Scene("question_mark", size=(100, 46)),
    "call-opened-looking-back": Scene("2", "left", "left", "o"),
    "picture-alone": Scene("left", "s", size=(100, 30)),
    "replay-light": Scene(".", ".", ">", script=shop_script, replay=True, theme="pilothouse-light"),
    "completed": Scene(script=shop_script),
    "killed": Scene("end", dead=True, size=(80, 24)),
    "driving": Scene("t", "ctrl+y", size=(100, 30), shows="┌─ you drive"),
    "pictures-off": Scene(graphics="off", size=(80, 24)),
}


@pytest.mark.parametrize("name", SCENES)
def test_looks_as_reviewed(name: str, snap_compare: SnapCompare) -> None:
    assert SCENES[name].compare(snap_compare)
