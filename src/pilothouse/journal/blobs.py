"""Bytes beside the journal, each in a file named by its sha256. Nothing here knows what the bytes show.

A blob is on the disk, whole and synced, before any event names it. Its path is computed from its hash,
never taken from a file; on the way to it no link is followed.
"""

from __future__ import annotations

import asyncio
import os
import stat
from typing import TYPE_CHECKING

from pilothouse import ids
from pilothouse.errors import JournalError, RecorderFailed
from pilothouse.events import Blob
from pilothouse.journal.disk import sync_directory

if TYPE_CHECKING:
    from pathlib import Path

BLOBS_NAME = "blobs"
BLOB_MAX_BYTES = 20 << 20
"""A larger one is neither written nor read."""


class BlobStore:
    """The blobs of one run directory."""

    def __init__(self, run_directory: Path) -> None:
        self.root = run_directory / BLOBS_NAME
        self._stored: set[str] = set()
        """Those this store made durable itself: nothing is left to do for them."""

    @property
    def count(self) -> int:
        """How many different blobs were put."""
        return len(self._stored)

    async def put(self, data: bytes, mime: str, width_px: int = 0, height_px: int = 0) -> Blob:
        """Store bytes, synced, off the loop; the same bytes are stored once.

        Raises:
            JournalError: They are more than a blob may be.
            RecorderFailed: The disk refused.
        """
        sha256 = await asyncio.to_thread(self.put_sync, data)
        return Blob(sha256=sha256, size=len(data), mime=mime, width_px=width_px, height_px=height_px)

    def put_sync(self, data: bytes) -> str:
        """Store bytes, synced; returns their sha256. For threads; see `put`."""
        if len(data) > BLOB_MAX_BYTES:
            raise JournalError(f"a blob of {len(data)} bytes is larger than one may be", str(self.root))
        sha256 = _hash(data)
        if sha256 in self._stored:
            return sha256
        try:
            _store(self.root, sha256, data)
        except OSError as error:
            reason = error.strerror or str(error)
            raise RecorderFailed(f"the disk refused a screenshot: {reason}", str(self.root)) from error
        self._stored.add(sha256)
        return sha256

    async def read(self, sha256: str) -> bytes:
        """Read a blob and check its hash.

        Raises:
            JournalError: The name is no hash, or the blob is missing, too large or damaged.
        """
        import aiofiles  # when there is a blob to read: not for the first frame

        if not ids.is_sha256(sha256):
            raise JournalError("is no name of a blob", repr(sha256[:80]))
        try:
            async with aiofiles.open(sha256, "rb", opener=self._open_inside) as file:
                data = await file.read(BLOB_MAX_BYTES + 1)
        except OSError as error:
            reason = (
                "is missing" if isinstance(error, FileNotFoundError) else f"can't be read: {error.strerror}"
            )
            raise JournalError(f"the blob {reason}", sha256) from error
        if len(data) > BLOB_MAX_BYTES:
            raise JournalError("the blob is larger than one may be", sha256)
        if await asyncio.to_thread(_hash, data) != sha256:
            raise JournalError("the blob is damaged: its bytes do not match its name", sha256)
        return data

    def _open_inside(self, sha256: str, _flags: int) -> int:
        """Open a blob by walking from the store's directory, so that no part of the way may be a link."""
        root = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            shelf = os.open(
                sha256[:2], os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=root
            )
        finally:
            os.close(root)
        try:
            fd = os.open(sha256, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=shelf)
        finally:
            os.close(shelf)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise FileNotFoundError(f"{sha256} is not a regular file")
        return fd


def _hash(data: bytes) -> str:
    import hashlib  # and with it OpenSSL: not for the first frame

    return hashlib.sha256(data).hexdigest()


def _store(root: Path, sha256: str, data: bytes) -> None:
    shelf = root / sha256[:2]
    target = shelf / sha256
    if not shelf.is_dir():
        shelf.mkdir(mode=0o700, parents=True, exist_ok=True)
        root.chmod(0o700)
        sync_directory(root)
        sync_directory(root.parent)
    if not _is_there(target, len(data)):
        _write_beside(target, data)
    sync_directory(shelf)


def _is_there(target: Path, size: int) -> bool:
    try:
        info = target.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(info.st_mode) and info.st_size == size


def _write_beside(target: Path, data: bytes) -> None:
    draft = target.with_name(f".{target.name[:16]}.{os.urandom(4).hex()}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb", buffering=0) as file:
            view = memoryview(data)
            while view:
                view = view[file.write(view) :]
            os.fsync(fd)
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
