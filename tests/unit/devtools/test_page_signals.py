"""What a page and the frames in it are asked, and in how many journeys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from pilothouse.devtools import Event
from pilothouse.devtools.page_signals import PageSignals

FRAMES = 5
PAGE: Event = {
    "method": "Target.attachedToTarget",
    "params": {"sessionId": "s", "targetInfo": {"targetId": "t", "type": "page", "url": "http://a.example/"}},
}
NAVIGATED: Event = {
    "method": "Page.frameNavigated",
    "sessionId": "s",
    "params": {"frame": {"id": "f", "parentId": "t", "loaderId": "l"}},
}


class FramedPage:
    """DevTools of one page with frames, which answers a frame once all of them have been asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self._hear: Callable[[Event], None] = lambda event: None
        self._asked = 0
        self._all_asked = asyncio.Event()

    def listen(self, listener: Callable[[Event], None]) -> None:
        self._hear = listener

    def tell(self, event: Event) -> None:
        self._hear(event)

    async def call(
        self, method: str, session: str | None = None, *, timeout_s: float = 1.0, **params: Any
    ) -> Event:
        self.calls.append((method, params))
        if method == "Runtime.enable":
            for number in range(FRAMES):
                about = {"frameId": f"f{number}", "isDefault": True}
                context = {"id": number, "auxData": about}
                created = {"method": "Runtime.executionContextCreated", "params": {"context": context}}
                self._hear({**created, "sessionId": "s"})
        if "contextId" in params:
            self._asked += 1
            if self._asked == FRAMES:
                self._all_asked.set()
            await self._all_asked.wait()
        return {"result": {"value": {"why": ""}}}


async def test_frames_are_asked_side_by_side() -> None:
    tools = FramedPage()
    signals = PageSignals(tools, holds_new=False)
    await signals.start()
    tools.tell(PAGE)
    tools.tell(NAVIGATED)
    assert (await signals.at_rest()).why == ""
    assert sum("contextId" in params for _, params in tools.calls) == FRAMES
    await signals.close()


async def test_a_window_that_is_still_empty_is_waited_for() -> None:
    tools = FramedPage()
    now = [100.0]
    signals = PageSignals(tools, lambda: now[0], holds_new=False)
    await signals.start()
    info = {"targetId": "t", "type": "page", "url": ""}
    tools.tell({"method": "Target.attachedToTarget", "params": {"sessionId": "s", "targetInfo": info}})
    assert signals.busy() == "navigation"
    tools.tell({**NAVIGATED, "params": {"frame": {"id": "t", "loaderId": "l"}}})
    assert signals.busy() == ""
    assert signals.last_page == 100.0
    await signals.close()
