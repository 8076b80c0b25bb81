"""The life of a run's browser: intended, opened, kept alive, closed. Nothing here acts in it.

The name is journalled and synced before the call, so that a browser whose reply was lost can be found and
deleted by name alone (terminal-and-journal §0.5).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

import httpx
import kernel

from pilothouse import events as ev
from pilothouse.browser.faults import BrowserLost, asking
from pilothouse.browser.reaper import USD_PER_S_GPU, USD_PER_S_HEADFUL, USD_PER_S_HEADLESS
from pilothouse.browser.wishes import TIMEOUT_SECONDS
from pilothouse.errors import BrowserError, RecorderFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel import AsyncKernel

    from pilothouse.browser.sources import Source

HEARTBEAT_S = 100.0
"""A third of `TIMEOUT_SECONDS`: two may be lost. A shorter limit of a browser's own makes it shorter."""
DELETE_CAP_S = 3.0
"""Of the five seconds that an abort may take; creation still under way is waited for within it."""
CALL_S = 30.0
"""The longest that an ordinary action may take; a slow one says so itself."""
CONNECT_S = 5.0


def make_client(
    api_key: str, base_url: str | None = None, http_client: httpx.AsyncClient | None = None
) -> AsyncKernel:
    """Make the one Kernel client of a run; it must never send an action twice, so it makes no retries."""
    return kernel.AsyncKernel(
        api_key=api_key,
        base_url=base_url,
        max_retries=0,
        timeout=httpx.Timeout(CALL_S, connect=CONNECT_S),
        http_client=http_client,
    )


def _usd_per_h(browser: Any) -> float:
    """Say the most that a browser costs by the hour."""
    if getattr(browser, "gpu", False):
        return USD_PER_S_GPU * 3600
    return (USD_PER_S_HEADLESS if browser.headless else USD_PER_S_HEADFUL) * 3600


def devtools_url(browser: Any) -> str:
    """Say where its pages may be asked; an answer of the service may leave anything out."""
    if getattr(browser, "stealth", False):
        return ""
    return str(getattr(browser, "cdp_ws_url", "") or "")


class BrowserSession:
    """One browser of one run.

    Args:
        client: The Kernel client.
        source: Where it comes from, and how it is given back.
        publish: Appends an event; with `durable`, synced before it returns.
        kind: `kernel` or `local`, for the journal.
    """

    def __init__(
        self, client: AsyncKernel, source: Source, publish: Callable[..., object], kind: str
    ) -> None:
        self._client = client
        self._source = source
        self._publish = publish
        self._kind = kind
        self._intended = False
        self._closed = False
        self._limit_s = float(TIMEOUT_SECONDS)
        self.name = source.name
        self.session = ""
        self.live_view_url = ""
        """Where it can be watched and driven: whoever has it needs nothing else, so that no disk gets it."""
        self.devtools_url = ""
        """Where its pages can be asked whether they are at rest; a secret like that. Empty for a browser in
        stealth: a page can tell that it is asked."""
        self.width_px = 0
        self.height_px = 0

    async def open(self, width_px: int, height_px: int) -> None:
        """Have the browser; one that is made for us is asked for at this size.

        Raises:
            BrowserError: It can't be had; the sentence says why.
        """
        began = time.monotonic()
        self._publish(ev.BrowserIntended(name=self.name, kind=self._kind), durable=True)
        self._intended = True
        browser = await self._source.have()
        self.session = browser.session_id
        self.live_view_url = browser.browser_live_view_url or ""
        self.devtools_url = devtools_url(browser)
        self._limit_s = float(browser.timeout_seconds or TIMEOUT_SECONDS)
        self.width_px, self.height_px = await self._size(browser, width_px, height_px)
        self._publish(
            ev.BrowserOpened(
                name=self.name,
                session=self.session,
                width_px=self.width_px,
                height_px=self.height_px,
                opened_ms=(time.monotonic() - began) * 1e3,
                usd_per_h=_usd_per_h(browser) if self._kind == "kernel" else 0.0,
            )
        )

    async def _size(self, browser: Any, width_px: int, height_px: int) -> tuple[int, int]:
        """Read how large it really is; one we did not ask for is measured where nothing tells."""
        if browser.viewport is not None:
            return browser.viewport.width, browser.viewport.height
        if self._source.ours:
            return width_px, height_px
        from pilothouse.browser.camera import Camera

        shot = await Camera(self._client, self.session, width_px, height_px).shoot()
        return shot.width_px, shot.height_px

    async def keep_alive(
        self, last_activity: Callable[[], float], lost: Callable[[str], object] = lambda why: None
    ) -> None:
        """Touch the browser whenever nothing else has for a while; runs until cancelled, or until it is gone.

        A hold, or a long think of the model, would otherwise run into its idle time limit: its own, as
        one that we did not make may have another.
        """
        every_s = min(HEARTBEAT_S, self._limit_s / 3)
        touched = last_activity()
        while True:
            idle = time.monotonic() - max(touched, last_activity())
            if idle < every_s:
                await asyncio.sleep(max(0.05, every_s - idle))
                continue
            touched = time.monotonic()
            try:
                await asking(lambda: self._client.browsers.computer.get_mouse_position(self.session))
            except BrowserLost as error:
                lost(str(error))
                return
            except BrowserError as error:
                self._publish(ev.Warned(what=f"the browser does not answer its heartbeat: {error}"))
            else:
                self._publish(ev.BrowserKeptAlive(name=self.name))

    async def close(self, why: str, *, keep: bool = False, reuse: bool = True, gone: str = "") -> None:
        """Delete the browser, give it back, or leave it; says what became of it, and never raises.

        Args:
            why: What is journalled as the reason.
            keep: Leave it open.
            reuse: It may go back to its pool for others.
            gone: How its service ended, and every browser with it: then there is nothing to delete.
        """
        if self._closed or not self._intended:
            return
        self._closed = True
        if gone:
            self._tell(ev.BrowserClosed(name=self.name, why=gone))
            return
        if not self._source.ours or (keep and self.session):
            self._tell(ev.BrowserClosed(name=self.name, why=why, kept=True))
            return
        problem = became = ""
        try:
            async with asyncio.timeout(DELETE_CAP_S):
                became = await self._source.end(self.session, reuse=reuse)
        except TimeoutError:
            problem = "no answer in time"
        except BrowserError as error:
            problem = str(error)
        if problem:
            self._tell(ev.DeletePending(name=self.name, why=problem))
        else:
            self._tell(ev.BrowserClosed(name=self.name, why=became or why))

    def _tell(self, event: ev.Event) -> None:
        with contextlib.suppress(RecorderFailed):  # the run is ending for that very reason
            self._publish(event, durable=True)


__all__ = ["HEARTBEAT_S", "TIMEOUT_SECONDS", "BrowserSession", "make_client"]
