"""The DevTools of a browser with one page that says what a test wants, and fails as a test wants."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import WSMsgType, web

TOKEN = "KEY-TO-THE-DEVTOOLS"
"""What every address of it carries."""

Json = dict[str, Any]


class DevToolsStub:
    """One page to ask, whichever browser is asked for.

    Attributes:
        reports: What the page says to each question, the last one for ever; in a tuple, what comes instead of
            an answer.
        refuses: Whoever asks for a conversation from now on is refused.
        is_mute: Nothing is answered any more.
        cuts: The conversation breaks off at the next question to the page.
        asked: The browsers that conversations were begun for.
        calls: What was called, in order, as (method, parameters).
        noise: What is said before each answer.
        ready: Set once the page of a new conversation has its script.
        talks: The conversations under way; `closed` is set when one ends.
    """

    def __init__(self) -> None:
        self.reports: list[Any] = [{}]
        self.refuses = self.is_mute = self.cuts = False
        self.asked: list[str] = []
        self.calls: list[tuple[str, Json]] = []
        self.ready = asyncio.Event()
        self.talks: set[web.WebSocketResponse] = set()
        self.closed = asyncio.Event()
        self.noise: list[str] = []

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/devtools/{id}", self.talk)
        return app

    async def talk(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.match_info["id"])
        assert request.query["jwt"] == TOKEN
        if self.refuses:
            return web.json_response({"message": f"no: {request.path_qs}"}, status=403)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.talks.add(socket)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT and not self.is_mute:
                    await self._answer(socket, json.loads(message.data))
        finally:
            self.talks.discard(socket)
            self.closed.set()
        return socket

    async def _answer(self, socket: web.WebSocketResponse, asked: Json) -> None:
        method, params = asked["method"], asked["params"]
        self.calls.append((method, params))
        for text in self.noise:
            await socket.send_str(text)
        result: Any = {}
        if method == "Runtime.evaluate":
            expression = params["expression"]
            if expression.endswith(")") and len(expression) < 100:
                if self.cuts and "ask(" in expression:
                    self.cuts = False
                    self.cut(socket)
                    return
                report = self.reports.pop(0) if len(self.reports) > 1 else self.reports[0]
                result = report[0] if isinstance(report, tuple) else {"result": {"value": report}}
            else:
                self.ready.set()
        await socket.send_str(json.dumps({"id": asked["id"], "result": result}))
        if method == "Target.setAutoAttach" and "sessionId" not in asked:
            info = {"targetId": "t1", "type": "page", "url": "http://page.example/"}
            told = {"sessionId": "s1", "targetInfo": info, "waitingForDebugger": False}
            await socket.send_str(json.dumps({"method": "Target.attachedToTarget", "params": told}))

    def cut(self, socket: web.WebSocketResponse) -> None:
        """Break a conversation off."""
        if socket._req is not None and socket._req.transport is not None:
            socket._req.transport.abort()

    def tell(self, **event: Any) -> list[asyncio.Task[None]]:
        """Have something happen in the page of every conversation."""
        text = json.dumps({"sessionId": "s1", **event})
        return [asyncio.create_task(socket.send_str(text)) for socket in tuple(self.talks)]
