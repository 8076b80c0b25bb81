"""What the first frame waits for, and that what it does not wait for is there for the first key."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import pytest
from textual.css.stylesheet import Stylesheet
from textual.widget import Widget
from textual.widgets import Input, TextArea

from pilothouse import commands as cmd
from pilothouse.cli.main import main
from pilothouse.tui.panes.lists import NewBelow
from pilothouse.tui.screens.base import RunBody
from pilothouse.tui.widgets.late_styles import LateStyles
from tests.tui.fake_runs import shop_script
from tests.tui.harness import bridge
from tests.tui.test_imports import python

if TYPE_CHECKING:
    from textual.dom import DOMNode

    from pilothouse.events import Event


def test_the_bridge_is_imported_without_what_only_a_key_opens() -> None:
    out = python(
        """
        import sys, pilothouse.cli.replay, pilothouse.tui.launch, pilothouse.tui.app
        late = ("textual.widgets._text_area", "PIL", "aiofiles", "ctypes", "pilothouse.tui.widgets.composer",
                "pilothouse.tui.widgets.palette", "pilothouse.tui.panes.inspector", "pilothouse.engine.link",
                "pilothouse.tui.darkroom", "pilothouse.tui.hanging", "pilothouse.frames.overlay",
                "pilothouse.frames.indexed", "pilothouse.tui.widgets.wheel", "json", "shlex")
        print([name for name in late if name in sys.modules])
        """
    )
    assert out.strip() == "[]"


async def test_what_nobody_opened_is_not_mounted_and_what_was_stays() -> None:
    async with bridge() as seen:
        assert not seen.screen.query("HelpPane, InspectorPane, #drawer > *")
        await seen.press("i", *"no", "escape")
        composer = seen.screen.drawer.composer
        assert list(seen.screen.drawer.children) == [composer]
        await seen.press("i", "w")
        assert seen.screen.drawer.composer is composer
        assert composer.text == "now"


async def test_keys_typed_behind_the_palette_s_first_opening_are_for_the_palette() -> None:
    async with bridge() as seen:
        seen.type_ahead("ctrl+p", *"freeze", "enter")
        await seen.until(lambda: bool(seen.runs.commands))
        (sent,) = seen.runs.commands
        assert isinstance(sent, cmd.Pause)
        assert sent.freeze


async def test_what_says_that_the_terminal_is_too_small_comes_with_the_need() -> None:
    async with bridge() as seen:
        assert not seen.screen.query("#unfit")
        await seen.press("i")
        await seen.pilot.resize_terminal(30, 10)
        await seen.until(lambda: "too small: 30×10" in seen.text().replace("\n", " "))
        assert not seen.shows(NewBelow)
        await seen.pilot.resize_terminal(120, 36)
        await seen.until(lambda: "1 Transcript" in seen.text())
        assert seen.screen.drawer.composer.display


async def test_the_tones_of_rows_are_settled_as_they_are_painted_and_follow_the_theme() -> None:
    async with bridge() as seen:
        rows = seen.screen.transcript_rows
        assert set(rows._component_styles) < LateStyles.LATE_STYLES | rows.LATE_STYLES
        before = rows.get_component_rich_style("rows--text-glyph")
        seen.app.use_theme("pilothouse-light")
        await seen.until(lambda: rows.get_component_rich_style("rows--text-glyph") != before)
        tints = rows.get_component_styles("rows--heading", "rows--cursor")
        assert tints.text_style.bold


async def test_the_styles_are_read_once_in_the_colours_that_were_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[Stylesheet] = []
    anew = Stylesheet.reparse

    def counted(sheet: Stylesheet) -> None:
        read.append(sheet)
        anew(sheet)

    monkeypatch.setattr(Stylesheet, "reparse", counted)
    async with bridge(theme="light") as seen:
        assert read == []
        assert seen.app.theme == "pilothouse-light"
        assert seen.app.has_class("-light-mode", "-theme-pilothouse-light")
        background = seen.app.current_theme.background
        status: Widget = seen.screen.query_one("#keys")
        assert status.styles.background.hex.lower() == str(background).lower()


async def test_nothing_is_read_before_the_first_frame_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []
    painted, drained = RunBody._compositor_refresh, RunBody._take

    def paints(screen: RunBody) -> None:
        happened.append("painted")
        painted(screen)

    def takes(screen: RunBody, events: list[Event]) -> None:
        happened.append("taken")
        drained(screen, events)

    monkeypatch.setattr(RunBody, "_compositor_refresh", paints)
    monkeypatch.setattr(RunBody, "_take", takes)
    async with bridge() as seen:
        await seen.until(lambda: "taken" in happened)
    assert happened[0] == "painted"


async def test_what_is_shown_first_is_styled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    styled: list[str] = []
    apply = Stylesheet.apply

    def counted(sheet: Stylesheet, node: DOMNode, **options: Any) -> None:
        styled.append(node.id or "")
        apply(sheet, node, **options)

    monkeypatch.setattr(Stylesheet, "apply", counted)
    async with bridge():
        assert styled.count("status") == 1


@pytest.mark.parametrize("key", ["i", "slash", "f", "g", "b", "ctrl+p"])
async def test_no_cursor_blinks_for_it_is_sent_over_the_line_each_time(key: str) -> None:
    async with bridge(shop_script(ended=False)) as seen:
        await seen.press(key)
        written = seen.app.focused
        assert isinstance(written, Input | TextArea), written
        assert not written.cursor_blink


def test_a_command_ends_with_garbage_looked_for_as_it_was_before() -> None:
    assert main(["version"]) == 0
    assert gc.isenabled()
