"""The routes of browser pools. No pool is kept here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from pilothouse.local.kernel_http import flag, list_headers, number, read, read_object
from pilothouse.local.kernel_pools import AcquireParams

if TYPE_CHECKING:
    from collections.abc import Callable

    from pilothouse.local.browsers import Browser
    from pilothouse.local.kernel_pools import Pool, Pools

LIST_MAX, LIST_DEFAULT = 100, 20


class _Release(msgspec.Struct, frozen=True):
    session_id: str
    reuse: bool = True


class PoolRoutes:
    """The handlers.

    Args:
        pools: What they are about.
        describe: Writes a leased browser.
    """

    def __init__(self, pools: Pools, describe: Callable[[Browser, web.Request], dict[str, Any]]) -> None:
        self._pools = pools
        self._describe = describe

    def routes(self) -> list[web.RouteDef]:
        """List them."""
        return [
            web.post("/browser_pools", self._create),
            web.get("/browser_pools", self._list),
            web.get("/browser_pools/{pool}", self._retrieve),
            web.patch("/browser_pools/{pool}", self._update),
            web.delete("/browser_pools/{pool}", self._delete),
            web.post("/browser_pools/{pool}/acquire", self._acquire),
            web.post("/browser_pools/{pool}/release", self._release),
            web.post("/browser_pools/{pool}/flush", self._flush),
        ]

    def _find(self, request: web.Request) -> Pool:
        return self._pools.find(request.match_info["pool"])

    async def _create(self, request: web.Request) -> web.Response:
        return web.json_response(self._pools.create(await read_object(request)).describe(), status=201)

    async def _list(self, request: web.Request) -> web.Response:
        name, text = request.query.get("name"), request.query.get("query", "").lower()
        limit = number(request.query, "limit", 1, LIST_MAX, LIST_DEFAULT)
        offset = number(request.query, "offset", 0, 1 << 31, 0)
        found = [
            pool
            for pool in self._pools.all()
            if (name is None or name.lower() == (pool.name or "").lower())
            and (text in (pool.name or "").lower() or text == pool.id)
            and request.query.get("region", "local") == "local"
        ]
        end = offset + limit
        headers = list_headers(end if end < len(found) else 0)
        return web.json_response([pool.describe() for pool in found[offset:end]], headers=headers)

    async def _retrieve(self, request: web.Request) -> web.Response:
        return web.json_response(self._find(request).describe())

    async def _update(self, request: web.Request) -> web.Response:
        pool = self._find(request)
        await self._pools.update(pool, await read_object(request))
        return web.json_response(pool.describe())

    async def _delete(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        force = body.get("force") is True or flag(request.query, "force")
        await self._pools.delete(self._find(request), force=force)
        return web.Response(status=204)

    async def _acquire(self, request: web.Request) -> web.Response:
        params = await read(request, AcquireParams, {})
        browser = await self._pools.acquire(self._find(request), params)
        if browser is None:
            return web.Response(status=204)
        return web.json_response(self._describe(browser, request))

    async def _release(self, request: web.Request) -> web.Response:
        asked = await read(request, _Release)
        await self._pools.release(self._find(request), asked.session_id, reuse=asked.reuse)
        return web.Response(status=204)

    async def _flush(self, request: web.Request) -> web.Response:
        await self._pools.flush(self._find(request))
        return web.Response(status=204)
