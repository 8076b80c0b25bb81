"""When the screen is at rest: the one rule, wherever the browser is. How it is looked at is not here.

Signals of the page come first (`page_signals`): nothing with an end is under way, a frame has been drawn
since the last change. Then the pictures must agree: two in a row are the same, save what the page itself says
never rests. Without signals the pictures alone decide, and must be quiet much longer.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pilothouse.devtools.page_signals import Area, PageReport, PageSignals

Picture = TypeVar("Picture")

CAP_S = 3.0
TAKEN_S = 0.06
"""Input that an idle page has not had by then went elsewhere: a list that opened, the browser's own bars."""
STILL_S = 0.018
"""A frame lasts 17 ms; what the page has handed on for drawing is on the screen by then."""
STILL_ELSEWHERE_S = 0.2
"""For input that no page took, and for a page that has just come: the browser's own bars change with it, and
nobody tells when they are at rest. On a busy machine 0.1 s was too short for the fade of a button."""
BARS_S = 0.6
"""So long after a page has come the browser's bars may still be changing."""
STILL_BLIND_S = 0.5
"""Frames alone must be quiet this long: less went wrong in 8 of 105 actions (performance §10)."""
POLL_S = 0.03
RESTLESS_S = 0.6
"""If pixels alone still change this long after every signal is quiet, they always will."""
DEAF_S = 0.5
"""A page that knows nothing of our script for this long, and is not coming or going, has none."""
CHANGING_S = 1.0
"""A page that does nothing but change, with nothing under way that has an end, will go on changing."""
MOVED_S = 0.1


class Deaf(Exception):
    """No page can be asked, and pictures are too dear to be watched instead."""


class Rest(Generic[Picture]):
    """The rule for one screen.

    Args:
        signals: What its pages tell.
        look: Takes a picture of it.
        same: Compares two pictures, but for areas that never rest.
        is_quick: A look costs a millisecond, so that it can be had again and again.
        needs_signals: Raise `Deaf` where no page can be asked, instead of watching the pictures.
    """

    def __init__(
        self,
        signals: PageSignals,
        look: Callable[[], Awaitable[Picture]],
        same: Callable[[Picture, Picture, tuple[Area, ...]], Awaitable[bool]],
        *,
        is_quick: bool,
        needs_signals: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._signals = signals
        self._look = look
        self._same = same
        self._is_quick = is_quick
        self._needs_signals = needs_signals
        self._clock = clock

    async def come(self, in_page: Callable[[PageReport], bool]) -> tuple[Picture, str]:
        """Wait for the signals, then for the pictures; gives the one at rest, and what decided.

        Args:
            in_page: Says by a page's report whether a page had what was sent, or nothing was.

        Raises:
            Deaf: See `needs_signals`.
        """
        signals = self._signals
        heard = began = self._clock()
        quiet_since = 0.0
        while True:
            generation = signals.generation
            if signals.busy():
                began, quiet_since = self._clock(), 0.0
                await signals.moved(MOVED_S)
                continue
            report = await signals.at_rest()
            now = self._clock()
            blind = report.why == "unknown"
            if signals.generation != generation or signals.busy():
                began, quiet_since = now, 0.0
            elif blind and now - heard < DEAF_S:
                await signals.moved(POLL_S)
            elif blind and self._needs_signals:
                raise Deaf
            elif report.why == "changing" and now - began > CHANGING_S:
                return await self._look(), "signals"
            elif report.why and not blind:
                heard, quiet_since = now, 0.0
                began = began if report.why == "changing" else now
            else:
                quiet_since = quiet_since or now
                enough = now - quiet_since > RESTLESS_S and not blind
                only_page = in_page(report) and now - signals.last_page > BARS_S
                still_s = STILL_BLIND_S if blind else STILL_S if only_page else STILL_ELSEWHERE_S
                picture = await self._still(still_s, report, generation, enough=enough)
                if picture is not None:
                    return picture, "quiet" if blind or signals.has_dialog else "signals"

    async def _still(
        self, still_s: float, report: PageReport, generation: int, *, enough: bool
    ) -> Picture | None:
        """Look until nothing changes for so long; None if something does, or begins, meanwhile."""
        picture = await self._look()
        if enough or (not self._is_quick and still_s == STILL_S):
            return picture
        since = self._clock()
        while (left := since + still_s - self._clock()) > 0:
            await asyncio.sleep(min(POLL_S, left))
            again = await self._look()
            if self._signals.generation != generation or self._signals.busy():
                return None
            if not await self._same(picture, again, report.rest):
                if still_s < STILL_BLIND_S:
                    return None
                since = self._clock()
            picture = again
        return picture
