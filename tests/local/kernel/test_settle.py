"""A picture is taken when a page has changed for the last time, and not long after; on a real Chromium."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio
from aiohttp import web
from kernel import AsyncKernel
from PIL import Image, ImageChops

from pilothouse.local.loopback import listening
from tests.local.kernel.conftest import HEIGHT, WIDTH, server
from tests.local.kernel.pages import Lab
from tests.local.kernel.settle_pages import HABITS, page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.display,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(60),
]

MIDDLE = (WIDTH // 2, HEIGHT // 2)
RESTLESS = (WIDTH - 120, 87, WIDTH, 87 + 160)
TICKER = (0, 87 + 48, 500, 87 + 160)


@dataclass
class Settling:
    """A browser and a server of pages."""

    kernel: AsyncKernel
    browser: str
    lab: Lab

    async def open(self, name: str) -> None:
        self.lab.events.clear()
        await self.kernel.browsers.update(self.browser, start_url=f"{self.lab.url}/page/{name}")
        await self.lab.one("load", path=f"/page/{name}")
        await self.settled()

    async def click(self) -> None:
        x, y = MIDDLE
        await self.kernel.browsers.computer.click_mouse(self.browser, x=x, y=y)

    async def settled(self) -> httpx.Response:
        path = f"/browsers/{self.browser}/computer/settled"
        return await self.kernel.post(path, cast_to=httpx.Response)

    async def now(self) -> bytes:
        return await (await self.kernel.browsers.computer.capture_screenshot(self.browser)).read()


class Pages(Lab):
    """The pages, and what they fetch."""

    async def page(self, request: web.Request) -> web.Response:
        _, kind, *rest = request.path.split("/")
        if kind == "late":
            await asyncio.sleep(int(rest[0]) / 1e3)
            svg = '<svg xmlns="http://www.w3.org/2000/svg"><rect width="300" height="100" fill="#383"/></svg>'
            return web.Response(text=svg, content_type="image/svg+xml")
        if kind == "page" and rest[0] in HABITS:
            return web.Response(text=page(rest[0]), content_type="text/html")
        return await super().page(request)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def settling() -> AsyncIterator[Settling]:
    pages = Pages()
    app = web.Application()
    app.add_routes([web.post("/event", pages.event), web.get("/{path:.*}", pages.page)])
    async with server() as up, listening(app) as pages.url, up.client() as kernel:
        made = await kernel.browsers.create(viewport={"width": WIDTH, "height": HEIGHT})
        yield Settling(kernel, made.session_id, pages)


def by(answer: httpx.Response) -> str:
    return str(answer.headers["x-settled-by"])


def differ(one: bytes, other: bytes, *masks: tuple[int, int, int, int]) -> tuple[int, int, int, int] | None:
    images = [Image.open(io.BytesIO(data)).convert("RGB") for data in (one, other)]
    for image in images:
        for mask in masks:
            image.paste((0, 0, 0), mask)
    return ImageChops.difference(*images).getbbox()


@pytest.mark.parametrize(
    "name", ["at-once", "timer", "timers", "fetch", "transition", "frames", "picture", "inner", "link"]
)
async def test_the_picture_shows_the_last_change(settling: Settling, name: str) -> None:
    await settling.open(name)
    await settling.click()
    answer = await settling.settled()
    await settling.lab.one("done")
    await settling.settled()
    assert differ(answer.content, await settling.now()) is None
    assert by(answer) == "signals"


@pytest.mark.parametrize(("name", "mask"), [("spinner", RESTLESS), ("ticker", TICKER)])
async def test_what_never_rests_is_not_waited_for(
    settling: Settling, name: str, mask: tuple[int, int, int, int]
) -> None:
    await settling.open(name)
    before = await settling.now()
    await settling.click()
    answer = await settling.settled()
    await settling.lab.one("done")
    assert by(answer) == "signals"
    assert differ(answer.content, before, mask) is not None
    assert differ(answer.content, await settling.now(), mask) is None


async def test_a_question_of_the_page_is_in_the_picture(settling: Settling) -> None:
    await settling.open("question")
    before = await settling.now()
    await settling.click()
    asked = await settling.settled()
    assert (by(asked), differ(asked.content, before) is None) == ("quiet", False)
    await settling.kernel.browsers.computer.press_key(settling.browser, keys=["Return"])
    await settling.lab.one("done")
    answered = await settling.settled()
    assert by(answered) == "signals"
    assert differ(answered.content, asked.content) is not None


async def test_a_download_holds_nothing_up(settling: Settling) -> None:
    await settling.open("download")
    await settling.click()
    await settling.lab.one("done")
    assert by(await settling.settled()) == "signals"


async def test_a_new_window_is_waited_for(settling: Settling) -> None:
    await settling.open("window")
    await settling.click()
    answer = await settling.settled()
    await settling.lab.one("done", path="/page/arrival")
    assert answer.headers["x-page-url"].endswith("/page/arrival")
    assert differ(answer.content, (await settling.settled()).content) is None
    await settling.kernel.browsers.computer.press_key(settling.browser, keys=["ctrl+w"])
    await settling.settled()


async def test_a_screenshot_announces_that_the_server_settles(settling: Settling) -> None:
    answer = await settling.kernel.browsers.computer.with_raw_response.capture_screenshot(settling.browser)
    assert answer.headers["x-pilothouse-settle"] == "1"


async def test_without_x11_too(settling: Settling) -> None:
    async with server("--backend", "headless") as up, up.client() as kernel:
        viewport: Any = {"width": 800, "height": 600}
        made = await kernel.browsers.create(viewport=viewport)
        there = Settling(kernel, made.session_id, settling.lab)
        await there.open("timer")
        await there.kernel.browsers.computer.click_mouse(there.browser, x=400, y=300)
        answer = await there.settled()
        await there.lab.one("done")
        assert differ(answer.content, (await there.settled()).content) is None
        assert by(answer) == "signals"


async def test_a_page_finds_nothing_of_ours(settling: Settling) -> None:
    await settling.open("curious")
    told = (await settling.lab.one("looked"))["found"]
    assert told == {"names": [], "setTimeout": ["setTimeout", 1, True], "order": "a b c d"}


async def test_a_page_that_never_answers_costs_three_seconds(settling: Settling) -> None:
    """The last one: its page can't be left, either."""
    await settling.open("busy")
    await settling.click()
    assert by(await settling.settled()) == "cap"
