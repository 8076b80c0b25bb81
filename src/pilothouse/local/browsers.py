"""The browsers of one local server: made, found, listed, left idle, deleted. No HTTP here.

A deleted browser stays in the books, as it does with Kernel (soft delete); its process, profile and display
are gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import string
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import msgspec

from pilothouse.local.desktop import DesktopFailed
from pilothouse.local.kernel_actions import Refused
from pilothouse.local.kernel_monitor import Monitor
from pilothouse.local.kernel_telemetry import OF_PAGES, TelemetryLog, read_telemetry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from pilothouse.children import Identity
    from pilothouse.local.desktop import Desktop
    from pilothouse.local.kernel_params import CreateParams, UpdateParams

STANDBY_S = 5.0
"""Kernel lets a browser sleep after this long; only then does its timeout begin to run (kernel-api §1.7)."""
IDLE_CHECK_S = 1.0
SESSIONS_MAX = 6
"""About 450 MB each."""
REMEMBERED_MAX = 1000
BUSY_RETRY_S = 5
REGION = "local"
_ID_ALPHABET = string.ascii_lowercase + string.digits


class OpenDesktop(Protocol):
    """Starts a desktop of the kind this server has."""

    async def __call__(self, params: CreateParams, directory: Path, identity: Identity | None) -> Desktop:
        """Start one.

        Raises:
            StartFailed: It did not come up.
        """


class Places(Protocol):
    """Where browsers keep what is theirs, and who they run as."""

    def identity(self) -> Identity | None:
        """Pick who the next one runs as."""

    def make(self, name: str, identity: Identity | None) -> Path:
        """Make a browser's directory."""

    def remove(self, directory: Path) -> None:
        """Remove a browser's directory."""


class PoolRef(msgspec.Struct, frozen=True):
    """The pool a browser was made for."""

    id: str
    name: str | None = None


class Usage(msgspec.Struct, frozen=True):
    """How long a browser ran, and how long it only stood by."""

    uptime_ms: int
    standby_ms: int


class Browser:
    """One browser, alive or remembered.

    Attributes:
        pool: The pool it belongs to.
        parked: It waits in its pool, for nobody yet: not listed, not found, never idle.
        ending: What takes it down, once somebody has asked for that; whoever asked may have gone since.
    """

    def __init__(self, params: CreateParams, desktop: Desktop, directory: Path, now: float) -> None:
        self.id = "".join(secrets.choice(_ID_ALPHABET) for _ in range(24))
        self.jwt = secrets.token_urlsafe(24)
        self.params = params
        self.name = params.name
        self.tags = dict(params.tags)
        self.start_url = params.start_url
        self.desktop = desktop
        self.directory = directory
        self.created_at = datetime.now(UTC)
        self.deleted_at: datetime | None = None
        self.mutex = asyncio.Lock()
        self.under_way: set[asyncio.Task[object]] = set()
        self.watch: asyncio.Task[None] | None = None
        self.ending: asyncio.Task[None] | None = None
        self.telemetry = TelemetryLog(params.telemetry)
        self.monitor = Monitor(desktop, self.telemetry)
        self.pool: PoolRef | None = None
        self.parked = False
        self._began = self._last_activity = now
        self._ended: float | None = None
        self._standby_s = 0.0

    def touch(self, now: float) -> None:
        """Note that somebody uses it; what it stood by until now is counted as that."""
        if not self.under_way:
            self._standby_s += max(0.0, now - self._last_activity - STANDBY_S)
        self._last_activity = now

    def end(self, now: float) -> None:
        """Note its end."""
        self.touch(now)
        self._ended = now
        self.deleted_at = datetime.now(UTC)

    @property
    def is_ending(self) -> bool:
        """Say whether it is deleted already, and something of it is still left."""
        return self.ending is not None and not self.ending.done()

    def is_idle(self, now: float) -> bool:
        """Say whether nobody has used it for its timeout, standby included."""
        limit_s = STANDBY_S + self.params.timeout_seconds
        return not self.parked and not self.under_way and now - self._last_activity >= limit_s

    def usage(self, now: float) -> Usage:
        """Say how long it has run, and stood by: from 5 s after a use to the next one, free at Kernel's."""
        until = now if self._ended is None else self._ended
        standby_s = self._standby_s
        if not self.under_way:
            standby_s += max(0.0, until - self._last_activity - STANDBY_S)
        return Usage(int((until - self._began - standby_s) * 1e3), int(standby_s * 1e3))


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What to list; newest first."""

    status: str = "active"
    tags: dict[str, str] = {}
    query: str = ""
    region: str = ""
    limit: int = 20
    offset: int = 0


class Page(msgspec.Struct, frozen=True):
    """A piece of a list; `next_offset` is 0 at its end."""

    browsers: tuple[Browser, ...]
    next_offset: int


class Browsers:
    """All browsers of a server.

    Args:
        open_desktop: Starts one.
        places: Their directories.
        clock: Monotonic seconds.
        sessions_max: How many may be alive.
    """

    def __init__(
        self,
        open_desktop: OpenDesktop,
        places: Places,
        clock: Callable[[], float] = time.monotonic,
        sessions_max: int = SESSIONS_MAX,
    ) -> None:
        self._open_desktop = open_desktop
        self._places = places
        self._clock = clock
        self._sessions_max = sessions_max
        self._all: dict[str, Browser] = {}
        self._names_coming: list[str | None] = []
        self._reserved: Callable[[], int] = lambda: 0
        self._before_end: list[Callable[[Browser], Awaitable[None]]] = []

    def before_end(self, call: Callable[[Browser], Awaitable[None]]) -> None:
        """Have something called with every browser that is about to end, while its screen still stands."""
        self._before_end.append(call)

    def reserve(self, counted: Callable[[], int]) -> None:
        """Count, with the sessions, as many as this says: pools take their room before it is filled."""
        self._reserved = counted

    # --- finding -------------------------------------------------------------------------------------

    def find(self, id_or_name: str, *, deleted: bool = False) -> Browser:
        """Find a browser by its id or name; a deleted one only when those are asked for too.

        Raises:
            Refused: 404.
        """
        browser = self._all.get(id_or_name) or self._named(id_or_name)
        if browser is None and deleted:
            named = (one for one in reversed(self._all.values()) if one.name == id_or_name)
            browser = next(named, None)
        if browser is None or browser.parked or (browser.deleted_at is not None and not deleted):
            raise Refused(404, "not_found", "browser session not found")
        return browser

    def page(self, wanted: Filter) -> Page:
        """List browsers, newest first."""
        matching = [browser for browser in reversed(self._all.values()) if _matches(browser, wanted)]
        end = wanted.offset + wanted.limit
        return Page(tuple(matching[wanted.offset : end]), end if end < len(matching) else 0)

    def _named(self, name: str) -> Browser | None:
        return next((browser for browser in self._active() if browser.name == name), None)

    def _active(self) -> list[Browser]:
        return [browser for browser in self._all.values() if browser.deleted_at is None]

    def room(self) -> tuple[int, int]:
        """Say how many are alive or reserved, and how many may be."""
        single = sum(browser.pool is None for browser in self._active())
        return single + len(self._names_coming) + self._reserved(), self._sessions_max

    def usage(self, browser: Browser) -> Usage:
        """Say how long a browser has run."""
        return browser.usage(self._clock())

    # --- changing ------------------------------------------------------------------------------------

    async def create(self, params: CreateParams) -> Browser:
        """Start a browser.

        Raises:
            Refused: 409 for a name in use, 429 when there are as many as there may be.
            StartFailed: It did not come up; nothing is left of it.
        """
        self.check_name(params.name)
        used, most = self.room()
        if used >= most:
            text = f"at most {most} browsers may be alive"
            raise Refused(429, "concurrency_limit", text, retry_after_s=BUSY_RETRY_S)
        self._names_coming.append(params.name)
        try:
            return await self._create(params, None)
        finally:
            self._names_coming.remove(params.name)

    async def park(self, params: CreateParams, pool: PoolRef) -> Browser:
        """Start a browser for a pool, which has reserved its room; nobody finds it yet.

        Raises:
            StartFailed: It did not come up; nothing is left of it.
        """
        return await self._create(params, pool)

    def lease(self, browser: Browser, name: str | None, tags: dict[str, str]) -> None:
        """Let a parked browser be found and used, from now on."""
        browser.parked = False
        browser.name, browser.tags = name, dict(tags)
        browser.touch(self._clock())

    async def park_again(self, browser: Browser) -> None:
        """Take a leased browser back, as it is; nothing of its lease is told of it any more.

        Who leased it can't come back to it either: the way straight to the machine has another credential.
        """
        browser.parked = True
        browser.name, browser.tags = None, dict(browser.params.tags)
        browser.jwt = secrets.token_urlsafe(24)
        browser.telemetry.end()
        browser.telemetry = TelemetryLog(browser.params.telemetry)
        await browser.monitor.tell(browser.telemetry)

    async def _create(self, params: CreateParams, pool: PoolRef | None) -> Browser:
        identity = self._places.identity()
        directory = self._places.make(secrets.token_hex(4), identity)
        # Who wants to hear of pages wants to hear of the first one too: it opens when somebody listens.
        listens_first = bool(params.telemetry & OF_PAGES) and bool(params.start_url)
        opened = msgspec.structs.replace(params, start_url="") if listens_first else params
        try:
            desktop = await self._open_desktop(opened, directory, identity)
        except BaseException:
            self._places.remove(directory)
            raise
        browser = Browser(params, desktop, directory, self._clock())
        browser.pool, browser.parked = pool, pool is not None
        self._all[browser.id] = browser
        browser.watch = asyncio.create_task(self._delete_when_ended(browser))
        try:
            await browser.monitor.adjust()
            if listens_first:
                with contextlib.suppress(DesktopFailed):  # best effort, as with Kernel
                    await desktop.navigate(params.start_url)
        except BaseException:
            await self.delete(browser)
            raise
        return browser

    def check_name(self, name: str | None) -> None:
        """Refuse a name in use.

        Raises:
            Refused: 409.
        """
        if name is not None and (self._named(name) or name in self._names_coming):
            raise Refused(409, "conflict", f"a browser named {name!r} already exists")

    async def update(self, browser: Browser, params: UpdateParams) -> None:
        """Change a browser.

        Raises:
            Refused: 409 for a name in use, 400 for telemetry that contradicts itself.
            DesktopFailed: The address could not be opened.
        """
        if params.name is not None and (params.name or None) != browser.name:
            self.check_name(params.name or None)
            browser.name = params.name or None
        categories = read_telemetry(params.telemetry, browser.telemetry.categories)
        if categories != browser.telemetry.categories:
            browser.telemetry.categories = categories
            await browser.monitor.adjust()
        if params.tags is not None:
            browser.tags = dict(params.tags)
        if params.start_url:
            browser.start_url = params.start_url
            async with self.using(browser):
                await browser.desktop.navigate(params.start_url)

    async def delete(self, browser: Browser) -> None:
        """End a browser at once, whatever it is doing; returns when nothing of it is left.

        The end goes on when the caller is cancelled; whoever asks again waits for the same end.
        """
        if browser.ending is None:
            browser.end(self._clock())
            browser.ending = asyncio.create_task(self._end(browser))
        await asyncio.shield(browser.ending)

    async def _end(self, browser: Browser) -> None:
        for task in browser.under_way:
            task.cancel()
        if browser.watch is not None:
            browser.watch.cancel()
        try:
            await asyncio.gather(*(call(browser) for call in self._before_end))
            await browser.monitor.stop(detach=False)
        finally:
            browser.telemetry.end()
            await browser.desktop.close()
            self._places.remove(browser.directory)
            self._forget()

    async def close(self) -> None:
        """End all of them, and wait for those that are about to end."""
        left = [browser for browser in self._all.values() if browser.deleted_at is None or browser.is_ending]
        await asyncio.gather(*(self.delete(browser) for browser in left))

    def _forget(self) -> None:
        """Keep the books bounded: the longest deleted go first."""
        gone = [one.id for one in self._all.values() if one.deleted_at is not None and not one.is_ending]
        for identifier in gone[: max(0, len(gone) - REMEMBERED_MAX)]:
            del self._all[identifier]

    # --- using ---------------------------------------------------------------------------------------

    @asynccontextmanager
    async def using(self, browser: Browser) -> AsyncIterator[Desktop]:
        """Have a browser to oneself; counts as activity from the request to the answer."""
        task = asyncio.current_task()
        if task is None:
            raise AssertionError("only a task can use a browser")
        browser.touch(self._clock())
        browser.under_way.add(task)
        try:
            async with browser.mutex:
                yield browser.desktop
        except asyncio.CancelledError:
            if browser.deleted_at is None or task.cancelling() > 1:
                raise
            task.uncancel()  # it was the delete that cancelled us: the caller is owed an answer
            raise Refused(404, "not_found", "browser session not found") from None
        finally:
            browser.touch(self._clock())
            browser.under_way.discard(task)

    async def delete_idle(self) -> None:
        """Delete those that nobody has used for their timeout."""
        now = self._clock()
        await asyncio.gather(*(self.delete(browser) for browser in self._active() if browser.is_idle(now)))

    async def keep_watch(self) -> None:
        """Delete idle browsers as time goes by; runs until cancelled."""
        while True:
            await asyncio.sleep(IDLE_CHECK_S)
            await self.delete_idle()

    async def _delete_when_ended(self, browser: Browser) -> None:
        code = await browser.desktop.ended()
        if code:
            data = {"service_name": "chromium", "phase": "running"}
            browser.telemetry.emit("system", "service_crashed", {"kind": "local_process"}, data)
        browser.watch = None  # the end must not cancel who asks for it
        await self.delete(browser)


def _matches(browser: Browser, wanted: Filter) -> bool:
    if browser.parked or (wanted.region and wanted.region != REGION):
        return False
    if wanted.status != "all" and (browser.deleted_at is not None) != (wanted.status == "deleted"):
        return False
    if any(browser.tags.get(name) != value for name, value in wanted.tags.items()):
        return False
    text = wanted.query.lower()
    pool = browser.pool.name if browser.pool else None
    return text in browser.id or text in (browser.name or "").lower() or text in (pool or "").lower()
