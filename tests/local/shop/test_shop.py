"""The shop over plain HTTP: what it sells, what it refuses, and that it asks nobody else for anything."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time

import aiohttp
import pytest

from pilothouse.local.shop import serve
from pilothouse.local.shop_pages import HOSTILE

PATHS = (
    "",
    "search?q=mug",
    "product/kettle",
    "cart",
    "checkout",
    "slow",
    "error",
    "spinner",
    "hostile",
    "long",
)


async def test_a_kettle_is_bought_and_the_cart_is_empty_afterwards() -> None:
    jar = aiohttp.CookieJar(unsafe=True)  # keeps cookies of bare addresses too
    async with serve() as url, aiohttp.ClientSession(url, cookie_jar=jar) as http:
        async with http.post("/cart", data={"item": "kettle", "colour": "blue"}) as cart:
            assert "Cart: 1" in await cart.text()
        form = {"name": "Ada <b>", "street": "1 Quay", "day": "18 December 2026"}
        async with http.post("/order", data=form) as order:
            said = await order.text()
        async with http.get("/cart") as after:
            assert "Cart: 0" in await after.text()
    assert "Thank you, Ada &lt;b&gt;" in said
    assert all(part in said for part in ("T-1001", "€49.00", "18 December 2026", "blue"))


@pytest.mark.parametrize("path", PATHS)
async def test_every_page_asks_only_its_own_server(path: str) -> None:
    async with serve() as url, aiohttp.ClientSession() as http, http.get(url + path) as page:
        text = await page.text()
        assert page.status == (500 if path == "error" else 200)
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert all(link.startswith("/") for link in re.findall(r'(?:href|src|action)="([^"]*)"', text))


async def test_what_is_incomplete_or_unknown_is_refused() -> None:
    async with serve() as url, aiohttp.ClientSession(url) as http:
        for path, data in (
            ("/cart", {"item": "kettle"}),
            ("/cart", {"item": "x", "colour": "red"}),
            ("/order", {}),
        ):
            async with http.post(path, data=data) as answer:
                assert answer.status == 400
        for path in ("/product/anchor", "/site/base.html", "/site/..%2Fshop.py", "/slow/4"):
            async with http.get(path) as answer:
                assert answer.status == 404
        async with http.get("/", headers={"Host": "example.com"}) as answer:
            assert answer.status == 403


async def test_a_query_is_text_on_the_page() -> None:
    query = {"q": '"><script>x</script>'}
    async with (
        serve() as url,
        aiohttp.ClientSession() as http,
        http.get(f"{url}search", params=query) as page,
    ):
        assert "<script>x" not in await page.text()


async def test_the_odd_title_reaches_the_browser_whole() -> None:
    async with serve() as url, aiohttp.ClientSession() as http, http.get(url + "hostile") as page:
        text = await page.text()
    assert HOSTILE.split("\x1b[>0q")[0] in text
    assert all(mark in text for mark in ("\x9d52;c;", "\u202e", "\x1b]4;0;?\x07"))


async def test_stages_arrive_one_after_another() -> None:
    async with serve() as url, aiohttp.ClientSession() as http:
        began = time.monotonic()
        stages = [http.get(f"{url}slow/{n}") for n in (1, 2, 3)]
        answers = await asyncio.gather(*stages)
        assert [await answer.text() for answer in answers] == ["Stage 1", "Stage 2", "Stage 3"]
        assert time.monotonic() - began >= 0.9


async def test_as_a_program_it_says_where_it_is_and_ends_with_its_parent() -> None:
    command = (sys.executable, "-m", "pilothouse.local.shop", "--with-parent")
    child = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin and child.stdout
    assert json.loads(await child.stdout.readline())["url"].startswith("http://127.0.0.1:")
    child.stdin.close()
    assert await child.wait() == 0
