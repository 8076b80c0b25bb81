"""The routes of replay videos; they stay on the control plane, as the SDK has them. No film is made here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from pilothouse.local.kernel_actions import Refused
from pilothouse.local.kernel_http import NO_RETRY, read
from pilothouse.local.kernel_replays import ReplayParams

if TYPE_CHECKING:
    from pilothouse.local.browsers import Browser, Browsers
    from pilothouse.local.kernel_replays import Replay, Replays

_RETRY_RUNNING_S, _RETRY_FINALISING_S = 5, 1


class ReplayRoutes:
    """The handlers."""

    def __init__(self, browsers: Browsers, replays: Replays) -> None:
        self._browsers = browsers
        self._replays = replays

    def routes(self) -> list[web.RouteDef]:
        """List them."""
        return [
            web.post("/browsers/{browser}/replays", self._start),
            web.get("/browsers/{browser}/replays", self._list),
            web.get("/browsers/{browser}/replays/{replay}", self._download),
            web.post("/browsers/{browser}/replays/{replay}/stop", self._stop),
            web.get("/vm/{browser}/replays/{replay}", self._download),
        ]

    def _browser(self, request: web.Request, *, deleted: bool = True) -> Browser:
        return self._browsers.find(request.match_info["browser"], deleted=deleted)

    async def _start(self, request: web.Request) -> web.Response:
        browser = self._browser(request, deleted=False)
        params = await read(request, ReplayParams, {})
        replay = await self._replays.start(browser, params)
        return web.json_response(_describe(request, browser, replay), status=201)

    async def _list(self, request: web.Request) -> web.Response:
        browser = self._browser(request)
        return web.json_response([_describe(request, browser, one) for one in self._replays.of(browser)])

    async def _stop(self, request: web.Request) -> web.Response:
        replay = self._replays.find(self._browser(request), request.match_info["replay"])
        await replay.stop()
        return web.Response()

    async def _download(self, request: web.Request) -> web.StreamResponse:
        replay = self._replays.find(self._browser(request), request.match_info["replay"])
        if not replay.ended.is_set():
            wait_s = _RETRY_FINALISING_S if replay.stopped.is_set() else _RETRY_RUNNING_S
            return web.Response(status=202, headers={**NO_RETRY, "Retry-After": str(wait_s)})
        if not replay.complete:
            raise Refused(500, "internal_error", "the replay was cut off and can't be played")
        return web.FileResponse(replay.path, headers={"Content-Type": "video/mp4"})


def _describe(request: web.Request, browser: Browser, replay: Replay) -> dict[str, Any]:
    """Write a replay as Kernel does; the address to view it carries a credential."""
    described = {
        "replay_id": replay.id,
        "started_at": replay.started_at.isoformat(),
        "replay_view_url": f"http://{request.host}/vm/{browser.id}/replays/{replay.id}?jwt={browser.jwt}",
    }
    if replay.finished_at is not None:
        described["finished_at"] = replay.finished_at.isoformat()
    return described
