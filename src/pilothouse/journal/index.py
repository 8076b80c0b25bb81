"""Any event, any page, and the state at any point of a recording, without holding the events in memory.

Twelve bytes per event and a state every thousand events are kept; the rest is read on demand and checked
again when it is. The index grows with a live journal. Nothing here is written to disk.
"""

from __future__ import annotations

import os
from array import array
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from pilothouse import events as ev
from pilothouse.errors import JournalError
from pilothouse.journal import compat, framing
from pilothouse.journal.disk import open_to_read
from pilothouse.journal.reader import JournalReader, Record
from pilothouse.state import RunState, reduce

if TYPE_CHECKING:
    from pathlib import Path

    from pilothouse.events import Event

SNAPSHOT_EVERY = 1000
PEEK_BYTES = 4096
"""Most events fit; a longer one costs a second read."""


class JournalIndex:
    """An index over one journal; `grow` takes in what there is, and again what came since.

    Positions count the events given by the reader from 0. They are the events' `seq` unless the recording
    is damaged; `position_of` finds a `seq` either way.

    Raises:
        NotARecording: See `JournalReader`.
    """

    def __init__(self, path: Path) -> None:
        self.reader = JournalReader(path)
        self.state = RunState()
        """The state after the last event."""
        self._fd = open_to_read(path)
        self._offsets = array("Q")
        self._crcs = array("I")
        """What each line is chained on."""
        self._seqs: array[int] | None = None
        """By position; only kept once a gap has set them apart."""
        self._warnings: dict[int, Event] = {}
        """Stand-ins for gaps: they have a position and no line."""
        self._snapshots: list[RunState] = [self.state]
        self._page = -1
        self._page_states: list[RunState] = []

    def __enter__(self) -> JournalIndex:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._offsets)

    def close(self) -> None:
        """Let go of the file."""
        self.reader.close()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def grow(self, max_bytes: int = 1 << 20) -> list[Event]:
        """Take in at most `max_bytes` more; returns the events that are new. Blocks: some 10 ms per MB.

        `reader.at_end` says whether that was all there is now.
        """
        records = self.reader.read_records(max_bytes)
        for record in records:
            self._add(record)
        return [record.event for record in records]

    def grow_to_end(self) -> None:
        """Take in everything there is now, and a gap at its end."""
        for record in self.reader.read_all_records():
            self._add(record)

    def position_of(self, seq: int) -> int:
        """Find the position of event `seq`, or of the first one after it."""
        if self._seqs is None:
            return min(max(seq, 0), len(self))
        return bisect_left(self._seqs, seq)

    def event(self, position: int) -> Event:
        """Read one event; negative positions count from the end.

        Raises:
            IndexError: There is no such position.
            JournalError: The file was changed since it was indexed.
        """
        at = position + len(self) if position < 0 else position
        if not 0 <= at < len(self):
            raise IndexError(position)
        if at in self._warnings:
            return self._warnings[at]
        line = self._line(self._offsets[at])
        try:
            json, _ = framing.unpack(line, self._crcs[at])
        except framing.Damaged as damage:
            where = f"{self.reader.path}, byte {self._offsets[at]}"
            raise JournalError(f"changed while it was open: {damage}", where, "open it again") from damage
        return ev.decode(compat.upgrade(json, self.reader.header.v))

    def page(self, start: int, count: int) -> list[Event]:
        """Read the events of `count` positions from `start`, as far as there are any."""
        return [self.event(at) for at in range(max(start, 0), min(start + count, len(self)))]

    def state_at(self, position: int) -> RunState:
        """Say how the run looked after the event at `position`; -1 is before the first.

        Stepping either way costs nothing inside a page of a thousand events; another page costs reading it.
        """
        at = min(position, len(self) - 1)
        if at < 0:
            return self._snapshots[0]
        page, inside = divmod(at, SNAPSHOT_EVERY)
        if page != self._page:
            self._page, self._page_states = page, []
        states = self._page_states
        state = states[-1] if states else self._snapshots[page]
        while len(states) <= inside:
            state = reduce(state, self.event(page * SNAPSHOT_EVERY + len(states)))
            states.append(state)
        return states[inside]

    def before_t(self, t: int) -> int:
        """Find the position of the last event at or before `t` nanoseconds; -1 when there is none."""
        return bisect_right(range(len(self)), t, key=lambda at: self.event(at).t) - 1

    def _add(self, record: Record) -> None:
        at = len(self._offsets)
        if record.crc_before is None:
            self._warnings[at] = record.event
        if self._seqs is None and record.event.seq != at:
            self._seqs = array("q", range(at))
        if self._seqs is not None:
            self._seqs.append(record.event.seq)
        self._offsets.append(record.offset)
        self._crcs.append(record.crc_before or 0)
        self.state = reduce(self.state, record.event)
        if (at + 1) % SNAPSHOT_EVERY == 0:
            self._snapshots.append(self.state)

    def _line(self, offset: int) -> bytes:
        data = os.pread(self._fd, PEEK_BYTES, offset)
        size = PEEK_BYTES
        while b"\n" not in data and len(data) == size and size < framing.LINE_MAX_BYTES * 2:
            size *= 4
            data = os.pread(self._fd, size, offset)
        return data.partition(b"\n")[0].removesuffix(b"\r")
