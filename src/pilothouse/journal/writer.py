"""The one writer of a run's journal: append, sync, seal. Nothing here knows what events mean.

An append is one unbuffered `write` on the loop's own thread: microseconds, and safe against the death of
the process. Against a power cut the file is synced at named barriers (`durable`, or `synced` where a loop
must not wait for the disk), and otherwise by `sync_forever`, at most every quarter of a second
(terminal-and-journal §2.3, §2.4).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import msgspec

from pilothouse import __version__, ids, paths
from pilothouse import events as ev
from pilothouse.errors import JournalError, NotARecording, RecorderFailed
from pilothouse.journal import framing
from pilothouse.journal.disk import Disk, lock, sync_directory
from pilothouse.journal.reader import JournalReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pilothouse.events import Event

SYNC_INTERVAL_S = 0.25
PATH_CHECK_NS = 1_000_000_000
"""A journal that was moved or deleted is noticed within this time."""
RESERVE_BYTES = 1 << 20
"""Kept free behind the last record, so that how a run ended on a full disk can still be written."""
MIN_FREE_BYTES = 200 << 20
"""A run is not started with less: an hour of screenshots is about that much."""


class DiskFull(RecorderFailed):
    """No space was left for an event; what was appended before is whole, and appending may be tried again."""


class JournalWriter:
    """Appends events to one journal whose lock it holds; made by `create` or `reopen`."""

    def __init__(
        self,
        fd: int,
        path: Path,
        *,
        disk: Disk,
        wall_s: Callable[[], float],
        monotonic_ns: Callable[[], int],
    ) -> None:
        self.path = path
        self.next_seq = 0
        self.sealed = False
        self._fd = fd
        self._disk = disk
        self._wall_s = wall_s
        self._monotonic_ns = monotonic_ns
        self._origin_ns = monotonic_ns()
        self._last_t = 0
        self._crc = 0
        self._good = 0
        """Bytes of whole records; the file is cut back to this when a write fails."""
        self._synced = 0
        self._reserved = 0
        """Up to here the disk has set space aside."""
        self._failed: RecorderFailed | None = None
        self._path_checked_ns = 0
        self._dirtied = asyncio.Event()
        self._sync_lock = threading.Lock()
        self._syncing: asyncio.Future[None] | None = None
        # Its own: a barrier must not stand behind pictures being encoded.
        self._syncer = ThreadPoolExecutor(1, thread_name_prefix="journal-sync")

    @classmethod
    def create(
        cls,
        run_directory: Path,
        run: str,
        *,
        disk: Disk | None = None,
        wall_s: Callable[[], float] = time.time,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        min_free_bytes: int = MIN_FREE_BYTES,
    ) -> Self:
        """Begin the journal of a new run.

        The file appears under its name with its header written and its lock held, so that no reader ever
        meets an empty or an unlocked one.

        Raises:
            JournalError: The directory has a journal already.
            RecorderFailed: The disk refused, or has less than `min_free_bytes` free.
            StateDirError: The run directory can't be made.
        """
        disk = disk or Disk()
        path = paths.journal_path(paths.make_private(run_directory))
        _require_space(disk, run_directory, min_free_bytes)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            writer = cls(
                os.open(draft, flags, 0o600), path, disk=disk, wall_s=wall_s, monotonic_ns=monotonic_ns
            )
        except OSError as error:
            raise _failure(error, path) from error
        try:
            lock(writer._fd, path)
            writer._write_frame(_new_header(run, writer._wall()))
            os.link(draft, path)
            draft.unlink()
            writer.sync()
            sync_directory(run_directory)
        except BaseException as error:
            writer.close()
            draft.unlink(missing_ok=True)
            match error:
                case FileExistsError():
                    raise JournalError(
                        "has a journal already", str(run_directory), "start a new run"
                    ) from error
                case OSError():
                    raise _failure(error, path) from error
            raise
        return writer

    @classmethod
    def reopen(
        cls,
        run_directory: Path,
        *,
        disk: Disk | None = None,
        wall_s: Callable[[], float] = time.time,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> Self:
        """Go on with the journal of a run whose engine died.

        What a torn write left is copied to `journal.torn-<offset>` and cut off; times go on from the last
        event's.

        Raises:
            JournalLocked: Another engine writes it.
            JournalError: The run is finished, or its record is damaged in the middle.
            NotARecording: There is nothing that could be gone on with.
        """
        path = paths.journal_path(run_directory)
        try:
            fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise NotARecording(f"can't be opened: {error.strerror}", str(path)) from error
        writer = cls(fd, path, disk=disk or Disk(), wall_s=wall_s, monotonic_ns=monotonic_ns)
        try:
            lock(fd, path)
            writer._take_up()
        except BaseException as error:
            writer.close()
            if isinstance(error, OSError):
                raise _failure(error, path) from error
            raise
        return writer

    @property
    def dirty(self) -> bool:
        """Say whether there are records that a power cut could still take."""
        return self._good > self._synced

    @property
    def failed(self) -> bool:
        """Say whether the journal is beyond use: nothing can be appended any more."""
        return self._failed is not None

    @property
    def elapsed_ns(self) -> int:
        """Nanoseconds of the run's own clock."""
        return max(self._last_t, self._monotonic_ns() - self._origin_ns)

    def append(self, event: Event, durable: bool = False) -> int:
        """Append one event and return its `seq`; see `append_event`."""
        return self.append_event(event, durable).seq

    def append_event(self, event: Event, durable: bool = False) -> Event:
        """Append one event; returns it as it stands in the journal, stamped with `seq`, `t` and `wall`.

        With `durable` it is synced before this returns. When this raises, the event is not in the record,
        but for a failed sync, after which nothing is sure and the writer refuses everything.

        Raises:
            DiskFull: There was no space; the record is whole and a later append may succeed.
            RecorderFailed: The disk refused it.
            JournalError: The event can't be written: it is too large, or holds what is no JSON.
        """
        t = self.elapsed_ns
        if durable or t - self._path_checked_ns >= PATH_CHECK_NS:
            self._check_path(t)
        stamped = msgspec.structs.replace(event, seq=self.next_seq, t=t, wall=self._wall())
        json = _encode(stamped)
        if len(json) > framing.LINE_MAX_BYTES:
            raise JournalError(f"an event of {len(json)} bytes is more than a line may hold", str(self.path))
        self._write(json)
        self.next_seq += 1
        self._last_t = t
        self._dirtied.set()
        if durable:
            self.sync()
        return stamped

    def sync(self) -> None:
        """Force all records to the disk; may be called from another thread.

        Raises:
            RecorderFailed: The disk refused. What it kept is then unknown, so the writer is done for good.
        """
        with self._sync_lock:
            self._require_usable()
            size = self._good
            try:
                self._disk.sync(self._fd)
            except OSError as error:
                self._failed = _failure(error, self.path)
                raise self._failed from error
            self._synced = max(self._synced, size)

    async def synced(self) -> None:
        """Wait until everything appended so far is on the disk; the loop goes on meanwhile.

        Whoever waits at the same time shares a sync. Cancelling one who waits cancels no sync.

        Raises:
            RecorderFailed: The disk refused.
        """
        wanted = self._good
        while self._synced < wanted:
            if self._syncing is None or self._syncing.done():
                self._check_path(self.elapsed_ns)
                self._syncing = asyncio.get_running_loop().run_in_executor(self._syncer, self.sync)
                self._syncing.add_done_callback(_heard)
            try:
                await asyncio.shield(self._syncing)
            except RecorderFailed:
                if self._synced < wanted:  # else it was sealed meanwhile, and synced by that
                    raise

    async def sync_forever(self, interval_s: float = SYNC_INTERVAL_S) -> None:
        """Sync in a thread at most every `interval_s` while there is something to sync; cancel to stop.

        Raises:
            RecorderFailed: The disk refused.
        """
        while self._fd >= 0:
            await self._dirtied.wait()
            self._dirtied.clear()
            await asyncio.sleep(interval_s)
            try:
                await self.synced()
            except RecorderFailed:
                if self._fd >= 0:  # else it was sealed or closed meanwhile, and synced by that
                    raise

    def seal(self, blobs: int = 0) -> None:
        """Write the last line, sync, and let go of the lock: the recording is finished.

        Raises:
            RecorderFailed: The disk refused.
        """
        self._check_path(self.elapsed_ns)
        self._write_frame(framing.Seal(events=self.next_seq, blobs=blobs))
        with contextlib.suppress(OSError):
            self._disk.truncate(self._fd, self._good)  # gives the reserve back
        self.sync()
        self.sealed = True
        self.close()

    def close(self) -> None:
        """Let go of the file and its lock without a seal; the run can be taken up again with `reopen`."""
        with self._sync_lock:
            fd, self._fd = self._fd, -1
            if fd >= 0:
                os.close(fd)
        self._syncer.shutdown(wait=False)

    def _take_up(self) -> None:
        with JournalReader(self.path) as reader:
            while not reader.at_end:
                reader.read_records()
            size = reader.size
        _require_unfinished(reader)
        torn = size - reader.whole
        if torn:
            self._keep_torn(reader.whole, torn)
            self._disk.truncate(self._fd, reader.whole)
        self._good, self._crc = reader.whole, reader.whole_crc
        self.next_seq = reader.next_seq
        self._last_t = self._path_checked_ns = reader.last_t
        self._origin_ns = self._monotonic_ns() - reader.last_t
        self._write_frame(framing.Segment(t=reader.last_t, wall=self._wall(), torn_bytes=torn))
        self.sync()

    def _keep_torn(self, offset: int, size: int) -> None:
        kept = self.path.with_name(f"journal.torn-{offset}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(kept, flags, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(os.pread(self._fd, size, offset))
            file.flush()
            os.fsync(fd)

    def _write_frame(self, frame: framing.Frame) -> None:
        self._write(framing.encode_frame(frame))

    def _write(self, json: bytes) -> None:
        self._require_usable()
        line, crc = framing.pack(json, self._crc)
        try:
            taken = self._disk.write(self._fd, line)
            if taken != len(line):
                raise OSError(errno.ENOSPC, f"only {taken} of {len(line)} bytes were written")
        except OSError as error:
            self._roll_back()
            raise _failure(error, self.path) from error
        self._crc = crc
        self._good += len(line)
        if self._reserved - self._good < RESERVE_BYTES // 2:
            self._reserve()

    def _reserve(self) -> None:
        self._reserved = self._good + RESERVE_BYTES
        # Refused on a full disk: then what is reserved already is there to be used, and writing goes on.
        with contextlib.suppress(OSError):
            self._disk.reserve(self._fd, self._good, RESERVE_BYTES)

    def _roll_back(self) -> None:
        """Take back what a failed write left, so that the next record follows the last good one."""
        self._reserved = self._good  # cutting the file gives the reserve back
        try:
            self._disk.truncate(self._fd, self._good)
        except OSError as error:
            self._failed = _failure(error, self.path)

    def _require_usable(self) -> None:
        if self._failed is not None:
            raise RecorderFailed(*self._failed.args)
        if self._fd < 0:
            raise RecorderFailed("the journal is closed", str(self.path))

    def _check_path(self, t: int) -> None:
        """Notice that the file was moved, replaced or deleted: it would be written and never found."""
        self._require_usable()
        self._path_checked_ns = t
        mine = os.fstat(self._fd)
        try:
            named = self.path.lstat()
            same = (named.st_dev, named.st_ino) == (mine.st_dev, mine.st_ino)
        except OSError:
            same = False
        if not same:
            self._failed = RecorderFailed(
                "the journal was moved or deleted while its run was going on", str(self.path)
            )
            raise self._failed

    def _wall(self) -> str:
        moment = datetime.fromtimestamp(self._wall_s(), UTC)
        return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _heard(sync: asyncio.Future[None]) -> None:
    """Take note of how a sync ended that nobody waits for any more: the writer itself remembers a failure."""
    if not sync.cancelled():
        sync.exception()


def _new_header(run: str, created: str) -> framing.Header:
    return framing.Header(
        fmt=framing.FORMAT,
        v=framing.FORMAT_VERSION,
        run=run,
        created=created,
        host=ids.host_hash(),
        writer=f"pilothouse {__version__}",
    )


def _require_space(disk: Disk, directory: Path, at_least: int) -> None:
    free = disk.free_bytes(directory)
    if free < at_least:
        raise DiskFull(
            f"only {free >> 20} MB are free, a run wants {at_least >> 20} MB",
            str(directory),
            "make room, or set PILOTHOUSE_STATE_DIR to another disk",
        )


def _require_unfinished(reader: JournalReader) -> None:
    if reader.sealed:
        raise JournalError("the run is finished", str(reader.path), "start a new one")
    if reader.gaps:  # events follow the damage; damage that nothing follows is a torn tail
        where = reader.gaps[0].offset
        raise JournalError(
            f"the record is damaged at byte {where}, so the run can't be gone on with",
            str(reader.path),
            "it can still be replayed",
        )


def _failure(error: OSError, path: Path) -> RecorderFailed:
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"no space for an event: {reason}", str(path), "make room on that disk")
    return RecorderFailed(f"the disk refused an event: {reason}", str(path), "see whether that disk is well")


def _encode(event: Event) -> bytes:
    try:
        return ev.encode(event)
    except UnicodeEncodeError:
        # A lone surrogate: legal in the JSON a model may send, in no file of UTF-8.
        return ev.encode(msgspec.convert(_without_surrogates(msgspec.to_builtins(event)), type(event)))
    except (TypeError, ValueError, msgspec.MsgspecError) as error:
        raise JournalError(f"a {type(event).__name__} can't be written: {error}") from error


def _without_surrogates(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case dict():
            return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
        case list() | tuple():
            return [_without_surrogates(item) for item in value]
        case _:
            return value
