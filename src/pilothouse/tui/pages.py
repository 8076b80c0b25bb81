"""Many events in little memory: whole pages of them encoded and packed, read back when one is looked at.

A decoded event takes a kilobyte, a packed one some forty bytes. Works for every way a run may reach a viewer.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from pilothouse import events as ev

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE: Final = 1_000
_OPEN_PAGES: Final = 8
"""Pages kept decoded; looking about in one costs nothing, another one some milliseconds."""
_FAST: Final = 1


class Pages:
    """A growing sequence of events."""

    def __init__(self) -> None:
        self._packed: list[bytes | list[ev.Event]] = []
        """Pages; one that can't be written as it is stays decoded."""
        self._tail: list[ev.Event] = []
        self._last: list[ev.Event] = []
        """The page before the tail, still decoded: a live run is looked at near its end."""
        self._open: OrderedDict[int, list[ev.Event]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._packed) * PAGE + len(self._tail)

    def __iter__(self) -> Iterator[ev.Event]:
        for page in range(len(self._packed) + 1):
            yield from self._page(page)

    def __getitem__(self, position: int) -> ev.Event:
        at = position + len(self) if position < 0 else position
        if not 0 <= at < len(self):
            raise IndexError(position)
        page, inside = divmod(at, PAGE)
        return self._page(page)[inside]

    def append(self, event: ev.Event) -> None:
        """Take the next event."""
        self._tail.append(event)
        if len(self._tail) == PAGE:
            self._packed.append(_pack(self._tail))
            self._last, self._tail = self._tail, []

    def span(self, start: int, end: int) -> Iterator[ev.Event]:
        """Give the events from one position up to, without, another."""
        at, end = max(start, 0), min(end, len(self))
        while at < end:
            page, inside = divmod(at, PAGE)
            part = self._page(page)[inside : inside + end - at]
            yield from part
            at += len(part)

    def _page(self, page: int) -> list[ev.Event]:
        if page == len(self._packed):
            return self._tail
        if page == len(self._packed) - 1:
            return self._last
        if page in self._open:
            self._open.move_to_end(page)
            return self._open[page]
        packed = self._packed[page]
        if isinstance(packed, list):
            return packed
        self._open[page] = events = [ev.decode(line) for line in zlib.decompress(packed).split(b"\n")]
        while len(self._open) > _OPEN_PAGES:
            self._open.popitem(last=False)
        return events


def _pack(events: list[ev.Event]) -> bytes | list[ev.Event]:
    if any(isinstance(event, ev.Unknown) for event in events):
        return events  # its bytes have the number that it was written with
    try:
        return zlib.compress(b"\n".join(map(ev.encode, events)), _FAST)
    except (ValueError, TypeError, OverflowError):  # a number that no JSON of ours holds
        return events
