"""When the interpreter looks for garbage that only a search finds: while nobody types.

By itself it searches everything about once a second under load, for 25 to 60 ms, and keys wait for that
(performance §7). Nothing here is needed for memory that is freed by itself, which is nearly all of it.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY_S: Final = 20.0
QUIET_S: Final = 2.0
"""So long after a key nobody is taken to be typing."""
PATIENCE: Final = 6
"""So many times in a row it is put off at most."""
YOUNG: Final = (5_000, 2, 1_000_000)
"""The young are searched in a millisecond or two, those that lived through that twice; the old not at all."""


class Tidying:
    """Searches in quiet moments.

    Args:
        now: A monotonic clock, in seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._typed_at = float("-inf")
        self._put_off = 0
        self._before: tuple[int, int, int] | None = None

    def begin(self) -> None:
        """Search from now on only when asked to; what there is now stays."""
        gc.freeze()
        self._before = gc.get_threshold()
        gc.set_threshold(*YOUNG)

    def end(self) -> None:
        """Leave it to the interpreter again."""
        if self._before is not None:
            gc.set_threshold(*self._before)
            self._before = None

    def typed(self) -> None:
        """Take note of a key."""
        self._typed_at = self._now()

    def look(self) -> bool:
        """Search, unless somebody is typing; says whether it did."""
        if self._now() - self._typed_at < QUIET_S and self._put_off < PATIENCE:
            self._put_off += 1
            return False
        self._put_off = 0
        gc.collect()
        return True
