"""When each event of a replay is due: as long after the one before as it happened, long waits cut."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from math import inf
from typing import Final, overload

IDLE_LIMIT_S: Final = 2.0
"""A replay waits no longer than this between two events, unless a person chose otherwise."""
IDLE_LIMITS_S: Final = (IDLE_LIMIT_S, 0.5, inf)
_LONG_S: Final = min(IDLE_LIMITS_S)
"""Shorter waits are never cut: only the others are kept, so that another limit costs next to nothing."""


class Pace(Sequence[float]):
    """The seconds into a replay at which each event is due.

    Args:
        times: Each event's time, in nanoseconds; what is appended to it is told by `take`.
    """

    def __init__(self, times: array[int]) -> None:
        self._times = times
        self._after = array("q")
        """Positions of the events that a long wait came before, ascending."""
        self._waits_s = array("d")
        self._cut_s = array("d")
        """What is cut from all the waits up to each of these."""
        self.limit_s = IDLE_LIMIT_S
        """A replay waits no longer than this between two events."""

    def __len__(self) -> int:
        return len(self._times)

    @overload
    def __getitem__(self, index: int) -> float: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[float]: ...
    def __getitem__(self, index: int | slice) -> float | Sequence[float]:
        if isinstance(index, slice):
            return [self._due_s(at) for at in range(*index.indices(len(self)))]
        return self._due_s(range(len(self))[index])

    def _due_s(self, position: int) -> float:
        known = bisect_right(self._after, position)
        cut_s = self._cut_s[known - 1] if known else 0.0
        return (self._times[position] - self._times[0]) / 1e9 - cut_s

    def take(self) -> None:
        """Take note of the event that was appended last."""
        if len(self._times) < 2:
            return
        wait_s = (self._times[-1] - self._times[-2]) / 1e9
        if wait_s > _LONG_S:
            self._after.append(len(self._times) - 1)
            self._waits_s.append(wait_s)
            before_s = self._cut_s[-1] if self._cut_s else 0.0
            self._cut_s.append(before_s + max(wait_s - self.limit_s, 0.0))

    def set_limit(self, limit_s: float) -> None:
        """Cut waits to another length: one of `IDLE_LIMITS_S`."""
        self.limit_s = limit_s
        self._cut_s = array("d", accumulate(max(wait_s - limit_s, 0.0) for wait_s in self._waits_s))

    def position_at(self, seconds: float) -> int:
        """Give the last position due by a time of the replay."""
        return max(bisect_right(range(len(self)), seconds, key=self._due_s) - 1, 0)
