"""What became of a run of this host, by its files: does anyone still want its browser? Nothing is deleted."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import msgspec

from pilothouse import events as ev
from pilothouse import paths
from pilothouse.errors import PilothouseError
from pilothouse.ids import is_run_id
from pilothouse.journal.disk import is_live, open_to_read

if TYPE_CHECKING:
    from pathlib import Path

_named: msgspec.json.Decoder[ev.BrowserIntended | ev.BrowserOpened] = msgspec.json.Decoder(
    ev.BrowserIntended | ev.BrowserOpened
)


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


def driven() -> frozenset[str]:
    """Name the browsers that live runs of this host drive, whoever made them: their ids, and what they go by.

    A run may drive a browser that a dead one left open. Reads the journal of every live run, and may take a
    moment; what can't be read names none.
    """
    found: set[str] = set()
    try:
        runs = list(paths.runs_dir().iterdir())
    except OSError:
        return frozenset()
    for run in runs:
        with contextlib.suppress(OSError, PilothouseError):
            journal = paths.journal_path(run)
            if journal.exists() and is_live(journal):
                found |= _read_driven(journal)
    return frozenset(found)


def _read_driven(journal: Path) -> set[str]:
    found: set[str] = set()
    with os.fdopen(open_to_read(journal), "rb") as lines:
        for line in lines:
            event = line.split(b" ", 2)[-1]
            if event.startswith((b'{"type":"BrowserIntended"', b'{"type":"BrowserOpened"')):
                with contextlib.suppress(msgspec.MsgspecError):  # a line that is still being written
                    named = _named.decode(event)
                    found |= {named.name, getattr(named, "session", "")}
    return found - {""}


def _read_fate(journal: Path, browser: str) -> str:
    """Look for the end of a run, and for its browser left open on request, without decoding anything else."""
    fate, name = "killed", f'"{browser}"'.encode()
    with os.fdopen(open_to_read(journal), "rb") as lines:
        for line in lines:
            event = line.split(b" ", 2)[-1]
            if event.startswith(b'{"type":"RunEnded"'):
                fate = "ended"
            elif event.startswith(b'{"type":"BrowserClosed"') and b'"kept":true' in event and name in event:
                return "kept"
    return fate
