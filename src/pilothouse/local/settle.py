"""When the screen has come to rest after an action, and the picture of that. No DevTools and no X11 here.

The rule is `devtools.rest`. Added here, where it costs a millisecond to ask: input has to arrive first.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec
from PIL import Image

from pilothouse.devtools.areas import same_but_for
from pilothouse.devtools.rest import CAP_S, TAKEN_S, Rest
from pilothouse.local import kernel_actions as actions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pilothouse.devtools.page_signals import Area, PageReport, PageSignals
    from pilothouse.local.kernel_actions import Action

BEFORE_S = 0.005
"""A page that has nothing to do says in 2 ms what input it has had."""
TAKEN_POLL_S = 0.002
SHOWN_S = 1.0


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
        self._rest = Rest(signals, eyes.grab, _same_off_loop, is_quick=eyes.is_quick, clock=clock)
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
                taken = await self._taken()
                frame, by = await self._rest.come(lambda report: taken)
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


async def _same_off_loop(one: Frame, other: Frame, rest: tuple[Area, ...]) -> bool:
    return await asyncio.to_thread(is_same, one, other, rest)


def is_same(one: Frame, other: Frame, rest: tuple[Area, ...]) -> bool:
    """Say whether two pictures are the same, but for areas that never rest."""
    if one.pixels == other.pixels:
        return True
    if not rest or one.is_png:
        return False
    return same_but_for(_image(one), _image(other), rest)


def _image(frame: Frame) -> Image.Image:
    size = (frame.width_px, frame.height_px)
    return Image.frombuffer("RGB", size, frame.pixels, "raw", "BGRX", 0, 1).copy()


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
