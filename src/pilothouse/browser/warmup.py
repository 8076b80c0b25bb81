"""Lets the SDK do once, beside the loop, what it does at first use: half a second of stall. Sends nothing.

The SDK imports each group of calls when it is first asked for it, and its HTTP client what carries them. A
thread that makes one call of each against canned answers takes the interpreter in slices of milliseconds.
"""

from __future__ import annotations

import asyncio

import httpx

from pilothouse.browser.session import make_client

_BROWSER = (
    b'{"session_id":"s","name":"n","cdp_ws_url":"ws://127.0.0.1/","webdriver_ws_url":"ws://127.0.0.1/",'
    b'"created_at":"2026-01-01T00:00:00Z","headless":true,"stealth":false,"timeout_seconds":60,'
    b'"viewport":{"width":1,"height":1}}'
)


def warm_up() -> None:
    """Play a browser's life through the SDK; for a thread."""
    asyncio.run(_play())


async def _play() -> None:
    transport = httpx.MockTransport(_answer)
    async with make_client("none", "http://127.0.0.1", httpx.AsyncClient(transport=transport)) as client:
        async for _ in client.browsers.list(tags={"app": "none"}, limit=1):
            pass
        browser = (await client.browsers.create(name="n", timeout_seconds=60)).session_id
        await client.browsers.computer.move_mouse(browser, x=0, y=0)
        await (await client.browsers.computer.capture_screenshot(browser)).read()
        await client.post(f"/browsers/{browser}/computer/settled", cast_to=httpx.Response)
        for group in (client.browsers.replays, client.browsers.telemetry, client.browser_pools):
            assert group is not None  # looked at, it is there
        await client.browsers.delete_by_id(browser)
    async with make_client("none", "http://127.0.0.1"):
        pass  # one with a transport of its own imports what that needs


def _answer(asked: httpx.Request) -> httpx.Response:
    if asked.method == "DELETE":
        return httpx.Response(204)
    if asked.method == "GET":
        return httpx.Response(200, json=[], headers={"X-Has-More": "false", "X-Next-Offset": "0"})
    if "/computer/" in asked.url.path:
        return httpx.Response(200, headers={"content-type": "image/png"}, content=b"")
    return httpx.Response(200, headers={"content-type": "application/json"}, content=_BROWSER)
