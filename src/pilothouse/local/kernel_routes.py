"""Kernel's REST routes over local browsers: who may ask, what is read and answered. No browser logic here.

The same computer calls are reached through the control plane (`/browsers/{x}/computer/…`, bearer token, by id
or name) and, as the SDK does once it has seen a browser, straight at the machine
(`/vm/{id}/computer/…?jwt=`), whose errors carry a `message` only (kernel-api §1.2, §1.4).
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
from aiohttp import web

from pilothouse.errors import StartFailed
from pilothouse.local import kernel_actions as actions
from pilothouse.local.browsers import REGION, Browser, Browsers, Filter
from pilothouse.local.desktop import DesktopFailed
from pilothouse.local.fidelity import FIDELITY
from pilothouse.local.kernel_absent import sentence
from pilothouse.local.kernel_actions import Refused, bad_request, not_implemented
from pilothouse.local.kernel_http import (
    flag,
    is_direct,
    list_headers,
    number,
    read,
    read_object,
    read_required,
    refusal,
    same,
)
from pilothouse.local.kernel_params import read_create, read_update
from pilothouse.local.kernel_pool_routes import PoolRoutes
from pilothouse.local.kernel_replay_routes import ReplayRoutes
from pilothouse.local.kernel_telemetry import described as described_telemetry
from pilothouse.local.kernel_telemetry_routes import TelemetryRoutes
from pilothouse.local.loopback import is_ours

if TYPE_CHECKING:
    from pilothouse.local.kernel_pools import Pools
    from pilothouse.local.kernel_replays import Replays

BODY_MAX_BYTES = 4 << 20
SHOWN_S = 0.02
"""A plain screenshot waits no longer for the words beside it."""
LIST_MAX, LIST_DEFAULT = 100, 20
_TAG = re.compile(r"tags\[(.+)\]")


class KernelRoutes:
    """The handlers.

    Args:
        browsers: What they are about.
        replays: Their films.
        pools: Those that wait to be wanted.
        token: The bearer token asked for.
        direct: Whether answers tell the SDK the way straight to the machine.
    """

    def __init__(
        self, browsers: Browsers, replays: Replays, pools: Pools, token: str, *, direct: bool = True
    ) -> None:
        self._browsers = browsers
        self._replays = replays
        self._pools = pools
        self._token = token
        self._direct = direct

    def application(self) -> web.Application:
        """Make the application."""
        app = web.Application(middlewares=[self._guarded], client_max_size=BODY_MAX_BYTES)
        app.add_routes(
            [
                web.post("/browsers", self._create),
                web.get("/browsers", self._list),
                web.get("/browsers/{browser}", self._retrieve),
                web.patch("/browsers/{browser}", self._update),
                web.delete("/browsers/{browser}", self._delete),
                web.post("/browsers/{browser}/computer/{call:.+}", self._told),
                web.post("/vm/{browser}/computer/{call:.+}", self._told),
                *ReplayRoutes(self._browsers, self._replays).routes(),
                *TelemetryRoutes(self._browsers).routes(),
                *PoolRoutes(self._pools, self._describe).routes(),
                web.get("/local/fidelity", self._fidelity),
                web.get("/org/limits", self._limits),
                web.route("*", "/{anything:.*}", self._absent),
            ]
        )
        return app

    # --- who may ask, and how a refusal looks --------------------------------------------------------

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Any) -> web.StreamResponse:
        try:
            self._admit(request)
            response: web.StreamResponse = await handler(request)
        except Refused as error:
            return refusal(request, error)
        except DesktopFailed as failure:
            return refusal(request, Refused(500, "internal_error", str(failure)))
        except StartFailed as failure:
            return refusal(request, Refused(500, "browser_start_failed", str(failure)))
        except web.HTTPException as problem:
            return refusal(request, Refused(problem.status, "bad_request", problem.reason))
        return response

    def _admit(self, request: web.Request) -> None:
        if not is_ours(request):
            raise Refused(403, "forbidden", "this server answers programs of this machine only")
        if is_direct(request):
            _, _, identifier, area, *_ = [*request.path.split("/"), "", ""]
            # A film outlives its browser for a while, and so does the address to see it.
            browser = self._browsers.find(identifier, deleted=area == "replays")
            if not same(request.query.get("jwt", ""), browser.jwt):
                raise Refused(401, "unauthorized", "invalid jwt")
            return
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not same(given, self._token):
            raise Refused(401, "unauthorized", "invalid API key")

    # --- browsers ------------------------------------------------------------------------------------

    async def _create(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        browser = await self._browsers.create(read_create(body))
        return web.json_response(self._describe(browser, request, _echo(body)), status=201)

    async def _retrieve(self, request: web.Request) -> web.Response:
        browser = self._find(request, deleted=flag(request.query, "include_deleted"))
        return web.json_response(self._describe(browser, request))

    async def _list(self, request: web.Request) -> web.Response:
        wanted = _filter(request)
        page = self._browsers.page(wanted)
        described = [self._describe(one, request) for one in page.browsers]
        return web.json_response(described, headers=list_headers(page.next_offset))

    async def _update(self, request: web.Request) -> web.Response:
        browser = self._find(request)
        await self._browsers.update(browser, read_update(await read_object(request)))
        return web.json_response(self._describe(browser, request))

    async def _delete(self, request: web.Request) -> web.Response:
        browser = self._find(request, deleted=True)
        if browser.deleted_at is not None and not browser.is_ending:
            browser = self._find(request)
        await self._browsers.delete(browser)
        return web.Response(status=204)

    def _find(self, request: web.Request, *, deleted: bool = False) -> Browser:
        return self._browsers.find(request.match_info["browser"], deleted=deleted)

    def _describe(
        self, browser: Browser, request: web.Request, echoed: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Write a browser as Kernel does; the addresses in it carry a credential."""
        params = browser.params
        host = request.host
        described: dict[str, Any] = {
            "session_id": browser.id,
            "created_at": browser.created_at.isoformat(),
            "headless": params.headless,
            "stealth": params.stealth,
            "timeout_seconds": params.timeout_seconds,
            "memory": "0GiB",
            "region": REGION,
            "kiosk_mode": params.kiosk_mode,
            "tags": browser.tags,
            "viewport": msgspec.to_builtins(params.viewport),
            # DevTools are not handed out: the SDK only takes the jwt from here.
            "cdp_ws_url": f"ws://{host}/vm/{browser.id}/cdp?jwt={browser.jwt}",
            "webdriver_ws_url": f"ws://{host}/vm/{browser.id}/webdriver?jwt={browser.jwt}",
            "usage": msgspec.to_builtins(self._browsers.usage(browser)),
            "warnings": [*params.warnings, *browser.desktop.warnings],
        }
        if self._direct:
            described["base_url"] = f"http://{host}/vm/{browser.id}"
        if browser.name is not None:
            described["name"] = browser.name
        if browser.start_url:
            described["start_url"] = browser.start_url
        if browser.telemetry.categories:
            described["telemetry"] = described_telemetry(browser.telemetry.categories)
        if browser.pool is not None:
            described["pool"] = {"id": browser.pool.id, "name": browser.pool.name}
        if browser.deleted_at is not None:
            described |= {"deleted_at": browser.deleted_at.isoformat(), "usage_status": "ready"}
        return {**(echoed or {}), **described}

    # --- the computer --------------------------------------------------------------------------------

    async def _told(self, request: web.Request) -> web.Response:
        """Do a computer call, and tell of it."""
        log = self._find(request).telemetry
        began, status = time.monotonic(), 500
        try:
            answer = await self._computer(request)
            status = answer.status
        except Refused as error:
            status = error.status
            raise
        finally:
            data = {
                "operation_id": _OPERATIONS.get(request.match_info["call"], "ComputerCall"),
                "request_id": secrets.token_hex(8),
                "status": status,
                "duration_ms": round((time.monotonic() - began) * 1e3, 3),
            }
            log.emit("control", "api_call", {"kind": "kernel_api"}, data)
        return answer

    async def _computer(self, request: web.Request) -> web.Response:
        browser = self._find(request)
        call = request.match_info["call"]
        if call in _ACTIONS:
            return await self._act(browser, await read(request, _ACTIONS[call]))
        match call:
            case "batch":
                return await self._batch(browser, actions.parse_batch(await read_required(request)))
            case "screenshot":
                return await self._screenshot(browser, await read(request, actions.Screenshot, {}))
            case "settled":
                return await self._settled(browser)
            case "get_mouse_position":
                async with self._browsers.using(browser) as desktop:
                    x, y = await desktop.mouse_position()
                return web.json_response({"x": x, "y": y})
            case "cursor":
                return await self._act(
                    browser, await read(request, actions.SetCursor), web.json_response({"ok": True})
                )
            case "clipboard/read":
                async with self._browsers.using(browser) as desktop:
                    return web.json_response({"text": await desktop.read_clipboard()})
            case "clipboard/write":
                written = await read(request, actions.WriteClipboard)
                async with self._browsers.using(browser) as desktop:
                    await desktop.write_clipboard(written.text)
                return web.Response()
        raise not_implemented(f"a local browser has no computer/{call}")

    async def _act(
        self, browser: Browser, action: actions.Action, answer: web.Response | None = None
    ) -> web.Response:
        action.check(browser.desktop.screen)
        async with self._browsers.using(browser) as desktop:
            await desktop.perform(action)
        return answer or web.Response()

    async def _batch(self, browser: Browser, batch: list[actions.Action]) -> web.Response:
        async with self._browsers.using(browser) as desktop:
            for index, action in enumerate(batch):
                try:
                    action.check(desktop.screen)
                    await desktop.perform(action)
                except Refused as refusal:
                    text = f"actions[{index}] ({action.NAME}): {refusal.message}"
                    raise Refused(refusal.status, refusal.code, text) from None
                except DesktopFailed as failure:
                    raise DesktopFailed(f"actions[{index}] ({action.NAME}): {failure}") from failure
        return web.Response()

    async def _screenshot(self, browser: Browser, wanted: actions.Screenshot) -> web.Response:
        wanted.check(browser.desktop.screen)
        async with self._browsers.using(browser) as desktop:
            picture, (url, title) = await asyncio.gather(
                desktop.screenshot(wanted.region), desktop.shown(SHOWN_S)
            )
        return web.Response(body=picture, content_type="image/png", headers=_shown(url, title))

    async def _settled(self, browser: Browser) -> web.Response:
        """Answer a screenshot once the screen is at rest; `x-pilothouse-settle` announces this extension."""
        async with self._browsers.using(browser) as desktop:
            settled = await desktop.settled()
        told = {"x-settle-ms": f"{settled.settle_ms:.1f}", "x-settled-by": settled.settled_by}
        headers = _shown(settled.url, settled.title) | told
        return web.Response(body=settled.png, content_type="image/png", headers=headers)

    # --- the rest ------------------------------------------------------------------------------------

    async def _fidelity(self, request: web.Request) -> web.Response:
        return web.json_response(msgspec.to_builtins(FIDELITY))

    async def _limits(self, request: web.Request) -> web.Response:
        used, most = self._browsers.room()
        return web.json_response(
            {
                "max_concurrent_sessions": most,
                "concurrent_sessions_used": used,
                "concurrent_sessions_available": most - used,
                "auth_connections_used": 0,
                "vaults_used": 0,
                "min_health_check_interval_seconds": 0,
            }
        )

    async def _absent(self, request: web.Request) -> web.Response:
        area, _, rest = request.path.strip("/").partition("/")
        if area == "browsers" and rest:
            self._browsers.find(rest.partition("/")[0])
        raise not_implemented(sentence(request.method, request.path))


_ACTIONS: dict[str, type[actions.Action]] = {
    "click_mouse": actions.ClickMouse,
    "move_mouse": actions.MoveMouse,
    "drag_mouse": actions.DragMouse,
    "scroll": actions.Scroll,
    "type": actions.TypeText,
    "press_key": actions.PressKey,
}
_OPERATIONS = {
    "click_mouse": "ClickMouse",
    "move_mouse": "MoveMouse",
    "drag_mouse": "DragMouse",
    "scroll": "Scroll",
    "type": "TypeText",
    "press_key": "PressKey",
    "batch": "BatchComputerAction",
    "screenshot": "TakeScreenshot",
    "get_mouse_position": "GetMousePosition",
    "cursor": "SetCursor",
    "clipboard/read": "ReadClipboard",
    "clipboard/write": "WriteClipboard",
}
"""The names of the handlers in the machine's own server; the last four are our guess."""


def _shown(url: str, title: str) -> dict[str, str]:
    """Say what a person would read in the address bar and the tab; Kernel's has no such headers."""
    return {
        "x-page-url": quote(url, safe=":/?#&=", errors="replace"),
        "x-page-title": quote(title, safe=" ", errors="replace"),
        "x-pilothouse-settle": "1",
    }


def _filter(request: web.Request) -> Filter:
    query = request.query
    status = query.get("status") or ("all" if flag(query, "include_deleted") else "active")
    if status not in ("active", "deleted", "all"):
        raise bad_request("status must be active, deleted or all")
    tags = {found[1]: value for name, value in query.items() if (found := _TAG.fullmatch(name))}
    return Filter(
        status=status,
        tags=tags,
        query=query.get("query", ""),
        region=query.get("region", ""),
        limit=number(query, "limit", 1, LIST_MAX, LIST_DEFAULT),
        offset=number(query, "offset", 0, 1 << 31, 0),
    )


def _echo(body: dict[str, Any]) -> dict[str, Any]:
    """Keep what is echoed as it came."""
    return {name: body[name] for name in ("invocation_id",) if name in body}
