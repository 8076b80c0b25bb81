"""A real Chromium as Kernel has one: its server does not settle, and its DevTools are to be had by websocket.

In front of a local server: whatever is asked goes on to it, what its answers add to Kernel's is left out. Its
Chromium gets a DevTools port beside its pipe, on loopback.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from pilothouse.local.chromium import VARIABLE, find_chromium
from pilothouse.local.loopback import listening
from tests.local.kernel.conftest import Server, server_in, temporary_files

ADDED = ("x-pilothouse-settle", "x-page-url", "x-page-title", "content-length", "transfer-encoding", "date")


class FarKernel:
    """Forwards to a local server.

    Attributes:
        url: Where it is.
        token: What every DevTools address of it carries.
        key: What it is asked with.
        screenshot_s: How much longer than here a screenshot takes.
        hands_out_devtools: Browsers have an address of them.
        ready: What is behind it.
        talking: Set when the pages have been told of in a conversation that is new.
    """

    def __init__(self, server: Server, http: aiohttp.ClientSession) -> None:
        self.url = ""
        self.token = secrets.token_hex(16)
        self.key = server.ready.token
        self.screenshot_s = 0.0
        self.hands_out_devtools = True
        self.ready = server.ready
        self.talking = asyncio.Event()
        self._server = server
        self._http = http
        self._devtools: dict[str, str] = {}
        self._open: set[web.WebSocketResponse] = set()

    def app(self) -> web.Application:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_get("/devtools/{id}", self._talk)
        app.router.add_route("*", "/{path:.*}", self._forward)
        return app

    async def cut(self) -> None:
        """Break every conversation off."""
        for socket in tuple(self._open):
            if socket._req is not None and socket._req.transport is not None:
                socket._req.transport.abort()

    async def _forward(self, request: web.Request) -> web.Response:
        if request.path.endswith("/screenshot"):
            await asyncio.sleep(self.screenshot_s)
        headers = {k: v for k, v in request.headers.items() if k.lower() in ("authorization", "content-type")}
        url = self._server.ready.base_url + request.path_qs
        async with self._http.request(
            request.method, url, data=await request.read(), headers=headers
        ) as answer:
            body = await answer.read()
            if answer.content_type == "application/json" and b"cdp_ws_url" in body:
                body = json.dumps(self._described(json.loads(body))).encode()
            kept = {k: v for k, v in answer.headers.items() if k.lower() not in ADDED}
            return web.Response(status=answer.status, body=body, headers=kept)

    def _described(self, browser: Any) -> Any:
        """Describe a browser as Kernel does; its answers are of one, or of a list."""
        if isinstance(browser, list):
            return [self._described(one) for one in browser]
        identifier = str(browser["session_id"])
        known = set(self._devtools.values())
        for file in self._server.directory.rglob("DevToolsActivePort"):
            port, path = file.read_text().split()
            address = f"ws://127.0.0.1:{port}{path}"
            if address not in known:
                self._devtools.setdefault(identifier, address)
        address = f"{self.url.replace('http', 'ws')}/devtools/{identifier}?jwt={self.token}"
        return browser | {"cdp_ws_url": address if self.hands_out_devtools else "", "base_url": ""}

    async def _talk(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("jwt") != self.token:
            return web.json_response({"message": "refused"}, status=403)
        near = web.WebSocketResponse(max_msg_size=0)
        await near.prepare(request)
        self._open.add(near)
        try:
            async with self._http.ws_connect(self._devtools[request.match_info["id"]], max_msg_size=0) as far:
                ends = (_pour(near, far), _pour(far, near, self.talking))
                both = [asyncio.create_task(end) for end in ends]
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
                for one in both:
                    one.cancel()
        finally:
            self._open.discard(near)
        return near


async def _pour(source: Any, sink: Any, told: asyncio.Event | None = None) -> None:
    async for message in source:
        if message.type is aiohttp.WSMsgType.TEXT:
            await sink.send_str(message.data)
            if told is not None and '"identifier"' in message.data:
                told.set()


@asynccontextmanager
async def far_kernel() -> AsyncIterator[FarKernel]:
    """Run it."""
    chromium = find_chromium()
    assert chromium is not None
    with temporary_files() as directory, temporary_files() as files:
        program = directory / "chromium"
        program.write_text(f'#!/bin/sh\nexec "{chromium.path}" --remote-debugging-port=0 "$@"\n')
        program.chmod(0o755)
        before = os.environ.get(VARIABLE)
        os.environ[VARIABLE] = str(program)
        try:
            async with server_in(files, "--offline-hosts") as up, aiohttp.ClientSession() as http:
                here = FarKernel(up, http)
                async with listening(here.app()) as here.url:
                    yield here
        finally:
            if before is None:
                del os.environ[VARIABLE]
            else:
                os.environ[VARIABLE] = before
