"""The second net under a profile's block list: a page that is not of the web is sent to an empty one.

The first net is the profile (`profile.py`), which refuses before anything is read. Nothing here is fast
enough to be the only one.
"""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from pilothouse.devtools.page_signals import is_chrome_ui
from pilothouse.local.desktop import DesktopFailed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pilothouse.local.devtools import DevTools

TITLE_MAX_CHARS = 500
URL_MAX_CHARS = 2000
"""A page may give itself an address of megabytes; what goes into headers is bounded."""
_WEB = ("http:", "https:", "data:", "blob:", "about:", "chrome-error:")


def is_web(url: str) -> bool:
    """Say whether a page may show this address; a page without one is just opening."""
    return not url or url.startswith(_WEB)


class WebGuard:
    """Watches every page of a Chromium, whoever opened it; remembers which one was touched last."""

    def __init__(self, devtools: DevTools) -> None:
        self._devtools = devtools
        self._pages: dict[str, str] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self.sent_away = 0

    async def start(self) -> None:
        """Begin to watch; the pages already there are announced first."""
        self._devtools.listen(self._hear)
        await self._devtools.call("Target.setDiscoverTargets", discover=True)

    @property
    def front(self) -> str | None:
        """The page last opened or navigated, by its target id."""
        return next(reversed(self._pages), None)

    async def shown(self) -> tuple[str, str]:
        """Say address and title of the page in front; its title is as untrusted as the rest of the page.

        Chromium does not announce every change of a title, so that it is asked.
        """
        front = self.front
        if front is None:
            return "", ""
        try:
            answer = await self._devtools.call("Target.getTargetInfo", targetId=front)
        except DesktopFailed:
            return self._pages.get(front, "")[:URL_MAX_CHARS], ""
        info = answer["targetInfo"]
        return str(info.get("url", ""))[:URL_MAX_CHARS], str(info.get("title", ""))[:TITLE_MAX_CHARS]

    async def close(self) -> None:
        """Stop what is under way."""
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)

    def _hear(self, event: dict[str, Any]) -> None:
        match event:
            case {
                "method": "Target.targetCreated" | "Target.targetInfoChanged",
                "params": {"targetInfo": {"type": "page", "targetId": str(target), "url": str(url)}},
            }:
                self._note(target, url)
            case {"method": "Target.targetDestroyed", "params": {"targetId": str(target)}}:
                self._pages.pop(target, None)

    def _note(self, target: str, url: str) -> None:
        # Attaching to a page announces it again: only a new address is news, or this would go round for ever.
        if self._pages.get(target) == url or is_chrome_ui(url):
            return
        self._pages.pop(target, None)
        self._pages[target] = url
        if not is_web(url):
            task = asyncio.create_task(self._send_away(target))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _send_away(self, target: str) -> None:
        with contextlib.suppress(DesktopFailed):
            async with self._attached(target) as session:
                tree = await self._devtools.call("Page.getFrameTree", session)
                # Chromium's own "this page is blocked" goes by the address that it refused.
                if "unreachableUrl" not in tree["frameTree"]["frame"]:
                    self.sent_away += 1
                    await self._devtools.call("Page.navigate", session, url="about:blank")

    async def navigate(self, target: str, url: str) -> None:
        """Open an address in a page.

        Raises:
            DesktopFailed: The page is gone, or the address can't be opened.
        """
        async with self._attached(target) as session:
            await self._devtools.call("Page.navigate", session, url=url)

    @asynccontextmanager
    async def _attached(self, target: str) -> AsyncIterator[str]:
        attached = await self._devtools.call("Target.attachToTarget", targetId=target, flatten=True)
        session = str(attached["sessionId"])
        try:
            yield session
        finally:
            with contextlib.suppress(DesktopFailed):
                await self._devtools.call("Target.detachFromTarget", sessionId=session)
