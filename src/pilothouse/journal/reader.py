"""The one reader of journals, for opening, following and finishing a recording. Nothing here waits or writes.

It gives what stands between the header and the last newline, every line checked against the one before.
A torn tail is normal and counted, not an error. After damage in the middle it goes on with the lines that
check against their neighbours, reports the gap, and says from which event on the chain is no longer whole
(terminal-and-journal §2.6).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from pilothouse import events as ev
from pilothouse.errors import JournalError, NotARecording
from pilothouse.events import Event
from pilothouse.journal import compat, framing
from pilothouse.journal.disk import open_to_read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


CHUNK_BYTES = 256 << 10
_LONGEST = framing.LINE_MAX_BYTES + 64
"""A whole line with its frame; what is longer is skipped without being held in memory."""
SEQ_LIMIT = 1 << 53
"""What every JSON reader keeps exact; a larger `seq` is a forgery."""
T_LIMIT_NS = 1 << 62
"""A hundred years and more; a later `t` is a forgery."""
_BOM = b"\xef\xbb\xbf"


class Record(msgspec.Struct, frozen=True):
    """An event and where it stands."""

    event: Event
    offset: int
    crc_before: int | None
    """What its line's checksum is chained on, to check it again alone; None for a gap's stand-in."""


class Gap(msgspec.Struct, frozen=True):
    """Bytes that are no part of the record any more."""

    offset: int
    size: int
    after_seq: int
    why: str


class JournalReader:
    """Reads a journal from its begin, as far as it has grown; call again for what came since.

    Args:
        path: The journal file. It is opened once; a file put in its place later is not seen.

    Raises:
        NotARecording: There is no file, it is empty, foreign, cut inside its header, or of a newer format.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.gaps: list[Gap] = []
        self.sealed: framing.Seal | None = None
        self.segments: list[framing.Segment] = []
        self.torn_bytes = 0
        """Bytes after the last newline at the latest read: a record on its way, or what a kill left."""
        self.unverified_from: int | None = None
        """The first event after a break in the chain; it and those after it checked only line by line."""
        self.next_seq = 0
        self.count = 0
        """Events given so far."""
        self.last_t = 0
        self.last_wall = ""
        self.at_end = False
        self.offset = 0
        """Bytes read so far, whole lines only."""
        self.whole = 0
        """Where the last line ends that checked; a record can be gone on with from here."""
        self.crc = 0
        """The checksum the next line is chained on."""
        self.whole_crc = 0
        self._skipping = False
        self._gap: Gap | None = None
        self._gap_broke_chain = False
        self._fd = _open(path)
        try:
            self.header = self._read_header()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> JournalReader:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    @property
    def size(self) -> int:
        """The file's size now, in bytes."""
        return os.fstat(self._fd).st_size

    @property
    def damaged(self) -> bool:
        """Say whether anything but the tail is missing or altered."""
        return bool(self.gaps) or self._gap is not None

    def read_new(self, max_bytes: int = CHUNK_BYTES) -> list[Event]:
        """Read on by at most `max_bytes`; an empty list with `at_end` means that there is nothing new."""
        return [record.event for record in self.read_records(max_bytes)]

    def read_all(self) -> Iterator[Event]:
        """Yield everything there is now, a gap at the end included."""
        for record in self.read_all_records():
            yield record.event

    def read_all_records(self) -> Iterator[Record]:
        """Yield everything there is now with its place, a gap at the end included."""
        self.at_end = False
        while not self.at_end:
            yield from self.read_records()
        yield from self.finish()

    def read_records(self, max_bytes: int = CHUNK_BYTES) -> list[Record]:
        """Read on by at most `max_bytes`, or by one line if that is longer.

        Bytes after the last newline are left where they are and read again next time, because a writer
        that could not finish a record takes them back.
        """
        data = self._read_lines(max_bytes)
        records: list[Record] = []
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            self._take_line(data[start:end], self.offset + start, records)
            start = end + 1
        self.offset += start
        if self.at_end:
            self.torn_bytes = 0 if self._skipping else len(data) - start
        return records

    def finish(self) -> list[Record]:
        """Report a gap that nothing followed; for a recording that will not grow any more."""
        records: list[Record] = []
        self._close_gap(self.next_seq + 1, records)
        return records

    def _read_lines(self, max_bytes: int) -> bytes:
        size = max_bytes
        while True:
            data = os.pread(self._fd, size, self.offset)
            self.at_end = len(data) < size
            if self.at_end or b"\n" in data:
                return data
            if size >= _LONGEST:
                self._damage(self.offset, len(data), "a line is longer than any record", None)
                self._skipping = True
                self.offset += len(data)
            else:
                size = min(size * 2, _LONGEST)

    def _read_header(self) -> framing.Header:
        lead = len(_BOM) if os.pread(self._fd, 3, 0) == _BOM else 0
        line, newline, _ = os.pread(self._fd, 64 << 10, lead).partition(b"\n")
        if not line:
            raise _not_ours("is empty", self.path)
        try:
            json, self.crc = framing.unpack(line.removesuffix(b"\r"), 0)
        except framing.Damaged as damage:
            raise _not_ours(
                f"is not a recording: its first line does not check, {damage}", self.path
            ) from None
        if not newline:
            raise _not_ours("is cut off inside its first line", self.path)
        self.offset = lead + len(line) + 1
        self.whole, self.whole_crc = self.offset, self.crc
        return _header(json, self.path)

    def _take_line(self, line: bytes, offset: int, records: list[Record]) -> None:
        if self._skipping:
            self._skipping = False
            self._damage(offset, len(line) + 1, "a line is longer than any record", None)
            return
        size = len(line) + 1
        line = line.removesuffix(b"\r")
        crc_before = self.crc
        try:
            json, self.crc = framing.unpack(line, crc_before)
        except framing.Damaged as damage:
            self._damage(offset, size, str(damage), line)
            return
        self.whole, self.whole_crc = offset + size, self.crc
        if self.sealed:
            self._damage(offset, size, "something follows the seal", None)
        elif framing.is_frame(json):
            self._take_frame(json, offset, size)
        else:
            self._take_event(json, offset, size, crc_before, records)

    def _take_frame(self, json: bytes, offset: int, size: int) -> None:
        try:
            frame = framing.decode_frame.decode(json)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return  # a framing line of a newer minor version: it checked, and it is no event
        match frame:
            case framing.Seal():
                self.sealed = frame
                if frame.events != self.count and not self.damaged:
                    why = f"the seal counts {frame.events} events, {self.count} are here"
                    self._damage(offset, 0, why, None)
            case framing.Segment():
                self.segments.append(frame)
            case framing.Header():
                self._damage(offset, size, "a second header", None)

    def _take_event(self, json: bytes, offset: int, size: int, crc: int, records: list[Record]) -> None:
        try:
            event = ev.decode(compat.upgrade(json, self.header.v))
        except (JournalError, msgspec.MsgspecError, ValueError, RecursionError) as error:
            self._damage(offset, size, f"a line is no event: {error}", None)
            return
        if not self.next_seq <= event.seq < SEQ_LIMIT or event.t >= T_LIMIT_NS:
            self._damage(offset, size, f"event {event.seq} is out of order", None)
            return
        if event.seq > self.next_seq and self._gap is None:
            self._damage(offset, 0, "events are missing", None)
        self._close_gap(event.seq, records)
        self._give(event, offset, crc, records)

    def _give(self, event: Event, offset: int, crc_before: int | None, records: list[Record]) -> None:
        self.next_seq = event.seq + 1
        self.last_t = max(self.last_t, event.t)
        self.last_wall = event.wall or self.last_wall
        self.count += 1
        records.append(Record(event, offset, crc_before))

    def _damage(self, offset: int, size: int, why: str, line: bytes | None) -> None:
        """Note bytes as lost; a `line` that broke the chain says itself what the next one is chained on."""
        was = self._gap
        if was is None:
            self._gap = Gap(offset, size, self.next_seq - 1, why)
        else:
            self._gap = msgspec.structs.replace(was, size=offset + size - was.offset)
        if line is not None:
            self._gap_broke_chain = True
            self.crc = _claimed_crc(line, self.crc)

    def _close_gap(self, seq: int, records: list[Record]) -> None:
        """End an open gap before event `seq`; it is given as a warning in the place of what is missing."""
        gap, self._gap = self._gap, None
        if gap is None:
            return
        self.gaps.append(gap)
        if self._gap_broke_chain and self.unverified_from is None:
            self.unverified_from = seq
        if seq > self.next_seq:
            warning = ev.Warned(
                seq=self.next_seq,
                t=self.last_t,
                wall=self.last_wall,
                what=f"the recording is damaged here: {gap.why}",
                where=f"{self.path.name}, byte {gap.offset}",
            )
            self._give(warning, gap.offset, None, records)


def _open(path: Path) -> int:
    try:
        return open_to_read(path)
    except FileNotFoundError:
        raise NotARecording("there is no journal", str(path), "see `pilothouse ls`") from None
    except OSError as error:
        raise NotARecording(f"can't be read: {error.strerror or error}", str(path)) from error


def _header(json: bytes, path: Path) -> framing.Header:
    try:
        head = msgspec.json.decode(json, type=dict[str, object])
        if head.get("fmt") != framing.FORMAT:
            raise _not_ours("is not a recording: it names another format", path)
        version = head.get("v")
        if isinstance(version, int) and version > framing.FORMAT_VERSION:
            raise NotARecording(
                f"has format {version}; this pilothouse reads up to {framing.FORMAT_VERSION}",
                str(path),
                "update pilothouse",
            )
        return msgspec.json.decode(json, type=framing.Header)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise _not_ours(f"is not a recording: {error}", path) from error


def _not_ours(what: str, path: Path) -> NotARecording:
    return NotARecording(what, str(path), "name a run, or a recording made by pilothouse")


def _claimed_crc(line: bytes, otherwise: int) -> int:
    text, space, _ = line.partition(b" ")
    if space and len(text) == 8:
        try:
            return int(text, 16)
        except ValueError:
            return otherwise
    return otherwise
