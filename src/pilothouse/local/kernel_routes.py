"""Kernel's REST routes over local browsers: who may ask, what is read and answered. No browser logic here.

The same computer calls are reached through the control plane (`/browsers/{x}/computer/…`, bearer token, by id
or name) and, as the SDK does once it has seen a browser, straight at the machine
(`/vm/{id}/computer/…?jwt=`), whose errors carry a `message` only (kernel-api §1.2, §1.4).
"""

from __future__ import annotations

import asyncio
import hmac
import json
import re
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
from aiohttp import web

from pilothouse.errors import StartFailed
from pilothouse.local import kernel_actions as actions
from pilothouse.local.browsers import Browser, Browsers, Filter
from pilothouse.local.desktop import DesktopFailed
from pilothouse.local.fidelity import FIDELITY
from pilothouse.local.kernel_actions import Refused, bad_request, not_implemented
from pilothouse.local.kernel_params import read_create, read_update
from pilothouse.local.loopback import is_ours

T = TypeVar("T")
BODY_MAX_BYTES = 4 << 20
SHOWN_S = 0.02
"""A plain screenshot waits no longer for the words beside it."""
LIST_MAX, LIST_DEFAULT = 100, 20
_TAG = re.compile(r"tags\[(.+)\]")
_NO_RETRY = {"x-should-retry": "false"}
"""The SDK would send a click again after a 409, 429 or 5xx (kernel-api §0.4); it obeys this."""


class KernelRoutes:
    """The handlers.

    Args:
        browsers: What they are about.
        token: The bearer token asked for.
        direct: Whether answers tell the SDK the way straight to the machine.
    """

    def __init__(self, browsers: Browsers, token: str, *, direct: bool = True) -> None:
        self._browsers = browsers
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
                web.post("/browsers/{browser}/computer/{call:.+}", self._computer),
                web.post("/vm/{browser}/computer/{call:.+}", self._computer),
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
        except Refused as refusal:
            return _error(request, refusal.status, refusal.code, refusal.message)
        except DesktopFailed as failure:
            return _error(request, 500, "internal_error", str(failure))
        except StartFailed as failure:
            return _error(request, 500, "browser_start_failed", str(failure))
        except web.HTTPException as problem:
            return _error(request, problem.status, "bad_request", problem.reason)
        return response

    def _admit(self, request: web.Request) -> None:
        if not is_ours(request):
            raise Refused(403, "forbidden", "this server answers programs of this machine only")
        if request.path.startswith("/vm/"):
            browser = self._browsers.find(request.path.split("/")[2])
            if not _same(request.query.get("jwt", ""), browser.jwt):
                raise Refused(401, "unauthorized", "invalid jwt")
            return
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not _same(given, self._token):
            raise Refused(401, "unauthorized", "invalid API key")

    # --- browsers ------------------------------------------------------------------------------------

    async def _create(self, request: web.Request) -> web.Response:
        body = await _body(request)
        if not isinstance(body, dict):
            body = {}
        browser = await self._browsers.create(read_create(body))
        return web.json_response(self._describe(browser, request, _echo(body)), status=201)

    async def _retrieve(self, request: web.Request) -> web.Response:
        browser = self._find(request, deleted=request.query.get("include_deleted") == "true")
        return web.json_response(self._describe(browser, request))

    async def _list(self, request: web.Request) -> web.Response:
        wanted = _filter(request)
        page = self._browsers.page(wanted)
        headers = {"X-Has-More": json.dumps(page.next_offset > 0), "X-Next-Offset": str(page.next_offset)}
        return web.json_response([self._describe(one, request) for one in page.browsers], headers=headers)

    async def _update(self, request: web.Request) -> web.Response:
        browser = self._find(request)
        body = await _body(request)
        await self._browsers.update(browser, read_update(body if isinstance(body, dict) else {}))
        return web.json_response(self._describe(browser, request))

    async def _delete(self, request: web.Request) -> web.Response:
        await self._browsers.delete(self._find(request))
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
            "region": "local",
            "kiosk_mode": params.kiosk_mode,
            "tags": browser.tags,
            "viewport": msgspec.to_builtins(params.viewport),
            # DevTools are not handed out: the SDK only takes the jwt from here.
            "cdp_ws_url": f"ws://{host}/vm/{browser.id}/cdp?jwt={browser.jwt}",
            "webdriver_ws_url": f"ws://{host}/vm/{browser.id}/webdriver?jwt={browser.jwt}",
            "warnings": [*params.warnings, *browser.desktop.warnings],
        }
        if self._direct:
            described["base_url"] = f"http://{host}/vm/{browser.id}"
        if browser.name is not None:
            described["name"] = browser.name
        if browser.start_url:
            described["start_url"] = browser.start_url
        if browser.deleted_at is not None:
            described["deleted_at"] = browser.deleted_at.isoformat()
            uptime = browser.deleted_at - browser.created_at
            described |= {"usage": {"uptime_ms": int(uptime.total_seconds() * 1e3)}, "usage_status": "ready"}
        return {**(echoed or {}), **described}

    # --- the computer --------------------------------------------------------------------------------

    async def _computer(self, request: web.Request) -> web.Response:
        browser = self._find(request)
        call = request.match_info["call"]
        if call in _ACTIONS:
            return await self._act(browser, await _read(request, _ACTIONS[call]))
        match call:
            case "batch":
                return await self._batch(browser, actions.parse_batch(await _required(request)))
            case "screenshot":
                return await self._screenshot(browser, await _read(request, actions.Screenshot, {}))
            case "settled":
                return await self._settled(browser)
            case "get_mouse_position":
                async with self._browsers.using(browser) as desktop:
                    x, y = await desktop.mouse_position()
                return web.json_response({"x": x, "y": y})
            case "cursor":
                return await self._act(
                    browser, await _read(request, actions.SetCursor), web.json_response({"ok": True})
                )
            case "clipboard/read":
                async with self._browsers.using(browser) as desktop:
                    return web.json_response({"text": await desktop.read_clipboard()})
            case "clipboard/write":
                written = await _read(request, actions.WriteClipboard)
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
            }
        )

    async def _absent(self, request: web.Request) -> web.Response:
        raise not_implemented(f"a local server has no {request.method} {request.path}")


_ACTIONS: dict[str, type[actions.Action]] = {
    "click_mouse": actions.ClickMouse,
    "move_mouse": actions.MoveMouse,
    "drag_mouse": actions.DragMouse,
    "scroll": actions.Scroll,
    "type": actions.TypeText,
    "press_key": actions.PressKey,
}


def _shown(url: str, title: str) -> dict[str, str]:
    """Say what a person would read in the address bar and the tab; Kernel's has no such headers."""
    return {
        "x-page-url": quote(url, safe=":/?#&="),
        "x-page-title": quote(title, safe=" "),
        "x-pilothouse-settle": "1",
    }


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _error(request: web.Request, status: int, code: str, message: str) -> web.Response:
    """Answer an error; the machine itself sends the message alone."""
    body = {"message": message} if request.path.startswith("/vm/") else {"code": code, "message": message}
    return web.json_response(body, status=status, headers=_NO_RETRY)


async def _body(request: web.Request) -> Any:
    """Read a JSON body; None for none."""
    data = await request.read()
    if not data.strip():
        return None
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        raise bad_request(f"invalid request body: {error}") from None


async def _required(request: web.Request) -> Any:
    body = await _body(request)
    if body is None:
        raise bad_request("request body is required")
    return body


async def _read(request: web.Request, kind: type[T], default: Any = None) -> T:
    body = await _body(request) if default is not None else await _required(request)
    try:
        return msgspec.convert(default if body is None else body, kind)
    except msgspec.ValidationError as error:
        raise bad_request(f"invalid request body: {error}") from None


def _filter(request: web.Request) -> Filter:
    query = request.query
    status = query.get("status") or ("all" if query.get("include_deleted") == "true" else "active")
    if status not in ("active", "deleted", "all"):
        raise bad_request("status must be active, deleted or all")
    tags = {found[1]: value for name, value in query.items() if (found := _TAG.fullmatch(name))}
    return Filter(
        status=status,
        tags=tags,
        query=query.get("query", ""),
        limit=_number(query.get("limit"), "limit", 1, LIST_MAX, LIST_DEFAULT),
        offset=_number(query.get("offset"), "offset", 0, 1 << 31, 0),
    )


def _number(text: str | None, name: str, low: int, high: int, default: int) -> int:
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise bad_request(f"{name} must be between {low} and {high}")
    return int(text)


def _echo(body: dict[str, Any]) -> dict[str, Any]:
    """Keep what is echoed as it came."""
    return {name: body[name] for name in ("telemetry", "invocation_id") if name in body}
