"""The pages of a browser that is far away, asked over its DevTools whether they are at rest.

The connection is an aid, never a need: it comes up beside the run, is looked for again when it was lost, and
whatever fails here, the caller decides by delays, as if there were none. It keeps a browser from falling
asleep, which costs: it ends when nothing has been done for a while. Its address holds a token; it is kept in
memory, and nobody is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pilothouse.browser.settle import input_of
from pilothouse.devtools import DevToolsFailed
from pilothouse.devtools.page_signals import PageSignals, new_name
from pilothouse.devtools.rest import TAKEN_S, Deaf, Rest
from pilothouse.errors import BrowserError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pilothouse.devtools.page_signals import Area, PageReport
    from pilothouse.devtools.socket import DevToolsSocket

Picture = TypeVar("Picture")

IDLE_S = 60.0
"""A browser that sleeps costs nothing: nobody keeps it awake who has done nothing for this long."""
PULSE_S = 0.7
"""A browser that has not answered by then, whatever its pages do, is out of reach: delays go on meanwhile."""
BACKOFF_S = 0.5
BACKOFF_MAX_S = 30.0
CLOSE_S = 1.0

_log = logging.getLogger("pilothouse")


@dataclass(frozen=True)
class _Line:
    """One connection."""

    tools: DevToolsSocket
    signals: PageSignals


class FarPages:
    """Asks the pages of one browser after another.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._name = new_name()
        self._address = ""
        self._line: _Line | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self._asking: asyncio.Task[PageReport | None] | None = None
        self._used = 0.0
        self._failures = 0
        self._has_complained = False

    @property
    def live(self) -> bool:
        """Say whether there is a connection."""
        return self._line is not None

    def move_to(self, address: str) -> None:
        """Ask another browser from now on; an empty address is none."""
        self._address, self._line, self._failures = address, None, 0
        self._has_complained = False
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None
        if self._keeping is not None:
            self._keeping.cancel()
            self._leaving.add(self._keeping)
            self._keeping.add_done_callback(self._leaving.discard)
            self._keeping = None

    async def close(self) -> None:
        """Ask nobody any more; an end that does not answer is not waited for."""
        self.move_to("")
        if self._leaving:
            await asyncio.wait(self._leaving, timeout=CLOSE_S)

    def wake(self) -> None:
        """Have a connection soon, without waiting for it, and keep it for a while."""
        self._used = self._clock()
        if self._address and (self._keeping is None or self._keeping.done()):
            self._keeping = asyncio.create_task(self._keep(self._address))

    def acting(self) -> None:
        """Ask what input the pages have had before some more is sent; the answer is not waited for."""
        self.wake()
        if self._asking is not None:
            self._asking.cancel()
        self._asking = asyncio.create_task(_look(self._line)) if self._line else None

    async def rested(
        self,
        member: str,
        since: float,
        until: float,
        look: Callable[[], Awaitable[Picture]],
        same: Callable[[Picture, Picture, tuple[Area, ...]], Awaitable[bool]],
    ) -> tuple[Picture, str] | None:
        """Wait until the pages are at rest after an action, and take the picture that shows it.

        Args:
            member: What was done.
            since: When it was done, by the monotonic clock.
            until: When the picture is taken, at rest or not.
            look: Takes it.
            same: See `devtools.rest.Rest`.

        Returns:
            The picture and what decided; None if the pages can't be asked.

        Raises:
            BrowserError: No picture can be had.
        """
        line = self._line
        if line is None:
            return None
        rest = Rest(line.signals, look, same, is_quick=False, needs_signals=True, clock=self._clock)
        resting = asyncio.create_task(self._come(rest, self._in_page(member), since))
        lifeline = asyncio.create_task(_end_of(line.tools))
        try:
            left = max(0.0, until - self._clock())
            await asyncio.wait({resting, lifeline}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if resting.done():
                self._failures = 0
                return resting.result()
            if lifeline.done():
                self._lose(line)
                return None
        except BrowserError:
            raise
        except Deaf:
            return None
        except Exception as error:  # what a browser answers must not end a run
            self._complain(type(error).__name__)
            return None
        finally:
            for task in (resting, lifeline):
                task.cancel()
            await asyncio.gather(resting, lifeline, return_exceptions=True)
        return await look(), "cap"

    async def _come(
        self, rest: Rest[Picture], in_page: Callable[[PageReport], bool], since: float
    ) -> tuple[Picture, str]:
        await asyncio.sleep(max(0.0, since + TAKEN_S - self._clock()))
        return await rest.come(in_page)

    def _in_page(self, member: str) -> Callable[[PageReport], bool]:
        """Make the question whether a page had the input of an action; what is not known counts as had."""
        kind, asking = input_of(member), self._asking
        report = asking.result() if asking and asking.done() and not asking.cancelled() else None
        if not kind or report is None:
            return lambda report: True
        before = getattr(report, kind)
        # A page that has already made way for another has had it.
        return lambda report: bool(getattr(report, kind) != before)

    def _lose(self, line: _Line) -> None:
        line.tools.hang_up()
        if self._line is line:
            self._line = None

    # --- the connection ------------------------------------------------------------------------------

    async def _keep(self, address: str) -> None:
        """Have a connection for as long as it is used; look for another, less and less often."""
        while (left_s := self._used + IDLE_S - self._clock()) > 0:
            if self._failures:
                backoff_s = min(BACKOFF_MAX_S, BACKOFF_S * 2 ** min(self._failures - 1, 10))
                await asyncio.sleep(min(left_s, backoff_s * random.uniform(0.5, 1.0)))
            self._failures += 1  # until it has served
            try:
                await self._hold(address)
            except DevToolsFailed as error:
                self._complain(str(error))
            except Exception as error:  # a library's; its words may know the address
                self._complain(type(error).__name__)
        self._failures = 0

    async def _hold(self, address: str) -> None:
        """Connect, and stay so until that ends or is not used any more."""
        await asyncio.to_thread(importlib.import_module, "pilothouse.devtools.socket")
        from pilothouse.devtools.socket import DevToolsSocket

        tools = await DevToolsSocket.to(address)
        signals = PageSignals(tools, self._clock, name=self._name, holds_new=False)
        line = _Line(tools, signals)
        try:
            await signals.start()
            self._line = line
            while (left_s := self._used + IDLE_S - self._clock()) > 0:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(left_s):
                        await tools.ended()
                        return
        finally:
            self._lose(line)
            await signals.close()
            await tools.close()

    def _complain(self, why: str) -> None:
        """Say once of each browser that delays decide."""
        if not self._has_complained:
            self._has_complained = True
            _log.warning("the browser's pages can't be asked whether they are at rest: %s", why)


async def _look(line: _Line) -> PageReport | None:
    try:
        return await line.signals.look()
    except Exception:  # an answer that makes no sense is none
        return None


async def _end_of(tools: DevToolsSocket) -> None:
    """Wait until a browser does not answer, or has hung up."""
    with contextlib.suppress(DevToolsFailed):
        await tools.call("Browser.getVersion", timeout_s=PULSE_S)
        await tools.ended()
