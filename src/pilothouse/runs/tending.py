"""Tending to the runs on this machine: their names and tags, and the trash. A journal is never written here.

A name and tags stand in a small file beside the recording, `label.json`; nothing else knows of them.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from typing import TYPE_CHECKING, Final

import msgspec

from pilothouse import ids, paths
from pilothouse.errors import JournalLocked, NoSuchRun, NotARecording, StateDirError, UsageError
from pilothouse.journal.disk import lock, open_to_read
from pilothouse.safety import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LABEL_NAME: Final = "label.json"
LABEL_MAX_BYTES: Final = 8_000
NAME_MAX: Final = 80
TAGS_MAX: Final = 12
_TAG = re.compile(r"[\w][\w.:/-]{0,29}")


class Label(msgspec.Struct, frozen=True):
    """What a person calls a run."""

    name: str = ""
    tags: tuple[str, ...] = ()


NO_LABEL: Final = Label()


def read_label(run_directory: Path) -> Label:
    """Read a run's label, cleaned; one that is missing or can't be used says nothing."""
    try:
        fd = open_to_read(run_directory / LABEL_NAME)
    except (OSError, NotARecording):
        return NO_LABEL
    with os.fdopen(fd, "rb") as file:
        raw = file.read(LABEL_MAX_BYTES + 1)
    try:
        given = msgspec.json.decode(raw, type=Label)
    except (msgspec.MsgspecError, UnicodeError):
        return NO_LABEL
    tags = tuple(clean_line(tag, 30) for tag in given.tags[:TAGS_MAX])
    return Label(clean_line(given.name, NAME_MAX), tags)


def label_print(run_directory: Path) -> tuple[int, ...] | None:
    """Give figures that differ once the label was changed; None without one."""
    try:
        info = (run_directory / LABEL_NAME).lstat()
    except OSError:
        return None
    return info.st_ino, info.st_size, info.st_mtime_ns


def rename(run: str, name: str) -> Label:
    """Call a run by a name; an empty one takes the name away.

    Raises:
        NoSuchRun: There is no such run.
        StateDirError: The file can't be written.
    """
    directory = _directory(run)
    return _write(directory, msgspec.structs.replace(read_label(directory), name=clean_line(name, NAME_MAX)))


def tag(run: str, tags: tuple[str, ...]) -> Label:
    """Give a run these tags, and no others.

    Raises:
        NoSuchRun: There is no such run.
        UsageError: One of them can't be a tag.
        StateDirError: The file can't be written.
    """
    directory = _directory(run)
    return _write(directory, msgspec.structs.replace(read_label(directory), tags=tags))


def parse_tags(text: str) -> tuple[str, ...]:
    """Read tags that are separated by spaces or commas; a leading `#` is dropped.

    Raises:
        UsageError: One of them can't be a tag, or there are too many.
    """
    words = [word.removeprefix("#") for word in text.replace(",", " ").split()]
    for word in words:
        if not _TAG.fullmatch(word):
            raise UsageError(
                f"{clean_line(word, 40)!r} can't be a tag", "", "use letters, digits and . : / -"
            )
    if len(words) > TAGS_MAX:
        raise UsageError(f"these are {len(words)} tags", "", f"a run has at most {TAGS_MAX}")
    return tuple(dict.fromkeys(words))


def trash(run: str) -> Path:
    """Move a run into the trash; returns where it lies now.

    Raises:
        NoSuchRun: There is no such run.
        JournalLocked: It is live.
        StateDirError: It can't be moved.
    """
    directory, target = _directory(run), paths.make_private(paths.trash_dir()) / run
    with _held(directory), _said_as("can't be moved to the trash", directory):
        if target.exists():  # put there before, put back as a copy, and deleted again
            shutil.rmtree(target)
        directory.rename(target)
    return target


def restore(name: str) -> str:
    """Put a run back from the trash, named by its id or a beginning of it; returns its id.

    Raises:
        NoSuchRun: The trash holds none, or more than one, of that name.
        UsageError: A run of that id is there again.
        StateDirError: It can't be moved.
    """
    matching = [run for run in trashed() if name and run.startswith(name)]
    if len(matching) != 1:
        what = f"names {len(matching)} runs" if matching else "there is no such run in the trash"
        raise NoSuchRun(what, name, "see `pilothouse ls --trash`")
    run, target = matching[0], paths.make_private(paths.runs_dir()) / matching[0]
    if target.exists():
        raise UsageError("a run of that id is there already", run, "move one of them away")
    with _said_as("can't be put back", paths.trash_dir() / run):
        (paths.trash_dir() / run).rename(target)
    return run


def trashed() -> list[str]:
    """Name the runs in the trash."""
    try:
        names = [entry.name for entry in paths.trash_dir().iterdir() if entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(name for name in names if ids.is_run_id(name))


def empty_trash() -> int:
    """Delete for good what lies in the trash; returns how many runs that were.

    Raises:
        StateDirError: One can't be deleted.
    """
    runs = trashed()
    for run in runs:
        with _said_as("can't be deleted", paths.trash_dir() / run):
            shutil.rmtree(paths.trash_dir() / run)
    return len(runs)


def _directory(run: str) -> Path:
    directory = paths.run_dir(run)
    if not ids.is_run_id(run) or directory.is_symlink() or not directory.is_dir():
        raise NoSuchRun("there is no such run", run, "see `pilothouse ls`")
    return directory


@contextlib.contextmanager
def _held(directory: Path) -> Iterator[None]:
    """Hold the journal's lock, so that no engine has it; a journal that can't be opened has none either."""
    journal = paths.journal_path(directory)
    try:
        fd = open_to_read(journal)
    except (OSError, NotARecording):
        yield
        return
    try:
        try:
            lock(fd, journal)
        except JournalLocked:
            raise JournalLocked("the run is live", directory.name, "abort it first") from None
        yield
    finally:
        os.close(fd)


def _write(directory: Path, label: Label) -> Label:
    """Put a label in the place of the one before, whole or not at all."""
    path = directory / LABEL_NAME
    aside = directory / f".{LABEL_NAME}.{os.urandom(4).hex()}"
    with _said_as("can't be written", path):
        if label == NO_LABEL:
            path.unlink(missing_ok=True)
            return label
        fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(msgspec.json.encode(label))
            aside.replace(path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
    return label


@contextlib.contextmanager
def _said_as(what: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StateDirError(f"{what}: {error.strerror or error}", str(path)) from error
