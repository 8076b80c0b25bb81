"""A Kernel server without a browser, for what a real one can't be made to do: fail, hang, vanish.

It counts every action it performs, so that a test can see a click that was sent twice.
"""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING, Any

from aiohttp import web
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

WIDTH_PX, HEIGHT_PX = 1280, 800
_ACTIONS = ("click_mouse", "move_mouse", "drag_mouse", "scroll", "type", "press_key")


class KernelStub:
    """One account with at most a few browsers.

    Attributes:
        performed: Every action performed, in order, as (path, body).
        faults: What befalls the next calls of a path: `401`, `500`, `drop` (done, but no answer) or `hang`.
        browsers: Live browsers by name.
        deleted: Names of browsers deleted.
        beats: How often the mouse position was asked.
    """

    def __init__(self) -> None:
        self.performed: list[tuple[str, dict[str, Any]]] = []
        self.faults: dict[str, list[str]] = {}
        self.browsers: dict[str, dict[str, Any]] = {}
        self.deleted: list[str] = []
        self.beats = 0
        self.hanging = asyncio.Event()
        self._release = asyncio.Event()
        self._drawn = (-1, b"")

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._with_faults])
        app.router.add_post("/browsers", self._create)
        app.router.add_get("/browsers/{id}", self._retrieve)
        app.router.add_delete("/browsers/{id}", self._delete)
        app.router.add_post("/browsers/{id}/computer/{call}", self._computer)
        return app

    @web.middleware
    async def _with_faults(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        call = request.match_info.get("call") or f"{request.method.lower()}"
        queue = self.faults.get(call, [])
        fault = queue.pop(0) if queue else ""
        if fault == "401":
            return web.json_response({"message": "invalid API key"}, status=401)
        response = await handler(request)
        if fault == "500":
            return web.json_response({"message": "boom"}, status=500)
        if fault == "drop" and request.transport is not None:
            request.transport.close()
        if fault == "hang":
            self.hanging.set()
            await self._release.wait()
        return response

    async def _create(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if body["name"] in self.browsers:
            return web.json_response({"code": "conflict", "message": "name is taken"}, status=409)
        browser = {
            "session_id": f"sess_{len(self.browsers) + len(self.deleted)}",
            "name": body["name"],
            "cdp_ws_url": "ws://127.0.0.1/none",
            "webdriver_ws_url": "ws://127.0.0.1/none",
            "created_at": "2026-01-01T00:00:00Z",
            "headless": False,
            "stealth": False,
            "timeout_seconds": body.get("timeout_seconds", 60),
            "memory": "8GiB",
            "region": "us-east",
            "viewport": {"width": WIDTH_PX, "height": HEIGHT_PX},
        }
        self.browsers[body["name"]] = browser
        return web.json_response(browser)

    def _find(self, request: web.Request) -> dict[str, Any]:
        wanted = request.match_info["id"]
        for browser in self.browsers.values():
            if wanted in (browser["name"], browser["session_id"]):
                return browser
        raise web.HTTPNotFound(text='{"message": "browser not found"}', content_type="application/json")

    async def _retrieve(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._find(request))

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        browser = self._find(request)
        del self.browsers[browser["name"]]
        self.deleted.append(browser["name"])
        return web.Response(status=204)

    async def _computer(self, request: web.Request) -> web.StreamResponse:
        self._find(request)
        call = request.match_info["call"]
        body = await request.json() if request.can_read_body else {}
        if call == "screenshot":
            return web.Response(body=self._picture(), content_type="image/png")
        if call == "get_mouse_position":
            self.beats += 1
            return web.json_response({"x": 7, "y": 9})
        if call not in _ACTIONS:
            return web.json_response({"message": "unsupported"}, status=501)
        self.performed.append((call, body))
        return web.Response(status=200)

    def _picture(self) -> bytes:
        """Draw the number of actions performed as bars: the screen changes with each, and only then."""
        count = len(self.performed)
        if self._drawn[0] != count:
            image = Image.new("L", (WIDTH_PX, HEIGHT_PX), "white")
            draw = ImageDraw.Draw(image)
            for bit in range(count.bit_length()):
                if count >> bit & 1:
                    draw.rectangle((60 * bit, 0, 60 * bit + 30, HEIGHT_PX), fill="black")
            out = io.BytesIO()
            image.save(out, "PNG", compress_level=1)
            self._drawn = (count, out.getvalue())
        return self._drawn[1]
