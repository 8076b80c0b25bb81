"""Places in a run that a person marked: kept by this viewer beside its state, never in the journal.

A marker says nothing about the run and needs no engine: a recording that can't be written has them too.
"""

from __future__ import annotations

import os
from bisect import bisect_left, insort
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import msgspec

from pilothouse import ids, paths

if TYPE_CHECKING:
    from pathlib import Path

MOST: Final = 10_000


class Markers:
    """Positions, ascending, in a file of the run's name."""

    def __init__(self, run: str, directory: Path | None = None) -> None:
        root = directory if directory is not None else paths.state_dir() / "markers"
        self._file = root / f"{run}.json" if ids.is_run_id(run) else None
        self.at = self._load()

    def _load(self) -> list[int]:
        if self._file is None:
            return []
        try:
            found = msgspec.json.decode(self._file.read_bytes(), type=list[int])
        except (OSError, msgspec.MsgspecError, UnicodeError):
            return []
        return sorted({at for at in found if at >= 0})[:MOST]

    def toggle(self, position: int) -> bool:
        """Drop a marker, or take the one here away; says whether there is one now."""
        here = bisect_left(self.at, position)
        if here < len(self.at) and self.at[here] == position:
            del self.at[here]
            return False
        insort(self.at, position)
        return True

    def save(self) -> None:
        """Keep them.

        Raises:
            OSError: The disk refused it.
            StateDirError: There is no private place for it.
        """
        if self._file is None:
            return
        paths.make_private(self._file.parent)
        beside = self._file.with_suffix(f".{os.getpid()}")
        try:
            beside.write_bytes(msgspec.json.encode(self.at))
            beside.replace(self._file)
        finally:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
