"""The fallback without X11, behind the same API: what works, and that it never pretends the rest."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import kernel
import pytest
from PIL import Image

from pilothouse.local.kernel_options import Options
from pilothouse.local.kernel_server import running
from tests.local.kernel.conftest import server
from tests.local.kernel.pages import lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(60)]


async def test_a_page_can_be_used_and_the_rest_is_refused() -> None:
    async with server("--backend", "headless") as up, lab() as page, up.client() as k:
        made = await k.browsers.create(viewport={"width": 800, "height": 600}, start_url=f"{page.url}/start")
        computer, browser = k.browsers.computer, made.session_id
        await page.one("load", path="/start")
        await computer.click_mouse(browser, x=100, y=40)
        assert (await page.one("click"))["trusted"] is True
        await computer.type_text(browser, text="Ahoj € 日本 😀!")
        await page.one("input", value="Ahoj € 日本 😀!")
        await computer.press_key(browser, keys=["ctrl+a", "BackSpace"])
        await page.one("input", value="")
        await computer.scroll(browser, x=300, y=300, delta_y=2)
        await page.one("wheel", dy=266)
        picture = await computer.capture_screenshot(browser)
        assert Image.open(io.BytesIO(await picture.read())).size == (800, 600)
        assert (await computer.get_mouse_position(browser)).x == 300
        for chord in ("ctrl+l", "ctrl+t", "ctrl+shift+Tab", "alt+Left", "F5"):
            with pytest.raises(kernel.InternalServerError) as caught:
                await computer.press_key(browser, keys=[chord])
            assert caught.value.status_code == 501
        with pytest.raises(kernel.InternalServerError):
            await computer.read_clipboard(browser)
        with pytest.raises(kernel.InternalServerError, match="no display to film"):
            await k.browsers.replays.start(browser)
        await k.browsers.delete_by_id(browser)


@pytest.mark.parametrize(
    ("path", "act", "begun", "over"),
    [
        (
            "/keys",
            lambda computer, it: computer.press_key(it, keys=["a"], duration=30_000),
            "keydown",
            "keyup",
        ),
        (
            "/buttons",
            lambda computer, it: computer.drag_mouse(it, path=[[60, 334], [300, 400]], delay=30_000),
            "mousedown",
            "mouseup",
        ),
    ],
    ids=["key", "button"],
)
async def test_a_hang_up_lets_go(
    path: str, act: Callable[[Any, str], Coroutine[Any, Any, Any]], begun: str, over: str
) -> None:
    async with server("--backend", "headless") as up, lab() as page, up.client() as k:
        made = await k.browsers.create(viewport={"width": 800, "height": 600}, start_url=f"{page.url}{path}")
        await page.one("load", path=path)
        task = asyncio.create_task(act(k.browsers.computer, made.session_id))
        await page.one(begun)
        task.cancel()
        await page.one(over)
        await k.browsers.delete_by_id(made.session_id)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is not Xvfb that is missing")
async def test_without_xvfb_it_says_what_is_missing(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(temporary))
    async with (
        running(Options(offline=True), "t" * 32) as ready,
        kernel.AsyncKernel(api_key=ready.token, base_url=ready.base_url, max_retries=0) as k,
    ):
        assert ready.backend == "headless"
        made = await k.browsers.create()
        said: Any = made.to_dict()["warnings"]
        # A machine that lets nobody have a sandbox says so too: that is not what is asked here.
        assert [warning for warning in said if "sandbox" not in warning] == [
            "headless: the page only, without address bar, tabs, browser dialogs and pointer",
            "headless, because Xvfb is not installed",
        ]
