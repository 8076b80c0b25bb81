"""Where in a run a person looks, and how that moves by itself. Holds no events and draws nothing."""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from pilothouse.tui.record import Record

SPEEDS: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
_OPENING: Final = -1
"""Where a replay opens, as long as nobody has moved: known only when the events are there."""


class Playhead:
    """A position in a record: following its end, playing towards it, or resting."""

    def __init__(self, record: Record, following: bool, now: Callable[[], float] = time.monotonic) -> None:
        self._record = record
        self._now = now
        self._at = _OPENING
        self._began_s = 0.0
        self._from_s = 0.0
        self.following = following
        """The position is the record's end, wherever that is."""
        self.playing = False
        self.speed = 1.0

    @property
    def position(self) -> int:
        """The event the screen shows; never beyond what there is."""
        if self.following:
            return self._record.head
        return min(self._record.opening if self._at == _OPENING else self._at, self._record.head)

    def follow(self) -> None:
        """Go to the end and stay there."""
        self.following, self.playing = True, False

    def go(self, position: int) -> None:
        """Rest at a position."""
        self.following, self.playing = False, False
        self._at = min(max(position, 0), max(self._record.head, 0))

    def toggle(self) -> None:
        """Play from here (from the opening, at the end), or rest here."""
        if self.playing:
            self.go(self.position)
            return
        self.go(self._record.opening if self.position >= self._record.head else self.position)
        self.playing = True
        self._anchor()

    def faster(self, steps: int) -> None:
        """Go up (or, below zero, down) the ladder of speeds; stops at its ends."""
        here = bisect_right(SPEEDS, self.speed) - 1 if steps > 0 else bisect_left(SPEEDS, self.speed)
        at = here + steps
        self.set_speed(SPEEDS[min(max(at, 0), len(SPEEDS) - 1)])

    def set_speed(self, speed: float) -> None:
        """Change the pace from here on."""
        self.speed = speed
        self._anchor()

    def tick(self) -> bool:
        """Move along if playing; says whether the position changed or playing ended."""
        if not self.playing:
            return False
        was = self._at
        due_s = self._from_s + (self._now() - self._began_s) * self.speed
        self._at = max(self._at, self._record.paced_s.position_at(due_s))
        if self._at >= self._record.head:
            self.playing = False
            return True
        return self._at != was

    def _anchor(self) -> None:
        self._began_s = self._now()
        if 0 <= self._at < len(self._record.paced_s):
            self._from_s = self._record.paced_s[self._at]
