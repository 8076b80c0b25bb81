"""What the browser reports by itself: followed, resumed where it broke off, journalled in bounds.

The stream is read whole, for whoever listens; only what a person should know is journalled. The type decides
what a report is, never its class: an SDK parses types it does not know as another one (kernel-api §1.6).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from typing import TYPE_CHECKING, Any

import httpx
import kernel

from pilothouse import events as ev
from pilothouse.browser.faults import said
from pilothouse.browser.reports import Page, report, safe_url
from pilothouse.errors import RecorderFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel import AsyncKernel

RATE = 20
"""Reports journalled in a second; a page can make thousands."""
QUIET_S = 45.0
"""The stream says something every 15 s, if only that it is there: after three of those it is lost."""
BACKOFF_S = 0.5
BACKOFF_MAX_S = 10.0
HISTORY_PAGE = 100
HISTORY_MAX = 1000
"""A gap larger than this is told as one."""
HISTORY_SINCE = "10m"
HISTORY_S = 10.0


class TelemetryFollower:
    """Follows one browser's telemetry.

    Attributes:
        listeners: Called with each envelope (`seq`, `event`) as it comes, journalled or not.
        page: What the active page was last reported to be.
        reading: The stream is being read just now.
    """

    def __init__(
        self,
        client: AsyncKernel,
        session: str,
        publish: Callable[[ev.Event], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._session = session
        self._publish = publish
        self._clock = clock
        self._last: int | None = None
        self._room, self._filled_at = float(RATE), clock()
        self._left_out = 0
        self.listeners: list[Callable[[Any], None]] = []
        self.page = Page()
        self.reading = False

    async def follow(self) -> None:
        """Read through every break, until cancelled; or until the browser is gone or telemetry is refused."""
        breaks = 0
        while True:
            before = self._last
            try:
                await self._read()
            except kernel.NotFoundError:
                return
            except kernel.APIStatusError as error:
                if error.status_code < 500 and error.status_code not in (408, 429):
                    self._warn(f"telemetry can't be followed: {said(error)}")
                    return
            except (kernel.APIError, httpx.HTTPError, TimeoutError):
                pass  # torn: it goes on where it broke off
            except RecorderFailed:
                return
            except Exception as error:  # a report that trips the SDK up
                self._warn(f"a report of the browser can't be read ({type(error).__name__})")
            breaks = 0 if self._last != before else breaks + 1
            limit_s = min(BACKOFF_MAX_S, BACKOFF_S * 2 ** min(breaks, 10))
            await asyncio.sleep(limit_s * random.uniform(0.5, 1.0))

    async def _read(self) -> None:
        """Read one connection to its end."""
        # From the very beginning at first: the page it was opened on was there before anyone could listen.
        resume: dict[str, Any] = (
            {"replay": "all"} if self._last is None else {"last_event_id": str(self._last)}
        )
        stream = await self._client.browsers.telemetry.stream(
            self._session, **resume, timeout=httpx.Timeout(QUIET_S, connect=5.0)
        )
        async with stream:
            self.reading = True
            try:
                async for envelope in stream:
                    await self._take(envelope)
            finally:
                self.reading = False

    async def _take(self, envelope: Any) -> None:
        """Take the next report; one seen already is left, one that was missed is looked up."""
        seq = envelope.seq
        if self._last is not None:
            if seq <= self._last:
                return
            if seq > self._last + 1:
                await self._fill(seq)
        self._last = seq
        self._give(envelope)

    async def _fill(self, until: int) -> None:
        """Look reports up that were lost on the way; what even the history lacks is told as a number."""
        missing = set(range((self._last or 0) + 1, until)) if self._last is not None else set()
        found: dict[int, Any] = {}
        if len(missing) <= HISTORY_MAX:
            with contextlib.suppress(kernel.APIError, httpx.HTTPError, TimeoutError, RuntimeError):
                async with asyncio.timeout(HISTORY_S):
                    found = await self._history(missing)
        for seq in sorted(found):
            self._last = seq
            self._give(found[seq])
        self._left_out += len(missing) - len(found)

    async def _history(self, missing: set[int]) -> dict[int, Any]:
        found: dict[int, Any] = {}
        read = 0
        pages = self._client.browsers.telemetry.events(
            self._session, since=HISTORY_SINCE, limit=HISTORY_PAGE, order="asc"
        )
        async for envelope in pages:
            read += 1
            if envelope.seq in missing:
                found[envelope.seq] = envelope
            if len(found) == len(missing) or read >= 10 * HISTORY_MAX:
                break
        return found

    def _give(self, envelope: Any) -> None:
        for listener in self.listeners:
            listener(envelope)
        self.page = self.page.after(envelope.event)
        reported = report(envelope.seq, envelope.event)
        if reported is None:
            return
        if not self._has_room():
            self._left_out += 1
            return
        self._tell_left_out(envelope.seq)
        self._publish(reported)

    def _has_room(self) -> bool:
        now = self._clock()
        self._room = min(float(RATE), self._room + (now - self._filled_at) * RATE)
        self._filled_at = now
        if self._room < 1:
            return False
        self._room -= 1
        return True

    def _tell_left_out(self, seq: int) -> None:
        """Say how many are not in the journal, before the next one that is."""
        if self._left_out:
            text = f"{self._left_out} more reports were left out"
            self._left_out = 0
            self._publish(ev.PageReported(number=seq, category="monitor", kind="left_out", text=text))

    def close(self) -> None:
        """Say what is still to be said."""
        with contextlib.suppress(RecorderFailed):
            self._tell_left_out(self._last or 0)

    def _warn(self, what: str) -> None:
        with contextlib.suppress(RecorderFailed):
            self._publish(ev.Warned(what=what))


__all__ = ["TelemetryFollower", "safe_url"]
