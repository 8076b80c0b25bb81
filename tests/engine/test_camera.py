"""How a camera decides that the screen is at rest: by its server, by signals, by delays and a second look."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from kernel import AsyncKernel
from PIL import Image

from pilothouse.browser import camera as cameras
from pilothouse.browser.camera import Camera
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

    class Asked(Told):
        async def at_rest(self, member: str, since: float, begun: float | None = None) -> bool:
            heard.append(member)
            return True

    async with looking_at(Screen(1)) as camera:
        camera.signals = Asked(lambda: True)
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
