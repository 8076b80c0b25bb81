"""What a person at the wheel sees: live pictures, the crosshair; and the link that nobody sees."""

from __future__ import annotations

from textual import events

from pilothouse import events as ev
from pilothouse.frames.geometry import Point
from pilothouse.terminal.ingress import GuardedParser
from pilothouse.tui.grip import Grip
from tests.tui.harness import Watched, bridge
from tests.tui.test_driving import does, done, geometry, mouse, near, picture, take

# --- live pictures -----------------------------------------------------------------------------------


async def test_the_next_live_picture_is_asked_for_once_the_last_is_on_the_screen() -> None:
    async with bridge() as seen:
        await seen.runs.show_live("First")
        await take(seen)
        await seen.until(lambda: "http://live.example/" in seen.text())
        assert "live │" in seen.text()
        await seen.until(lambda: seen.runs.looks == [0, 1])
        await seen.runs.show_live("Second")
        await seen.until(lambda: seen.runs.looks == [0, 1, 2])
        assert "Second" in seen.text()
        await seen.press("ctrl+t")
        await seen.until(lambda: seen.screen.grip is Grip.OFF)
        await seen.until(lambda: "http://live.example/" not in seen.text())
        assert seen.runs.looks == [0, 1, 2]


async def test_another_persons_driving_is_seen_live_but_not_what_they_conceal() -> None:
    async with bridge() as seen:
        await seen.runs.show_live("Theirs")
        await seen.runs.append(ev.TakeoverStarted(lease="w9", actor="bob"))
        await seen.until(lambda: "http://live.example/" in seen.text())
        await seen.runs.append(ev.Concealed(lease="w9", actor="bob"))
        await seen.until(lambda: "http://live.example/" not in seen.text())
        assert "bob drives — nothing is recorded" in seen.text()


async def test_a_live_picture_of_another_size_still_leads_to_the_models_pixels() -> None:
    async with bridge() as seen:
        await seen.runs.show_live("Small", (640, 400))
        await take(seen)
        await seen.until(lambda: "http://live.example/" in seen.text() and picture(seen).settled)
        assert geometry(seen).image_px == (640, 400)
        await mouse(seen, events.MouseDown, 323, 207)
        await mouse(seen, events.MouseUp, 323, 207)
        await does(seen, near("left_click", 646, 414))


# --- aiming with the arrows --------------------------------------------------------------------------


async def test_a_crosshair_moved_by_arrows_clicks_drags_and_scrolls() -> None:
    async with bridge() as seen:
        await take(seen)
        await seen.press("ctrl+g")
        assert "aiming at 640, 400" in seen.text()
        await seen.until(lambda: _crosshair(seen) == (640, 400))
        cell = geometry(seen).display_per_cell()
        await seen.press("right", "shift+down", "shift+down", "enter")
        x = int(640 + cell.x)
        await does(seen, ("left_click", {"coordinate": [x, 402]}))
        await seen.until(lambda: _crosshair(seen) == (x, 402))
        await seen.press("d", "r", "n", "space", "down", "space", "x", "escape")
        await seen.until(lambda: "left_mouse_up" in [member for member, _ in done(seen)])
        y = int(402 + cell.y)
        assert done(seen)[1:] == [
            ("double_click", {"coordinate": [x, 402]}),
            ("right_click", {"coordinate": [x, 402]}),
            ("scroll", {"scroll_direction": "down", "scroll_amount": 1, "coordinate": [x, 402]}),
            ("left_mouse_down", {}),
            ("mouse_move", {"coordinate": [x, y]}),
            ("left_mouse_up", {}),
        ]
        await seen.press("x")
        await seen.until(lambda: done(seen)[-1] == ("type", {"text": "x"}))
        assert _crosshair(seen) is None


def _crosshair(seen: Watched) -> Point | None:
    drawn = picture(seen)._drawn
    return None if drawn is None else drawn.at


async def test_the_live_view_link_is_copied_and_shown_nowhere() -> None:
    async with bridge() as seen:
        seen.runs.link = "https://live.example/v?jwt=secret"
        await seen.press("L")
        await seen.until(lambda: any("live-view link" in toast for toast in seen.toasts))
        assert seen.app.clipboard == seen.runs.link
        assert "jwt" not in seen.text()
        assert not any("jwt" in str(event) for event in seen.runs.recorded)
        assert not any("jwt" in toast for toast in seen.toasts)


def test_a_terminal_that_reports_pixels_tells_where_in_a_cell_the_mouse_is() -> None:
    parser = GuardedParser()
    told = [*parser.feed("\x1b[48;36;120;720;1200t"), *parser.feed("\x1b[<0;505;333M")]
    (press,) = [event for event in told if isinstance(event, events.MouseDown)]
    assert (press.pointer_x, press.pointer_y) == (50.4, 16.6)  # cells of 10 by 20 pixels, counted from one
