"""One page's DevTools events, told as telemetry in Kernel's words. Nothing here attaches to a page.

Some events are ours to conclude: `network_idle` (500 ms without a request under way), `page_layout_settled`
(1 s after the load without a layout shift), `page_navigation_settled` (that, and the document's own load).
Headers that carry credentials, what is posted, and the bodies of answers are never told.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse.local.kernel_interaction import BINDING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pilothouse.local.kernel_telemetry import TelemetryLog

NETWORK_IDLE_S = 0.5
LAYOUT_SETTLED_S = 1.0
_PRIVATE_HEADERS = frozenset(
    ["authorization", "cookie", "proxy-authorization", "set-cookie", "x-api-key", "x-auth-token"]
)
_NEVER_ENDING = ("EventSource", "WebSocket")
_INTERACTIONS = ("interaction_click", "interaction_key", "interaction_scroll_settled")


class PageEvents:
    """What happens in one page.

    Args:
        log: Where it is told.
        target: Its target id.
        session: The DevTools session attached to it.
        url: Its address so far.
        since_ms: What a console said before this Unix time has been told already.
        milestone: Called at what a person would want to see.
    """

    def __init__(
        self,
        log: TelemetryLog,
        target: str,
        session: str,
        url: str,
        since_ms: float,
        milestone: Callable[[], None],
    ) -> None:
        self._log = log
        self._milestone = milestone
        self._since_ms = since_ms
        self._context: dict[str, Any] = {
            "target_id": target,
            "target_type": "page",
            "session_id": session,
            "nav_seq": 0,
            "url": url,
        }
        self._requests: dict[str, dict[str, str]] = {}
        self._idle: asyncio.TimerHandle | None = None
        self._settling: asyncio.TimerHandle | None = None
        self._document_loaded = False

    @property
    def url(self) -> str:
        """Its address."""
        return str(self._context["url"])

    def close(self) -> None:
        """Conclude nothing more."""
        for timer in (self._idle, self._settling):
            if timer is not None:
                timer.cancel()

    def hear(self, method: str, params: dict[str, Any]) -> None:
        """Take one event of its session."""
        source = {"kind": "cdp", "event": method}
        domain, _, name = method.partition(".")
        match domain:
            case "Network":
                self._network(name, params, source)
            case "Page":
                self._page(name, params, source)
            case "Runtime":
                self._runtime(name, params, source)
            case "PerformanceTimeline":
                self._timeline(params["event"], source)

    def _tell(self, category: str, kind: str, source: dict[str, Any], **data: Any) -> None:
        told = {name: value for name, value in data.items() if value is not None}
        self._log.emit(category, kind, source, {**self._context, **told})

    # --- the page ------------------------------------------------------------------------------------

    def _page(self, name: str, params: dict[str, Any], source: dict[str, Any]) -> None:
        match name:
            case "frameNavigated":
                self._navigated(params["frame"], source)
            case "domContentEventFired":
                self._document_loaded = True
                self._tell("page", "page_dom_content_loaded", source, cdp_timestamp=params.get("timestamp"))
            case "loadEventFired":
                self._tell("page", "page_load", source, cdp_timestamp=params.get("timestamp"))
                self._settle_later()
            case _:
                return
        self._milestone()

    def _navigated(self, frame: dict[str, Any], source: dict[str, Any]) -> None:
        address = frame["url"] + frame.get("urlFragment", "")
        parent = frame.get("parentId")
        context = {name: value for name, value in self._context.items() if name != "nav_seq"}
        told = {**context, "frame_id": frame["id"], "loader_id": frame["loaderId"], "url": address}
        if parent:
            self._log.emit("page", "page_navigation", source, {**told, "parent_frame_id": parent})
            return
        self._context |= {
            "nav_seq": self._context["nav_seq"] + 1,
            "frame_id": frame["id"],
            "loader_id": frame["loaderId"],
            "url": address,
        }
        self._document_loaded = False
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None
        # What the old document waited for is not waited for any more.
        self._requests = {
            number: one for number, one in self._requests.items() if one["loader_id"] == frame["loaderId"]
        }
        self._log.emit("page", "page_navigation", source, told)

    def _settle_later(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
        self._settling = asyncio.get_running_loop().call_later(LAYOUT_SETTLED_S, self._settled)

    def _settled(self) -> None:
        self._settling = None
        source = {"kind": "cdp", "event": "PerformanceTimeline.timelineEventAdded"}
        self._tell("page", "page_layout_settled", source)
        if self._document_loaded:
            self._tell("page", "page_navigation_settled", source)
        self._milestone()

    def _timeline(self, event: dict[str, Any], source: dict[str, Any]) -> None:
        common = {"source_frame_id": event.get("frameId"), "time": event.get("time")}
        match event:
            case {"type": "layout-shift", "layoutShiftDetails": {"value": value, **more}}:
                if self._settling is not None:
                    self._settle_later()
                shift = {"value": value, "had_recent_input": more.get("hadRecentInput")}
                duration = event.get("duration", 0)
                self._tell(
                    "page",
                    "page_layout_shift",
                    source,
                    duration=duration,
                    layout_shift_details=shift,
                    **common,
                )
            case {"type": "largest-contentful-paint", "lcpDetails": dict(given)}:
                names = {"renderTime": "render_time", "loadTime": "load_time", "size": "size", "url": "url",
                         "elementId": "element_id", "nodeId": "node_id"}  # fmt: skip
                details = {ours: given[theirs] for theirs, ours in names.items() if theirs in given}
                self._tell("page", "page_lcp", source, lcp_details=details, **common)

    # --- the network ---------------------------------------------------------------------------------

    def _network(self, name: str, params: dict[str, Any], source: dict[str, Any]) -> None:
        match name:
            case "requestWillBeSent":
                self._requested(params, source)
            case "responseReceived":
                self._answered(params, source)
            case "loadingFinished":
                self._done(params["requestId"])
            case "loadingFailed":
                known = self._requests.get(params["requestId"], {})
                self._tell(
                    "network",
                    "network_loading_failed",
                    source,
                    request_id=params["requestId"],
                    url=known.get("url"),
                    error_text=params.get("errorText"),
                    canceled=params.get("canceled"),
                    resource_type=params.get("type"),
                )
                self._done(params["requestId"])

    def _requested(self, params: dict[str, Any], source: dict[str, Any]) -> None:
        request, kind = params["request"], params.get("type")
        was_sent_on = "redirectResponse" in params
        self._tell(
            "network",
            "network_request",
            source,
            request_id=params["requestId"],
            url=request["url"],
            method=request["method"],
            headers=_headers(request["headers"]),
            document_url=params.get("documentURL"),
            initiator_type=params.get("initiator", {}).get("type"),
            resource_type=kind,
            frame_id=params.get("frameId"),
            loader_id=params.get("loaderId"),
            is_redirect=was_sent_on,
            redirect_url=request["url"] if was_sent_on else None,
        )
        if kind in _NEVER_ENDING:
            return
        self._requests[params["requestId"]] = {
            "loader_id": params.get("loaderId", ""),
            "method": request["method"],
            "url": request["url"],
        }
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _answered(self, params: dict[str, Any], source: dict[str, Any]) -> None:
        response = params["response"]
        self._tell(
            "network",
            "network_response",
            source,
            request_id=params["requestId"],
            url=response["url"],
            method=self._requests.get(params["requestId"], {}).get("method"),
            status=response["status"],
            status_text=response.get("statusText"),
            mime_type=response.get("mimeType"),
            headers=_headers(response["headers"]),
            resource_type=params.get("type"),
            frame_id=params.get("frameId"),
            loader_id=params.get("loaderId"),
        )

    def _done(self, number: str) -> None:
        if self._requests.pop(number, None) is not None and not self._requests:
            self._idle = asyncio.get_running_loop().call_later(NETWORK_IDLE_S, self._idled)

    def _idled(self) -> None:
        self._idle = None
        self._tell("network", "network_idle", {"kind": "cdp", "event": "Network.loadingFinished"})

    # --- the console, and what people do -------------------------------------------------------------

    def _runtime(self, name: str, params: dict[str, Any], source: dict[str, Any]) -> None:
        match name:
            case "consoleAPICalled" if params["timestamp"] >= self._since_ms:
                self._said(params, source)
            case "exceptionThrown" if params["timestamp"] >= self._since_ms:
                self._thrown(params["exceptionDetails"], source)
            case "bindingCalled" if params.get("name") == BINDING:
                self._interacted(params["payload"], source)

    def _said(self, params: dict[str, Any], source: dict[str, Any]) -> None:
        is_error = params["type"] in ("error", "assert")
        words = [_text(argument) for argument in params["args"]]
        self._tell(
            "console",
            "console_error" if is_error else "console_log",
            source,
            level=params["type"],
            text=" ".join(words),
            args=words,
            stack_trace=params.get("stackTrace"),
        )

    def _thrown(self, details: dict[str, Any], source: dict[str, Any]) -> None:
        thrown = details.get("exception", {})
        self._tell(
            "console",
            "console_error",
            source,
            level="error",
            text=thrown.get("description") or details["text"],
            line=details.get("lineNumber"),
            column=details.get("columnNumber"),
            source_url=details.get("url"),
            stack_trace=details.get("stackTrace"),
        )

    def _interacted(self, payload: str, source: dict[str, Any]) -> None:
        try:
            told = msgspec.json.decode(payload)
        except msgspec.DecodeError:
            return
        match told:
            case {"type": str(kind), "data": dict(data)} if kind in _INTERACTIONS:
                self._tell("interaction", kind, source, **data)


def _headers(headers: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in headers.items() if name.lower() not in _PRIVATE_HEADERS}


def _text(argument: dict[str, Any]) -> str:
    """Write a value of JavaScript as its console would."""
    if "value" in argument:
        value = argument["value"]
        if isinstance(value, str):
            return value
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if properties := argument.get("preview", {}).get("properties"):
        return "{" + ", ".join(f"{one['name']}: {one.get('value', '')}" for one in properties) + "}"
    return str(argument.get("unserializableValue") or argument.get("description") or argument.get("type", ""))
