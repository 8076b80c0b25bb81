"""Listens to the pages of a browser for its telemetry, and only as long as that wants to hear. No HTTP here.

DevTools domains are switched on per category: a page whose console nobody asked for runs as if unwatched.
Chromium announces the parts of its own window (the list below the address bar) as pages too; those are left
alone, and so is a page that has no address yet, for it may become one.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import time
from typing import TYPE_CHECKING, Any

from PIL import Image

from pilothouse.devtools.page_signals import is_chrome_ui
from pilothouse.local.desktop import DesktopFailed
from pilothouse.local.kernel_interaction import BINDING, SCRIPT, WORLD
from pilothouse.local.kernel_page_events import PageEvents
from pilothouse.local.kernel_telemetry import MONITOR, OF_PAGES
from pilothouse.local.png import from_image

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from pilothouse.local.desktop import Desktop
    from pilothouse.local.kernel_telemetry import TelemetryLog

PICTURE_EVERY_S = 2.0
PICTURE_MAX_BYTES = 729 << 10
_WANTS_PAGES = OF_PAGES | {"screenshot"}


class Monitor:
    """The listener of one browser."""

    def __init__(self, desktop: Desktop, log: TelemetryLog) -> None:
        self._desktop = desktop
        self._devtools = desktop.devtools
        self._log = log
        self._pages: dict[str, PageEvents] = {}
        """By DevTools session."""
        self._attached: dict[str, str] = {}
        """Sessions by target; empty while attaching."""
        self._seen: set[str] = set()
        self._knows_all = False
        """Whether a page not seen yet is a new one."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._listening_for: frozenset[str] = frozenset()
        self._told_until_ms = 0.0
        self._pictured_at = -PICTURE_EVERY_S

    async def adjust(self) -> None:
        """Listen to what the log captures now."""
        wanted = self._log.categories & _WANTS_PAGES
        if wanted == self._listening_for:
            return
        await self.stop()
        self._listening_for = wanted
        if wanted:
            await self._start()

    async def tell(self, log: TelemetryLog) -> None:
        """Tell another log from now on; what was said until now is not told again."""
        await self.stop()
        self._log = log
        await self.adjust()

    async def _start(self) -> None:
        self._devtools.listen(self._hear)
        try:
            targets = (await self._devtools.call("Target.getTargets"))["targetInfos"]
        except DesktopFailed as failure:
            self._failed("Target.getTargets", failure)
            return
        for info in targets:
            self._seen.add(info["targetId"])
            self._note(info)
        self._knows_all = True
        await asyncio.gather(*self._tasks)

    async def stop(self, *, detach: bool = True) -> None:
        """Listen no more; a browser that is being ended needs no good-bye."""
        self._devtools.forget(self._hear)
        self._told_until_ms = time.time() * 1e3
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        sessions = list(self._pages)
        for page in self._pages.values():
            page.close()
        self._pages.clear()
        self._attached.clear()
        self._listening_for = frozenset()
        for session in sessions if detach else ():
            with contextlib.suppress(DesktopFailed):
                await self._devtools.call("Target.detachFromTarget", sessionId=session)

    # --- pages that come and go ----------------------------------------------------------------------

    def _hear(self, event: dict[str, Any]) -> None:
        page = self._pages.get(event.get("sessionId", ""))
        if page is not None:
            page.hear(event["method"], event.get("params", {}))
            return
        match event:
            case {
                "method": "Target.targetCreated" | "Target.targetInfoChanged",
                "params": {"targetInfo": {"type": "page"} as info},
            }:
                self._note(info)
            case {"method": "Target.targetDestroyed", "params": {"targetId": str(target)}}:
                self._gone(target)
            case {"method": "Target.targetCrashed", "params": {"targetId": str(target)}}:
                self._crashed(target)

    def _note(self, info: dict[str, Any]) -> None:
        target, url = info["targetId"], info["url"]
        if info["type"] != "page" or not url or is_chrome_ui(url):
            return
        if target not in self._seen:
            self._seen.add(target)
            if self._knows_all:
                self._opened(info)
        if target not in self._attached:
            self._attached[target] = ""
            self._run(self._attach(target, url))

    def _opened(self, info: dict[str, Any]) -> None:
        told = {
            "target_id": info["targetId"],
            "target_type": "page",
            "title": info.get("title", ""),
            "url": info["url"],
        }
        if info.get("openerId"):
            told["opener_id"] = info["openerId"]
        self._log.emit("page", "page_tab_opened", {"kind": "cdp", "event": "Target.targetCreated"}, told)

    def _gone(self, target: str) -> None:
        self._seen.discard(target)
        page = self._pages.pop(self._attached.pop(target, ""), None)
        if page is not None:
            page.close()

    def _crashed(self, target: str) -> None:
        page = self._pages.get(self._attached.get(target, ""))
        if page is not None:
            data = {"target_id": target, "target_type": "page", "url": page.url}
            self._log.emit("page", "page_crashed", {"kind": "cdp", "event": "Target.targetCrashed"}, data)

    async def _attach(self, target: str, url: str) -> None:
        step = "Target.attachToTarget"
        try:
            session = str((await self._devtools.call(step, targetId=target, flatten=True))["sessionId"])
            self._attached[target] = session
            self._pages[session] = PageEvents(
                self._log, target, session, url, self._told_until_ms, self._milestone
            )
            for step, params in self._domains():
                await self._devtools.call(step, session, **params)
        except DesktopFailed as failure:
            if target in self._attached:  # else it was closed meanwhile, which is no failure
                self._failed(step, failure)

    def _domains(self) -> list[tuple[str, dict[str, Any]]]:
        """List the calls that switch on what is wanted."""
        calls: list[tuple[str, dict[str, Any]]] = [("Page.enable", {})]
        if "network" in self._listening_for:
            calls.append(("Network.enable", {}))
        if "console" in self._listening_for:
            calls.append(("Runtime.enable", {}))
        if "page" in self._listening_for:
            kinds = ["layout-shift", "largest-contentful-paint"]
            calls.append(("PerformanceTimeline.enable", {"eventTypes": kinds}))
        if "interaction" in self._listening_for:
            script = {"source": SCRIPT, "worldName": WORLD, "runImmediately": True}
            calls.append(("Runtime.addBinding", {"name": BINDING, "executionContextName": WORLD}))
            calls.append(("Page.addScriptToEvaluateOnNewDocument", script))
        return calls

    def _failed(self, step: str, failure: DesktopFailed) -> None:
        source = {"kind": "cdp", "event": step, "metadata": {"error": str(failure)}}
        self._log.emit(MONITOR, "monitor_init_failed", source, {"step": step})

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- pictures ------------------------------------------------------------------------------------

    def _milestone(self) -> None:
        now = time.monotonic()
        if "screenshot" in self._listening_for and now - self._pictured_at >= PICTURE_EVERY_S:
            self._pictured_at = now
            self._run(self._picture())

    async def _picture(self) -> None:
        """Take a picture, past whoever has the browser to himself: nothing is moved by it."""
        with contextlib.suppress(DesktopFailed):
            png = await asyncio.to_thread(_small, await self._desktop.screenshot(None))
            data = {"png": base64.b64encode(png).decode()}
            self._log.emit("screenshot", "monitor_screenshot", {"kind": "kernel_api"}, data)


def _small(png: bytes) -> bytes:
    """Halve a picture until it is small enough."""
    while len(png) > PICTURE_MAX_BYTES:
        with Image.open(io.BytesIO(png)) as image:
            half = image.convert("RGB").resize((max(1, image.width // 2), max(1, image.height // 2)))
        png = from_image(half)
    return png
