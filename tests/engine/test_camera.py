"""How a camera decides that the screen is at rest: by its server, by signals, by delays and a second look."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from kernel import AsyncKernel
from PIL import Image

from pilothouse.browser import camera as cameras
from pilothouse.browser.camera import Camera
from pilothouse.browser.far_pages import FarPages
from pilothouse.browser.faults import ActionUnknown
from pilothouse.local.loopback import listening


def picture(shade: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), (shade, shade, shade)).save(out, "PNG")
    return out.getvalue()


class Screen:
    """A server whose pictures follow one another, the last one for ever."""

    def __init__(self, *shades: int, settles: bool = False) -> None:
        self.asked: list[str] = []
        self.fails = 0
        self._pictures = [picture(shade) for shade in shades]
        self._settles = settles

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/browsers/{id}/computer/{call}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.Response:
        call = request.match_info["call"]
        self.asked.append(call)
        if self.fails:
            self.fails -= 1
            return web.Response(status=500)
        headers = {"x-pilothouse-settle": "1"} if self._settles else {}
        if call == "settled":
            headers |= {"x-settle-ms": "41.5", "x-settled-by": "signals", "x-page-title": "Shop%20here"}
        png = self._pictures.pop(0) if len(self._pictures) > 1 else self._pictures[0]
        return web.Response(body=png, content_type="image/png", headers=headers)


@asynccontextmanager
async def looking_at(screen: Screen) -> AsyncIterator[Camera]:
    async with (
        listening(screen.app()) as url,
        AsyncKernel(api_key="k", base_url=url, max_retries=0) as client,
    ):
        yield Camera(client, "b", 8, 8)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cameras, "FIRST_GRAB_S", {})
    monkeypatch.setattr(cameras, "FIRST_GRAB_DEFAULT_S", 0.0)
    monkeypatch.setattr(cameras, "GRAB_SPACING_S", 0.0)


async def test_a_server_that_settles_is_asked_once() -> None:
    screen = Screen(1, settles=True)
    async with looking_at(screen) as camera:
        first = await camera.settled("start")
        second = await camera.settled("left_click", {"coordinate": [1, 1]})
    assert screen.asked == ["screenshot", "settled", "settled"]
    assert (first.settled_by, second.settled_by, second.settle_ms) == ("signals", "signals", 41.5)
    assert second.title == "Shop here"


async def test_the_models_own_wait_is_not_added_to() -> None:
    screen = Screen(1, 2, 3, settles=True)
    async with looking_at(screen) as camera:
        await camera.settled("start")
        assert (await camera.settled("wait")).settled_by == "delay"
    assert screen.asked == ["screenshot", "settled", "screenshot"]


async def test_a_screen_that_has_not_changed_is_looked_at_once() -> None:
    screen = Screen(1)
    async with looking_at(screen) as camera:
        await camera.settled("start")
        assert (await camera.settled("left_click")).settled_by == "delay"
    assert screen.asked == ["screenshot"] * 3


async def test_a_screen_that_has_changed_is_looked_at_until_two_pictures_agree() -> None:
    screen = Screen(1, 1, 2, 3, 4)
    async with looking_at(screen) as camera:
        await camera.settled("start")
        shot = await camera.settled("left_click")
    assert (shot.settled_by, shot.data) == ("quiet", picture(4))


async def test_a_screen_that_never_rests_is_shown_at_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cameras, "SETTLE_CAP_S", 0.2)
    async with looking_at(Screen(*range(1, 255))) as camera:
        assert (await camera.settled("left_click")).settled_by == "cap"


class Told:
    """Signals that have their answer ready."""

    live = True

    def __init__(self, answer: Callable[[], bool]) -> None:
        self._answer = answer
        self.begun: list[float | None] = []

    async def at_rest(self, member: str, since: float, begun: float | None = None) -> bool:
        self.begun.append(begun)
        return self._answer()


async def test_a_signal_makes_one_picture_enough() -> None:
    screen = Screen(1, 2, 3)
    async with looking_at(screen) as camera:
        camera.signals = Told(lambda: True)
        assert (await camera.settled("left_click")).settled_by == "signals"
    assert screen.asked == ["screenshot"]


async def test_without_a_signal_in_time_the_pictures_decide() -> None:
    screen = Screen(1, 2)
    async with looking_at(screen) as camera:
        camera.signals = Told(lambda: False)
        assert (await camera.settled("left_click")).settled_by == "quiet"
    assert screen.asked == ["screenshot"] * 3


class Asked(FarPages):
    """Pages that have their answer ready, or can't be asked."""

    def __init__(self, answer: str) -> None:
        super().__init__()
        self.answer = answer
        self.heard: list[str] = []

    def wake(self) -> None:
        self.heard.append("wake")

    def acting(self) -> None:
        self.heard.append("acting")

    async def rested(
        self, member: str, since: float, until: float, look: Callable[[], Awaitable[Any]], same: Any
    ) -> tuple[Any, str] | None:
        self.heard.append(member)
        return (await look(), self.answer) if self.answer else None


async def test_what_telemetry_tells_comes_before_what_pages_tell() -> None:
    screen, pages = Screen(1, 2, 3), Asked("signals")
    async with looking_at(screen) as camera:
        camera.signals, camera.pages = Told(lambda: True), pages
        camera.acting()
        assert (await camera.settled("left_click")).settled_by == "signals"
    assert pages.heard == ["acting", "wake"]


@pytest.mark.parametrize("telemetry", [None, Told(lambda: False)])
async def test_pages_decide_where_telemetry_says_nothing(telemetry: Told | None) -> None:
    screen, pages = Screen(1, 2, 3), Asked("signals")
    async with looking_at(screen) as camera:
        camera.signals, camera.pages = telemetry, pages
        assert (await camera.settled("left_click")).settled_by == "signals"
    assert (screen.asked, pages.heard) == (["screenshot"], ["left_click", "wake"])


async def test_delays_decide_where_no_page_can_be_asked() -> None:
    screen, pages = Screen(1, 2), Asked("")
    async with looking_at(screen) as camera:
        camera.signals, camera.pages = Told(lambda: False), pages
        assert (await camera.settled("left_click")).settled_by == "quiet"
    assert screen.asked == ["screenshot"] * 3
    assert pages.heard == ["left_click", "wake"]


async def test_where_the_server_settles_and_after_a_wait_no_page_is_asked() -> None:
    pages = Asked("signals")
    async with looking_at(Screen(1, settles=True)) as camera:
        camera.pages = pages
        await camera.settled("start")
        camera.acting()
        assert (await camera.settled("left_click")).settled_by == "signals"
    assert pages.heard == []
    async with looking_at(Screen(1)) as camera:
        camera.pages = pages
        assert (await camera.settled("wait")).settled_by == "delay"
    assert pages.heard == ["wake"]


async def test_pictures_are_compared_but_for_what_never_rests() -> None:
    one, other = (cameras._Grab(png=picture(shade), url="", title="") for shade in (1, 2))
    assert await cameras._same(one, one, ())
    assert not await cameras._same(one, other, ())
    assert not await cameras._same(one, other, ((0, 0, 8, 4),))
    assert await cameras._same(one, other, ((-5, -5, float("inf"), 8),))


async def test_a_look_waits_for_what_was_done_and_only_once() -> None:
    screen = Screen(1, settles=True)
    async with looking_at(screen) as camera:
        await camera.settled("start")
        assert (await camera.look()).settled_by == ""
        camera.acted("left_click", {"coordinate": [1, 1]})
        assert (await camera.look()).settled_by == "signals"
        await camera.look()
        camera.acted("wait", {"duration": 1})
        assert (await camera.look()).settled_by == "delay"
    assert screen.asked == ["screenshot", "settled", "screenshot", "settled", "screenshot", "screenshot"]


async def test_a_zoom_waits_for_what_was_done_and_only_once() -> None:
    screen = Screen(1, settles=True)
    async with looking_at(screen) as camera:
        await camera.settled("start")
        camera.acted("left_click", {"coordinate": [1, 1]})
        await camera.zoom(0, 0, 4, 4)
        await camera.zoom(0, 0, 4, 4)
    assert screen.asked == ["screenshot", "settled", "settled", "screenshot", "screenshot"]


async def test_after_a_member_that_only_looks_what_was_done_before_it_counts() -> None:
    heard: list[str] = []

    class Listening(Told):
        async def at_rest(self, member: str, since: float, begun: float | None = None) -> bool:
            heard.append(member)
            return True

    async with looking_at(Screen(1)) as camera:
        camera.signals = Listening(lambda: True)
        camera.acted("scroll")
        await camera.settled("cursor_position")
        await camera.settled("cursor_position")
    assert heard == ["scroll", "cursor_position"]


async def test_a_picture_that_failed_leaves_what_was_done_to_be_waited_for() -> None:
    screen = Screen(1, settles=True)
    async with looking_at(screen) as camera:
        await camera.settled("start")
        camera.acted("left_click")
        screen.fails = 3
        with pytest.raises(ActionUnknown):
            await camera.look()
        screen.asked.clear()
        screen.fails = 0
        await camera.look()
    assert screen.asked == ["settled"]
