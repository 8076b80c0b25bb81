"""Where runs, sockets and bundled data live. Nothing here reads or writes their content.

Layout: `<state>/runs/<run>/{journal.phj, blobs/ab/<sha256>, engine.log}`. The control socket has a short path
of its own (107 bytes are all a Unix socket may have).
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

import platformdirs

from pilothouse.errors import StateDirError

JOURNAL_NAME = "journal.phj"
SOCKET_PATH_MAX_BYTES = 100
"""Under 104 (macOS) and 108 (Linux) with room to spare."""


def state_dir() -> Path:
    """Say where state lives: `PILOTHOUSE_STATE_DIR`, else the platform's state directory."""
    named = os.environ.get("PILOTHOUSE_STATE_DIR")
    return Path(named).expanduser().absolute() if named else platformdirs.user_state_path("pilothouse")


def config_dir() -> Path:
    """Say where settings live: `PILOTHOUSE_CONFIG_DIR`, else the platform's configuration directory."""
    named = os.environ.get("PILOTHOUSE_CONFIG_DIR")
    return Path(named).expanduser().absolute() if named else platformdirs.user_config_path("pilothouse")


def rules_path() -> Path:
    """Say where rules of approval live that a run has when it names no others."""
    return config_dir() / "rules.toml"


def runs_dir() -> Path:
    """Say where run directories live."""
    return state_dir() / "runs"


def trash_dir() -> Path:
    """Say where deleted runs lie until they are put back or the trash is emptied."""
    return state_dir() / "trash"


def run_dir(run: str) -> Path:
    """Say where one run lives."""
    return runs_dir() / run


def journal_path(run_directory: Path) -> Path:
    """Say where a run directory keeps its journal."""
    return run_directory / JOURNAL_NAME


def make_private(directory: Path) -> Path:
    """Make a directory only its owner can enter.

    Raises:
        StateDirError: It can't be made, is not a directory, or belongs to someone else.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        info = directory.lstat()
        if not stat.S_ISDIR(info.st_mode):
            raise StateDirError("is not a directory", str(directory), "set PILOTHOUSE_STATE_DIR")
        if info.st_uid != os.geteuid():
            raise StateDirError("belongs to another user", str(directory), "set PILOTHOUSE_STATE_DIR")
        if info.st_mode & 0o077:
            directory.chmod(0o700)
        if not os.access(directory, os.W_OK | os.X_OK):
            raise StateDirError("can't be written", str(directory), "set PILOTHOUSE_STATE_DIR")
    except OSError as error:
        reason = error.strerror or str(error)
        raise StateDirError(f"can't be used: {reason}", str(directory), "set PILOTHOUSE_STATE_DIR") from error
    return directory


def socket_path(run: str) -> Path:
    """Say where a run's control socket is: a private runtime directory, else the state directory.

    A predictable name under a world-writable parent is never used (terminal-and-journal §4.5).
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and not os.environ.get("PILOTHOUSE_STATE_DIR") and _is_private(Path(runtime)):
        return Path(runtime) / "pilothouse" / f"{run}.sock"
    return state_dir() / "run" / f"{run}.sock"


def free_bytes(directory: Path) -> int | None:
    """Say how much room a directory's disk has; None where nobody can tell."""
    try:
        room = os.statvfs(directory)
    except OSError:
        return None
    return room.f_bavail * room.f_frsize


def _is_private(directory: Path) -> bool:
    try:
        info = directory.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(info.st_mode) and info.st_uid == os.geteuid() and not info.st_mode & 0o077


def bundled(kind: str) -> Path:
    """Say where bundled data of a kind (`themes`, `recordings`) is: in the package, or in the checkout."""
    packaged = Path(__file__).parent / "_data" / kind
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / kind
