"""Pools of browsers, started before somebody wants one: filled, leased, released, flushed. No HTTP here.

A pool takes the room of its whole size from the server's sessions at once, whether it is filled yet or not,
as Kernel counts it. What waits in a pool is found by nobody and never idle.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse.errors import StartFailed
from pilothouse.local.browsers import BUSY_RETRY_S, PoolRef
from pilothouse.local.desktop import DesktopFailed
from pilothouse.local.kernel_actions import Refused, bad_request, not_implemented
from pilothouse.local.kernel_params import (
    CreateParams,
    UpdateParams,
    check_lease,
    read_create,
    shape,
)
from pilothouse.local.kernel_telemetry import described, read_telemetry

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pilothouse.local.browsers import Browser, Browsers

ACQUIRE_DEFAULT_S, ACQUIRE_MAX_S = 30, 600
FILL_RETRY_S = 5.0
POOLS_MAX = 100
_OF_THE_POOL = (
    "size",
    "name",
    "fill_rate_per_minute",
    "refresh_on_profile_update",
    "discard_all_idle",
    "expected_network",
)
_NOT_CONFIGURATION = ("discard_all_idle", "expected_network", "telemetry")


class AcquireParams(msgspec.Struct, frozen=True, kw_only=True):
    """What a lease is to be like."""

    acquire_timeout_seconds: int = ACQUIRE_DEFAULT_S
    name: str | None = None
    profile: dict[str, Any] | None = None
    start_url: str | None = None
    tags: dict[str, str] | None = None
    telemetry: dict[str, Any] | None = None

    def check(self) -> None:
        """Refuse what can't be had."""
        if self.profile:
            raise not_implemented("a local browser has no profile")
        if not 0 <= self.acquire_timeout_seconds <= ACQUIRE_MAX_S:
            raise bad_request(f"acquire_timeout_seconds must be between 0 and {ACQUIRE_MAX_S}")
        check_lease(self.name, self.tags or {}, self.start_url or "")


class Pool:
    """One pool.

    Attributes:
        given: Its configuration as it was asked for.
        members: Its browsers, those that wait and those that are leased.
    """

    def __init__(self, given: dict[str, Any], params: CreateParams, size: int) -> None:
        self.id = secrets.token_hex(12)
        self.created_at = datetime.now(UTC)
        self.name: str | None = given.get("name") or None
        self.given = given
        self.params = params
        self.size = size
        self.members: dict[str, Browser] = {}
        self.news = asyncio.Condition()
        self.filling: asyncio.Task[None] | None = None

    @property
    def idle(self) -> list[Browser]:
        """List what waits, the longest waiting first."""
        return [browser for browser in self.members.values() if browser.parked]

    @property
    def leased(self) -> list[Browser]:
        """List what is in use."""
        return [browser for browser in self.members.values() if not browser.parked]

    def describe(self) -> dict[str, Any]:
        """Write it as Kernel does."""
        configuration = {name: one for name, one in self.given.items() if name not in _NOT_CONFIGURATION}
        if self.params.telemetry:
            configuration["telemetry"] = described(self.params.telemetry)
        told: dict[str, Any] = {
            "id": self.id,
            "acquired_count": len(self.leased),
            "available_count": len(self.idle),
            "browser_pool_config": {**configuration, "size": self.size},
            "created_at": self.created_at.isoformat(),
            "extension_ids": [],
            "region": "local",
            "warnings": list(self.params.warnings),
        }
        return told if self.name is None else {**told, "name": self.name}


class Pools:
    """All pools of a server.

    Args:
        browsers: Where their browsers come from.
        at_release: Called with a browser that is given back, to end what belongs to its lease.
    """

    def __init__(self, browsers: Browsers, at_release: Callable[[Browser], Awaitable[None]]) -> None:
        self._browsers = browsers
        self._at_release = at_release
        self._pools: dict[str, Pool] = {}
        browsers.reserve(self._reserved)
        browsers.before_end(self._ended)

    def _reserved(self) -> int:
        return sum(max(pool.size, len(pool.members)) for pool in self._pools.values())

    def all(self) -> list[Pool]:
        """List them, newest first."""
        return list(reversed(self._pools.values()))

    def find(self, id_or_name: str) -> Pool:
        """Find a pool.

        Raises:
            Refused: 404.
        """
        for pool in self._pools.values():
            if id_or_name in (pool.id, pool.name):
                return pool
        raise Refused(404, "not_found", "browser pool not found")

    # --- the pools themselves ------------------------------------------------------------------------

    def create(self, body: dict[str, Any]) -> Pool:
        """Make a pool; it is filled in the background.

        Raises:
            Refused: 400, 409 for a name in use, 429 without room, 501.
        """
        given = {name: value for name, value in body.items() if value is not None}
        params, size = _read(given)
        self._check_name(given.get("name"))
        self._check_room(size)
        if len(self._pools) >= POOLS_MAX:
            raise Refused(409, "conflict", f"at most {POOLS_MAX} pools are kept")
        pool = Pool(given, params, size)
        self._pools[pool.id] = pool
        self._fill(pool)
        return pool

    async def update(self, pool: Pool, body: dict[str, Any]) -> None:
        """Change what new browsers of a pool will be like, and how many wait.

        Raises:
            Refused: As `create`; 409 `stale_network`.
        """
        network = pool.given.get("network", {})
        if body.get("expected_network") is not None and body["expected_network"] != network:
            raise Refused(409, "stale_network", "the pool's network is another one now")
        changes = {name: value for name, value in body.items() if value is not None and name != "telemetry"}
        if not changes.get("name"):
            changes.pop("name", None)
        given = {**pool.given, **changes}
        params, size = _read(given)
        telemetry = read_telemetry(body.get("telemetry"), pool.params.telemetry)
        if given.get("name") != pool.name:
            self._check_name(given["name"])
        self._check_room(size - max(pool.size, len(pool.members)))
        discards = bool(given.pop("discard_all_idle", False)) or given.get("network", {}) != network
        pool.given, pool.size, pool.name = given, size, given.get("name")
        pool.params = msgspec.structs.replace(params, telemetry=telemetry)
        spare = len(pool.members) - size
        for browser in pool.idle if discards else pool.idle[: max(0, spare)]:
            await self._browsers.delete(browser)
        self._fill(pool)

    async def delete(self, pool: Pool, *, force: bool) -> None:
        """Remove a pool and its browsers.

        Raises:
            Refused: 409, when some are leased and this is not to be forced.
        """
        if pool.leased and not force:
            raise Refused(409, "conflict", "browsers of this pool are in use; force=true ends them")
        self._pools.pop(pool.id, None)
        await self._stop_filling(pool)
        await asyncio.gather(*(self._browsers.delete(one) for one in list(pool.members.values())))
        async with pool.news:
            pool.news.notify_all()

    async def flush(self, pool: Pool) -> None:
        """End what waits; new ones take their places."""
        await asyncio.gather(*(self._browsers.delete(browser) for browser in pool.idle))

    async def close(self) -> None:
        """Fill no more; the browsers are ended by who has them."""
        pools = list(self._pools.values())
        self._pools.clear()
        await asyncio.gather(*(self._stop_filling(pool) for pool in pools))

    def _check_name(self, name: str | None) -> None:
        if name and any(pool.name == name for pool in self._pools.values()):
            raise Refused(409, "conflict", f"a browser pool named {name!r} already exists")

    def _check_room(self, more: int) -> None:
        used, most = self._browsers.room()
        if more > 0 and used + more > most:
            text = f"at most {most} browsers may be alive or reserved; {used} are"
            raise Refused(429, "concurrency_limit", text, retry_after_s=BUSY_RETRY_S)

    # --- leases --------------------------------------------------------------------------------------

    async def acquire(self, pool: Pool, params: AcquireParams) -> Browser | None:
        """Lease a browser; None when none came free in time.

        Raises:
            Refused: 400, 404 for a pool deleted meanwhile, 409 for a name in use, 501.
        """
        params.check()
        self._browsers.check_name(params.name or None)
        read_telemetry(params.telemetry, pool.params.telemetry)
        try:
            async with asyncio.timeout(params.acquire_timeout_seconds), pool.news:
                await pool.news.wait_for(lambda: pool.idle or pool.id not in self._pools)
        except TimeoutError:
            if not pool.idle:
                return None
        if pool.id not in self._pools:
            raise Refused(404, "not_found", "browser pool not found")
        if not pool.idle:  # somebody else was quicker, in the moment between
            return None
        browser = pool.idle[0]
        self._browsers.check_name(params.name or None)
        self._browsers.lease(browser, params.name or None, params.tags or {})
        try:
            await self._dress(browser, params)
        except BaseException:
            await self.release(pool, browser.id, reuse=False)
            raise
        return browser

    async def _dress(self, browser: Browser, params: AcquireParams) -> None:
        with contextlib.suppress(DesktopFailed):  # an address is opened as well as it goes
            wanted = UpdateParams(telemetry=params.telemetry, start_url=params.start_url)
            await self._browsers.update(browser, wanted)

    async def release(self, pool: Pool, session_id: str, *, reuse: bool) -> None:
        """Give a browser back: to be leased again as it is, or to be replaced.

        Raises:
            Refused: 404 for one that is not leased from this pool.
        """
        browser = pool.members.get(session_id)
        if browser is None or browser.parked:
            raise Refused(404, "not_found", "this pool has leased no such browser")
        if not reuse or len(pool.members) > pool.size:
            await self._browsers.delete(browser)
            return
        await self._at_release(browser)
        await self._browsers.park_again(browser)
        async with pool.news:
            pool.news.notify_all()

    # --- filling -------------------------------------------------------------------------------------

    def _fill(self, pool: Pool) -> None:
        if pool.id in self._pools and (pool.filling is None or pool.filling.done()):
            pool.filling = asyncio.create_task(self._keep_full(pool))

    async def _keep_full(self, pool: Pool) -> None:
        """Start browsers, one after the other, until there are as many as there should be."""
        while len(pool.members) < pool.size:
            try:
                browser = await self._browsers.park(pool.params, PoolRef(pool.id, pool.name))
            except StartFailed:
                await asyncio.sleep(FILL_RETRY_S)
                continue
            if browser.deleted_at is not None:
                continue
            pool.members[browser.id] = browser
            async with pool.news:
                pool.news.notify_all()

    async def _stop_filling(self, pool: Pool) -> None:
        if pool.filling is not None:
            pool.filling.cancel()
            await asyncio.gather(pool.filling, return_exceptions=True)

    async def _ended(self, browser: Browser) -> None:
        """Replace a browser that has gone, however it went."""
        pool = self._pools.get(browser.pool.id) if browser.pool else None
        if pool is not None and browser.id in pool.members:
            del pool.members[browser.id]
            self._fill(pool)


def _read(given: dict[str, Any]) -> tuple[CreateParams, int]:
    """Read what the browsers of a pool are to be like, and how many there should be."""
    size = given.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise bad_request("size must be at least 1")
    name = given.get("name")
    check_lease(None if name is None else shape(name, str, "name"), {}, "")
    return read_create({name: value for name, value in given.items() if name not in _OF_THE_POOL}), size
