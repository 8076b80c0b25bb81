"""DevTools over a websocket: whatever the far end does, a call ends soon, and its token is told nobody."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from pilothouse.devtools import DevToolsFailed
from pilothouse.devtools import socket as devtools_socket
from pilothouse.devtools.socket import DevToolsSocket


async def _served(*answers: str) -> TestServer:
    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive()
        for answer in answers:
            await socket.send_str(answer)
        await socket.close()
        return socket

    app = web.Application()
    app.router.add_get("/cdp", handle)
    server = TestServer(app)
    await server.start_server()
    return server


async def _called(*answers: str) -> object:
    server = await _served(*answers)
    try:
        tools = await DevToolsSocket.to(str(server.make_url("/cdp?jwt=hush")))
        try:
            return await tools.call("Page.enable")
        finally:
            await tools.close()
    finally:
        await server.close()


async def test_an_answer_is_found_among_garbage() -> None:
    assert await _called("{", "[1]", '{"method":"x"}', '{"id":1,"result":{"a":2}}') == {"a": 2}


@pytest.mark.parametrize("answer", ["{", '{"id":1,"error":7}', '{"id":1,"result":[]}', "x" * 5000])
async def test_what_makes_no_sense_ends_the_call(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devtools_socket, "MESSAGE_MAX_BYTES", 4096)
    with pytest.raises(DevToolsFailed):
        await _called(answer)


async def test_an_address_that_nobody_answers_is_not_in_the_error(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(DevToolsFailed) as caught:
        await DevToolsSocket.to("ws://127.0.0.1:1/cdp?jwt=hush")
    assert "hush" not in str(caught.value) + caplog.text
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
