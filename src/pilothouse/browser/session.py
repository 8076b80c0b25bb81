"""The life of a run's browser: intended, opened, kept alive, closed. Nothing here acts in it.

The name is journalled and synced before the call, so that a browser whose reply was lost can be found and
deleted by name alone (terminal-and-journal §0.5).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

import kernel

from pilothouse import events as ev
from pilothouse.browser.faults import ActionUnknown, BrowserLost, asking, said
from pilothouse.errors import BrowserError, RecorderFailed
from pilothouse.ids import host_hash

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    from kernel import AsyncKernel

TIMEOUT_SECONDS = 300
"""Kernel ends a browser left idle this long: our dead-man switch (design §7)."""
HEARTBEAT_S = 100.0
DELETE_TRIES = 3
DELETE_CAP_S = 4.0
"""Of the five seconds that an abort may take; creation still under way is waited for within it."""
CREATE_GRACE_S = 2.5
CREATE_TIMEOUT_S = 60.0


def make_client(
    api_key: str, base_url: str | None = None, http_client: httpx.AsyncClient | None = None
) -> AsyncKernel:
    """Make the one Kernel client of a run; it must never send an action twice, so it makes no retries."""
    return kernel.AsyncKernel(
        api_key=api_key, base_url=base_url, max_retries=0, timeout=30.0, http_client=http_client
    )


class BrowserSession:
    """One browser of one run.

    Args:
        client: The Kernel client.
        name: The browser's name, derived from the run id.
        run: The run id, for the tags.
        publish: Appends an event; with `durable`, synced before it returns.
    """

    def __init__(
        self, client: AsyncKernel, name: str, run: str, publish: Callable[..., object], kind: str
    ) -> None:
        self._client = client
        self._publish = publish
        self._kind = kind
        self._run = run
        self._intended = False
        self._closed = False
        self._creating: asyncio.Task[Any] | None = None
        self.name = name
        self.session = ""
        self.width_px = 0
        self.height_px = 0

    async def open(
        self, width_px: int, height_px: int, start_url: str = "", allow_hosts: tuple[str, ...] = ()
    ) -> None:
        """Create the browser, or adopt it if an earlier attempt already did.

        Raises:
            BrowserError: It can't be had; the sentence says why.
        """
        began = time.monotonic()
        self._publish(ev.BrowserIntended(name=self.name, kind=self._kind), durable=True)
        self._intended = True
        params: dict[str, Any] = {
            "name": self.name,
            "tags": {"app": "pilothouse", "run": self._run, "host": host_hash()},
            "timeout_seconds": TIMEOUT_SECONDS,
            "viewport": {"width": width_px, "height": height_px},
        }
        if start_url:
            params["start_url"] = start_url
        if allow_hosts:
            params["network"] = {"allowed_hosts": list(allow_hosts)}
        browser = await self._create(params)
        self.session = browser.session_id
        self.width_px, self.height_px = width_px, height_px
        if browser.viewport is not None:
            self.width_px, self.height_px = browser.viewport.width, browser.viewport.height
        self._publish(
            ev.BrowserOpened(
                name=self.name,
                session=self.session,
                width_px=self.width_px,
                height_px=self.height_px,
                opened_ms=(time.monotonic() - began) * 1e3,
            )
        )

    async def _create(self, params: dict[str, Any]) -> Any:
        """Create; a lost reply or a conflict means that the name may exist: adopt it."""
        # A task of its own: an abort must not cut the request off, or the browser would come up later, with
        # nobody to delete it.
        self._creating = asyncio.create_task(self._client.browsers.create(**params, timeout=CREATE_TIMEOUT_S))
        try:
            return await asyncio.shield(self._creating)
        except kernel.AuthenticationError as error:
            raise BrowserError("Kernel refused the key (401)", way_out="check KERNEL_API_KEY") from error
        except kernel.ConflictError:
            return await self._adopt()
        except kernel.APIStatusError as error:
            raise BrowserError(f"no browser could be had: {said(error)}") from error
        except kernel.APIConnectionError as error:
            try:
                return await self._adopt()
            except BrowserError:
                raise BrowserError(
                    "no browser could be had: Kernel can't be reached", way_out="check the connection"
                ) from error
        except BrowserError:
            raise
        except Exception as error:  # an answer that trips the SDK up
            raise BrowserError(
                f"no browser could be had: the answer can't be read ({type(error).__name__})"
            ) from error

    async def _adopt(self) -> Any:
        try:
            return await asking(lambda: self._client.browsers.retrieve(self.name))
        except (BrowserError, BrowserLost) as error:
            raise BrowserError(f"no browser could be had: {error}") from error

    async def keep_alive(self, last_activity: Callable[[], float]) -> None:
        """Touch the browser whenever nothing else has for 100 s; runs until cancelled.

        A hold, or a long think of the model, would otherwise run into its idle time limit.
        """
        while True:
            idle = time.monotonic() - last_activity()
            await asyncio.sleep(max(0.05, HEARTBEAT_S - idle))
            if time.monotonic() - last_activity() < HEARTBEAT_S:
                continue
            try:
                await asking(lambda: self._client.browsers.computer.get_mouse_position(self.session))
            except BrowserError as error:
                self._publish(ev.Warned(what=f"the browser does not answer its heartbeat: {error}"))
            else:
                self._publish(ev.BrowserKeptAlive(name=self.name))
            await asyncio.sleep(HEARTBEAT_S)

    async def close(self, why: str, *, keep: bool = False) -> None:
        """Delete the browser, or leave it; says what became of it, and never raises."""
        if self._closed or not self._intended:
            return
        self._closed = True
        if keep and self.session:
            self._tell(ev.BrowserClosed(name=self.name, why=why, kept=True))
            return
        if self._was_refused:
            self._tell(ev.BrowserClosed(name=self.name, why="it was refused, and never made"))
            return
        problem = ""
        try:
            async with asyncio.timeout(DELETE_CAP_S):
                await self._settle_creation()
                await self._delete()
        except TimeoutError:
            problem = "no answer in time"
        except BrowserError as error:
            problem = str(error)
        if problem:
            self._tell(ev.DeletePending(name=self.name, why=problem))
        else:
            self._tell(ev.BrowserClosed(name=self.name, why=why))

    def _tell(self, event: ev.Event) -> None:
        with contextlib.suppress(RecorderFailed):  # the run is ending for that very reason
            self._publish(event, durable=True)

    async def _settle_creation(self) -> None:
        """Let a browser that is being made come up first: until then there is nothing to delete."""
        creating = self._creating
        if creating is not None and not creating.done():
            await asyncio.wait({creating}, timeout=CREATE_GRACE_S)
            creating.cancel()

    @property
    def _was_refused(self) -> bool:
        """Say whether the one request for it was answered with a plain no: a wrong key, a wrong wish."""
        creating = self._creating
        if creating is None or not creating.done() or creating.cancelled():
            return False
        error = creating.exception()
        return isinstance(error, kernel.APIStatusError) and error.status_code in (400, 401, 402, 403, 422)

    @property
    def _may_come_yet(self) -> bool:
        """Say whether a browser was asked for, and no answer told whether there is one."""
        creating = self._creating
        if self.session or creating is None:
            return False
        if not creating.done() or creating.cancelled():
            return True
        return isinstance(creating.exception(), kernel.APIConnectionError)

    async def _delete(self) -> None:
        try:
            # By name: valid even when the create's reply, and with it the session id, was lost.
            await asking(lambda: self._client.browsers.delete_by_id(self.name), DELETE_TRIES)
        except BrowserLost:
            if self._may_come_yet:
                raise BrowserError("it was asked for, and may still come up") from None
        except ActionUnknown as error:
            raise BrowserError(f"delete unconfirmed: {error}") from error
