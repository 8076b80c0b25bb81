"""Pictures of the roster, the grid, the form, the palette and the themes, compared with reviewed ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from textual.pilot import Pilot

from pilothouse import paths
from pilothouse.runs.files import FileRuns
from pilothouse.terminal.probe import Capabilities
from pilothouse.tui.app import Bridge
from pilothouse.tui.screens.grid import GridScreen
from pilothouse.tui.screens.home import HomeScreen
from pilothouse.tui.screens.run import RunScreen
from pilothouse.tui.widgets.thumbnail import Thumbnail
from tests.tui.fake_runs import RUN, FakeRuns, shop_script
from tests.tui.harness import Clock, Watched
from tests.tui.site import asking, at_noon, limited, site
from tests.tui.test_home import Home

SnapCompare = Callable[..., bool]


@pytest.fixture
def here() -> Iterator[Any]:
    with site(busy=False) as made:
        yield made


def _is_settled(app: Bridge) -> bool:
    """Nothing is on its way: the runs are read and their pictures painted."""
    screen = app.screen
    if isinstance(screen, HomeScreen | GridScreen):
        shown = [thumbnail for thumbnail in screen.query(Thumbnail) if thumbnail.size.height]
        known = len(list(paths.runs_dir().iterdir())) if paths.runs_dir().exists() else 0
        whole = screen.loaded and len(screen.known) == known and not screen._dirty
        return whole and all(thumbnail.settled for thumbnail in shown)
    return not isinstance(screen, RunScreen)


def _busy(made: Any) -> None:
    made.live("livelive01", shop_script(ended=False), "Find the red kettle and tell its price.", 3)
    made.live("livelive02", asking(), "Book a table for two on Friday evening.", 7)
    made.live("livelive03", limited(), "Collect the opening hours of every library in town.", 12)
    made.recording("recorded01", shop_script(), "Compare three kettles.", 60)
    made.recording("recorded02", shop_script(actions=2), "Read the opening hours.", 60 * 24 * 3)
    made.killed("killedkil1", shop_script(ended=False, actions=4), "Fill in the tax form.", 300)


HOMES: dict[str, tuple[bool, tuple[str, ...], tuple[int, int]]] = {
    "home-empty": (False, (), (80, 24)),
    "home-busy": (True, ("down",), (120, 32)),
    "home-needs-a-person": (True, ("n",), (80, 24)),
    "home-delete": (True, ("end", "D"), (100, 20)),
    "home-search": (True, ("/", *"opening"), (80, 20)),
    "home-small": (True, (), (46, 14)),
    "grid": (True, ("ctrl+g",), (120, 36)),
    "new-run-with-an-error": (False, ("ctrl+n", "ctrl+y"), (100, 36)),
}


@pytest.mark.parametrize("name", HOMES)
def test_looks_as_reviewed(name: str, snap_compare: SnapCompare, here: Any) -> None:
    busy, keys, size = HOMES[name]
    if busy:
        _busy(here)
    app = Bridge(FileRuns(), capabilities=Capabilities(), wall=at_noon, strict_egress=True)

    async def lead(pilot: Pilot[None]) -> None:
        seen = Home(app, pilot, here)
        await seen.until(lambda: _is_settled(app))
        for key in keys:
            await seen.press(key)
        await seen.until(lambda: _is_settled(app))

    assert snap_compare(app, terminal_size=size, run_before=lead)


RUNS: dict[str, tuple[tuple[str, ...], tuple[int, int], str]] = {
    "run-dark": (("n",), (100, 30), "dark"),
    "run-light": (("n",), (100, 30), "light"),
    "run-contrast": (("n",), (100, 30), "contrast"),
    "run-terminal": (("n",), (100, 30), "terminal"),
    "palette": (("ctrl+p", *"step"), (100, 30), "dark"),
    "narrow": ((), (60, 30), "dark"),
    "short": ((), (120, 14), "dark"),
    "borders-moved": (("shift+left", "shift+left", "shift+up", "shift+up"), (120, 36), "dark"),
}


@pytest.mark.parametrize("name", RUNS)
def test_a_run_looks_as_reviewed(name: str, snap_compare: SnapCompare) -> None:
    keys, size, theme = RUNS[name]
    script = asking()
    runs, clock = FakeRuns(script.events, script.blobs), Clock()
    app = Bridge(runs, RUN, capabilities=Capabilities(), now=clock, strict_egress=True, theme=theme)

    async def lead(pilot: Pilot[None]) -> None:
        seen = Watched(app, pilot, runs, clock)
        await seen.loaded()
        for key in keys:
            await seen.press(key)
        await seen.until(seen.picture_is_there)

    assert snap_compare(app, terminal_size=size, run_before=lead)
