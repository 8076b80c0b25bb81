"""The few system calls a journal rests on: write, sync, lock, space. Nothing here knows what is written.

`Disk` is also the seam for tests: one that fails at the nth call stands in for a full or broken disk.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from typing import TYPE_CHECKING

from pilothouse.errors import JournalLocked, NotARecording

if TYPE_CHECKING:
    from pathlib import Path

LOCK_WAIT_S = 0.5
"""A probe (`is_live`) holds the lock for microseconds; a writer that meets one tries again this long."""
LOCK_RETRY_S = 0.005
_KEEP_SIZE = 1
"""FALLOC_FL_KEEP_SIZE; `posix_fallocate` would grow the file, with zeros for its reader."""


class Disk:
    """The calls that may fail on a real disk, as they are."""

    def write(self, fd: int, data: bytes) -> int:
        """Write once; returns how many bytes were taken."""
        return os.write(fd, data)

    def sync(self, fd: int) -> None:
        """Force the data of a file to the disk."""
        if hasattr(os, "fdatasync"):
            os.fdatasync(fd)
        else:  # macOS
            os.fsync(fd)

    def truncate(self, fd: int, size: int) -> None:
        """Cut a file to `size` bytes."""
        os.ftruncate(fd, size)

    def reserve(self, fd: int, offset: int, size: int) -> None:
        """Set space aside behind a file's end without changing its size; where that can't be done, don't.

        Raises:
            OSError: There is no space.
        """
        import ctypes  # what reads a journal does without

        libc = ctypes.CDLL(None, use_errno=True)
        fallocate = getattr(libc, "fallocate64", None)  # glibc on Linux
        if fallocate is None:
            return
        failed: int = fallocate(fd, _KEEP_SIZE, ctypes.c_int64(offset), ctypes.c_int64(size))
        if failed and ctypes.get_errno() == errno.ENOSPC:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def free_bytes(self, directory: Path) -> int:
        """Say how much the person running this may still write there."""
        info = os.statvfs(directory)
        return info.f_bavail * info.f_frsize


def sync_directory(directory: Path) -> None:
    """Force a directory's entries to the disk, so that a new or renamed name survives a power cut."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def lock(fd: int, path: Path) -> None:
    """Take the journal's exclusive lock.

    Raises:
        JournalLocked: Another engine holds it.
    """
    give_up = time.monotonic() + LOCK_WAIT_S
    while not _try_lock(fd, fcntl.LOCK_EX):
        if time.monotonic() >= give_up:
            raise JournalLocked(
                "another engine is writing this run", str(path), "attach to it, or abort it first"
            )
        time.sleep(LOCK_RETRY_S)


def is_live(path: Path) -> bool:
    """Say whether an engine holds the journal's lock; nothing else counts as alive.

    The probe takes a shared lock on a descriptor of its own and gives it back at once: a writer already
    there is not touched, and one that starts at this instant tries again.
    """
    try:
        fd = open_to_read(path)
    except (OSError, NotARecording):
        return False
    try:
        return not _try_lock(fd, fcntl.LOCK_SH)
    finally:
        os.close(fd)


def open_to_read(path: Path) -> int:
    """Open a regular file for reading, never through a link, never waiting on a pipe.

    Raises:
        NotARecording: It is a link, a directory, a device or a pipe.
        OSError: It can't be opened.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise NotARecording("is a symbolic link", str(path), "name the file it leads to") from error
        raise
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise NotARecording("is not a regular file", str(path))
    return fd


def _try_lock(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise
    return True
