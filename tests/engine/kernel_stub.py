"""A Kernel server without a browser, for what a real one can't be made to do: fail, hang, vanish.

It counts every action it performs, so that a test can see a click that was sent twice.
"""

from __future__ import annotations

import asyncio
import io
import json
import random
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aiohttp import web
from PIL import Image, ImageDraw

from tests.engine.devtools_stub import TOKEN, DevToolsStub

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

WIDTH_PX, HEIGHT_PX = 1280, 800
LIVE_VIEW = "https://live.example/view?jwt=KEY-TO-THE-BROWSER"
_ACTIONS = ("click_mouse", "move_mouse", "drag_mouse", "scroll", "type", "press_key")


class KernelStub:
    """One account with at most a few browsers.

    Attributes:
        performed: Every action performed, in order, as (path, body).
        faults: What befalls the next calls of a path: `401`, `429`, `500`, `drop` (done, but no answer),
            `twice` (done twice, the second answer given), `lost` (neither done nor answered) or `hang`.
        chance: Befalls any call with any of these, at random, when it is given.
        browsers: Live browsers by name.
        asked: The bodies of every request to create or acquire a browser.
        updated: The bodies of every request to change a browser.
        deleted: Names of browsers deleted.
        released: What pools were given back, as (session, reuse).
        beats: How often the mouse position was asked.
        blind: Ids of browsers whose screen can't be had.
        videos: The state of each video: `recording`, or how often it is still not ready.
        reactions: Telemetry that the next action sets off.
        page_url: The address that screenshots tell, as the local server's do.
        reports: Telemetry, as envelopes; `breaks` says after which of them the stream breaks off.
        resumed: Where each connection to the stream began.
        devtools: What is behind every browser's DevTools address, once `devtools_url` says where that is.
    """

    def __init__(self) -> None:
        self.performed: list[tuple[str, dict[str, Any]]] = []
        self.faults: dict[str, list[str]] = {}
        self.chance: random.Random | None = None
        self.chaos = 0.0
        self.browsers: dict[str, dict[str, Any]] = {}
        self.asked: list[dict[str, Any]] = []
        self.updated: list[dict[str, Any]] = []
        self.deleted: list[str] = []
        self.released: list[tuple[str, bool]] = []
        self.pool_free = 1
        self.beats = 0
        self.blind: set[str] = set()
        self.page_url = ""
        self.videos: dict[str, int] = {}
        self.video = b"\0\0\0\x18ftypmp42" + bytes(5000)
        self.reports: list[dict[str, Any]] = []
        self.reactions: list[dict[str, Any]] = []
        self._reacted = asyncio.Event()
        self.breaks: set[int] = set()
        self.withheld: set[int] = set()
        self.resumed: list[str] = []
        self.streaming = asyncio.Event()
        self.streaming.set()
        self.calls: list[str] = []
        self.hanging = asyncio.Event()
        self._release = asyncio.Event()
        self.devtools = DevToolsStub()
        self.devtools_url = ""
        self._made = 0
        self._drawn = (-1, b"")

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._with_faults])
        app.router.add_get("/devtools/{id}", self.devtools.talk)
        app.router.add_post("/browsers", self._create)
        app.router.add_get("/browsers", self._list)
        app.router.add_get("/browsers/{id}", self._retrieve)
        app.router.add_patch("/browsers/{id}", self._update)
        app.router.add_delete("/browsers/{id}", self._delete)
        app.router.add_post("/browsers/{id}/computer/{call}", self._computer)
        app.router.add_post("/browser_pools/{pool}/{call:acquire}", self._acquire)
        app.router.add_post("/browser_pools/{pool}/{call:release}", self._give_back)
        app.router.add_post("/browsers/{id}/{call:replays}", self._start_video)
        app.router.add_post("/browsers/{id}/replays/{video}/{call:stop}", self._stop_video)
        app.router.add_get("/browsers/{id}/{call:replays}/{video}", self._download)
        app.router.add_get("/browsers/{id}/telemetry/{call:stream}", self._stream)
        app.router.add_get("/browsers/{id}/telemetry/{call:events}", self._events)
        return app

    def _fault(self, call: str) -> str:
        queue = self.faults.get(call, [])
        if queue:
            return queue.pop(0)
        if self.chance is not None and self.chance.random() < self.chaos:
            return self.chance.choice(["drop", "lost", "500", "refused", "twice", "slow"])
        return ""

    @web.middleware
    async def _with_faults(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        call = request.match_info.get("call") or f"{request.method.lower()}"
        self.calls.append(call)
        fault = self._fault(call)
        if fault == "401":
            return web.json_response({"message": "invalid API key"}, status=401)
        if fault == "429":
            return web.json_response({"message": "at most 5 browsers"}, status=429)
        if fault == "refused":
            return web.json_response({"message": "bad gateway"}, status=502)
        if fault == "lost" and request.transport is not None:
            request.transport.close()
            return web.Response(status=500)
        if fault == "slow" and self.chance is not None:
            await asyncio.sleep(self.chance.random() * 0.3)
        response = await handler(request)
        if fault == "twice" and call in ("post", "delete", "release", "acquire"):
            response = await handler(request)
        if fault == "500":
            return web.json_response({"message": "boom"}, status=500)
        if fault == "drop" and request.transport is not None:
            request.transport.close()
        if fault == "hang":
            self.hanging.set()
            await self._release.wait()
        return response

    def make(self, name: str, **also: Any) -> dict[str, Any]:
        """Make a browser, as if somebody had asked for it."""
        self._made += 1
        browser = {
            "session_id": f"sess_{self._made}",
            "name": name,
            "cdp_ws_url": self._devtools_of(f"sess_{self._made}"),
            "webdriver_ws_url": "ws://127.0.0.1/none",
            "browser_live_view_url": LIVE_VIEW,
            "created_at": "2026-01-01T00:00:00Z",
            "headless": False,
            "stealth": False,
            "timeout_seconds": 60,
            "memory": "8GiB",
            "region": "us-east",
            "viewport": {"width": WIDTH_PX, "height": HEIGHT_PX},
            **also,
        }
        self.browsers[name] = browser
        return browser

    def _devtools_of(self, session: str) -> str:
        return f"{self.devtools_url}/{session}?jwt={TOKEN}" if self.devtools_url else ""

    def release(self) -> None:
        """Let go of what hangs."""
        self._release.set()

    def react(self, *reports: dict[str, Any]) -> None:
        """Have telemetry told now."""
        self.reactions = list(reports)
        self._reacted.set()

    def vanish(self) -> None:
        """Lose every browser, as a fault of the service would; a pool makes others in their place."""
        self.pool_free += sum("pool" in browser for browser in self.browsers.values())
        self.browsers.clear()

    async def _create(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append(body)
        if body["name"] in self.browsers:
            return web.json_response({"code": "conflict", "message": "name is taken"}, status=409)
        return web.json_response(self.make(body["name"], tags=body.get("tags")))

    async def _acquire(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append(body)
        if body["name"] in self.browsers:
            return web.json_response({"code": "conflict", "message": "name is taken"}, status=409)
        if self.pool_free == 0:
            return web.Response(status=204)
        self.pool_free -= 1
        return web.json_response(self.make(body["name"], tags=body["tags"], pool={"id": "pool_1"}))

    async def _give_back(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        browser = next((b for b in self.browsers.values() if b["session_id"] == body["session_id"]), None)
        if browser is None:
            raise _nobody()
        del self.browsers[browser["name"]]
        self.pool_free += 1
        self.released.append((body["session_id"], body.get("reuse", True)))
        return web.Response(status=204)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        wanted = {key[5:-1]: value for key, value in request.query.items() if key.startswith("tags[")}
        found = [b for b in self.browsers.values() if wanted.items() <= (b.get("tags") or {}).items()]
        return web.json_response(found, headers={"X-Has-More": "false", "X-Next-Offset": "0"})

    def _find(self, request: web.Request) -> dict[str, Any]:
        wanted = request.match_info["id"]
        for browser in self.browsers.values():
            if wanted in (browser["name"], browser["session_id"]):
                return browser
        raise _nobody()

    async def _retrieve(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._find(request))

    async def _update(self, request: web.Request) -> web.StreamResponse:
        self.updated.append(await request.json())
        return web.json_response(self._find(request))

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        browser = self._find(request)
        del self.browsers[browser["name"]]
        self.deleted.append(browser["name"])
        return web.Response(status=204)

    async def _computer(self, request: web.Request) -> web.StreamResponse:
        browser = self._find(request)
        call = request.match_info["call"]
        if call == "screenshot" and browser["session_id"] in self.blind:
            return web.json_response({"message": "no display"}, status=500)
        body = await request.json() if request.can_read_body else {}
        if call == "screenshot":
            told = {"x-page-url": quote(self.page_url)} if self.page_url else {}
            return web.Response(body=self._picture(), content_type="image/png", headers=told)
        if call == "get_mouse_position":
            self.beats += 1
            return web.json_response({"x": 7, "y": 9})
        if call not in _ACTIONS:
            return web.json_response({"message": "unsupported"}, status=501)
        self.performed.append((call, body))
        self._reacted.set()
        return web.Response(status=200)

    async def _start_video(self, request: web.Request) -> web.StreamResponse:
        self._find(request)
        video = f"replay_{len(self.videos) + 1}"
        self.videos[video] = -1
        link = "https://replays.example/v?token=SECRET-OF-THE-VIDEO"
        return web.json_response({"replay_id": video, "replay_view_url": link})

    async def _stop_video(self, request: web.Request) -> web.StreamResponse:
        self._find(request)
        self.videos[request.match_info["video"]] = 1
        return web.Response(status=200)

    async def _download(self, request: web.Request) -> web.StreamResponse:
        self._find(request)
        video = request.match_info["video"]
        if self.videos[video] != 0:
            self.videos[video] -= 1
            return web.Response(status=202, headers={"Retry-After": "0.05"})
        return web.Response(body=self.video, content_type="video/mp4")

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        self._find(request)
        after = request.headers.get("Last-Event-ID", "")
        self.resumed.append(after)
        await self.streaming.wait()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        told = self.reports if after or request.query.get("replay") == "all" else []
        for report in [r for r in told if r["seq"] > int(after or -1)]:
            if report["seq"] in self.withheld:
                continue
            data = json.dumps(report)
            await response.write(f"id: {report['seq']}\ndata: {data}\n\n".encode())
            if report["seq"] in self.breaks:
                self.breaks.discard(report["seq"])
                if request.transport is not None:
                    request.transport.close()
                return response
        while True:  # until whoever reads hangs up
            await self._reacted.wait()
            self._reacted.clear()
            for report in self.reactions:
                await response.write(f"id: {report['seq']}\ndata: {json.dumps(report)}\n\n".encode())
            self.reactions.clear()

    async def _events(self, request: web.Request) -> web.StreamResponse:
        self._find(request)
        return web.json_response(self.reports, headers={"X-Has-More": "false", "X-Next-Offset": "0"})

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


def _nobody() -> web.HTTPNotFound:
    return web.HTTPNotFound(text='{"message": "browser not found"}', content_type="application/json")
