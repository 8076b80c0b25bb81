"""What the small loopback servers share: bind to 127.0.0.1, say where, end with the parent. No routes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

from pilothouse.errors import PortTaken

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

HOST = "127.0.0.1"
_NAMES = (HOST, "localhost")
RUNNER = web.AppKey("runner", web.AppRunner)
"""How an application finds what serves it, to stop listening for a while."""


@asynccontextmanager
async def listening(
    app: web.Application, port: int = 0, *, cancel_on_hangup: bool = False
) -> AsyncIterator[str]:
    """Serve an application on loopback while the context lasts; gives its address, without a final slash.

    Args:
        app: What to serve.
        port: 0 for any free one.
        cancel_on_hangup: Cancel what a caller asked for when it hangs up.

    Raises:
        PortTaken: The port named is in use.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5, handler_cancellation=cancel_on_hangup)
    app[RUNNER] = runner
    await runner.setup()
    try:
        site = web.TCPSite(runner, HOST, port)
        try:
            await site.start()
        except OSError as error:
            raise PortTaken("is in use", f"{HOST}:{port}", "name another port, or 0 for any") from error
        yield f"http://{HOST}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def serve_until_told(
    app: web.Application, ready: Callable[[str], dict[str, str]], *, with_parent: bool, port: int = 0
) -> None:
    """Serve, print the ready line, and stop on SIGTERM, SIGINT or (with a parent) at the end of stdin."""
    async with ending(with_parent=with_parent) as told, listening(app, port) as url:
        sys.stdout.write(json.dumps(ready(url)) + "\n")
        sys.stdout.flush()
        await told.wait()


@asynccontextmanager
async def ending(*, with_parent: bool) -> AsyncIterator[asyncio.Event]:
    """Watch for SIGTERM, SIGINT or (with a parent) the end of stdin; gives the event that they set."""
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    watch = loop.create_task(_end_of_stdin(told)) if with_parent else None
    try:
        yield told
    finally:
        if watch is not None:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch


async def _end_of_stdin(told: asyncio.Event) -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    try:
        while await reader.read(4096):
            pass
        told.set()
    finally:
        transport.close()


def is_ours(request: web.Request) -> bool:
    """Say whether a request names this host and comes from no foreign page (against DNS rebinding)."""
    name, _, _ = request.headers.get("Host", "").rpartition(":")
    origin = request.headers.get("Origin")
    return name in _NAMES and origin in (None, f"http://{request.headers.get('Host')}")
