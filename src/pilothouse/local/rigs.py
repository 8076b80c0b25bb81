"""Private directories of local browsers, who may enter them, and the sweep of those left behind.

A server holds a lock file in the state directory that names its directory; when the lock is free the server
is dead, however it died, and the directory goes. Nothing here starts a process.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import random
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pilothouse.children import Identity
from pilothouse.paths import make_private, state_dir

if TYPE_CHECKING:
    from types import TracebackType

_PREFIX = "pilothouse-local-"
_SPARE_UIDS = range(60578, 61184)
"""Numbers that no distribution hands out (systemd's UIDS-GIDS.md: "unused")."""
_OVERFLOW_ID = 65534


class Rigs:
    """One server's directories. A directory per browser, owned by the identity that browser runs as."""

    def __init__(self) -> None:
        self._lock = -1
        self._lock_path = Path()
        self.root = Path()
        self._uids = iter(random.sample(_SPARE_UIDS, len(_SPARE_UIDS)))

    def __enter__(self) -> Rigs:
        """Sweep what dead servers left, and make this server's own directory.

        Raises:
            StateDirError: The state directory can't be used.
        """
        locks = make_private(make_private(state_dir()) / "local")
        sweep(locks)
        # Not in the state directory: another identity must be able to walk to it.
        self.root = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self.root.chmod(0o711)
        unlocked = locks / self.root.name
        self._lock_path = unlocked.with_suffix(".lock")
        self._lock = os.open(unlocked, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        os.write(self._lock, os.fsencode(self.root))
        unlocked.rename(self._lock_path)  # only now can a sweep see it
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        self._lock_path.unlink(missing_ok=True)
        os.close(self._lock)

    def make(self, name: str, identity: Identity | None) -> Path:
        """Make a browser's directory, 0700, its identity's own."""
        directory = self.root / name
        directory.mkdir(mode=0o700)
        if identity:
            os.chown(directory, identity.uid, identity.gid)
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


def sweep(locks: Path) -> list[Path]:
    """Remove the directories whose servers are dead; gives what was removed."""
    removed = []
    for lock in locks.glob(f"{_PREFIX}*.lock"):
        with contextlib.suppress(OSError), lock.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises while its server lives
            directory = Path(os.fsdecode(file.read()))
            if _is_ours(directory):
                shutil.rmtree(directory, ignore_errors=True)
                removed.append(directory)
            lock.unlink(missing_ok=True)
    return removed


def _is_ours(directory: Path) -> bool:
    """Say whether a path from a lock file is a directory that we made: a foreign one is never removed."""
    if not directory.name.startswith(_PREFIX) or directory.is_symlink() or not directory.is_dir():
        return False
    return directory.lstat().st_uid == os.geteuid()
