"""When to look after an action, where the browser's server does not say so itself. No picture is taken here.

A picture from Kernel costs about 0.3 s and locks its input meanwhile, so that frames can't be watched there
(kernel-api §0.6, §5.4). What telemetry tells decides while somebody follows it; else what its pages tell
(`far_pages`), while they can be asked; else a delay for each kind of action, and a second look when the first
shows that something has changed.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pilothouse.events import Json

FIRST_LOOK_S = {
    "type": 0.2,
    "mouse_move": 0.2,
    "scroll": 0.5,  # smooth scrolling runs about 350 ms after a quiet start
    "key": 0.3,
    "cursor_position": 0.0,
    "enter": 0.9,  # sends forms and addresses: a page takes as long to begin to come
    "wait": 0.0,
    "start": 0.0,
}
"""How long after an action of a kind a first look is worth while."""
FIRST_LOOK_DEFAULT_S = 0.4
NO_WAIT = ("wait", "start")
"""The model's own wait is honoured: nothing is added to it."""
LOOKS = ("screenshot", "zoom", "cursor_position")
"""These change nothing: after them the screen still answers to what was done before."""
SIGNALS_CAP_S = 1.5
"""A signal that has not come by then is not waited for (kernel-api §5.4)."""
SIGNALS_FIRST_S = 0.15
"""Telemetry comes by way of the network: what an action sets off is heard of by then."""

_ENTER = ("return", "enter", "kp_enter", "kp_return")
_BEGINS = {"page_navigation": "page_navigation_settled", "network_request": "network_idle"}
_ENDS = ("page_navigation_settled", "network_idle", "interaction_scroll_settled")


class Signals(Protocol):
    """What tells that a page is at rest."""

    @property
    def live(self) -> bool:
        """Say whether anything would be heard at all."""

    async def at_rest(self, member: str, since: float, begun: float | None = None) -> bool:
        """Wait until the page is at rest after an action.

        Args:
            member: What was done.
            since: When the wait began, by the monotonic clock.
            begun: When the action itself began: what it sets off may be heard of before its answer.

        Returns:
            Whether a signal said so; False if none came in time.
        """


class TelemetrySignals:
    """Kernel's telemetry as signals: give `heard` to whoever follows the stream.

    Args:
        followed: Says whether the stream is being read just now.
        clock: Monotonic seconds.
    """

    def __init__(self, followed: Callable[[], bool], clock: Callable[[], float] = time.monotonic) -> None:
        self._followed = followed
        self._clock = clock
        self._last: dict[str, float] = {}
        self._moved = asyncio.Event()

    @property
    def live(self) -> bool:
        """Say whether the stream is being read: else silence would mean nothing."""
        return self._followed()

    def heard(self, kind: str, data: Mapping[str, object] | None = None) -> None:
        """Take note of an event by its type; only types matter, its data may hold a page's secrets."""
        if kind in _BEGINS or kind in _ENDS:
            self._last[kind] = self._clock()
            self._moved.set()

    async def at_rest(self, member: str, since: float, begun: float | None = None) -> bool:
        """Wait for the end of what an action has set off; see `Signals`."""
        begun = since if begun is None else min(begun, since)
        until = since + SIGNALS_CAP_S
        await asyncio.sleep(max(0.0, since + SIGNALS_FIRST_S - self._clock()))
        while self._clock() < until:
            open_, closed = self._standing(member, begun, since)
            if not open_:
                return closed
            self._moved.clear()
            try:
                async with asyncio.timeout(max(0.0, until - self._clock())):
                    await self._moved.wait()
            except TimeoutError:
                break
        return False

    def _standing(self, member: str, begun: float, since: float) -> tuple[bool, bool]:
        """Say whether an end is still to come, and whether one has come.

        An end that came while the action was under way says nothing of its last key, or its second click:
        with nothing else to go by, delays decide.
        """
        ends = [end for begin, end in _BEGINS.items() if self._last.get(begin, 0.0) >= begun]
        if member == "scroll":
            ends.append("interaction_scroll_settled")
        come = [end for end in ends if self._has_ended(end, begun)]
        return len(come) < len(ends), any(self._last[end] >= since for end in come)

    def _has_ended(self, end: str, since: float) -> bool:
        began = [self._last.get(begin, 0.0) for begin, its_end in _BEGINS.items() if its_end == end]
        return self._last.get(end, 0.0) >= max([since, *began])


def kind_of(member: str, given: Json | None = None) -> str:
    """Say what an action is to a page: its member's name, or `enter` if it sends something off."""
    text = str((given or {}).get("text", ""))
    if member == "key" and any(name in _ENTER for name in text.lower().replace("+", " ").split()):
        return "enter"
    return "enter" if member == "type" and text.endswith(("\n", "\r")) else member


def input_of(member: str) -> str:
    """Say what kind of input a page counts when it has had an action, by the names of `PageReport`."""
    if member == "scroll":
        return "wheel"
    if member in ("type", "key", "hold_key"):
        return "key"
    return "pointer" if member.endswith(("_click", "_drag", "_up")) else ""
