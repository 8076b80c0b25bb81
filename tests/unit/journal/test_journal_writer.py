from __future__ import annotations

import asyncio
import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pilothouse import events as ev
from pilothouse import paths
from pilothouse.errors import JournalError, JournalLocked, NotARecording, RecorderFailed
from pilothouse.journal import disk as disk_module
from pilothouse.journal import framing
from pilothouse.journal.disk import Disk, is_live
from pilothouse.journal.reader import JournalReader
from pilothouse.journal.writer import DiskFull, JournalWriter
from tests.unit.journal.making import RUN, Clock, create, read, some_events, started, write


class FaultyDisk(Disk):
    """Fails the calls it is told to, by their ordinal, the way a disk does."""

    def __init__(self) -> None:
        self.synced = threading.Event()
        self.writes = 0
        self.syncs = 0
        self.fail_write: dict[int, int] = {}
        self.short_write: dict[int, int] = {}
        self.fail_sync: dict[int, int] = {}
        self.fail_truncate = 0
        self.free = 1 << 40

    def write(self, fd: int, data: bytes) -> int:
        self.writes += 1
        if code := self.fail_write.get(self.writes):
            raise OSError(code, os.strerror(code))
        if (size := self.short_write.get(self.writes)) is not None:
            return super().write(fd, data[:size])
        return super().write(fd, data)

    def sync(self, fd: int) -> None:
        self.syncs += 1
        if code := self.fail_sync.get(self.syncs):
            raise OSError(code, os.strerror(code))
        super().sync(fd)
        self.synced.set()

    def truncate(self, fd: int, size: int) -> None:
        if self.fail_truncate:
            raise OSError(self.fail_truncate, os.strerror(self.fail_truncate))
        super().truncate(fd, size)

    def free_bytes(self, directory: Path) -> int:
        return self.free


def test_events_come_back_as_they_were_stamped(tmp_path: Path) -> None:
    stamped = write(tmp_path / RUN, some_events(50))
    assert read(tmp_path / RUN) == stamped
    assert [event.seq for event in stamped] == list(range(50))
    assert stamped[0].t == 50_000_000
    assert stamped[0].wall == "2027-01-15T08:00:00.050Z"


def test_every_record_is_one_write(tmp_path: Path) -> None:
    disk = FaultyDisk()
    writer = create(tmp_path / RUN, disk=disk)
    before = disk.writes
    writer.append(ev.TurnFinished(turn=1, stop_reason="end_turn", content=[{"text": "x" * 400_000}]))
    assert disk.writes == before + 1
    writer.close()


def test_the_journal_is_private_and_closed_to_children(tmp_path: Path) -> None:
    writer = create(tmp_path / RUN)
    assert stat.S_IMODE(writer.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(writer.path.parent.stat().st_mode) == 0o700
    assert not os.get_inheritable(writer._fd)
    assert [entry.name for entry in writer.path.parent.iterdir()] == [paths.JOURNAL_NAME]
    writer.close()


def test_a_second_writer_is_refused_by_name(tmp_path: Path) -> None:
    writer = create(tmp_path / RUN)
    with pytest.raises(JournalLocked, match=r"journal\.phj: another engine"):
        JournalWriter.reopen(tmp_path / RUN)
    with pytest.raises(JournalError, match="has a journal already"):
        create(tmp_path / RUN)
    writer.append(started())
    writer.close()
    assert len(read(tmp_path / RUN)) == 1


def test_a_probe_in_the_way_does_not_keep_a_writer_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_module, "LOCK_WAIT_S", 60.0)  # this probe is slow: a whole process that ends
    write(tmp_path / RUN, some_events(3))
    path = paths.journal_path(tmp_path / RUN)
    hold = (
        f"import fcntl,os;f=os.open({str(path)!r},0);fcntl.flock(f,fcntl.LOCK_SH);print(1,flush=True);input()"
    )
    probe = subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert probe.stdout is not None and probe.stdin is not None
    probe.stdout.readline()
    probe.stdin.close()  # it lets go while the writer is already trying
    JournalWriter.reopen(tmp_path / RUN).close()
    probe.wait()
    probe.stdout.close()


def test_liveness_is_the_lock_and_probing_does_not_disturb_it(tmp_path: Path) -> None:
    path = paths.journal_path(tmp_path / RUN)
    assert not is_live(path)
    writer = create(tmp_path / RUN)
    assert all(is_live(path) for _ in range(100))
    writer.append(started(), durable=True)
    writer.close()
    assert not is_live(path)


def test_a_durable_append_is_synced_and_others_are_not(tmp_path: Path) -> None:
    disk = FaultyDisk()
    writer = create(tmp_path / RUN, disk=disk)
    before = disk.syncs
    writer.append(started())
    assert (disk.syncs, writer.dirty) == (before, True)
    writer.append(ev.Warned(what="x"), durable=True)
    assert (disk.syncs, writer.dirty) == (before + 1, False)
    writer.close()


async def test_the_group_commit_syncs_many_appends_at_once(tmp_path: Path) -> None:
    disk = FaultyDisk()
    writer = create(tmp_path / RUN, disk=disk)
    before = disk.syncs
    disk.synced.clear()
    task = asyncio.create_task(writer.sync_forever(interval_s=0.02))
    for _ in range(100):
        writer.append(ev.Warned(what="x"))
    assert await asyncio.to_thread(disk.synced.wait, 5)
    assert disk.syncs == before + 1
    task.cancel()
    writer.close()


async def test_the_group_commit_reports_a_broken_disk(tmp_path: Path) -> None:
    disk = FaultyDisk()
    writer = create(tmp_path / RUN, disk=disk)
    disk.fail_sync[disk.syncs + 1] = errno.EIO
    writer.append(started())
    with pytest.raises(RecorderFailed):
        async with asyncio.timeout(5):
            await writer.sync_forever(interval_s=0.01)
    assert writer.failed
    writer.close()


async def test_a_seal_during_the_group_commit_is_no_failure(tmp_path: Path) -> None:
    writer = create(tmp_path / RUN)
    task = asyncio.create_task(writer.sync_forever(interval_s=0.0))
    for _ in range(20):
        writer.append(ev.Warned(what="x"))
        await asyncio.sleep(0)
    writer.append(ev.Warned(what="last"))
    writer._fd, kept = -1, writer._fd  # closed between the look and the sync
    async with asyncio.timeout(5):
        await task
    writer._fd = kept
    writer.close()


async def test_who_waits_for_the_disk_while_the_recording_is_sealed_is_told_that_it_is_there(
    tmp_path: Path,
) -> None:
    writer = JournalWriter.create(tmp_path / RUN, RUN)
    busy = threading.Event()
    writer._syncer.submit(busy.wait)
    writer.append(ev.Warned(what="it is being aborted"))
    waiting = asyncio.create_task(writer.synced())
    await asyncio.sleep(0)
    writer.seal()
    busy.set()
    await waiting


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG])
def test_a_refused_write_leaves_the_record_whole_and_may_be_tried_again(tmp_path: Path, code: int) -> None:
    disk = FaultyDisk()
    writer = create(tmp_path / RUN, disk=disk)
    writer.append(started())
    disk.fail_write[disk.writes + 1] = code
    with pytest.raises(RecorderFailed) as caught:
        writer.append(ev.Warned(what="lost"))
    assert isinstance(caught.value, DiskFull) == (code in {errno.ENOSPC, errno.EDQUOT})
    assert writer.append(ev.Warned(what="kept")) == 1
    writer.close()
    assert [getattr(event, "what", "") for event in read(tmp_path / RUN)] == ["", "kept"]


@pytest.mark.parametrize("taken", [0, 1, 8, 40])
def test_a_short_write_is_taken_back(tmp_path: Path, taken: int) -> None:
    disk = FaultyDisk()
    writer = create(tmp_path / RUN, disk=disk)
    writer.append(started())
    size = writer.path.stat().st_size
    disk.short_write[disk.writes + 1] = taken
    with pytest.raises(DiskFull):
        writer.append(ev.Warned(what="lost" * 20))
    assert writer.path.stat().st_size == size
    assert writer.append(ev.Warned(what="kept")) == 1
    writer.close()
    assert len(read(tmp_path / RUN)) == 2


def test_a_follower_that_saw_the_short_write_reads_on(tmp_path: Path) -> None:
    disk = FaultyDisk()
    writer = create(tmp_path / RUN, disk=disk)
    reader = JournalReader(writer.path)
    os.write(writer._fd, b"0123abcd 400 {half a rec")
    assert (reader.read_new(), reader.torn_bytes) == ([], 24)
    os.ftruncate(writer._fd, writer._good)
    stamped = writer.append_event(started())
    assert reader.read_new() == [stamped]
    assert (reader.damaged, reader.torn_bytes) == (False, 0)
    reader.close()
    writer.close()


def test_when_a_write_cannot_be_taken_back_the_writer_is_done(tmp_path: Path) -> None:
    disk = FaultyDisk()
    writer = create(tmp_path / RUN, disk=disk)
    writer.append(started())
    disk.short_write[disk.writes + 1] = 5
    disk.fail_truncate = errno.EIO
    with pytest.raises(RecorderFailed):
        writer.append(ev.Warned(what="lost"))
    with pytest.raises(RecorderFailed):
        writer.append(ev.Warned(what="also refused"))
    writer.close()
    assert len(read(tmp_path / RUN)) == 1


def test_after_a_failed_sync_nothing_is_taken_any_more(tmp_path: Path) -> None:
    disk = FaultyDisk()
    writer = create(tmp_path / RUN, disk=disk)
    disk.fail_sync[disk.syncs + 1] = errno.EIO
    with pytest.raises(RecorderFailed):
        writer.append(started(), durable=True)
    with pytest.raises(RecorderFailed):
        writer.append(ev.Warned(what="x"))
    writer.close()


def test_too_little_space_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    disk = FaultyDisk()
    disk.free = 30 << 20
    with pytest.raises(DiskFull, match="only 30 MB are free"):
        JournalWriter.create(tmp_path / RUN, RUN, disk=disk)
    assert list((tmp_path / RUN).iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="space is set aside by Linux's fallocate only")
def test_space_for_the_end_of_the_run_is_set_aside_and_given_back(tmp_path: Path) -> None:
    writer = create(tmp_path / RUN)
    size = writer.path.stat().st_size
    assert size < 1000  # what is set aside does not show
    assert writer.path.stat().st_blocks * 512 >= 1 << 20
    for _ in range(30):
        writer.append(ev.Warned(what="x" * 100_000))
    info = writer.path.stat()
    assert info.st_blocks * 512 - info.st_size >= 1 << 19
    writer.seal()
    info = writer.path.stat()
    assert info.st_blocks * 512 - info.st_size < 1 << 16
    assert len(read(tmp_path / RUN)) == 30


@pytest.mark.parametrize("what", ["moved", "deleted", "replaced"])
def test_a_journal_taken_away_is_noticed_before_a_barrier(tmp_path: Path, what: str) -> None:
    writer = create(tmp_path / RUN)
    match what:
        case "moved":
            (tmp_path / RUN).rename(tmp_path / "elsewhere")
        case "deleted":
            writer.path.unlink()
        case _:
            writer.path.rename(writer.path.with_suffix(".old"))
            writer.path.write_bytes(b"")
    with pytest.raises(RecorderFailed, match="moved or deleted"):
        writer.append(started(), durable=True)
    writer.close()


def test_a_journal_taken_away_is_noticed_within_a_second_otherwise(tmp_path: Path) -> None:
    clock = Clock()
    writer = create(tmp_path / RUN, clock)
    writer.path.unlink()
    writer.append(started())
    clock.tick(1.0)
    with pytest.raises(RecorderFailed):
        writer.append(ev.Warned(what="x"))
    writer.close()


def test_a_wall_clock_that_jumps_changes_neither_order_nor_durations(tmp_path: Path) -> None:
    clock = Clock()
    writer = create(tmp_path / RUN, clock)
    for jump in (0.0, -3600.0, 86_400.0):
        clock.wall += jump
        clock.tick(0.5)
        writer.append(ev.Warned(what="x"))
    writer.close()
    assert [event.t for event in read(tmp_path / RUN)] == [500_000_000, 1_000_000_000, 1_500_000_000]


def test_a_monotonic_clock_that_steps_back_never_takes_time_back(tmp_path: Path) -> None:
    clock = Clock()
    writer = create(tmp_path / RUN, clock)
    clock.tick(2)
    writer.append(started())
    clock.mono -= 1_000_000_000
    writer.append(ev.Warned(what="x"))
    writer.close()
    assert [event.t for event in read(tmp_path / RUN)] == [2_000_000_000, 2_000_000_000]


def test_a_sealed_recording_says_so_and_is_not_written_again(tmp_path: Path) -> None:
    write(tmp_path / RUN, some_events(10), seal=True)
    with JournalReader(paths.journal_path(tmp_path / RUN)) as reader:
        assert len(list(reader.read_all())) == 10
        assert reader.sealed == framing.Seal(events=10, blobs=0)
    with pytest.raises(JournalError, match="finished"):
        JournalWriter.reopen(tmp_path / RUN)


def test_reopening_keeps_the_torn_bytes_and_goes_on_in_number_and_time(tmp_path: Path) -> None:
    before = write(tmp_path / RUN, some_events(10))
    path = paths.journal_path(tmp_path / RUN)
    whole = path.stat().st_size
    with path.open("ab") as file:
        file.write(b'01234567 99 {"type":"Warn')
    clock = Clock()
    clock.mono = 17  # another boot: its monotonic clock begins anew
    writer = JournalWriter.reopen(tmp_path / RUN, wall_s=clock.wall_s, monotonic_ns=clock.monotonic_ns)
    clock.tick(1)
    assert writer.append(ev.Warned(what="back")) == 10
    writer.seal()
    assert (tmp_path / RUN / f"journal.torn-{whole}").read_bytes() == b'01234567 99 {"type":"Warn'
    with JournalReader(path) as reader:
        after = list(reader.read_all())
        assert [segment.torn_bytes for segment in reader.segments] == [25]
        assert (reader.damaged, reader.sealed) == (False, framing.Seal(events=11, blobs=0))
    assert after[:10] == before
    assert after[10].t == before[-1].t + 1_000_000_000


def test_a_tail_of_zeros_or_of_damaged_lines_is_torn_too(tmp_path: Path) -> None:
    for number, tail in enumerate((b"\0" * 5000, b"\0" * 99 + b"\n", b"garbage\nmore garbage\n")):
        directory = tmp_path / f"run{number}"
        write(directory, some_events(10))
        with paths.journal_path(directory).open("ab") as file:
            file.write(tail)
        writer = JournalWriter.reopen(directory)
        assert writer.append(ev.Warned(what="back")) == 10
        writer.close()
        assert len(read(directory)) == 11


def test_damage_in_the_middle_is_never_cut_off_to_go_on(tmp_path: Path) -> None:
    write(tmp_path / RUN, some_events(10))
    path = paths.journal_path(tmp_path / RUN)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(JournalError, match="damaged at byte"):
        JournalWriter.reopen(tmp_path / RUN)
    assert path.read_bytes() == data


def test_reopening_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotARecording):
        JournalWriter.reopen(tmp_path)
    paths.journal_path(tmp_path).write_bytes(b"hello\n")
    with pytest.raises(NotARecording):
        JournalWriter.reopen(tmp_path)


def test_what_no_file_can_hold_is_refused_and_half_a_character_replaced(tmp_path: Path) -> None:
    writer = create(tmp_path / RUN)
    with pytest.raises(JournalError, match="more than a line"):
        writer.append(ev.Warned(what="x" * (framing.LINE_MAX_BYTES + 1)))
    with pytest.raises(JournalError, match="can't be written"):
        writer.append(ev.HumanActed(lease="l", member="m", input={"x": object()}))
    writer.append(ev.HumanActed(lease="l", member="m", input={"\ud800": ["a\udfffb", "\ud83d\ude00", "ü"]}))
    writer.close()
    (event,) = read(tmp_path / RUN)
    assert event == ev.HumanActed(
        seq=0, t=0, wall=event.wall, lease="l", member="m", input={"�": ["a�b", "😀", "ü"]}
    )
