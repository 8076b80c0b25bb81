"""The roster: what it shows of each run, and what a person does there without leaving the bridge."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.color import Color
from textual.pilot import Pilot

from pilothouse import events as ev
from pilothouse import paths
from pilothouse.engine.spec import RunSpec, Started
from pilothouse.errors import StartFailed
from pilothouse.runs import tending
from pilothouse.runs.files import FileRuns
from pilothouse.terminal.probe import Capabilities
from pilothouse.tui.app import Bridge
from pilothouse.tui.screens.grid import GridScreen
from pilothouse.tui.screens.home import HomeScreen
from pilothouse.tui.screens.new_run import Field, NewRunScreen
from pilothouse.tui.screens.run import RunScreen
from pilothouse.tui.widgets.lines import KeyBar
from tests.tui.fake_runs import shop_script
from tests.tui.harness import press
from tests.tui.site import Site, at_noon, site


class Home:
    """A bridge that began on the roster."""

    def __init__(self, app: Bridge, pilot: Pilot[None], here: Site) -> None:
        self.app = app
        self.pilot = pilot
        self.site = here

    async def press(self, *keys: str) -> None:
        await press(self.pilot, *keys)
        await self.pilot.pause()

    async def until(self, condition: Callable[[], bool], limit_s: float = 15.0) -> None:
        async with asyncio.timeout(limit_s):
            while not condition():
                await self.pilot.pause(0.01)
        await self.pilot.pause()

    def text(self) -> str:
        lines = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in lines)

    @property
    def footer(self) -> str:
        return self.app.screen.query_one(KeyBar).plain

    @property
    def toasts(self) -> list[str]:
        return [toast.message for toast in self.app._notifications]

    @property
    def home(self) -> HomeScreen:
        screen = self.app.screen
        assert isinstance(screen, HomeScreen)
        return screen

    @property
    def listed(self) -> list[str]:
        return [status.run for status in self.home.rows.runs]

    @property
    def marked(self) -> str:
        chosen = self.home.rows.chosen
        return chosen.run if chosen else ""

    async def mark(self, run: str) -> None:
        await self.press("home", *["down"] * self.listed.index(run))
        assert self.marked == run

    async def at_run(self, run: str) -> RunScreen:
        await self.until(lambda: isinstance(self.app.screen, RunScreen) and self.app.run_id == run)
        screen = self.app.run_screen
        await self.until(lambda: len(screen.record) > 0)
        return screen


@asynccontextmanager
async def home(size: tuple[int, int] = (120, 32), busy: bool = True, **options: Any) -> AsyncIterator[Home]:
    with site(busy=busy) as here:
        app = Bridge(FileRuns(), capabilities=Capabilities(), wall=at_noon, strict_egress=True, **options)
        async with app.run_test(size=size) as pilot:
            seen = Home(app, pilot, here)
            await seen.until(lambda: seen.home.loaded and len(seen.listed) == (5 if busy else 0))
            yield seen


async def test_the_roster_has_what_needs_a_person_then_live_runs_then_recordings() -> None:
    async with home() as seen:
        assert seen.listed == ["livelive02", "livelive01", "recorded01", "killedkil1", "recorded02"]
        await seen.until(lambda: "1 needs a person" in seen.text())
        text = seen.text()
        assert "needs you: may it click at 640, 420?" in text
        assert "“I will take step 7: zoom on the page" in text
        assert ("killed" in text, "completed" in text) == (True, True)


async def test_a_run_is_opened_and_left_without_leaving_the_bridge() -> None:
    async with home() as seen:
        await seen.mark("livelive01")
        await seen.press("enter")
        screen = await seen.at_run("livelive01")
        assert screen.live
        assert "back (the run goes on)" in seen.footer
        await seen.press("q")
        await seen.until(lambda: isinstance(seen.app.screen, HomeScreen))
        assert seen.app.is_running
        assert seen.marked == "livelive01"
        await seen.mark("recorded01")
        await seen.press("enter")
        assert (await seen.at_run("recorded01")).is_replay


async def test_q_on_the_roster_leaves_the_bridge() -> None:
    async with home() as seen:
        await seen.press("q")
        await seen.until(lambda: not seen.app.is_running)
        assert seen.app.farewell() == ""


async def test_the_roster_follows_what_changes() -> None:
    async with home() as seen:
        seen.site.live("livelive03", shop_script(ended=False, actions=1), "Water the plants.", 1)
        await seen.until(lambda: "Water the plants." in seen.text())
        seen.site.end("livelive01")
        await seen.until(lambda: seen.listed.index("livelive01") > seen.listed.index("livelive03"))
        tending.trash("recorded02")
        await seen.until(lambda: "recorded02" not in seen.listed)


async def test_a_search_finds_by_words_and_by_tags_and_esc_ends_it() -> None:
    async with home() as seen:
        tending.tag("recorded02", ("hours",))
        await seen.until(lambda: seen.home.known["recorded02"].tags == ("hours",))
        await seen.press("/", *"kettle")
        await seen.until(lambda: seen.listed == ["livelive01", "recorded01"])
        await seen.press("enter")
        await seen.until(lambda: "search: kettle (2 of 5)" in seen.text())
        await seen.press("escape", "/", *"#hou")
        await seen.until(lambda: seen.listed == ["recorded02"])
        await seen.press(*"xyz")
        await seen.until(lambda: "no run matches the search" in seen.text())
        await seen.press("escape")
        await seen.until(lambda: len(seen.listed) == 5)


async def test_letters_in_the_search_are_letters() -> None:
    async with home() as seen:
        await seen.press("/", *"qnRTD?jk", "enter")
        await seen.until(lambda: seen.home.query_text == "qnRTD?jk")
        assert seen.app.is_running


async def test_a_run_gets_a_name_and_tags_and_loses_them_again() -> None:
    async with home() as seen:
        await seen.mark("recorded01")
        await seen.press("R", *"kettles", "enter")
        await seen.until(lambda: "kettles · Compare three kettles." in seen.text())
        await seen.press("T", *"#shop, home", "enter")
        await seen.until(lambda: seen.home.known["recorded01"].tags == ("shop", "home"))
        assert tending.read_label(paths.run_dir("recorded01")) == tending.Label("kettles", ("shop", "home"))
        await seen.press("R", *["backspace"] * 7, "enter")
        await seen.until(lambda: seen.home.known["recorded01"].name == "")


async def test_a_name_goes_to_the_run_it_was_asked_for_though_that_is_gone() -> None:
    async with home() as seen:
        await seen.mark("recorded01")
        await seen.press("R", *"mine")
        tending.trash("recorded01")
        await seen.until(lambda: "recorded01" not in seen.listed)
        await seen.press("enter")
        await seen.until(lambda: any("no such run" in toast for toast in seen.toasts))
        assert [status.name for status in seen.home.known.values()] == [""] * 4


async def test_only_ctrl_y_deletes_and_the_trash_gives_it_back() -> None:
    async with home() as seen:
        await seen.mark("recorded01")
        await seen.press("D", "enter", "y", "D", "delete")
        assert paths.run_dir("recorded01").is_dir()
        await seen.press("escape", "ctrl+y", "ctrl+y")
        assert paths.run_dir("recorded01").is_dir()
        await seen.press("delete", "ctrl+y")
        await seen.until(lambda: tending.trashed() == ["recorded01"])
        await seen.until(lambda: "recorded01" not in seen.listed)
        tending.restore("recorded01")
        await seen.until(lambda: "recorded01" in seen.listed)


async def test_a_live_run_is_not_deleted_and_it_is_said_why() -> None:
    async with home() as seen:
        await seen.mark("livelive01")
        await seen.press("D", "ctrl+y")
        assert any("the run is live" in toast for toast in seen.toasts)
        assert paths.run_dir("livelive01").is_dir()


async def test_n_goes_to_what_needs_a_person() -> None:
    async with home() as seen:
        await seen.mark("killedkil1")
        await seen.press("n")
        assert seen.marked == "livelive02"
        seen.site.append("livelive02", ev.RunEnded(outcome=ev.Outcome.COMPLETED))
        await seen.until(lambda: not seen.home.choice.wanting)
        await seen.press("n")
        assert any("no run needs a person" in toast for toast in seen.toasts)


async def test_without_runs_the_roster_says_how_to_begin() -> None:
    async with home(busy=False) as seen:
        await seen.until(lambda: "no runs yet" in seen.text())
        assert "ctrl+n gives an agent a task" in seen.text()
        await seen.press("enter", "down", "D", "R", "n", "ctrl+g")
        assert seen.app.is_running


async def test_without_colours_everything_is_said_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with home() as seen:
        coloured = [
            segment.style.color.triplet
            for y in range(2, 10)
            for segment in seen.home._compositor.render_strips()[y].apply_filter(
                seen.app._filters[-1], Color(0, 0, 0)
            )
            if segment.style and segment.style.color and segment.style.color.triplet
        ]
        assert [one for one in coloured if len({one.red, one.green, one.blue}) > 1] == []
        text = seen.text()
        for said in ("! waits for approval", "● running", "○ completed", "○ killed", "▎", "needs you: "):
            assert said in text


async def test_hostile_names_and_tasks_are_text() -> None:
    async with home(busy=False) as seen:
        seen.site.live("livelive01", shop_script(ended=False), "[/x] \x1b]0;t\x07[@click=app.exit]go[/]")
        (paths.run_dir("livelive01") / tending.LABEL_NAME).write_bytes(b'{"name":"\\u001b[31m[/red]"}')
        await seen.until(lambda: "[/x]" in seen.text())
        assert "\x1b" not in seen.text()


# --- switching runs, and the grid ---------------------------------------------------------------------


async def test_live_runs_are_switched_between_without_leaving() -> None:
    async with home() as seen:
        await seen.mark("livelive01")
        await seen.press("enter")
        await seen.at_run("livelive01")
        await seen.press("J")
        await seen.at_run("livelive02")
        await seen.press("K")
        await seen.at_run("livelive01")
        await seen.press("ctrl+o")
        await seen.until(lambda: isinstance(seen.app.screen, HomeScreen))


async def test_a_roster_over_a_run_that_was_opened_directly_leads_back_to_it() -> None:
    with site() as here:
        app = Bridge(FileRuns(), "livelive01", capabilities=Capabilities(), wall=at_noon, strict_egress=True)
        async with app.run_test(size=(120, 32)) as pilot:
            seen = Home(app, pilot, here)
            await seen.at_run("livelive01")
            await seen.press("ctrl+o")
            await seen.until(lambda: isinstance(app.screen, HomeScreen) and bool(seen.home.loaded))
            await seen.press("escape")
            await seen.at_run("livelive01")
            await seen.press("ctrl+o")
            await seen.until(lambda: isinstance(app.screen, HomeScreen) and len(seen.listed) == 5)
            await seen.mark("livelive02")
            await seen.press("enter")
            await seen.at_run("livelive02")
            await seen.press("J")
            await seen.at_run("livelive01")
            await seen.press("q")
            await seen.until(lambda: not app.is_running)


async def test_the_grid_shows_live_runs_and_says_in_words_what_they_need() -> None:
    async with home() as seen:
        await seen.press("ctrl+g")
        await seen.until(lambda: isinstance(seen.app.screen, GridScreen) and bool(seen.app.screen.runs))
        await seen.until(lambda: "2 live" in seen.text())
        assert "needs you: may it click at 640, 420?" in seen.text()
        await seen.press("right", "enter")
        await seen.at_run("livelive01")
        await seen.press("q")
        await seen.until(lambda: isinstance(seen.app.screen, HomeScreen))


async def test_a_run_keeps_its_cell_in_the_grid_while_others_come_and_go() -> None:
    async with home() as seen:
        await seen.press("ctrl+g")
        grid = seen.app.screen
        assert isinstance(grid, GridScreen)
        await seen.until(lambda: len(grid.runs) == 2)
        before = [status.run for status in grid.runs]
        seen.site.live("livelive03", shop_script(ended=False, actions=1), "Water the plants.", 1)
        await seen.until(lambda: len(grid.runs) == 3)
        assert [status.run for status in grid.runs][:2] == before
        seen.site.end("livelive01")
        await seen.until(lambda: [status.run for status in grid.runs] == ["livelive02", "livelive03"])


# --- a new run ----------------------------------------------------------------------------------------


class Launches:
    """Takes the place of the process that is started."""

    def __init__(self, here: Callable[[], Site] | None = None, error: Exception | None = None) -> None:
        self.specs: list[RunSpec] = []
        self.error = error
        self.site: Site | None = None

    def __call__(self, spec: RunSpec) -> Started:
        self.specs.append(spec)
        if self.error is not None:
            raise self.error
        assert self.site is not None
        self.site.live(spec.run, shop_script(ended=False, actions=1), spec.task, 0)
        return Started(run=spec.run, pid=1)


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-none")
    monkeypatch.setenv("KERNEL_API_KEY", "none")


def problem(seen: Home, name: str) -> str:
    field = seen.app.screen.query_one(f"#about-{name}", Field)
    return str(field.query_one(".problem").render()) if field.has_class("-wrong") else ""


@pytest.mark.usefixtures("keys")
async def test_a_new_run_is_started_from_the_form_and_opened() -> None:
    launches = Launches()
    async with home(launch=launches) as seen:
        launches.site = seen.site
        await seen.press("ctrl+n", *"Buy tea.", "enter", "tab", *"claude-sonnet-5-5", "tab", "tab", "tab")
        await seen.press(*"steps=9", "ctrl+y")
        await seen.until(lambda: bool(launches.specs))
        spec = launches.specs[0]
        assert (spec.task, spec.model, spec.limits) == ("Buy tea.", "claude-sonnet-5-5", {"steps": 9.0})
        assert not spec.headless
        await seen.at_run(spec.run)
        await seen.press("q")
        await seen.until(lambda: isinstance(seen.app.screen, HomeScreen))


@pytest.mark.usefixtures("keys")
async def test_an_error_stands_beside_its_field_which_gets_the_keys() -> None:
    launches = Launches()
    async with home(launch=launches) as seen:
        await seen.press("ctrl+n", "ctrl+y")
        assert "the task is empty" in problem(seen, "task")
        await seen.press(*"Buy tea.", "tab", "tab", "tab", *"netscape", "ctrl+y")
        assert problem(seen, "task") == ""
        assert "give kernel or local" in problem(seen, "browser")
        focused = seen.app.focused
        assert focused is not None
        assert focused.id == "field-browser"
        await seen.press(*["backspace"] * 8, "shift+tab", "shift+tab", *"none", "ctrl+y")
        assert "there is no preset" in problem(seen, "preset")
        assert launches.specs == []


async def test_a_missing_key_is_said_at_the_top_and_nothing_is_started() -> None:
    launches = Launches()
    async with home(launch=launches) as seen:
        await seen.press("ctrl+n", *"Buy tea.", "ctrl+y")
        assert "ANTHROPIC_API_KEY is not set" in seen.text()
        assert launches.specs == []


@pytest.mark.usefixtures("keys")
async def test_an_engine_that_does_not_start_leaves_the_form_as_it_was() -> None:
    launches = Launches(error=StartFailed("the engine ended while starting", way_out="see engine.log"))
    async with home(launch=launches) as seen:
        await seen.press("ctrl+n", *"Buy tea.", "ctrl+y")
        await seen.until(lambda: "the engine ended while starting" in seen.text())
        assert isinstance(seen.app.screen, NewRunScreen)
        await seen.press("escape", "ctrl+n")
        await seen.until(lambda: "Buy tea." in seen.text())


@pytest.mark.usefixtures("keys")
async def test_a_preset_fills_in_what_is_left_empty(tmp_path: Path) -> None:
    (paths.config_dir()).mkdir(parents=True)
    (paths.config_dir() / "settings.toml").write_text('[preset.cheap]\nmodel = "claude-haiku-5-5"\n')
    launches = Launches()
    async with home(launch=launches) as seen:
        launches.site = seen.site
        await seen.press("ctrl+n", *"Buy tea.", "enter", *"cheap", "ctrl+y")
        await seen.until(lambda: bool(launches.specs))
        assert launches.specs[0].model == "claude-haiku-5-5"
