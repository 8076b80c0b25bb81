"""Disks that refuse, tails that are cut, and all of it in any order."""

from __future__ import annotations

import errno
import os
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pilothouse import events as ev
from pilothouse import paths
from pilothouse.errors import JournalLocked, RecorderFailed
from pilothouse.journal import disk as disk_module
from pilothouse.journal.disk import Disk
from pilothouse.journal.reader import JournalReader
from pilothouse.journal.writer import JournalWriter
from tests.unit.journal.making import RUN, assert_prefixes, read, some_events, write

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]


class NextCallFails(Disk):
    """Fails the next write or sync, once, as it is told."""

    def __init__(self) -> None:
        self.refuse = 0
        self.take: int | None = None
        self.refuse_sync = 0

    def write(self, fd: int, data: bytes) -> int:
        refuse, self.refuse = self.refuse, 0
        take, self.take = self.take, None
        if refuse:
            raise OSError(refuse, os.strerror(refuse))
        return super().write(fd, data if take is None else data[:take])

    def sync(self, fd: int) -> None:
        refuse, self.refuse_sync = self.refuse_sync, 0
        if refuse:
            raise OSError(refuse, os.strerror(refuse))
        super().sync(fd)


class Recorder(RuleBasedStateMachine):
    """Append, fail, crash, tear and take up again in any order: what was acknowledged is there, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.directory = Path(self.folder.name) / RUN
        self.disk = NextCallFails()
        self.acknowledged: list[ev.Event] = []
        self.writer: JournalWriter | None = None

    @initialize()
    def begin(self) -> None:
        self.writer = JournalWriter.create(self.directory, RUN, disk=self.disk, min_free_bytes=0)

    @precondition(lambda self: self.writer is not None)
    @rule(text=st.text(max_size=300), durable=st.booleans())
    def append(self, text: str, durable: bool) -> None:
        assert self.writer is not None
        self.acknowledged.append(self.writer.append_event(ev.Warned(what=text), durable))

    @precondition(lambda self: self.writer is not None)
    @rule(code=st.sampled_from([errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG]))
    def refuse(self, code: int) -> None:
        assert self.writer is not None
        self.disk.refuse = code
        with pytest.raises(RecorderFailed):
            self.writer.append(ev.Warned(what="refused"))

    @precondition(lambda self: self.writer is not None)
    @rule(take=st.integers(0, 40))
    def cut_short(self, take: int) -> None:
        assert self.writer is not None
        self.disk.take = take
        with pytest.raises(RecorderFailed):
            self.writer.append(ev.Warned(what="cut short " * 5))

    @precondition(lambda self: self.writer is not None)
    @rule()
    def second_writer(self) -> None:
        with pytest.MonkeyPatch.context() as patch, pytest.raises(JournalLocked):
            patch.setattr(disk_module, "LOCK_WAIT_S", 0.0)  # nobody lets go in this test
            JournalWriter.reopen(self.directory)

    @precondition(lambda self: self.writer is not None)
    @rule(tail=st.sampled_from([b"", b"\0" * 700, b"12ab", b'00000000 30 {"type":"Warned","what":"']))
    def crash(self, tail: bytes) -> None:
        assert self.writer is not None
        self.writer.close()
        self.writer = None
        with paths.journal_path(self.directory).open("ab") as file:
            file.write(tail)

    @precondition(lambda self: self.writer is None)
    @rule()
    def take_up(self) -> None:
        self.writer = JournalWriter.reopen(self.directory, disk=self.disk)

    @invariant()
    def everything_acknowledged_is_there(self) -> None:
        if paths.journal_path(self.directory).exists():
            assert read(self.directory) == self.acknowledged

    def teardown(self) -> None:
        if self.writer is not None:
            self.writer.close()
        self.folder.cleanup()


TestRecorder = Recorder.TestCase
TestRecorder.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


def test_cut_at_every_byte_80_events_give_a_prefix(tmp_path: Path) -> None:
    assert_prefixes(tmp_path / RUN, 80)


def test_after_a_power_cut_what_was_synced_is_there_and_nothing_is_wrong(tmp_path: Path) -> None:
    """Keep synced bytes; each unsynced 4 KiB page is kept or zeroed, the length cut or not."""
    truth = write(tmp_path / RUN, some_events(400))
    path = paths.journal_path(tmp_path / RUN)
    data = path.read_bytes()
    ends = [at + 1 for at, byte in enumerate(data) if byte == 10]
    rng = random.Random(11)
    for _ in range(300):
        synced_events = rng.randrange(1, 400)
        synced = ends[synced_events]  # the header's line is the first
        path.write_bytes(after_power_cut(data, synced, rng))
        with JournalReader(path) as reader:
            events = list(reader.read_all())
            whole = len(events) == len(truth) or reader.damaged or reader.torn_bytes or reader.at_end
        assert whole
        assert events[:synced_events] == truth[:synced_events]
        for event in events[synced_events:]:
            assert event == truth[event.seq] or (isinstance(event, ev.Warned) and "damaged" in event.what)


def after_power_cut(data: bytes, synced: int, rng: random.Random) -> bytes:
    left = bytearray(data)
    for page in range(synced // 4096, len(data) // 4096 + 1):
        begin, end = max(page * 4096, synced), min((page + 1) * 4096, len(data))
        if rng.random() < 0.5 and end > begin:
            left[begin:end] = bytes(end - begin)
    return bytes(left[: rng.randrange(synced, len(data) + 1)] if rng.random() < 0.5 else left)
