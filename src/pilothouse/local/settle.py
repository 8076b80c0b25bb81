"""When the screen has come to rest after an action, and the picture of that. No DevTools and no X11 here.

Signals of the page come first (`settle_signals`): its input has arrived, nothing with an end is under way, a
frame has been drawn since the last change. Then the pixels must agree: two grabs in a row are the same, save
what the page itself says never rests. Without signals the pixels alone decide, and must be quiet much longer.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec
from PIL import Image, ImageChops

from pilothouse.local import kernel_actions as actions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pilothouse.local.kernel_actions import Action
    from pilothouse.local.settle_signals import PageReport, PageSignals

CAP_S = 3.0
BEFORE_S = 0.005
"""A page that has nothing to do says in 2 ms what input it has had."""
TAKEN_S = 0.06
"""Input that an idle page has not had by then went elsewhere: a list that opened, the browser's own bars."""
TAKEN_POLL_S = 0.002
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
SHOWN_S = 1.0
AREAS_MAX = 100
"""So many areas that never rest are left out of a comparison: a page says which, and how many."""


class Frame(msgspec.Struct, frozen=True):
    """Pixels as X11 has them, 32 bits each; or a PNG already, where there are no others."""

    pixels: bytes | bytearray
    width_px: int
    height_px: int
    is_png: bool = False


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of a screen at rest."""

    png: bytes
    settle_ms: float
    settled_by: str
    """`signals`, `quiet` or `cap`."""
    url: str
    title: str


class Eyes(Protocol):
    """How a desktop is looked at."""

    is_quick: bool
    """A look costs a millisecond, so that it can be had again and again."""

    async def grab(self) -> Frame:
        """Look now.

        Raises:
            DesktopFailed: It can't be seen.
        """

    async def encode(self, frame: Frame) -> bytes:
        """Make a PNG of it."""

    async def shown(self, at_most_s: float | None = None) -> tuple[str, str]:
        """Say the address and the title of the page in front; see `Desktop.shown`."""


@dataclass(frozen=True)
class _Sent:
    """Input on its way, and what the pages had of its kind before."""

    action: Action
    kind: str
    count: int
    events: int
    before: asyncio.Task[PageReport]


class Settler:
    """Decides for one desktop.

    Args:
        signals: What its pages tell.
        eyes: How it is looked at.
        caught_up: Waits until the browser has dealt with so many events of input.
    """

    def __init__(
        self,
        signals: PageSignals,
        eyes: Eyes,
        caught_up: Callable[[int], Awaitable[None]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._signals = signals
        self._eyes = eyes
        self._caught_up = caught_up
        self._clock = clock
        self._sent: _Sent | None = None

    async def before(self, action: Action) -> None:
        """Note what an action is about to send."""
        if self._sent is not None:
            self._sent.before.cancel()
            self._sent = None
        kind, count, events = _input_of(action)
        if not kind:
            return
        looking = asyncio.create_task(self._signals.look())
        self._sent = _Sent(action, kind, count, events, looking)
        # Of a browser that is busy the answer is not waited for: the question at least goes first.
        await asyncio.wait({looking}, timeout=BEFORE_S)

    async def settled(self) -> Settled:
        """Wait until the screen is at rest, three seconds at most, and take its picture.

        Raises:
            DesktopFailed: It can't be seen.
        """
        began = self._clock()
        try:
            async with asyncio.timeout(CAP_S):  # whatever a page does to its answers
                frame, by = await self._rested(in_page=await self._taken())
        except TimeoutError:
            frame, by = await self._eyes.grab(), "cap"
        settle_ms = (self._clock() - began) * 1e3
        png, (url, title) = await asyncio.gather(self._eyes.encode(frame), self._eyes.shown(SHOWN_S))
        return Settled(png=png, settle_ms=settle_ms, settled_by=by, url=url, title=title)

    def close(self) -> None:
        """Stop what is under way."""
        if self._sent is not None:
            self._sent.before.cancel()

    async def _taken(self) -> bool:
        """Wait until what was sent has arrived; says whether a page had it, or nothing was sent."""
        sent, self._sent = self._sent, None
        if sent is None:
            return True
        before = await sent.before
        if not _reaches(sent.action, before) or self._signals.has_dialog:
            await self._caught_up(sent.events)
            return False
        until, most = self._clock() + TAKEN_S, 0.0
        generation = self._signals.generation
        while self._clock() < until:
            had = getattr(await self._signals.look(), sent.kind) - getattr(before, sent.kind)
            # A page that has already made way for another has had it.
            if had >= sent.count or had < 0 or self._signals.has_dialog:
                return not self._signals.has_dialog
            if self._signals.generation != generation and self._signals.busy() == "navigation":
                return True
            if had > most:
                until, most = self._clock() + TAKEN_S, had
            await asyncio.sleep(TAKEN_POLL_S)
        await self._caught_up(sent.events)
        return False

    async def _rested(self, *, in_page: bool) -> tuple[Frame, str]:
        """Wait for the signals, then for the pixels; gives the picture and what decided."""
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
            elif report.why == "changing" and now - began > CHANGING_S:
                return await self._eyes.grab(), "signals"
            elif report.why and not blind:
                heard, quiet_since = now, 0.0
                began = began if report.why == "changing" else now
            else:
                quiet_since = quiet_since or now
                enough = now - quiet_since > RESTLESS_S and not blind
                only_page = in_page and now - signals.last_page > BARS_S
                still_s = STILL_BLIND_S if blind else STILL_S if only_page else STILL_ELSEWHERE_S
                frame = await self._still(still_s, report, generation, enough=enough)
                if frame is not None:
                    return frame, "quiet" if blind or signals.has_dialog else "signals"

    async def _still(
        self, still_s: float, report: PageReport, generation: int, *, enough: bool
    ) -> Frame | None:
        """Look until nothing changes for so long; None if something does, or begins, meanwhile."""
        frame = await self._eyes.grab()
        if enough or (not self._eyes.is_quick and still_s == STILL_S):
            return frame
        since = self._clock()
        while (left := since + still_s - self._clock()) > 0:
            await asyncio.sleep(min(POLL_S, left))
            again = await self._eyes.grab()
            if self._signals.generation != generation or self._signals.busy():
                return None
            if not await asyncio.to_thread(is_same, frame, again, report.rest):
                if still_s < STILL_BLIND_S:
                    return None
                since = self._clock()
            frame = again
        return frame


def is_same(one: Frame, other: Frame, rest: tuple[tuple[float, float, float, float], ...]) -> bool:
    """Say whether two pictures are the same, but for areas that never rest."""
    if one.pixels == other.pixels:
        return True
    if not rest or one.is_png:
        return False
    masked = [_masked(frame, rest[:AREAS_MAX]) for frame in (one, other)]
    return ImageChops.difference(*masked).getbbox() is None


def _masked(frame: Frame, rest: tuple[tuple[float, float, float, float], ...]) -> Image.Image:
    size = (frame.width_px, frame.height_px)
    image = Image.frombuffer("RGB", size, frame.pixels, "raw", "BGRX", 0, 1).copy()
    for left, top, right, bottom in rest:
        x0, y0 = _within(left, size[0]), _within(top, size[1])
        x1, y1 = _within(right, size[0]), _within(bottom, size[1])
        if x0 < x1 and y0 < y1:
            image.paste((0, 0, 0), (x0, y0, x1, y1))
    return image


def _within(place: float, most: int) -> int:
    """Bring a page's number onto the screen, whatever it is: infinite, or none at all."""
    return int(min(most, max(0, place)))


def _input_of(action: Action) -> tuple[str, int, int]:
    """Say what kind of input an action sends, how much of it a page counts, and how many events that is."""
    match action:
        case actions.ClickMouse():
            clicks = max(1, action.num_clicks)
            return "pointer", 0 if action.click_type == "down" else clicks, 1 + 2 * clicks
        case actions.DragMouse():
            return "pointer", 1, 12
        case actions.MoveMouse():
            return "pointer", 0, 1
        case actions.Scroll():
            return "wheel", 1, 2 * (abs(action.delta_x) + abs(action.delta_y))
        case actions.TypeText():
            return "key", len(action.text), 2 * len(action.text)
        case actions.PressKey():
            return "key", len(action.keys), 4 * len(action.keys)
    return "", 0, 0


def _reaches(action: Action, report: PageReport) -> bool:
    """Say whether a page is where an action goes: under the pointer, or with the focus."""
    match action:
        case actions.ClickMouse() | actions.MoveMouse() | actions.Scroll():
            return report.why != "unknown" and action.y >= report.top
        case actions.DragMouse():
            return report.why != "unknown" and action.path[-1][1] >= report.top
    return report.focus
