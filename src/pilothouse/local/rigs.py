"""Private directories of local browsers, who may enter them, and the sweep of those left behind.

A server holds a lock on a file inside its directory; when that lock is free the server is dead, however it
died, and the next one to start removes the directory. Nothing here starts a process.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import random
import re
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pilothouse.children import Identity
from pilothouse.errors import StartFailed

if TYPE_CHECKING:
    from types import TracebackType

_PREFIX = "pilothouse-local-"
_OURS = re.compile(re.escape(_PREFIX) + r"[a-z0-9_]{8}")
_UNFINISHED = "pilothouse-new-"
"""A directory has this name until its lock is held, so that no sweep can take it for a dead one's."""
_LOCK = "lock"
PARENT_MAX_BYTES = 19
"""A socket's path has 103 bytes (macOS). Of these `/pilothouse-local-12345678/12345678/tmp` takes 39, and
Chromium's `/org.chromium.Chromium.123456/SingletonSocket` 45."""
_SPARE_UIDS = range(60578, 61184)
"""Numbers that no distribution hands out (systemd's UIDS-GIDS.md: "unused")."""
_OVERFLOW_ID = 65534


class Rigs:
    """One server's directories. A directory per browser, owned by the identity that browser runs as."""

    def __init__(self) -> None:
        self._lock = -1
        self.root = Path()
        self._uids = iter(random.sample(_SPARE_UIDS, len(_SPARE_UIDS)))

    def __enter__(self) -> Rigs:
        """Sweep what dead servers left, and make this server's own directory.

        Raises:
            StartFailed: The directory for temporary files can't be used.
        """
        parent = temporary_directory()
        sweep(parent)
        try:
            self._make_root(parent)
        except OSError as error:
            raise StartFailed(
                f"can't hold the browsers' files: {error.strerror}",
                str(parent),
                "set TMPDIR to a directory of yours",
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        os.close(self._lock)

    def _make_root(self, parent: Path) -> None:
        # Not in the state directory: another identity must be able to walk to it.
        unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=parent))
        try:
            unfinished.chmod(0o711)
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            self._lock = os.open(unfinished / _LOCK, flags, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            self.root = unfinished.with_name(_PREFIX + unfinished.name.removeprefix(_UNFINISHED))
            unfinished.rename(self.root)
        except OSError:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise

    def make(self, name: str, identity: Identity | None) -> Path:
        """Make a browser's directory, 0700, its identity's own.

        Raises:
            StartFailed: It can't be made: the disk is full, or the server's directory is gone.
        """
        directory = self.root / name
        try:
            directory.mkdir(mode=0o700)
            if identity:
                os.chown(directory, identity.uid, identity.gid)
        except OSError as error:
            raise StartFailed(f"can't hold the browser's files: {error.strerror}", str(directory)) from error
        return directory

    def remove(self, directory: Path) -> None:
        """Remove a browser's directory."""
        shutil.rmtree(directory, ignore_errors=True)

    def identity(self) -> Identity | None:
        """Pick an identity nobody has; None when we are not root and can't change ours.

        As root, Chromium would have to run without its sandbox.
        """
        if os.geteuid() != 0:
            return None
        for uid in self._uids:
            try:
                pwd.getpwuid(uid)
            except KeyError:
                return Identity(uid, uid)
        return Identity(_OVERFLOW_ID, _OVERFLOW_ID)


def temporary_directory() -> Path:
    """Say where browsers' files go: `TMPDIR`, or `/tmp`; never the working directory, as Python's would.

    A path too long for Chromium's socket gives way to `/tmp`, and so does root's own that is closed to others
    (pam_tmpdir makes it so): the identities that browsers get could not walk to their profiles there.
    """
    named = Path(os.environ.get("TMPDIR") or "/tmp").absolute()
    closed = os.geteuid() == 0 and not all(_lets_others_through(part) for part in (named, *named.parents))
    return Path("/tmp") if closed or len(os.fsencode(named)) > PARENT_MAX_BYTES else named


def _lets_others_through(directory: Path) -> bool:
    try:
        return bool(directory.stat().st_mode & stat.S_IXOTH)
    except OSError:
        return True  # it is not there, which has a sentence of its own


def sweep(parent: Path) -> list[Path]:
    """Remove the directories whose servers are dead; gives what was removed.

    Only what a server of this user made is touched: by its name, its owner, and a lock file that is free.
    """
    try:
        found = list(parent.iterdir())
    except OSError:
        return []
    return [entry for entry in found if _OURS.fullmatch(entry.name) and _removed(entry)]


def _removed(directory: Path) -> bool:
    """Remove a directory if its server is dead; says whether it did."""
    with contextlib.ExitStack() as stack:
        try:
            opened = _opened(directory, os.O_DIRECTORY, None)
            stack.callback(os.close, opened)
            lock = _opened(_LOCK, os.O_NONBLOCK, opened)
            stack.callback(os.close, lock)
            if not stat.S_ISREG(os.fstat(lock).st_mode):
                return False
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises while its server lives
        except OSError:
            return False
        shutil.rmtree(directory, ignore_errors=True)
        return True


def _opened(path: Path | str, flags: int, directory: int | None) -> int:
    """Open something of ours, through no symbolic link.

    Raises:
        OSError: It is not there, is a link, or belongs to someone else.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flags, dir_fd=directory)
    if os.fstat(descriptor).st_uid != os.geteuid():
        os.close(descriptor)
        raise PermissionError(f"{path} belongs to someone else")
    return descriptor
