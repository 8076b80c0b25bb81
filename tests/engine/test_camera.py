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
from pilothouse.local.loopback import listening


def picture(shade: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), (shade, shade, shade)).save(out, "PNG")
    return out.getvalue()


class Screen:
    """A server whose pictures follow one another, the last one for ever."""

    def __init__(self, *shades: int, settles: bool = False) -> None:
        self.asked: list[str] = []
        self._pictures = [picture(shade) for shade in shades]
        self._settles = settles

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/browsers/{id}/computer/{call}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.Response:
        call = request.match_info["call"]
        self.asked.append(call)
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
