"""What a Chromium tells of its pages through DevTools: requests, navigations, dialogs, input. No frames here.

Every page and every frame of another process gets a session of its own. Held until it is attached, its first
script is `page_script.SCRIPT`; but a page that is held waits for us: only who ends with the browser may hold
one. Nothing waits for an answer on the way: a page goes on at once. The Runtime domain stays off but for a
moment: a page can tell when it is on.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse.devtools import DevToolsFailed
from pilothouse.devtools.page_script import script

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from pilothouse.devtools import DevTools, Event

Area = tuple[float, float, float, float]
"""Left, top, right, bottom, on the screen."""
LASTING_S = 3.0
"""A request that is older than the longest wait is a long poll, a stream: nothing to wait for."""
OPENING_S = 0.5
"""A navigation asked for, or a window, has begun by then, or never will."""
ASK_S = 0.1
ANSWER_S = 0.6
"""A page whose script runs longer than this is asked again."""
_ENDLESS = ("EventSource", "WebSocket", "Ping", "Prefetch", "Media", "CSPViolationReport", "Preflight")
_ENDLESS_MIMES = ("text/event-stream", "multipart/x-mixed-replace")
_PAGES = [{"type": "page"}, {"type": "iframe"}]
_EMPTY = ("", "about:blank")
_REQUESTS_MAX = 5000
_FRAMES_MAX = 50


def is_chrome_ui(url: str) -> bool:
    """Say whether this is a part of Chromium's own window, such as the list below its address bar."""
    return url.startswith("chrome://") and url.split("/")[2].endswith(".top-chrome")


class PageReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the script says of one page."""

    why: str = ""
    """What is still to come; empty for nothing."""
    dirty: float = 0
    key: float = 0
    pointer: float = 0
    wheel: float = 0
    """How often input of each kind has arrived."""
    focus: bool = False
    rest: tuple[Area, ...] = ()
    """Areas of the screen that never rest: left, top, right, bottom."""
    top: float = 0
    """Where the page begins, below the browser's own bars."""


_UNKNOWN = PageReport(why="unknown")
_BUSY = PageReport(why="busy")
_NOTHING = PageReport()


class _Request(msgspec.Struct, frozen=True):
    began: float
    loader: str
    frame: str


class _Session:
    """One page, or one frame of another process."""

    def __init__(self, identifier: str, target: str, *, is_page: bool) -> None:
        self.id = identifier
        self.target = target
        self.is_page = is_page
        self.requests: dict[str, _Request] = {}
        self.coming: dict[str, float] = {}
        """Frames about to navigate, and when that was asked for."""
        self.frames: dict[int, float] = {}
        """Contexts of the frames inside, and how often each has changed."""
        self.frames_stale = False
        self.dialog = False
        self.dead = False


def new_name() -> str:
    """Make up a name for the script."""
    return f"_{secrets.token_hex(8)}"


class PageSignals:
    """Listens to all pages of one Chromium.

    Args:
        devtools: The conversation with it.
        name: What the script is called in a page. A later listener to the same pages takes the same name, so
            that no page gets a second script; nobody should guess it.
        holds_new: Let no new page run before it is listened to. Of a page that is not held, what its first
            script begins may be missed.

    Attributes:
        generation: Moves with everything that begins in any page.
        last_page: When a page last came, in any window.
    """

    def __init__(
        self,
        devtools: DevTools,
        clock: Callable[[], float] = time.monotonic,
        *,
        name: str = "",
        holds_new: bool = True,
    ) -> None:
        self._devtools = devtools
        self._clock = clock
        self._name = name or new_name()
        self._script = script(self._name)
        self._holds_new = holds_new
        self._sessions: dict[str, _Session] = {}
        self._opening_until = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._moved = asyncio.Event()
        self.generation = 0
        self.last_page = float("-inf")

    async def start(self) -> None:
        """Begin to listen; pages already there are attached first.

        Raises:
            DevToolsFailed: Chromium does not answer.
        """
        self._devtools.listen(self._hear)
        await self._auto_attach(None)

    async def close(self) -> None:
        """Stop what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- asking --------------------------------------------------------------------------------------

    def busy(self) -> str:
        """Say what is under way that will end: `request`, `navigation`, `window`; empty for nothing."""
        now = self._clock()
        if now < self._opening_until:
            return "window"
        for session in self._alive():
            if any(now - began < OPENING_S for began in session.coming.values()):
                return "navigation"
            if any(now - request.began < LASTING_S for request in session.requests.values()):
                return "request"
        return ""

    @property
    def has_dialog(self) -> bool:
        """Say whether a page stands still because it asks a question."""
        return any(session.dialog and not session.dead for session in self._sessions.values())

    async def moved(self, at_most_s: float) -> None:
        """Wait until something happens, or a time has passed."""
        self._moved.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(at_most_s):
                await self._moved.wait()

    async def at_rest(self) -> PageReport:
        """Ask every page to be seen; each answers once it is at rest, or after a tenth of a second."""
        reports = await self._all(f"ask({ASK_S * 1e3:.0f})")
        return _joined(reports) if reports or self.has_dialog else _UNKNOWN

    async def look(self) -> PageReport:
        """Ask every page that is to be seen how it is now."""
        return _joined(await self._all("peek()"))

    def _alive(self) -> list[_Session]:
        return [session for session in self._sessions.values() if not session.dead and not session.dialog]

    async def _all(self, call: str) -> list[PageReport]:
        answers = await asyncio.gather(*(self._ask(session, call) for session in self._alive()))
        return [report for answer in answers for report in answer if report.why != "hidden"]

    async def _ask(self, session: _Session, call: str) -> list[PageReport]:
        """Ask a page, then the frames in it: those answer at once, for they may never be drawn."""
        first = await self._evaluate(session, call if session.is_page else "peek()", None)
        if first.why == "hidden":
            return []
        if session.frames_stale:
            await self._find_frames(session)
        # Side by side: from afar each question costs a journey, and a page may have fifty frames.
        inner = await asyncio.gather(*(self._peek(session, context) for context in list(session.frames)))
        return [first if session.is_page else _in_a_frame(first, changed=False), *inner]

    async def _peek(self, session: _Session, context: int) -> PageReport:
        report = await self._evaluate(session, "peek()", context)
        if report.why == "unknown":
            session.frames.pop(context, None)  # it has gone
            return _NOTHING
        before = session.frames.get(context, report.dirty)
        session.frames[context] = report.dirty
        return _in_a_frame(report, changed=before != report.dirty)

    async def _find_frames(self, session: _Session) -> None:
        """Learn the contexts of the frames in a page: they are announced when the domain goes on."""
        session.frames_stale = False
        session.frames.clear()
        call = partial(self._devtools.call, session=session.id, timeout_s=ANSWER_S)
        switches = ("Runtime.enable", "Runtime.disable")
        await asyncio.gather(*(_quietly(partial(call, switch)) for switch in switches))

    async def _evaluate(self, session: _Session, call: str, context: int | None) -> PageReport:
        more = {} if context is None else {"contextId": context}
        try:
            async with asyncio.timeout(ANSWER_S):
                answer = await self._devtools.call(
                    "Runtime.evaluate",
                    session.id,
                    expression=f"{self._name}.{call}",
                    awaitPromise=True,
                    returnByValue=True,
                    **more,
                )
        except TimeoutError:
            return _BUSY
        except DevToolsFailed:
            return _UNKNOWN  # it went away meanwhile
        try:
            return msgspec.convert(answer["result"].get("value"), PageReport)
        except (KeyError, AttributeError, msgspec.ValidationError):
            if context is None:  # a page that was there before us
                self._send(session.id, "Runtime.evaluate", expression=self._script)
            return _UNKNOWN

    # --- hearing -------------------------------------------------------------------------------------

    def _hear(self, event: Event) -> None:
        params = event.get("params", {})
        method = str(event.get("method", ""))
        if method == "Target.attachedToTarget":
            self._attached(params)
        elif method in ("Target.detachedFromTarget", "Target.targetCrashed"):
            self._gone(params)
        elif (session := self._sessions.get(event.get("sessionId", ""))) is not None:
            handler = _HANDLERS.get(method)
            if handler is None:
                return
            handler(self, session, params)
        else:
            return
        self._moved.set()

    def _begun(self) -> None:
        self.generation += 1

    def _attached(self, params: Event) -> None:
        info, identifier = params.get("targetInfo", {}), str(params.get("sessionId", ""))
        target, kind = str(info.get("targetId", "")), str(info.get("type", ""))
        known = any(session.target == target for session in self._sessions.values())
        # Others attach for purposes of their own; what waits, waits for us.
        if not known and kind in ("page", "iframe") and not is_chrome_ui(str(info.get("url", ""))):
            session = self._sessions[identifier] = _Session(identifier, target, is_page=kind == "page")
            if params.get("waitingForDebugger") or info.get("url") in _EMPTY:
                session.coming[target] = self._clock()  # a new window is empty until its page comes
            self._opening_until = 0.0
            self._begun()
            self._instrument(identifier)
        if params.get("waitingForDebugger"):
            self._send(identifier, "Runtime.runIfWaitingForDebugger")

    def _instrument(self, session: str) -> None:
        self._send(session, "Page.enable")
        self._send(session, "Network.enable", maxTotalBufferSize=0, maxResourceBufferSize=0)
        self._send(session, "Page.addScriptToEvaluateOnNewDocument", source=self._script)
        self._send(session, "Runtime.evaluate", expression=self._script)
        self._track(partial(self._auto_attach, session))

    async def _auto_attach(self, session: str | None) -> None:
        await self._devtools.call(
            "Target.setAutoAttach",
            session,
            autoAttach=True,
            waitForDebuggerOnStart=self._holds_new,
            flatten=True,
            filter=_PAGES,
        )

    def _send(self, session: str, method: str, **params: Any) -> None:
        """Send in order, and let the answer come when it comes."""
        self._track(partial(self._devtools.call, method, session, **params))

    def _track(self, call: Callable[[], Awaitable[object]]) -> None:
        task = asyncio.create_task(_quietly(call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _gone(self, params: Event) -> None:
        if identifier := params.get("sessionId"):
            self._sessions.pop(identifier, None)
            return
        for session in self._sessions.values():
            if session.target == params.get("targetId"):
                session.dead = True

    def _context(self, session: _Session, params: Event) -> None:
        context = params.get("context", {})
        about = context.get("auxData", {})
        inside = about.get("frameId") != session.target and about.get("isDefault")
        if inside and len(session.frames) < _FRAMES_MAX:
            session.frames[int(context.get("id", 0))] = 0.0

    def _requested(self, session: _Session, params: Event) -> None:
        if params.get("type") in _ENDLESS or str(params.get("request", {}).get("url")).startswith("data:"):
            return
        if len(session.requests) < _REQUESTS_MAX:
            request = _Request(self._clock(), str(params.get("loaderId", "")), str(params.get("frameId", "")))
            session.requests[str(params.get("requestId"))] = request
            self._begun()

    def _answered(self, session: _Session, params: Event) -> None:
        mime = params.get("response", {}).get("mimeType")
        if params.get("type") in _ENDLESS or mime in _ENDLESS_MIMES:
            session.requests.pop(str(params.get("requestId")), None)

    def _finished(self, session: _Session, params: Event) -> None:
        session.requests.pop(str(params.get("requestId")), None)

    def _asked_to_navigate(self, session: _Session, params: Event) -> None:
        if params.get("disposition", "currentTab") == "currentTab":
            session.coming[str(params.get("frameId"))] = self._clock()
            self._begun()
        else:
            self._window(session, params)

    def _window(self, session: _Session, params: Event) -> None:
        self._opening_until = self._clock() + OPENING_S
        self._begun()

    def _navigating(self, session: _Session, params: Event) -> None:
        if params.get("navigationType") not in ("sameDocument", "historySameDocument"):
            session.coming[str(params.get("frameId"))] = self._clock()
            self._begun()

    def _navigated(self, session: _Session, params: Event) -> None:
        frame = params.get("frame", {})
        identifier, loader = str(frame.get("id")), str(frame.get("loaderId"))
        session.coming.pop(identifier, None)
        self._begun()
        is_main = "parentId" not in frame
        if is_main:
            self.last_page = self._clock()
            session.frames.clear()
            session.frames_stale = session.dialog = False
        else:
            session.frames_stale = True
        # What the page before was still asking for nobody will answer.
        self._drop(session, lambda of: of.loader != loader and (is_main or of.frame == identifier))

    def _stopped(self, session: _Session, params: Event) -> None:
        frame = str(params.get("frameId"))
        session.coming.pop(frame, None)
        # A navigation that became a download, or nothing, has no other end.
        for name, request in list(session.requests.items()):
            if request.frame == frame and name == request.loader:
                del session.requests[name]

    def _left(self, session: _Session, params: Event) -> None:
        frame = str(params.get("frameId"))
        session.coming.pop(frame, None)
        self._drop(session, lambda of: of.frame == frame)

    def _drop(self, session: _Session, unwanted: Callable[[_Request], bool]) -> None:
        session.requests = {
            name: request for name, request in session.requests.items() if not unwanted(request)
        }

    def _asks(self, session: _Session, params: Event) -> None:
        session.dialog = True

    def _answers(self, session: _Session, params: Event) -> None:
        session.dialog = False


_HANDLERS: dict[str, Callable[[PageSignals, _Session, Event], None]] = {
    "Runtime.executionContextCreated": PageSignals._context,
    "Network.requestWillBeSent": PageSignals._requested,
    "Network.responseReceived": PageSignals._answered,
    "Network.loadingFinished": PageSignals._finished,
    "Network.loadingFailed": PageSignals._finished,
    "Page.frameRequestedNavigation": PageSignals._asked_to_navigate,
    "Page.frameStartedNavigating": PageSignals._navigating,
    "Page.frameNavigated": PageSignals._navigated,
    "Page.frameStoppedLoading": PageSignals._stopped,
    "Page.frameDetached": PageSignals._left,
    "Page.windowOpen": PageSignals._window,
    "Page.javascriptDialogOpening": PageSignals._asks,
    "Page.javascriptDialogClosed": PageSignals._answers,
}


def _in_a_frame(report: PageReport, *, changed: bool) -> PageReport:
    """Keep what counts of a frame: its rectangles are not of the screen, its focus is in the page's."""
    why = report.why if report.why != "hidden" else ""
    return msgspec.structs.replace(
        report, why=why or ("changing" if changed else ""), rest=(), top=0, focus=False
    )


def _joined(reports: Iterable[PageReport]) -> PageReport:
    """Make one report of several: what one of them waits for, all wait for."""
    found = list(reports)
    return PageReport(
        why=next((one.why for one in found if one.why), ""),
        key=sum(one.key for one in found),
        pointer=sum(one.pointer for one in found),
        wheel=sum(one.wheel for one in found),
        focus=any(one.focus for one in found),
        rest=tuple(area for one in found for area in one.rest),
        top=max((one.top for one in found), default=0),
    )


async def _quietly(call: Callable[[], Awaitable[object]]) -> None:
    with contextlib.suppress(DevToolsFailed):
        await call()
