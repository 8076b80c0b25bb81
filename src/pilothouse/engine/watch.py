"""What an engine keeps an eye on beside its loop: its children, and browsers that dead runs left over."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from pilothouse import events as ev
from pilothouse.browser import reaper
from pilothouse.engine.backends import BROWSER_SERVER, MODEL_SERVER
from pilothouse.engine.fates import driven, fate_of
from pilothouse.errors import BrowserError, ModelError, PilothouseError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from kernel import AsyncKernel

    from pilothouse.engine.backends import Backends
    from pilothouse.engine.berth import Berth
    from pilothouse.engine.spec import RunSpec

STRAYS_S = 2.0
"""The look for strays goes on beside the start of the run, and takes no longer than this."""
_log = logging.getLogger("pilothouse")


class Watch:
    """Background tasks of a run, none of which it waits for.

    Args:
        backends: The run's children.
        berth: Where its browser is.
        client: The Kernel client.
        spec: What the run was started with.
        publish: Appends an event.
        fail: Ends the run for a reason.
    """

    def __init__(
        self,
        backends: Backends,
        berth: Berth,
        client: AsyncKernel,
        spec: RunSpec,
        publish: Callable[[ev.Event], object],
        fail: Callable[[PilothouseError], None],
    ) -> None:
        self._backends = backends
        self._berth = berth
        self._client = client
        self._spec = spec
        self._publish = publish
        self._fail = fail
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin."""
        if self._backends.has(BROWSER_SERVER):
            self._berth.explain = self._why_ended
            self._berth.revive = self._revive
            self._begin(self._browser_server())
        if self._backends.has(MODEL_SERVER):
            self._begin(self._model_server())
        if self._spec.browser == "kernel":
            self._begin(self._strays())

    async def close(self) -> None:
        """End all of it."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, PilothouseError):
            _log.error("a watch over the run met a defect", exc_info=error)

    # --- children ------------------------------------------------------------------------------------

    async def _why_ended(self) -> str:
        return await self._backends.ended(BROWSER_SERVER)

    async def _browser_server(self) -> None:
        """Tell of the end of the local browser's server at once, not at the next action."""
        self._berth.lose(await self._backends.ended(BROWSER_SERVER, None))

    async def _revive(self) -> None:
        if await self._backends.revive_browser_server():
            self._client.base_url = str(self._backends.browser.base_url)
            self._begin(self._browser_server())

    async def _model_server(self) -> None:
        """End a run that nobody attends when its scripted model is gone: no retry brings it back."""
        why = await self._backends.ended(MODEL_SERVER, None)
        if self._spec.headless:
            self._fail(ModelError(why, way_out="start a new run"))
        else:
            self._publish(ev.Warned(what=why, way_out="abort the run"))

    # --- strays --------------------------------------------------------------------------------------

    async def _strays(self) -> None:
        """Delete browsers whose runs of this host are dead, quietly; what can't be listed is no trouble."""
        found: list[reaper.Stray] = []
        reaped: set[str] = set()
        with contextlib.suppress(TimeoutError, BrowserError):
            async with asyncio.timeout(STRAYS_S):
                strays = await reaper.find(self._client, fate_of, driven)
                found = [stray for stray in strays if stray.is_dead and not self._is_ours(stray)]
                await asyncio.gather(*(self._reap(stray, reaped) for stray in found))
        left = len(found) - len(reaped)
        if left:
            what = (
                f"{left} browsers of dead runs are still there"
                if left > 1
                else "a dead run's browser is still there"
            )
            self._publish(ev.Warned(what=what, way_out="pilothouse reap"))

    def _is_ours(self, stray: reaper.Stray) -> bool:
        """Say whether it is the existing browser of this run, which may not be attached to it yet."""
        existing = self._spec.browser_options.existing
        return bool(existing) and existing in (stray.session, stray.name)

    async def _reap(self, stray: reaper.Stray, reaped: set[str]) -> None:
        with contextlib.suppress(BrowserError):
            await reaper.delete(self._client, stray)
            reaped.add(stray.session)
            self._publish(
                ev.StrayReaped(name=stray.name, run=stray.run, age_s=stray.age_s, cost_usd=stray.cost_usd)
            )
