"""What became of a run of this host, by its files: does anyone still want its browser? Nothing is deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pilothouse import paths
from pilothouse.errors import PilothouseError
from pilothouse.ids import is_run_id
from pilothouse.journal.disk import is_live, open_to_read

if TYPE_CHECKING:
    from pathlib import Path


def fate_of(run: str, browser: str) -> str:
    """Say `alive`, `ended`, `killed`, `kept` or `unknown`; reads the run's journal, and may take a moment.

    Only an engine that holds the journal's lock counts as alive. A run whose files are not here may be
    another account's, or another machine's of the same name: it is unknown, and nobody decides for it.
    """
    journal = paths.journal_path(paths.run_dir(run))
    if not is_run_id(run) or not journal.exists():
        return "unknown"
    if is_live(journal):
        return "alive"
    try:
        return _read_fate(journal, browser)
    except (OSError, PilothouseError):
        return "unknown"


def _read_fate(journal: Path, browser: str) -> str:
    """Look for the end of a run, and for its browser left open on request, without decoding anything else."""
    fate, name = "killed", f'"{browser}"'.encode()
    with open(open_to_read(journal), "rb") as lines:  # noqa: PTH123 - a descriptor, not a path
        for line in lines:
            event = line.split(b" ", 2)[-1]
            if event.startswith(b'{"type":"RunEnded"'):
                fate = "ended"
            elif event.startswith(b'{"type":"BrowserClosed"') and b'"kept":true' in event and name in event:
                return "kept"
    return fate
