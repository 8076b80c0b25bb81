"""What the local browser costs: to make one, to look at it, to click, each through Kernel's own SDK."""

from __future__ import annotations

import asyncio
import io
import os
import secrets
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from unittest import mock

from kernel import AsyncKernel
from PIL import Image

from pilothouse.local.chromium import find_chromium
from pilothouse.local.kernel_options import Options
from pilothouse.local.kernel_server import running
from tests.bench import Figures, Measured, bench, percentile

SCREEN: Any = {"width": 1280, "height": 800}


@asynccontextmanager
async def _client() -> AsyncIterator[AsyncKernel]:
    async with (
        running(Options(offline=True), secrets.token_hex(16)) as ready,
        AsyncKernel(api_key=ready.token, base_url=ready.base_url, max_retries=0) as client,
    ):
        yield client


async def _timed(call: Callable[[], Awaitable[object]], count: int) -> Figures:
    taken = []
    for _ in range(count):
        begun = time.perf_counter()
        await call()
        taken.append((time.perf_counter() - begun) * 1e3)
    return {"p50": percentile(taken, 0.5), "p99": percentile(taken, 0.99)}


@bench("local_screenshot", unit="ms")
def local_screenshot() -> Measured:
    """A whole screen as a PNG through the SDK; against Pillow's encoding of the same picture alone."""

    async def measure() -> Measured:
        async with _client() as client:
            browser = (await client.browsers.create(viewport=SCREEN)).session_id

            async def shoot() -> bytes:
                return await (await client.browsers.computer.capture_screenshot(browser)).read()

            picture = Image.open(io.BytesIO(await shoot())).convert("RGB")

            async def encode() -> None:
                picture.save(io.BytesIO(), "PNG")

            ours, theirs = await _timed(shoot, 50), await _timed(encode, 20)
        return Measured(ours, theirs, ours["p50"] / theirs["p50"])

    return asyncio.run(measure())


@bench("local_click", unit="ms")
def local_click() -> Measured:
    """A click through the SDK; against the cheapest call there is, the pointer's position.

    Of a click 8 ms are the time that the button is down.
    """

    async def measure() -> Measured:
        async with _client() as client:
            browser = (await client.browsers.create(viewport=SCREEN)).session_id
            computer = client.browsers.computer
            ours = await _timed(lambda: computer.click_mouse(browser, x=600, y=600), 100)
            theirs = await _timed(lambda: computer.get_mouse_position(browser), 100)
        return Measured(ours, theirs, ours["p50"] / theirs["p50"])

    return asyncio.run(measure())


@bench("local_create", unit="ms")
def local_create() -> Measured:
    """From the call to a painted browser, and its end; against a bare headless one that prints a page."""

    async def measure() -> Measured:
        async with _client() as client:
            made: list[str] = []

            async def create() -> None:
                made.append((await client.browsers.create(viewport=SCREEN)).session_id)

            async def delete() -> None:
                await client.browsers.delete_by_id(made.pop())

            created, deleted = [], []
            for _ in range(5):
                created.append((await _timed(create, 1))["p50"])
                deleted.append((await _timed(delete, 1))["p50"])
            theirs = await _timed(_bare, 3)
        ours = {"p50": percentile(created, 0.5), "max": max(created), "delete_p50": percentile(deleted, 0.5)}
        return Measured(ours, theirs, ours["p50"] / theirs["p50"])

    return asyncio.run(measure())


async def _bare() -> None:
    chromium = find_chromium()
    if chromium is None:
        raise AssertionError("there is no Chromium")
    with tempfile.TemporaryDirectory() as profile, mock.patch.dict(os.environ, HOME=profile):
        argv = [str(chromium.path), "--headless=new", "--no-sandbox", f"--user-data-dir={profile}"]
        process = await asyncio.create_subprocess_exec(
            *argv, "--dump-dom", "about:blank", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        if await process.wait():
            raise AssertionError(f"{chromium.path} failed")
