"""Real pointer and key events on an X display, by XTEST. It knows keycodes and buttons, not Kernel's calls.

Requests are sent and not waited for: X keeps their order, and a stuck display can't stop the server's loop.
"""

from __future__ import annotations

import contextlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import xcffib
import xcffib.xproto
import xcffib.xtest

from pilothouse.local import keysyms
from pilothouse.local.desktop import DesktopFailed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence

BUTTONS = {"left": 1, "middle": 2, "right": 3, "back": 8, "forward": 9}
WHEEL = {"up": 4, "down": 5, "left": 6, "right": 7}
_PRESS, _RELEASE, _BUTTON_PRESS, _BUTTON_RELEASE, _MOTION = 2, 3, 4, 5, 6


class Stroke:
    """One key to press: its code, and whether Shift must be held for it."""

    __slots__ = ("code", "shifted")

    def __init__(self, code: int, shifted: bool) -> None:
        self.code = code
        self.shifted = shifted


class X11Input:
    """The pointer and the keyboard of one display.

    Args:
        display: Its name, such as `:7`.
        caught_up: Waits until the browser has dealt with so many events sent to it.
    """

    def __init__(self, display: str, caught_up: Callable[[int], Awaitable[None]]) -> None:
        self._caught_up = caught_up
        self._sent = 0
        # xcffib has no types of its own.
        self._connection: Any = xcffib.connect(display)  # type: ignore[no-untyped-call]
        self._fake = self._connection(xcffib.xtest.key).FakeInput
        self._root = self._connection.get_setup().roots[0].root
        self._keys = _Keymap(self._connection)

    def close(self) -> None:
        """Leave the display."""
        with contextlib.suppress(xcffib.XcffibException):  # the display went first
            self._connection.disconnect()

    # --- the pointer ---------------------------------------------------------------------------------

    def move(self, x: int, y: int) -> None:
        """Put the pointer at a point."""
        self._send(_MOTION, 0, x, y)

    def button(self, number: int, *, down: bool) -> None:
        """Press or release a button where the pointer is."""
        self._send(_BUTTON_PRESS if down else _BUTTON_RELEASE, number)

    def position(self) -> tuple[int, int]:
        """Say where the pointer is."""
        try:
            reply = self._connection.core.QueryPointer(self._root).reply()
        except xcffib.XcffibException as error:
            raise DesktopFailed("the display has ended") from error
        return reply.root_x, reply.root_y

    # --- the keyboard --------------------------------------------------------------------------------

    def key(self, code: int, *, down: bool) -> None:
        """Press or release a key by its code."""
        self._send(_PRESS if down else _RELEASE, code)

    async def strokes(self, wanted: Sequence[int]) -> AsyncIterator[Stroke]:
        """Give the keys that type these keysyms, in order; keys the layout lacks are made on the way.

        Several new keys are made at once, and are settled once: a text in a foreign script costs one wait per
        few dozen different characters.
        """
        for part in self._keys.parts(wanted):
            if self._keys.lacks(part):
                # A key must not change its meaning while presses of it are still on their way: a client looks
                # the meaning up when it comes to the event.
                await self._delivered()
                self._keys.make(part)
                await self._delivered()
            for keysym in part:
                yield self._keys.stroke(keysym)

    @asynccontextmanager
    async def holding(self, wanted: Sequence[int]) -> AsyncIterator[None]:
        """Hold keys down meanwhile; they are let go of whatever happens."""
        held: list[int] = []
        try:
            async for stroke in self.strokes(wanted):
                self.key(stroke.code, down=True)
                held.append(stroke.code)
            yield
        finally:
            for code in reversed(held):
                self.key(code, down=False)

    async def _delivered(self) -> None:
        """Wait until X has passed everything on, and the browser has taken it in."""
        self._flush()
        try:
            self._connection.core.GetInputFocus().reply()
        except xcffib.XcffibException as error:
            raise DesktopFailed("the display has ended") from error
        await self._caught_up(self._sent)
        self._sent = 0

    def tap(self, stroke: Stroke) -> None:
        """Press and release one key, with Shift if it needs that."""
        shift = self._keys.shift
        if stroke.shifted:
            self.key(shift, down=True)
        self.key(stroke.code, down=True)
        self.key(stroke.code, down=False)
        if stroke.shifted:
            self.key(shift, down=False)

    def _send(self, kind: int, detail: int, x: int = 0, y: int = 0) -> None:
        self._sent += 1
        try:
            self._fake(kind, detail, xcffib.CurrentTime, self._root, x, y, 0)
        except xcffib.XcffibException as error:
            raise DesktopFailed("the display has ended") from error
        self._flush()

    def _flush(self) -> None:
        if self._connection.flush() <= 0:
            raise DesktopFailed("the display has ended")


def _is_spare(row: list[int]) -> bool:
    """Say whether a key means nothing yet. Media keys won't do: Chromium goes by their code."""
    return not any(row)


class _Keymap:
    """Which key gives which keysym. Spare keys are given new meanings as texts need them."""

    def __init__(self, connection: Any) -> None:
        self._core = connection.core
        setup = connection.get_setup()
        first, count = setup.min_keycode, setup.max_keycode - setup.min_keycode + 1
        reply = self._core.GetKeyboardMapping(first, count).reply()
        width = reply.keysyms_per_keycode
        rows = [list(reply.keysyms[at : at + width]) for at in range(0, count * width, width)]
        self._strokes: dict[int, Stroke] = {}
        for offset, row in enumerate(rows):
            if not _is_spare(row):
                self._learn(first + offset, row[:2])
        # Insertion order is age: the first is the spare key used longest ago.
        self._spares: dict[int, int] = {first + at: 0 for at, row in enumerate(rows) if _is_spare(row)}
        self.shift = self._strokes[keysyms.SHIFT].code

    def _learn(self, code: int, row: list[int]) -> None:
        for level, keysym in enumerate(row):
            if keysym and keysym not in self._strokes:
                self._strokes[keysym] = Stroke(code, shifted=level == 1)

    def parts(self, wanted: Sequence[int]) -> Iterator[list[int]]:
        """Cut a sequence so that each part needs no more new keys than there are."""
        part: list[int] = []
        new: set[int] = set()
        for keysym in wanted:
            if keysym not in self._strokes or self._strokes[keysym].code in self._spares:
                if keysym not in new and len(new) == len(self._spares):
                    yield part
                    part, new = [], set()
                new.add(keysym)
            part.append(keysym)
        if part:
            yield part

    def lacks(self, part: Iterable[int]) -> bool:
        """Say whether a key has to be made for this part."""
        return any(keysym not in self._strokes for keysym in part)

    def make(self, part: Iterable[int]) -> None:
        """Give spare keys the meanings that are missing; those used longest ago go first."""
        missing = dict.fromkeys(keysym for keysym in part if keysym not in self._strokes)
        for keysym in set(part) - set(missing):
            self._touch(self._strokes[keysym].code)
        for keysym in missing:
            self._give(next(iter(self._spares)), keysym)

    def _touch(self, code: int) -> None:
        if code in self._spares:
            self._spares[code] = self._spares.pop(code)

    def _give(self, code: int, keysym: int) -> None:
        former = self._spares.pop(code)
        self._strokes.pop(former, None)
        self._spares[code] = keysym
        self._strokes[keysym] = Stroke(code, shifted=False)
        # Both levels: Shift, held for something else, must not change what it types.
        self._core.ChangeKeyboardMapping(1, code, 2, [keysym, keysym])

    def stroke(self, keysym: int) -> Stroke:
        """Give the key for a keysym that the map has."""
        return self._strokes[keysym]
