"""Pages asked whether they are at rest: what is under way is waited for, silence is no answer."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from pilothouse.browser.page_signals import pages_at_rest
from pilothouse.local.settle_signals import PageReport


class _Pages:
    def __init__(self, busy: list[str], why: str) -> None:
        self.generation, self._busy, self._why = 0, busy, why

    def busy(self) -> str:
        return self._busy.pop(0) if self._busy else ""

    async def at_rest(self) -> PageReport:
        return PageReport(why=self._why)

    async def moved(self, at_most_s: float) -> None:
        await asyncio.sleep(0.01)


async def _asked(busy: list[str], why: str, ago_s: float = 0.2) -> bool:
    pages: Any = _Pages(busy, why)
    return await pages_at_rest(pages, time.monotonic() - ago_s)


async def test_a_request_is_waited_for() -> None:
    busy = ["request", "request"]
    assert await _asked(busy, "")
    assert not busy


async def test_silence_and_a_page_that_never_rests_are_no_answer() -> None:
    assert not await _asked([], "unknown")
    assert not await _asked([], "changing", ago_s=1.45)
