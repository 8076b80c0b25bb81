"""The clipboard of an X display, through xclip: one small process while a text of ours is on it."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

from pilothouse.children import Child, Identity, spawn
from pilothouse.local.desktop import DesktopFailed
from pilothouse.local.kernel_actions import not_implemented

if TYPE_CHECKING:
    from pilothouse.local.x11_display import X11Display

TIMEOUT_S = 5.0
READ_MAX_BYTES = 4 << 20


class X11Clipboard:
    """Reads and writes the selection named CLIPBOARD."""

    def __init__(self, display: X11Display, identity: Identity | None) -> None:
        self._environment = {"DISPLAY": display.name, "XAUTHORITY": str(display.cookie_path)}
        self._identity = identity
        self._owner: Child | None = None

    async def read(self) -> str:
        """Read the text; empty if there is none.

        Raises:
            DesktopFailed: The owner of the clipboard does not answer.
        """
        child = await self._xclip("-o")
        try:
            async with asyncio.timeout(TIMEOUT_S):
                text = await child.stdout.read(READ_MAX_BYTES)
        except TimeoutError:
            raise DesktopFailed("the clipboard's owner does not answer") from None
        finally:
            await child.kill()
        return text.decode("utf-8", errors="replace")

    async def write(self, text: str) -> None:
        """Put a text there. xclip stays, in the foreground, to hand it out until another text replaces it."""
        await self.close()
        # -verbose makes it say when it owns the selection; only then is a paste sure to get the text.
        child = await self._xclip("-i", "-quiet", "-verbose")
        self._owner = child
        child.stdin.write(text.encode())
        child.stdin.close()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                while line := await child.stdout.readline():
                    if b"Waiting for" in line:
                        return
        except TimeoutError:
            pass
        raise DesktopFailed("xclip did not take the clipboard")

    async def close(self) -> None:
        """Let go of the clipboard."""
        if self._owner is not None:
            await self._owner.kill()
            self._owner = None

    async def _xclip(self, *options: str) -> Child:
        if shutil.which("xclip") is None:
            raise not_implemented("xclip is not installed, so that there is no clipboard")
        return await spawn(
            ["xclip", "-selection", "clipboard", *options],
            env=self._environment,
            identity=self._identity,
            stderr=asyncio.subprocess.STDOUT if "-i" in options else asyncio.subprocess.DEVNULL,
        )
