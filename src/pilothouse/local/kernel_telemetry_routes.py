"""The routes of telemetry: the live stream and the history. No event is made here."""

from __future__ import annotations

import re
import time
from datetime import datetime
from typing import TYPE_CHECKING

from aiohttp import web

from pilothouse.local.kernel_actions import bad_request
from pilothouse.local.kernel_http import digits, list_headers, number
from pilothouse.local.kernel_telemetry import CATEGORIES, KEEPALIVE_S, MONITOR, Query

if TYPE_CHECKING:
    from pilothouse.local.browsers import Browsers

LIMIT_MAX, LIMIT_DEFAULT = 100, 20
SINCE_DEFAULT = "5m"
_CURSOR_BASE = 1 << 20
"""A cursor is no event number, so that nobody comes to rely on it (kernel-api §1.6)."""
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?")


class TelemetryRoutes:
    """The handlers."""

    def __init__(self, browsers: Browsers, keepalive_s: float = KEEPALIVE_S) -> None:
        self._browsers = browsers
        self._keepalive_s = keepalive_s

    def routes(self) -> list[web.RouteDef]:
        """List them; the history stays on the control plane, as the SDK has it."""
        return [
            web.get("/browsers/{browser}/telemetry/stream", self._stream),
            web.get("/vm/{browser}/telemetry/stream", self._stream),
            web.get("/browsers/{browser}/telemetry/events", self._events),
        ]

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        log = self._browsers.find(request.match_info["browser"]).telemetry
        after = log.last_seq
        known = request.headers.get("Last-Event-ID", "")
        if (number_known := digits(known)) is not None:
            after = min(number_known, log.last_seq)
        elif request.query.get("replay") == "all":
            after = 0
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
        )
        await response.prepare(request)
        # A client waits for the first byte of some kind before it believes in the stream.
        await response.write(b": stream\n\n")
        async for frame in log.frames(after, _several(request, "type"), self._keepalive_s):
            await response.write(frame)
        await response.write_eof()
        return response

    async def _events(self, request: web.Request) -> web.Response:
        log = self._browsers.find(request.match_info["browser"], deleted=True).telemetry
        query = read_query(request, time.time())
        found, more = log.past(query)
        cursor = _CURSOR_BASE + found[-1].seq if more else 0
        body = b"[" + b",".join(entry.envelope for entry in found) + b"]"
        return web.Response(body=body, content_type="application/json", headers=list_headers(cursor))


def read_query(request: web.Request, now_s: float) -> Query:
    """Read which past events are asked for.

    Raises:
        Refused: 400.
    """
    given = request.query
    order = given.get("order") or "asc"
    if order not in ("asc", "desc"):
        raise bad_request("order must be asc or desc")
    descending = order == "desc"
    if descending and "since" in given:
        raise bad_request("since cannot be combined with order=desc")
    categories = _several(request, "category")
    unknown = sorted(categories - CATEGORIES - {MONITOR})
    if unknown:
        raise bad_request(f"there is no category {unknown[0]!r}")
    cursor = number(given, "offset", 0, 1 << 53, 0)
    at = max(0, cursor - _CURSOR_BASE) if cursor else None
    since = "" if cursor or descending else given.get("since") or SINCE_DEFAULT
    return Query(
        categories=categories,
        types=_several(request, "type"),
        since_us=_moment_us(since, "since", now_s) if since else 0,
        until_us=_moment_us(given["until"], "until", now_s) if given.get("until") else None,
        after=None if descending else at,
        before=at if descending else None,
        limit=number(given, "limit", 1, LIMIT_MAX, LIMIT_DEFAULT),
        descending=descending,
    )


def _several(request: web.Request, name: str) -> frozenset[str]:
    """Read a parameter that may be repeated, with or without brackets, or hold commas."""
    texts = [*request.query.getall(name, []), *request.query.getall(f"{name}[]", [])]
    return frozenset(part for text in texts for part in text.split(",") if part)


def _moment_us(text: str, name: str, now_s: float) -> int:
    """Read a timestamp (RFC 3339) or a duration (`5m`: that long ago)."""
    found = _DURATION.fullmatch(text)
    try:
        if found and any(found.groups()):
            hours, minutes, seconds, millis = (float(part or 0) for part in found.groups())
            return int((now_s - hours * 3600 - minutes * 60 - seconds - millis / 1e3) * 1e6)
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return int(moment.timestamp() * 1e6)
    except (ValueError, OverflowError):
        pass
    raise bad_request(f"{name} must be an RFC-3339 timestamp or a duration like 5m")
