"""A real headful Chromium on a display of its own, driven by xdotool: the page under a real pointer and keys."""

from __future__ import annotations

import asyncio
import os
import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from mss import MSS
from mss.tools import to_png

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CHROMIUM = next(
    (path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), ""
)
PARTS = (CHROMIUM, shutil.which("Xvfb"), shutil.which("xdotool"))
BUTTONS = {
    "left_click": ("1", "1"),
    "double_click": ("1", "2"),
    "triple_click": ("1", "3"),
    "right_click": ("3", "1"),
}
WHEEL = {"up": "4", "down": "5", "left": "6", "right": "7"}


class Rig:
    def __init__(self, display: str) -> None:
        self.environ = {**os.environ, "DISPLAY": display}

    async def xdotool(self, *words: str) -> str:
        tool = await asyncio.create_subprocess_exec(
            "xdotool", *words, env=self.environ, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await tool.communicate()
        assert tool.returncode == 0, words
        return out.decode("utf-8", "replace").strip()

    async def title(self) -> str:
        found = (await self.xdotool("search", "--onlyvisible", "--name", "Chromium")).split()
        return await self.xdotool("getwindowname", found[-1]) if found else ""

    async def shows(self, wanted: str, timeout_s: float = 15.0) -> str:
        """Wait until the window's title begins with something."""
        async with asyncio.timeout(timeout_s):
            while not (title := await self.safe_title()).startswith(wanted):
                await asyncio.sleep(0.05)
        return title

    async def safe_title(self) -> str:
        try:
            return await self.title()
        except AssertionError:
            return ""

    async def act(self, member: str, given: dict[str, Any]) -> None:
        """Do what a member of the computer toolset means, with a real pointer and keys."""
        if at := given.get("coordinate"):
            await self.xdotool("mousemove", "--sync", str(at[0]), str(at[1]))
        if member in BUTTONS:
            button, repeat = BUTTONS[member]
            await self.xdotool("click", "--repeat", repeat, button)
        elif member == "type":
            await self.xdotool("type", "--delay", "5", "--", given["text"])
        elif member == "key":
            await self.xdotool("key", "--repeat", str(given.get("repeat", 1)), given["text"])
        elif member == "scroll":
            await self.xdotool(
                "click", "--repeat", str(given["scroll_amount"]), WHEEL[given["scroll_direction"]]
            )

    async def settled(self, timeout_s: float = 15.0) -> None:
        """Wait until two grabs in a row, 150 ms apart, are equal."""
        before = b""
        async with asyncio.timeout(timeout_s):
            while (now := await asyncio.to_thread(self._grab)) != before:
                before = now
                await asyncio.sleep(0.15)

    def _grab(self) -> bytes:
        with MSS(display=self.environ["DISPLAY"]) as screen:
            return bytes(screen.grab(screen.monitors[0]).rgb)

    async def picture(self, path: Path) -> None:
        with MSS(display=self.environ["DISPLAY"]) as screen:
            shot = screen.grab(screen.monitors[0])
            path.write_bytes(to_png(shot.rgb, shot.size) or b"")


@asynccontextmanager
async def browsing(url: str, folder: Path) -> AsyncIterator[Rig]:
    """Open Chromium on an address, 1280x800, no window manager, as the local browser does."""
    read, write = os.pipe()
    xvfb = await asyncio.create_subprocess_exec(
        "Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24", "-nolisten", "tcp",
        pass_fds=(write,), stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write)
    with os.fdopen(read) as said:
        display = ":" + (await asyncio.to_thread(said.readline)).strip()
    chromium = await asyncio.create_subprocess_exec(
        CHROMIUM, "--no-sandbox", "--no-first-run", "--no-default-browser-check", "--disable-gpu",
        "--disable-extensions", "--disable-background-networking", "--disable-sync", "--lang=en-US",
        "--test-type", "--password-store=basic", "--window-size=1281,801", "--window-position=0,0",
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
        f"--user-data-dir={folder}", url,
        env={**os.environ, "DISPLAY": display}, start_new_session=True,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield Rig(display)
    finally:
        for child in (chromium, xvfb):
            child.terminate()
            await child.wait()
