"""The panes' borders: moved by keys and by the mouse, and remembered per size of terminal."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events

from pilothouse.paths import state_dir
from pilothouse.tui.layouts import NAME, Layouts, Shares, size_class
from tests.tui.harness import Watched, bridge


def widths(seen: Watched) -> tuple[int, int]:
    return seen.screen.query_one("#transcript").region.width, seen.screen.query_one("#picture").region.width


async def mouse(seen: Watched, kind: type[events.MouseEvent], x: int, y: int, button: int = 1) -> None:
    event = kind(
        None, x, y, 0, 0, button, shift=False, meta=False, ctrl=False, screen_x=x, screen_y=y
    )  # as a driver makes it
    driver = seen.app._driver
    assert driver is not None
    event.set_sender(seen.app)
    driver.send_message(event)
    for _ in range(4):
        await seen.pilot.pause()


async def test_keys_move_the_borders_and_the_next_bridge_has_them_there() -> None:
    async with bridge() as seen:
        before = widths(seen)
        await seen.press("shift+right", "shift+right", "shift+up")
        await seen.pilot.pause()
        after = widths(seen)
        assert after[0] > before[0]
        assert after[1] < before[1]
        tools = seen.screen.query_one("#tools").region.y
    async with bridge() as again:
        assert widths(again) == after
        assert again.screen.query_one("#tools").region.y == tools
        await again.press("ctrl+p", *"usual sizes", "enter")
        await again.until(lambda: widths(again) == before)
    async with bridge(size=(200, 60)) as larger:
        assert larger.screen.shares == Shares()


async def test_a_border_follows_the_pointer() -> None:
    async with bridge() as seen:
        panes = seen.screen.query_one("#panes").region
        edge = seen.screen.query_one("#transcript").region.right
        await mouse(seen, events.MouseDown, edge, panes.y + 5)
        await mouse(seen, events.MouseMove, edge + 12, panes.y + 5)
        await mouse(seen, events.MouseUp, edge + 12, panes.y + 5)
        assert abs(seen.screen.query_one("#transcript").region.right - (edge + 12)) <= 1
        await mouse(seen, events.MouseMove, edge, panes.y + 5)
        assert abs(seen.screen.query_one("#transcript").region.right - (edge + 12)) <= 1
        assert Layouts().get(size_class(120, 36)).left == seen.screen.shares.left


async def test_panes_keep_a_fifth_however_often_a_border_is_moved() -> None:
    async with bridge() as seen:
        await seen.press(*["shift+left"] * 20)
        assert seen.screen.shares.left == 20
        assert widths(seen)[0] >= 20


async def test_where_one_pane_fills_the_screen_there_is_no_border() -> None:
    async with bridge(size=(60, 16)) as seen:
        await seen.press("shift+right")
        assert seen.screen.shares == Shares()
        assert any("no border" in toast for toast in seen.toasts)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"wide-middling": {"left": "x"}}', '{"wide-middling": {"left": 999}}']
)
def test_a_file_that_cannot_be_used_is_as_none_and_a_share_is_kept_within_bounds(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / NAME
    path.write_text(text)
    assert Layouts(path).get("wide-middling") == (Shares(80) if "999" in text else Shares())


def test_a_state_directory_that_cannot_be_written_is_not_missed(tmp_path: Path) -> None:
    layouts = Layouts(tmp_path / "none" / NAME)
    layouts.put("wide-tall", Shares(30, 40))
    layouts.save()
    assert layouts.get("wide-tall") == Shares(30, 40)
    assert not state_dir().exists()


def test_sizes_fall_into_classes() -> None:
    assert [size_class(*size) for size in ((80, 24), (99, 23), (120, 36), (200, 60))] == [
        "narrow-middling",
        "narrow-short",
        "wide-middling",
        "broad-tall",
    ]
