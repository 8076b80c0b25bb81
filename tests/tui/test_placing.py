"""Another input by pointing at the picture: form and picture say the same, and only ctrl+y commits."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from textual import events

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.tui.panes.picture import PicturePane
from pilothouse.tui.widgets.approval import DecisionForm
from tests.tui.fake_runs import shop_script
from tests.tui.harness import Watched, bridge
from tests.tui.test_approving import ask, wait
from tests.tui.test_driving import mouse, picture


def form(seen: Watched) -> DecisionForm:
    return seen.screen.query_one("#edit", DecisionForm)


def written(seen: Watched) -> dict[str, Any]:
    return msgspec.json.decode(form(seen).value, type=dict[str, Any])


def newest(seen: Watched) -> str:
    return [e.blob.sha256 for e in seen.runs.recorded if isinstance(e, ev.FrameCaptured)][-1]


async def edit(seen: Watched, member: str, given: dict[str, Any], frame: str = "") -> None:
    await ask(seen, member=member, input=given, frame_sha256=frame or newest(seen))
    await seen.press("n", "e")
    await seen.until(lambda: picture(seen).settled)


def drawn(pane: PicturePane) -> Any:
    return None if pane.shown is None else pane.shown.want.overlay


async def test_a_click_on_the_picture_is_written_drawn_and_committed_by_ctrl_y_alone() -> None:
    async with bridge(shop_script(ended=False, actions=6)) as seen:
        await edit(seen, "left_click", {"coordinate": [640, 60], "text": "ctrl"})
        await mouse(seen, events.MouseDown, 333, 217)
        await mouse(seen, events.MouseUp, 333, 217)
        x, y = written(seen)["coordinate"]
        assert abs(x - 333) <= 1
        assert abs(y - 217) <= 1
        assert written(seen) == {"coordinate": [x, y], "text": "ctrl"}
        await seen.until(lambda: picture(seen).settled and drawn(picture(seen)).at == (x, y))
        assert form(seen).has_focus
        await seen.press("ctrl+y")  # right behind the click: not armed
        assert seen.runs.commands == []
        await wait(seen)
        await seen.press("ctrl+y")
        await seen.until(lambda: bool(seen.runs.commands))
        (sent,) = seen.runs.commands
        assert isinstance(sent, cmd.Edit)
        assert sent.input == {"coordinate": [x, y], "text": "ctrl"}
        assert not picture(seen).takes_pointer


async def test_a_drag_has_a_start_and_an_end_and_a_click_moves_its_end() -> None:
    async with bridge(shop_script(ended=False, actions=6)) as seen:
        await edit(seen, "left_click_drag", {"start_coordinate": [1, 2], "coordinate": [3, 4]})
        await mouse(seen, events.MouseDown, 333, 217)
        await mouse(seen, events.MouseMove, 617, 409)
        await mouse(seen, events.MouseUp, 617, 409)
        (x0, y0), (x1, y1) = written(seen)["start_coordinate"], written(seen)["coordinate"]
        assert max(abs(x0 - 333), abs(y0 - 217), abs(x1 - 617), abs(y1 - 409)) <= 1
        await seen.until(lambda: picture(seen).settled and drawn(picture(seen)).start == (x0, y0))
        await mouse(seen, events.MouseDown, 905, 613)
        await mouse(seen, events.MouseUp, 905, 613)
        assert written(seen)["start_coordinate"] == [x0, y0]
        assert abs(written(seen)["coordinate"][0] - 905) <= 1


async def test_what_is_written_by_hand_is_drawn_too() -> None:
    async with bridge(shop_script(ended=False, actions=6)) as seen:
        await edit(seen, "left_click", {"coordinate": [640, 60]})
        form(seen).value = '{"coordinate": [100, 700]}'
        await seen.until(lambda: picture(seen).settled and drawn(picture(seen)).at == (100, 700))
        await seen.press("escape")
        await seen.until(lambda: picture(seen).settled and drawn(picture(seen)).at == (640, 60))


async def test_a_place_on_another_picture_is_refused() -> None:
    async with bridge(shop_script(ended=False, actions=6)) as seen:
        await edit(seen, "left_click", {"coordinate": [640, 60]}, hashlib.sha256(b"else").hexdigest())
        await mouse(seen, events.MouseDown, 333, 217)
        assert written(seen) == {"coordinate": [640, 60]}
        assert any("not the picture this was asked about" in toast for toast in seen.toasts)


async def test_what_names_no_place_is_left_as_it_is() -> None:
    async with bridge(shop_script(ended=False, actions=6)) as seen:
        await edit(seen, "type", {"text": "tea"})
        await mouse(seen, events.MouseDown, 333, 217)
        assert written(seen) == {"text": "tea"}
        assert any("names no place" in toast for toast in seen.toasts)
