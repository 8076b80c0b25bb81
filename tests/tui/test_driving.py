"""A person at the wheel: what every gesture and key becomes on the page, and that nothing else does."""

from __future__ import annotations

from typing import Any

import pytest
from textual import events

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.events import Hold, RunPhase
from pilothouse.frames.geometry import Geometry, Point
from pilothouse.tui.grip import Grip
from pilothouse.tui.panes.picture import PicturePane
from pilothouse.tui.pointer import ESCAPE_S, HOLD_S, HOVER_S
from pilothouse.tui.widgets.wheel import WheelPane
from tests.tui.fake_runs import LEASE
from tests.tui.harness import Watched, bridge

ME = "operator"


def picture(seen: Watched) -> PicturePane:
    return seen.screen.query_one(PicturePane)


def wheel(seen: Watched) -> WheelPane:
    return seen.screen.query_one(WheelPane)


def geometry(seen: Watched) -> Geometry:
    found = picture(seen).geometry
    assert found is not None
    return found


async def take(seen: Watched) -> None:
    await seen.press("t", "ctrl+y")
    await seen.until(lambda: seen.screen.grip is Grip.DRIVING)
    await seen.until(lambda: "you drive —" in seen.text() and fits(picture(seen)))
    seen.runs.commands.clear()


def fits(pane: PicturePane) -> bool:
    """Say whether the picture is there, in the size that the border leaves."""
    return pane.settled and pane.shown is not None and pane.shown.want.pane_cells == pane._room()


def on_screen(seen: Watched, x: int, y: int) -> tuple[float, float]:
    """Say where on the screen a pixel of the page is."""
    spaces, stage = geometry(seen), picture(seen).stage
    view, box = spaces.shown, spaces.box_cells
    return stage.x + box.x + x * box.width / view.width, stage.y + box.y + y * box.height / view.height


async def mouse(
    seen: Watched, kind: type[events.MouseEvent], x: int, y: int, button: int = 1, **more: Any
) -> None:
    """Do what the driver does with one report of a terminal that tells pixels."""
    left, top = on_screen(seen, x, y)
    given: dict[str, Any] = {"shift": False, "meta": False, "ctrl": False, **more}
    event = kind(None, left, top, 0, 0, button, screen_x=left, screen_y=top, **given)
    driver = seen.app._driver
    assert driver is not None
    event.set_sender(seen.app)
    driver.send_message(event)
    for _ in range(4):
        await seen.pilot._wait_for_screen()
    await seen.pilot.pause()


async def wait(seen: Watched, seconds: float) -> None:
    """Let time pass, and the screen take note of it."""
    seen.clock.at_s += seconds + 0.01
    seen.screen._driving_tick()
    await seen.pilot.pause()


def done(seen: Watched) -> list[tuple[str, dict[str, Any]]]:
    return [(sent.member, sent.input) for sent in seen.runs.commands if isinstance(sent, cmd.Act)]


async def does(seen: Watched, *wanted: tuple[str, dict[str, Any]]) -> None:
    await seen.until(lambda: len(done(seen)) >= len(wanted))
    assert done(seen) == list(wanted)


def near(member: str, x: int, y: int, **more: Any) -> Any:
    """Match a deed within two pixels of a place."""

    class Near:
        def __eq__(self, other: object) -> bool:
            match other:
                case (str() as name, {"coordinate": [int() as a, int() as b], **rest}):
                    return name == member and abs(a - x) <= 2 and abs(b - y) <= 2 and rest == more
                case _:
                    return False

        def __repr__(self) -> str:
            return f"({member}, about {x}, {y}, {more})"

    return Near()


# --- taking it and giving it back --------------------------------------------------------------------


async def test_t_asks_ctrl_y_takes_and_the_border_says_who_drives() -> None:
    async with bridge() as seen:
        await seen.press("t")
        assert "Take the wheel?" in seen.text()
        assert seen.runs.commands == []
        await seen.press("ctrl+y")
        await seen.until(lambda: seen.screen.grip is Grip.DRIVING)
        await seen.until(lambda: "you drive — esc esc or ctrl+t gives it back" in seen.text())
        assert [type(sent) for sent in seen.runs.commands] == [cmd.TakeOver]
        assert "5:00 left" in seen.text()
        assert "esc esc, ctrl+t give it back" in seen.footer
        assert wheel(seen).has_focus


async def test_a_bare_t_or_anything_typed_behind_it_takes_nothing() -> None:
    async with bridge() as seen:
        await seen.press("t", "t", "enter", "y", "space", "x")
        assert seen.runs.commands == []
        await seen.press("escape")
        assert seen.screen.grip is Grip.OFF
        assert not seen.screen.drawer.opened


@pytest.mark.parametrize("way_out", [("ctrl+t",), ("escape", "escape")])
async def test_both_ways_out_give_it_back_and_neither_reaches_the_page(way_out: tuple[str, ...]) -> None:
    async with bridge() as seen:
        await take(seen)
        await seen.press(*way_out)
        await seen.until(lambda: seen.screen.grip is Grip.OFF)
        assert [type(sent) for sent in seen.runs.commands] == [cmd.Release]
        assert not seen.screen.drawer.opened
        assert not picture(seen).has_class("-driven")
        assert "clicked at 640, 400" in seen.text()


async def test_keys_typed_ahead_of_the_lease_go_nowhere() -> None:
    async with bridge() as seen:
        seen.runs.obeys = False
        await seen.press("t")
        seen.type_ahead("ctrl+y", "space", "x", "ctrl+y", "q")
        await seen.until(lambda: bool(seen.runs.commands))
        await seen.press("ctrl+q", "ctrl+c", "ctrl+p", "i")
        assert seen.screen.grip in {Grip.ASKING, Grip.LOST}
        assert [type(sent) for sent in seen.runs.commands] == [cmd.TakeOver]
        assert seen.app.is_running


async def test_a_wheel_that_another_has_is_asked_for_and_the_border_names_them() -> None:
    async with bridge() as seen:
        await seen.runs.append(
            ev.TakeoverStarted(lease="w9", actor="bob"),
            ev.StateChanged(phase=RunPhase.HOLDING, holding=(Hold.TAKEOVER,)),
        )
        await seen.until(lambda: "bob drives" in seen.text())
        await seen.press("t")
        assert "whoever drives is told" in seen.text()
        seen.runs.refusal = "bob drives"
        await seen.press("ctrl+y")
        await seen.until(lambda: any("bob drives" in toast for toast in seen.toasts))
        assert seen.screen.grip is Grip.ASK


async def test_who_else_would_like_to_drive_is_said_to_who_does() -> None:
    async with bridge() as seen:
        await take(seen)
        await seen.runs.append(ev.LeaseAsked(lease=LEASE, actor="bob"))
        await seen.until(lambda: "bob would like to drive" in seen.text())


async def test_the_time_left_runs_down_and_an_act_winds_it_up() -> None:
    async with bridge() as seen:
        await take(seen)
        await wait(seen, 250)
        assert "0:49 left" in seen.text()
        await seen.press("a")
        await does(seen, ("type", {"text": "a"}))
        await seen.until(lambda: seen.screen._acted_at == seen.clock.at_s)
        await wait(seen, 0)
        assert "4:59 left" in seen.text()


# --- the mouse ---------------------------------------------------------------------------------------


async def test_a_click_goes_where_the_pixel_is() -> None:
    async with bridge() as seen:
        await take(seen)
        await mouse(seen, events.MouseDown, 333, 217)
        await mouse(seen, events.MouseUp, 333, 217)
        await does(seen, near("left_click", 333, 217))


async def test_without_pixels_a_click_goes_to_the_middle_of_the_cell() -> None:
    async with bridge() as seen:
        await take(seen)
        spaces, stage = geometry(seen), picture(seen).stage
        cell = Point(spaces.box_cells.x + 7, spaces.box_cells.y + 5)
        for kind in (events.MouseDown, events.MouseUp):
            event = kind(None, int(stage.x + cell.x), int(stage.y + cell.y), 0, 0, 1, False, False, False)
            event.set_sender(seen.app)
            assert seen.app._driver is not None
            seen.app._driver.send_message(event)
        middle = spaces.model_pixel(spaces.cell_to_image(cell))
        await does(seen, ("left_click", {"coordinate": [int(middle.x), int(middle.y)]}))


async def test_the_other_buttons_are_their_own_clicks() -> None:
    async with bridge() as seen:
        await take(seen)
        for button in (2, 3):
            await mouse(seen, events.MouseDown, 503, 303, button)
            await mouse(seen, events.MouseUp, 503, 303, button)
        await does(seen, near("middle_click", 503, 303), near("right_click", 503, 303))


async def test_a_drag_is_pressed_moved_and_let_go_beyond_the_edge_too() -> None:
    async with bridge() as seen:
        await take(seen)
        await mouse(seen, events.MouseDown, 303, 207)
        await mouse(seen, events.MouseMove, 423, 263)
        await mouse(seen, events.MouseMove, 503, 303)
        await mouse(seen, events.MouseUp, 500, 900)
        await seen.until(lambda: "left_mouse_up" in [member for member, _ in done(seen)])
        assert done(seen) == [
            near("mouse_move", 303, 207),
            ("left_mouse_down", {}),
            near("mouse_move", 423, 263),
            near("mouse_move", 503, 303),
            near("mouse_move", 500, 799),
            ("left_mouse_up", {}),
        ]


async def test_a_button_held_still_is_pressed_on_the_page_too() -> None:
    async with bridge() as seen:
        await take(seen)
        await mouse(seen, events.MouseDown, 303, 207)
        await wait(seen, HOLD_S)
        await does(seen, near("mouse_move", 303, 207), ("left_mouse_down", {}))
        await mouse(seen, events.MouseUp, 303, 207)
        await does(seen, near("mouse_move", 303, 207), ("left_mouse_down", {}), ("left_mouse_up", {}))


async def test_held_keys_go_along_with_a_click_and_a_drag() -> None:
    async with bridge() as seen:
        await take(seen)
        await mouse(seen, events.MouseDown, 303, 207, ctrl=True)
        await mouse(seen, events.MouseUp, 303, 207, ctrl=True)
        await mouse(seen, events.MouseDown, 303, 207, shift=True, meta=True)
        await mouse(seen, events.MouseMove, 403, 207, shift=True, meta=True)
        await mouse(seen, events.MouseUp, 403, 207, shift=True, meta=True)
        await seen.until(lambda: len(done(seen)) == 2)
        click, (member, drag) = done(seen)
        assert click == near("left_click", 303, 207, text="ctrl")
        assert (member, drag) == near(
            "left_click_drag", 403, 207, text="alt+shift", start_coordinate=drag["start_coordinate"]
        )


TURNS: list[tuple[type[events.MouseEvent], dict[str, bool], str]] = [
    (events.MouseScrollDown, {}, "down"),
    (events.MouseScrollUp, {}, "up"),
    (events.MouseScrollLeft, {}, "left"),
    (events.MouseScrollRight, {}, "right"),
    (events.MouseScrollDown, {"shift": True}, "right"),
    (events.MouseScrollUp, {"shift": True}, "left"),
]


async def test_the_wheel_scrolls_the_page_the_way_it_turns() -> None:
    async with bridge() as seen:
        await take(seen)
        for kind, held, way in TURNS:
            await _turns(seen, kind, held, way)


async def _turns(seen: Watched, kind: type[events.MouseEvent], held: dict[str, bool], way: str) -> None:
    seen.runs.commands.clear()
    await mouse(seen, kind, 637, 409, 0, **held)
    await does(seen, near("scroll", 637, 409, scroll_direction=way, scroll_amount=1))


async def test_the_pointer_is_taken_along_once_it_rests() -> None:
    async with bridge() as seen:
        await take(seen)
        await mouse(seen, events.MouseMove, 303, 207, 0)
        await mouse(seen, events.MouseMove, 640, 400, 0)
        await wait(seen, HOVER_S)
        await does(seen, near("mouse_move", 640, 400))


async def test_clicks_beside_the_picture_and_before_driving_mean_nothing_to_the_page() -> None:
    async with bridge() as seen:
        await mouse(seen, events.MouseDown, 333, 217)
        await mouse(seen, events.MouseUp, 333, 217)
        await take(seen)
        for kind in (events.MouseDown, events.MouseUp):
            await seen.pilot._post_mouse_events([kind], seen.screen.transcript_rows, (3, 3), button=1)
        assert done(seen) == []
        assert wheel(seen).has_focus  # and the keys stay with the page


# --- the keyboard ------------------------------------------------------------------------------------


KEYS: list[tuple[str, tuple[str, dict[str, str]]]] = [
    ("a", ("type", {"text": "a"})),
    ("Z", ("type", {"text": "Z"})),
    ("é", ("type", {"text": "é"})),
    ("?", ("type", {"text": "?"})),
    ("space", ("type", {"text": " "})),
    ("enter", ("key", {"text": "Return"})),
    ("tab", ("key", {"text": "Tab"})),
    ("shift+tab", ("key", {"text": "shift+Tab"})),
    ("backspace", ("key", {"text": "BackSpace"})),
    ("ctrl+left", ("key", {"text": "ctrl+Left"})),
    ("ctrl+c", ("key", {"text": "ctrl+c"})),
    ("ctrl+p", ("key", {"text": "ctrl+p"})),
    ("ctrl+q", ("key", {"text": "ctrl+q"})),
    ("ctrl+y", ("key", {"text": "ctrl+y"})),
    ("alt+x", ("key", {"text": "alt+x"})),
    ("f5", ("key", {"text": "F5"})),
    ("f1", ("key", {"text": "F1"})),
]


async def test_every_key_of_the_bridge_goes_to_the_page() -> None:
    async with bridge() as seen:
        await take(seen)
        for key, deed in KEYS:
            seen.runs.commands.clear()
            await seen.press(key)
            await does(seen, deed)
            assert seen.screen.grip is Grip.DRIVING


async def test_a_single_escape_reaches_the_page_after_a_moment() -> None:
    async with bridge() as seen:
        await take(seen)
        await seen.press("escape")
        assert done(seen) == []
        await wait(seen, ESCAPE_S)
        await does(seen, ("key", {"text": "Escape"}))
        await seen.press("escape", "a")
        await does(seen, *[("key", {"text": "Escape"})] * 2, ("type", {"text": "a"}))
        assert seen.screen.grip is Grip.DRIVING


async def test_letters_that_wait_become_one_text() -> None:
    async with bridge() as seen:
        await take(seen)
        seen.type_ahead(*"Ada Byron", "enter")
        await seen.until(lambda: ("key", {"text": "Return"}) in done(seen))
        typed = [given["text"] for member, given in done(seen) if member == "type"]
        assert "".join(typed) == "Ada Byron"
        assert done(seen)[-1] == ("key", {"text": "Return"})


async def test_pasted_text_is_typed_and_never_acts_as_keys() -> None:
    async with bridge() as seen:
        await take(seen)
        seen.app.post_message(events.Paste("one\r\n\x1b\x14two\x1b\x1b"))
        await does(seen, ("type", {"text": "one\ntwo"}))
        assert seen.screen.grip is Grip.DRIVING


# --- secrets -----------------------------------------------------------------------------------------


async def test_what_is_typed_secretly_is_masked_and_said_not_to_be_recorded() -> None:
    async with bridge() as seen:
        await take(seen)
        await seen.press("ctrl+k")
        await seen.until(lambda: "SECRET: nothing is recorded" in seen.text())
        await seen.press(*"hunter2")
        await seen.until(lambda: "typed: •••••••" in seen.text())
        assert "hunter2" not in seen.text()
        assert "nothing is recorded" in str(picture(seen).border_title)
        await seen.press("ctrl+k", "b")
        await seen.until(lambda: ("type", {"text": "b"}) in done(seen))
        orders = [sent for sent in seen.runs.commands if not isinstance(sent, cmd.Act)]
        assert [type(sent) for sent in orders] == [cmd.Conceal, cmd.Reveal]
        typed = [sent for sent in seen.runs.commands if isinstance(sent, cmd.Act)]
        assert "".join(sent.input["text"] for sent in typed if sent.secret) == "hunter2"
        assert [sent.input["text"] for sent in typed if not sent.secret] == ["b"]
        assert "SECRET" not in seen.text()


# --- losing it ---------------------------------------------------------------------------------------


async def test_a_lease_lost_in_mid_drag_lets_go_of_mouse_and_keeps_the_keys_until_that_is_seen() -> None:
    async with bridge() as seen:
        await take(seen)
        await mouse(seen, events.MouseDown, 303, 207)
        await mouse(seen, events.MouseMove, 423, 263)
        await seen.until(lambda: ("left_mouse_down", {}) in done(seen))
        await seen.runs.append(
            ev.TakeoverEnded(lease=LEASE, why="the browser is gone"),
            ev.StateChanged(phase=RunPhase.HOLDING, holding=(Hold.BROWSER_LOST,)),
        )
        await seen.until(lambda: "You drive no longer: the browser is gone" in seen.text())
        before = list(seen.runs.commands)
        await mouse(seen, events.MouseMove, 503, 303)
        await mouse(seen, events.MouseUp, 503, 303)
        await seen.press("space", "x", "q", "ctrl+c", "i")
        assert seen.runs.commands == before
        assert seen.app.mouse_captured is None
        await seen.press("escape")
        assert seen.screen.grip is Grip.OFF
        assert not seen.screen.drawer.opened


async def test_an_engine_that_dies_takes_the_wheel_along() -> None:
    async with bridge() as seen:
        await take(seen)
        await seen.runs.die()
        await seen.until(lambda: "You drive no longer: the run is over" in seen.text())


async def test_a_change_of_mind_while_the_lease_is_asked_for_gives_it_back_at_once() -> None:
    async with bridge() as seen:
        seen.runs.answers.clear()
        await seen.press("t", "ctrl+y", "a", "escape")
        assert seen.screen.grip is Grip.ASKING
        seen.runs.answers.set()
        await seen.until(lambda: seen.screen.grip is Grip.OFF)
        assert [type(sent) for sent in seen.runs.commands] == [cmd.TakeOver, cmd.Release]


async def test_a_page_that_is_slow_to_do_the_rest_keeps_nobody_captured() -> None:
    async with bridge() as seen:
        await take(seen)
        seen.runs.answers.clear()
        await seen.press("a", "ctrl+t")
        assert seen.screen.grip is Grip.GIVING
        await seen.press("x")
        assert seen.screen.drawer.opened == "wheel"
        await seen.press("escape")
        await seen.until(lambda: not seen.screen.drawer.opened)
        seen.runs.answers.set()
        await seen.until(lambda: [type(sent) for sent in seen.runs.commands] == [cmd.Act, cmd.Release])


async def test_an_engine_that_does_not_answer_the_release_keeps_nobody_captured() -> None:
    async with bridge() as seen:
        await take(seen)
        seen.runs.silent = True
        await seen.press("a", "ctrl+t")
        await seen.until(lambda: seen.screen.grip is Grip.OFF)
        assert any("may or may not have happened" in toast for toast in seen.toasts)


async def test_an_act_that_is_refused_is_said_and_the_next_one_goes_on() -> None:
    async with bridge() as seen:
        await take(seen)
        seen.runs.refusal = "no key is called 'x'"
        await seen.press("f5")
        await seen.until(lambda: any("no key is called" in toast for toast in seen.toasts))
        seen.runs.refusal = ""
        await seen.press("a")
        await seen.until(lambda: done(seen)[-1] == ("type", {"text": "a"}))
        assert len(done(seen)) == 2  # nothing is sent twice
