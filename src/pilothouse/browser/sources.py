"""Where a run's browser comes from, and how it is given back: made, taken from a pool, or already there.

A browser asked for has a name of ours, so that it is found even when the answer was lost; it is adopted only
if its tags say that it is ours (kernel-api §1.7).
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol

import kernel

from pilothouse.browser.faults import ActionUnknown, BrowserLost, TooMany, acting, asking, said
from pilothouse.browser.wishes import is_ours
from pilothouse.errors import BrowserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel import AsyncKernel

CREATE_TIMEOUT_S = 60.0
CREATE_TRIES = 3
CREATE_SPACING_S = 0.5
WAIT_MAX_S = 30.0
"""A service that asks for more patience than this is told to a person instead."""
CREATE_GRACE_S = 2.0
"""On the way out a browser still coming up is waited for this long: until then there is nothing to delete."""
DELETE_TRIES = 3
DELETE_TRY_S = 1.8
ACQUIRE_S = 60
"""How long a pool is asked for a free browser."""
_PLAIN_NO = (400, 401, 402, 403, 404, 422, 429, 501)


class Source(Protocol):
    """One way to have a browser, and to be rid of it."""

    name: str
    """What it is called in the journal, before there is an id."""
    ours: bool
    """It ends with the run; else it is only left."""

    async def have(self) -> Any:
        """Get the browser, as the service describes it.

        Raises:
            BrowserError: It can't be had; the sentence says why.
        """
        ...

    async def end(self, session: str, *, reuse: bool) -> str:
        """Delete it, or give it back; returns what is to be said of it, if anything.

        Raises:
            BrowserError: Nobody knows whether it ended.
        """
        ...


class _Again(Exception):
    """Asking once more may help: `args` are why, and how long to wait at least."""


class Asked(ABC):
    """A browser asked for under a name of ours.

    Args:
        client: The Kernel client.
        name: Its name, derived from the run id.
        run: The run id, for the tags.
        retrying: Told of each further try: its number, the seconds before it, and why.
    """

    ours = True

    def __init__(
        self, client: AsyncKernel, name: str, run: str, retrying: Callable[[int, float, str], None]
    ) -> None:
        self._client = client
        self._run = run
        self._retrying = retrying
        self._request: asyncio.Task[Any] | None = None
        self._unanswered = False
        self._refused = False
        self._not_ours = False
        self.name = name

    @abstractmethod
    async def _ask(self) -> Any:
        """Ask once."""

    @abstractmethod
    async def _finish(self, session: str, *, reuse: bool) -> None:
        """End it; may be done again."""

    async def have(self) -> Any:
        """Ask; a lost answer or a conflict means that the name may exist: adopt it. A few tries in all."""
        for attempt in range(1, CREATE_TRIES + 1):
            try:
                return await self._once()
            except _Again as again:
                why, delay_s = again.args
                delay_s = max(delay_s, CREATE_SPACING_S * 2 ** (attempt - 1))
                if attempt == CREATE_TRIES or delay_s > WAIT_MAX_S:
                    raise BrowserError(
                        f"no browser could be had: {why}", way_out="check the connection"
                    ) from again.__cause__
                self._retrying(attempt, delay_s, why)
                await asyncio.sleep(delay_s)
        raise AssertionError("unreachable")

    async def _once(self) -> Any:
        # A task of its own: an abort must not cut the request off, or the browser would come up later, with
        # nobody to delete it.
        self._request = asyncio.create_task(self._ask())
        self._refused = False
        try:
            return await asyncio.shield(self._request)
        except kernel.AuthenticationError as error:
            self._refused = True
            raise BrowserError("Kernel refused the key (401)", way_out="check KERNEL_API_KEY") from error
        except kernel.ConflictError:
            return await self._adopt()
        except kernel.RateLimitError as error:
            self._refused = True
            raise _Again(said(error), _patience(error)) from error
        except kernel.APIStatusError as error:
            if error.status_code in _PLAIN_NO:
                self._refused = True
                raise BrowserError(f"no browser could be had: {said(error)}") from error
            return await self._adopt_or(said(error), error)
        except kernel.APIConnectionError as error:
            return await self._adopt_or("Kernel can't be reached", error)
        except BrowserError:
            raise
        except Exception as error:  # an answer that trips the SDK up
            return await self._adopt_or(f"the answer can't be read ({type(error).__name__})", error)

    async def _adopt_or(self, why: str, error: Exception) -> Any:
        """Adopt what an unanswered request may have made; if there is nothing, ask again."""
        self._unanswered = True
        try:
            return await self._found()
        except BrowserLost:
            raise _Again(why, 0.0) from error
        except ActionUnknown:
            raise _Again(why, 0.0) from error

    async def _adopt(self) -> Any:
        try:
            return await self._found()
        except (ActionUnknown, BrowserLost) as error:
            raise _Again(f"its name is taken, and {error}", 0.0) from error

    async def _found(self) -> Any:
        """Find the browser of our name, and make sure that it is ours: anybody may use the name."""
        browser = await asking(lambda: self._client.browsers.retrieve(self.name), tries=2)
        if not is_ours(browser.tags, self._run):
            self._not_ours = True
            raise BrowserError(
                f"no browser could be had: the name {self.name} is taken by one that is not this run's",
                way_out="start the run again, it gets another name",
            )
        return browser

    async def end(self, session: str, *, reuse: bool) -> str:
        """End it by name: valid even when the answer, and with it the session id, was lost."""
        await self._settle()
        if self._not_ours:
            return "its name belongs to another, which was not touched"
        if self._refused and not self._unanswered:
            return "it was refused, and never made"
        try:
            await self._finish(session, reuse=reuse)
        except BrowserLost:
            if self._may_come_yet and not session:
                raise BrowserError("it was asked for, and may still come up") from None
        except ActionUnknown as error:
            raise BrowserError(f"delete unconfirmed: {error}") from error
        return ""

    async def _settle(self) -> None:
        """Let a browser that is being made come up first."""
        request = self._request
        if request is None or request.done():
            return
        await asyncio.wait({request}, timeout=CREATE_GRACE_S)
        if not request.done():
            self._unanswered = True
            request.cancel()

    @property
    def _may_come_yet(self) -> bool:
        """Say whether a browser was asked for, and no answer told whether there is one."""
        request = self._request
        if request is None:
            return False
        if self._unanswered or not request.done() or request.cancelled():
            return True
        return isinstance(request.exception(), kernel.APIConnectionError)


class Created(Asked):
    """A browser made for the run, and deleted with it."""

    def __init__(
        self,
        client: AsyncKernel,
        params: dict[str, Any],
        run: str,
        retrying: Callable[[int, float, str], None],
    ) -> None:
        super().__init__(client, params["name"], run, retrying)
        self._params = params

    async def _ask(self) -> Any:
        return await self._client.browsers.create(**self._params, timeout=CREATE_TIMEOUT_S)

    async def _finish(self, session: str, *, reuse: bool) -> None:
        browsers = self._client.browsers
        await asking(lambda: browsers.delete_by_id(self.name), DELETE_TRIES, DELETE_TRY_S)


class Pooled(Asked):
    """A browser leased from a pool, and given back; what was lost or aborted is not used again."""

    def __init__(
        self,
        client: AsyncKernel,
        pool: str,
        params: dict[str, Any],
        run: str,
        retrying: Callable[[int, float, str], None],
    ) -> None:
        super().__init__(client, params["name"], run, retrying)
        self._pool = pool
        self._given_back = False
        self._params = params

    async def _ask(self) -> Any:
        browser = await self._client.browser_pools.acquire(
            self._pool, **self._params, acquire_timeout_seconds=ACQUIRE_S, timeout=ACQUIRE_S + 15.0
        )
        if browser is None:
            raise BrowserError(
                f"no browser could be had: none of the pool {self._pool} became free within {ACQUIRE_S} s",
                way_out="release one, or make the pool larger",
            )
        return browser

    async def end(self, session: str, *, reuse: bool) -> str:
        """Give it back."""
        self._given_back = False
        return await super().end(session, reuse=reuse) or (
            "given back to its pool" if self._given_back else "none was there"
        )

    async def _finish(self, session: str, *, reuse: bool) -> None:
        if not session:  # the answer was lost: the lease has our name all the same
            session = (await self._found()).session_id
        pools = self._client.browser_pools
        await asking(
            lambda: pools.release(self._pool, session_id=session, reuse=reuse), DELETE_TRIES, DELETE_TRY_S
        )
        self._given_back = True


class Existing:
    """A browser that somebody else made: used as it is, never resized, never deleted."""

    ours = False

    def __init__(self, client: AsyncKernel, id_or_name: str, params: dict[str, Any]) -> None:
        self._client = client
        self._params = params
        self.name = id_or_name

    async def have(self) -> Any:
        """Find it, and change in it what was asked for: the page that it shows, what it reports."""
        try:
            browser = await asking(lambda: self._client.browsers.retrieve(self.name))
        except BrowserLost as error:
            raise BrowserError(f"there is no browser {self.name}", way_out="name a living one") from error
        except (ActionUnknown, TooMany) as error:
            raise BrowserError(f"the browser {self.name} can't be had: {error}") from error
        if self._params:
            await acting(self._client.browsers.update(browser.session_id, **self._params))
        return browser

    async def end(self, session: str, *, reuse: bool) -> str:
        """Leave it."""
        return ""


def _patience(error: kernel.RateLimitError) -> float:
    try:
        return float(error.response.headers.get("retry-after", ""))
    except ValueError:
        return 0.0
