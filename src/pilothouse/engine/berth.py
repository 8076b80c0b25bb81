"""Where a run's browser lies: the present one with its companions, and another in its place when it is lost.

A lost browser holds a run that a person attends, until they resume; a headless run ends. Nothing here acts in
it: whoever does is told that it is another one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING

import msgspec

from pilothouse import events as ev
from pilothouse.browser.far_pages import FarPages
from pilothouse.browser.faults import BrowserLost
from pilothouse.browser.reports import Page
from pilothouse.browser.session import BrowserSession
from pilothouse.browser.sources import Created, Existing, Pooled, Source
from pilothouse.browser.telemetry import TelemetryFollower
from pilothouse.browser.video import Video
from pilothouse.browser.wishes import acquire_params, create_params, update_params
from pilothouse.errors import BrowserError, PilothouseError, RecorderFailed
from pilothouse.events import Hold
from pilothouse.ids import browser_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from kernel import AsyncKernel

    from pilothouse.engine.gate import Gate
    from pilothouse.engine.spec import RunSpec

_log = logging.getLogger("pilothouse")
UNWIND_S = 0.2
"""How long companions may take to end; they only wait for answers."""
LOST = (
    "The browser was lost, and with it its windows, tabs and whatever had been entered on its pages. "
    "An action that was under way may or may not have had an effect; it was not repeated. "
    "A new browser is open at its start page. Take a screenshot before you go on."
)
BACK = (
    "The connection to the browser was lost for a while. It is the same browser, but its page may have "
    "changed, and the last action may or may not have happened. Take a screenshot before you go on."
)
NOT_DONE = "Not executed: the browser this was meant for was lost."


class BrowserGone(BrowserError):
    """The browser was lost, and nobody is there to ask for another."""


class Berth:
    """Owns the browser of a run, one after another.

    Args:
        spec: What the run was started with.
        client: The Kernel client.
        start_url: The page that a new browser opens.
        directory: The run's directory, for videos.
        publish: Appends an event; with `durable`, synced before it returns.
        gate: Holds the run while there is no browser.

    Attributes:
        session: The present browser.
        last_activity: When it was last used, by the monotonic clock.
        news: What the agent must be told of it before it acts again; empty if nothing.
        pages: Asks its pages whether they are at rest; None where its server knows, or nobody is to ask.
        follower: Reads its telemetry, if that was asked for; listeners are carried over to the next one.
        on_moved: Told of another browser, and returns once the first look at it is taken.
        on_lost: Told that it is gone: what was meant for it is not wanted any more.
        on_fatal: Told that there is none any more, and that nobody is there to ask for another.
        explain: Says what became of the service itself, if it is that.
        revive: Makes sure that the service is there; raises what is wrong with it.
    """

    def __init__(
        self,
        spec: RunSpec,
        client: AsyncKernel,
        start_url: str,
        directory: Path,
        publish: Callable[..., object],
        gate: Gate,
    ) -> None:
        self._spec = spec
        self._client = client
        self._start_url = start_url
        self._directory = directory
        self._publish = publish
        self._gate = gate
        self._ordinal = 0
        self._size = (spec.browser_options.width_px, spec.browser_options.height_px)
        self._open: list[BrowserSession] = []
        self._beating: asyncio.Task[None] | None = None
        self._following: asyncio.Task[None] | None = None
        self._recovering: asyncio.Task[None] | None = None
        self._video: Video | None = None
        self._closing = False
        self._ended = ""
        """How the service itself ended, as long as it is not there again."""
        self.session = self._next()
        self.last_activity = time.monotonic()
        self.news = ""
        asks = spec.browser == "kernel" and spec.browser_options.settle == "pages"
        self.pages = FarPages() if asks else None
        self.follower: TelemetryFollower | None = None
        self.on_moved: Callable[[BrowserSession], Awaitable[None]] | None = None
        self.on_lost: Callable[[], None] = lambda: None
        self.on_fatal: Callable[[PilothouseError], None] = lambda error: None
        self.explain: Callable[[], Awaitable[str]] | None = None
        self.revive: Callable[[], Awaitable[None]] | None = None

    @property
    def page(self) -> Page:
        """What telemetry last told of the page in front."""
        return self.follower.page if self.follower else Page()

    def touch(self) -> None:
        """Note that the browser was used just now."""
        self.last_activity = time.monotonic()

    def take_news(self) -> str:
        """Take what the agent must be told; it is told once."""
        news, self.news = self.news, ""
        return news

    # --- opening -------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Have the first browser, and begin to watch over it.

        Raises:
            BrowserError: It can't be had.
        """
        self._open.append(self.session)
        await self.session.open(*self._size)
        self._size = (self.session.width_px, self.session.height_px)  # what the agent is told
        self.touch()
        self._accompany()

    def _next(self) -> BrowserSession:
        self._ordinal += 1
        return BrowserSession(self._client, self._source(), self._publish, self._spec.browser)

    def _source(self) -> Source:
        """Say where the next browser comes from; one that was there before us is there once."""
        run, (width_px, height_px) = self._spec.run, self._size
        options = msgspec.structs.replace(self._spec.browser_options, width_px=width_px, height_px=height_px)
        name = browser_name(run, self._ordinal)
        if options.existing and self._ordinal == 1:
            return Existing(self._client, options.existing, update_params(options))
        if options.pool:
            params = acquire_params(options, name, run, self._start_url)
            return Pooled(self._client, options.pool, params, run, self._retrying)
        return Created(self._client, create_params(options, name, run, self._start_url), run, self._retrying)

    def _retrying(self, attempt: int, delay_s: float, why: str) -> None:
        self._publish(
            ev.RetryScheduled(what="browser", attempt=attempt, delay_ms=round(delay_s * 1e3), why=why)
        )

    def _accompany(self) -> None:
        """Start what goes along with a browser: heartbeat, questions to its pages, video, telemetry."""
        session, options = self.session, self._spec.browser_options
        if self.pages is not None:
            self.pages.move_to(session.devtools_url)
        self._beating = asyncio.create_task(session.keep_alive(lambda: self.last_activity, self.lose))
        if options.replay_video:
            file = self._directory / f"video-{self._ordinal}.mp4"
            self._video = Video(self._client, session.session, session.name, file, self._publish)
            self._video.start()
        if options.telemetry:
            before = self.follower
            self.follower = TelemetryFollower(self._client, session.session, self._publish)
            self.follower.listeners = before.listeners if before else []
            self._following = asyncio.create_task(self.follower.follow())

    async def _unaccompany(self) -> None:
        """End what went along with it; the video is seen to apart."""
        tasks = {task for task in (self._beating, self._following) if task}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=UNWIND_S)
        if self.pages is not None:
            await self.pages.close()
        if self.follower:
            self.follower.close()

    # --- losing it -----------------------------------------------------------------------------------

    async def recover(self, why: str, *, gone: bool) -> None:
        """Have another browser, once a person says so; returns when there is one, and `news` tells of it.

        Args:
            why: What told of the loss.
            gone: It is not there any more, rather than out of sight.

        Raises:
            BrowserGone: Nobody attends the run.
        """
        await asyncio.shield(self._start_recovery(why, gone=gone))

    def lose(self, why: str) -> None:
        """Begin to recover a browser that is gone, whoever noticed it; not one that is being closed."""
        if not self._closing:
            self._start_recovery(why, gone=True)

    def _start_recovery(self, why: str, *, gone: bool) -> asyncio.Task[None]:
        if self._recovering is None or self._recovering.done():
            self._recovering = asyncio.create_task(self._recover(why, gone=gone))
            self._recovering.add_done_callback(self._recovery_ended)
        return self._recovering

    def _recovery_ended(self, task: asyncio.Task[None]) -> None:
        """Pass on what nobody may be waiting for: a heartbeat can lose a browser while nothing acts in it."""
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        if not isinstance(error, PilothouseError):
            _log.error("a lost browser met a defect", exc_info=error)
            error = BrowserError(f"the engine met a defect ({type(error).__name__}); engine.log says where")
        self.on_fatal(error)

    async def _recover(self, why: str, *, gone: bool) -> None:
        self._ended = ended = await self._why_ended()
        gone = gone or bool(ended)
        self._publish(ev.BrowserVanished(name=self.session.name, why=ended or why), durable=True)
        if self._spec.headless:
            raise BrowserGone(ended or why, way_out="start a new run")
        self._gate.hold(Hold.BROWSER_LOST)
        self.on_lost()
        while True:
            await self._gate.resumption()
            try:
                news = await self._replace(gone=gone)
            except RecorderFailed:
                raise
            except PilothouseError as error:
                self._ended = await self._why_ended()  # a service that was there again may have ended again
                gone = gone or bool(self._ended) or isinstance(error, BrowserLost)
                self._publish(
                    ev.Warned(
                        what=str(error), where="browser", way_out="resume to try again, or abort the run"
                    )
                )
            else:
                break
        self.news = news
        self._gate.let_go(Hold.BROWSER_LOST)

    async def _why_ended(self) -> str:
        """Ask how the service itself ended; empty if it has not."""
        return await self.explain() if self.explain is not None else ""

    async def _replace(self, *, gone: bool) -> str:
        """Look at the old browser once more if it may be there, else have a new one; returns the news."""
        if not gone and self.session.session:
            with contextlib.suppress(BrowserError):
                await self._show()
                return BACK
        await self._leave()
        if self.revive is not None:
            await self.revive()
            self._ended = ""
        self.session = self._next()
        self._open.append(self.session)
        await self.session.open(*self._size)
        size = (self.session.width_px, self.session.height_px)
        if size != self._size:
            raise BrowserError(f"the new browser is {size[0]}x{size[1]}, the agent knows another size")
        self._accompany()
        await self._show()
        return LOST

    async def _show(self) -> None:
        self.touch()
        if self.on_moved is not None:
            await self.on_moved(self.session)

    async def _leave(self) -> None:
        """Be rid of a browser that was lost: what was only out of sight must not be left running."""
        await self._unaccompany()
        if self._video is not None:
            hurry = asyncio.Event()
            hurry.set()
            await self._video.finish(hurry)
            self._video = None
        await self._shut(self.session, "it was lost")

    async def _shut(
        self, session: BrowserSession, why: str, *, keep: bool = False, reuse: bool = False
    ) -> None:
        await session.close(why, keep=keep, reuse=reuse, gone=self._ended)
        if session in self._open:
            self._open.remove(session)

    # --- closing -------------------------------------------------------------------------------------

    async def close(self, why: str, *, keep: bool, reuse: bool, hurry: asyncio.Event) -> None:
        """Save the video and end every browser that is still open; never raises.

        Args:
            why: What is journalled as the reason.
            keep: Leave the present browser open.
            reuse: It may go back to its pool for others.
            hurry: Once set, there is no time for a video.
        """
        self._closing = True
        if self._recovering is not None:
            self._recovering.cancel()
            await asyncio.wait({self._recovering}, timeout=UNWIND_S)
        with contextlib.suppress(RecorderFailed):
            await self._unaccompany()
        if self._video is not None:
            with contextlib.suppress(RecorderFailed):
                await self._video.finish(hurry)
        await asyncio.gather(
            *(
                self._shut(session, why, keep=keep and session is self.session, reuse=reuse)
                for session in list(self._open)
            )
        )
