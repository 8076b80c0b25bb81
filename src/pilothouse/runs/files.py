"""Runs as directories on this machine: the file transport behind `RunView`. Nothing here writes.

Events come from the journal file, wake-ups from the kernel; only `control` needs the engine's socket.
"""

from __future__ import annotations

import asyncio
import difflib
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from pilothouse import ids, paths
from pilothouse.errors import NoSuchRun, NotARecording, PilothouseError, RunGone
from pilothouse.events import Hold, RunEnded, RunPhase, TextStreamed
from pilothouse.journal.blobs import BlobStore
from pilothouse.journal.disk import is_live
from pilothouse.journal.index import JournalIndex
from pilothouse.journal.reader import CHUNK_BYTES, JournalReader
from pilothouse.runs import RunStatus
from pilothouse.runs.tending import NO_LABEL, Label, label_print, read_label
from pilothouse.runs.wakeup import FileWatch
from pilothouse.state import RunState, reduce

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from pilothouse.commands import Ack, Command, LivePicture
    from pilothouse.events import Event

LATEST = "latest"
LOOK_AGAIN_S = 0.25
"""A killed engine wakes nobody: followers look this often whether it still holds its lock."""
ROSTER_S = 0.5
"""A followed roster looks for changes this often."""
LOOKS_PART = 10
"""Looking takes at most one part in so many of the time, however many runs there are."""
PIECE = 40
"""Recordings that a followed roster reads before it tells of them."""
SAID_MAX = 2_000
"""Characters of the agent's text that are kept to find its last line in."""


class FileRuns:
    """The runs below one directory, or a single recording anywhere.

    Args:
        runs_dir: Where run directories live; it need not exist yet.
    """

    def __init__(self, runs_dir: Path | None = None) -> None:
        self._root = runs_dir if runs_dir is not None else paths.runs_dir()
        self._foreign: dict[str, Path] = {}
        self._followed: dict[str, _Followed] = {}
        self._status_lock = threading.Lock()

    @classmethod
    def for_path(cls, path: Path) -> tuple[FileRuns, str]:
        """Open the recording at a path, a run directory or its journal file; read-only.

        Raises:
            NotARecording: There is none, or it can't be read.
        """
        directory = path if path.is_dir() else path.parent
        journal = paths.journal_path(path) if path.is_dir() else path
        if not path.exists():
            raise NotARecording("there is no such file", str(path), "name a run or a recording")
        with JournalReader(journal) as reader:
            run = reader.header.run
        view = cls(directory.parent)
        view._foreign[run] = journal
        return view, run

    def journal(self, run: str) -> Path:
        """Say where a run's journal is.

        Raises:
            NoSuchRun: There is no such run.
        """
        if run in self._foreign:
            return self._foreign[run]
        if not self._foreign and ids.is_run_id(run) and (self._root / run).is_dir():
            return paths.journal_path(self._root / run)
        raise self._no_such(run)

    def index(self, run: str) -> JournalIndex:
        """Open an index over a run's events, still empty; see `JournalIndex.grow`.

        Raises:
            NoSuchRun: There is no such run.
            NotARecording: What is there can't be read as one.
        """
        return JournalIndex(self.journal(run))

    def resolve(self, name: str) -> str:
        """Turn a run id, a unique beginning of one, or `latest` into a run id.

        Raises:
            NoSuchRun: Nothing, or more than one run, answers to the name.
        """
        known = self._ids()
        if name in known:
            return name
        if name == LATEST and known:
            return max(known, key=lambda run: _created(self.journal(run)))
        matching = [run for run in known if name and run.startswith(name)]
        if len(matching) > 1:
            raise NoSuchRun(f"names {len(matching)} runs: {', '.join(matching[:5])}", name, "say more of it")
        if not matching:
            raise self._no_such(name)
        return matching[0]

    def status(self, run: str) -> RunStatus:
        """Say how a run stands now; reads only what came since the last time it was asked.

        A recording that can't be read gives a status with its `problem`, never an error.

        Raises:
            NoSuchRun: There is no such run.
        """
        journal = self.journal(run)
        with self._status_lock:
            try:
                followed = self._followed.setdefault(run, _Followed(journal))
                return followed.status(run)
            except (PilothouseError, OSError) as error:
                return _unreadable(run, journal, str(error))

    async def roster(self, follow: bool = False) -> AsyncIterator[RunStatus]:
        """Yield the status of every run, newest first; with `follow`, go on with each change.

        A followed roster begins with the live runs and tells of the recordings as they are read: a thousand
        take seconds.
        """
        shown: dict[str, RunStatus] = {}
        if follow:
            for some in await asyncio.to_thread(self._in_pieces):
                for status in await asyncio.to_thread(self._read, some):
                    shown[status.run] = status
                    yield status
        while True:
            began_s = time.monotonic()
            statuses = await asyncio.to_thread(self._statuses)
            took_s = time.monotonic() - began_s
            for gone in shown.keys() - {status.run for status in statuses}:
                yield msgspec.structs.replace(shown.pop(gone), live=False, gone=True)
            for status in sorted(statuses, key=lambda status: status.started, reverse=True):
                if shown.get(status.run) != status:
                    shown[status.run] = status
                    yield status
            if not follow:
                return
            await asyncio.sleep(max(ROSTER_S, LOOKS_PART * took_s))

    async def events(self, run: str, from_seq: int = 0, follow: bool = True) -> AsyncIterator[Event]:
        """Yield events in order from `from_seq`; with `follow`, until the run ended or its engine is gone.

        Where the recording is damaged a `Warned` stands in the place of what is missing.

        Raises:
            NoSuchRun: There is no such run.
            NotARecording: What is there can't be read as one.
        """
        journal = self.journal(run)
        with JournalReader(journal) as reader:
            if not follow:
                async for event in _to_end(reader):
                    if event.seq >= from_seq:
                        yield event
                return
            with FileWatch(journal) as watch:
                async for event in _following(reader, watch):
                    if event.seq >= from_seq:
                        yield event

    async def blob(self, run: str, sha256: str) -> bytes:
        """Read a blob, its hash checked.

        Raises:
            JournalError: It is missing or damaged.
        """
        return await BlobStore(self.journal(run).parent).read(sha256)

    async def control(self, run: str, command: Command) -> Ack:
        """Ask something of the run's engine.

        Raises:
            RunGone: No engine answers.
            CommandRefusedError: The engine refused.
        """
        from pilothouse.engine import client  # a viewer that only reads never loads it

        if run in self._foreign:
            raise RunGone("this recording was opened to read", run, "attach to the run by its id")
        if not is_live(self.journal(run)):
            raise RunGone("no engine runs it any more", run, "its recording can be replayed")
        return await client.control(paths.socket_path(run), command)

    async def look(self, run: str, after: int = 0, actor: str = "") -> LivePicture:
        """Wait for a live picture of the page other than number `after`; it is recorded nowhere.

        Raises:
            RunGone: No engine answers.
        """
        from pilothouse.engine import client  # as above

        if run in self._foreign or not is_live(self.journal(run)):
            raise RunGone("no engine runs it any more", run, "its recording can be replayed")
        return await client.look(paths.socket_path(run), after, actor)

    def close(self) -> None:
        """Let go of the journals that `status` keeps open."""
        for followed in self._followed.values():
            followed.close()
        self._followed.clear()

    def _statuses(self) -> list[RunStatus]:
        known = self._ids()
        for gone in self._followed.keys() - set(known):
            self._followed.pop(gone).close()
        return [self.status(run) for run in known]

    def _read(self, runs: list[str]) -> list[RunStatus]:
        return [self.status(run) for run in runs if paths.journal_path(self._root / run).exists()]

    def _in_pieces(self) -> list[list[str]]:
        """Give the live runs, then the others by their latest change, in pieces that are read quickly."""
        journals = {run: self.journal(run) for run in self._ids()}
        live = [run for run, journal in journals.items() if is_live(journal)]
        changed = {run: (_fingerprint(journal) or (0, 0, 0))[2] for run, journal in journals.items()}
        rest = sorted(journals.keys() - set(live), key=lambda run: changed[run], reverse=True)
        return [piece for piece in (live, *_batched(rest, PIECE)) if piece]

    def _ids(self) -> list[str]:
        if self._foreign:
            return list(self._foreign)
        try:
            names = [entry.name for entry in self._root.iterdir() if entry.is_dir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(name for name in names if ids.is_run_id(name))

    def _no_such(self, name: str) -> NoSuchRun:
        near = difflib.get_close_matches(name, self._ids(), n=1, cutoff=0.5)
        way_out = f"the nearest is {near[0]}" if near else "see `pilothouse ls`"
        return NoSuchRun("there is no such run", name, way_out)


class _Followed:
    """A run's status, kept up with its journal; the file is held open only while an engine writes it."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._reader: JournalReader | None = None
        self._state = RunState()
        self._known: tuple[int, ...] | None = None
        self._status: RunStatus | None = None
        self._said, self._block = "", (0, 0)
        self._labelled: tuple[int, ...] | None = None
        self._label = NO_LABEL

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def status(self, run: str) -> RunStatus:
        found = (*(_fingerprint(self._journal) or ()), *(label_print(self._journal.parent) or ()))
        known = self._status if found == self._known else None
        if known is not None and known.outcome is not None and not known.live:
            return known  # it is over: nobody will ever hold its lock again
        live = is_live(self._journal)
        if known is not None and not live and not known.live:
            return known
        reader = self._open()
        reader.at_end = False
        while not reader.at_end:
            for event in reader.read_new():
                self._state = reduce(self._state, event)
                if isinstance(event, TextStreamed):
                    self._hear(event)
        self._known, self._status = (
            found,
            _status(run, self._state, reader, live, self._last(), self._labels()),
        )
        if not live:
            self.close()
        return self._status

    def _hear(self, event: TextStreamed) -> None:
        block = event.turn, event.block
        before = self._said if block == self._block else ""
        self._block, self._said = block, (before + event.text)[-SAID_MAX:]

    def _last(self) -> str:
        """Give the last line of the agent's text."""
        return next((line for line in reversed(self._said.splitlines()) if line.strip()), "").strip()

    def _labels(self) -> Label:
        """Read what a person called the run, again only when it was changed."""
        found = label_print(self._journal.parent)
        if found != self._labelled:
            self._labelled, self._label = found, read_label(self._journal.parent)
        return self._label

    def _open(self) -> JournalReader:
        if self._reader is None:
            self._reader, self._state, self._said = JournalReader(self._journal), RunState(), ""
        return self._reader


def _batched(runs: list[str], size: int) -> list[list[str]]:
    """Cut a list into pieces."""
    return [runs[at : at + size] for at in range(0, len(runs), size)]


def _fingerprint(journal: Path) -> tuple[int, int, int] | None:
    try:
        info = journal.lstat()
    except OSError:
        return None
    return info.st_ino, info.st_size, info.st_mtime_ns


def _status(
    run: str, state: RunState, reader: JournalReader, live: bool, said: str, label: Label
) -> RunStatus:
    return RunStatus(
        run=run,
        task=state.task,
        model=state.model,
        phase=state.phase,
        live=live,
        holding=state.holding,
        outcome=state.outcome,
        turns=state.turn,
        actions=state.finished,
        cost_usd=state.usage.cost_usd if state.usage.priced else None,
        started=state.started_wall or reader.header.created,
        duration_s=state.elapsed_s,
        events=reader.count,
        torn=not live and reader.sealed is None,
        problem=_damage(reader),
        name=label.name,
        tags=label.tags,
        said=said,
        current=state.current,
        frame=state.frame,
        approval=state.approval,
        limits=state.limits,
        retry_asks=Hold.RETRY in state.holding and state.retry is not None and state.retry.asks,
    )


async def _to_end(reader: JournalReader) -> AsyncIterator[Event]:
    """Yield what there is now, and a gap at its end."""
    reader.at_end = False
    while not reader.at_end:
        for event in await _read(reader):
            yield event
    for record in reader.finish():
        yield record.event


async def _following(reader: JournalReader, watch: FileWatch) -> AsyncIterator[Event]:
    while True:
        live = is_live(reader.path)  # asked before reading: what a dying engine wrote is read all the same
        grew = False
        for event in await _read(reader):
            grew = True
            yield event
            if isinstance(event, RunEnded):
                return
        if grew or not reader.at_end:
            continue
        if reader.sealed or not live:
            break
        await watch.wait(LOOK_AGAIN_S)
    for record in reader.finish():
        yield record.event


async def _read(reader: JournalReader) -> list[Event]:
    """Read the next piece: on the loop when it is little, as when live, else in a thread."""
    if reader.size - reader.offset < CHUNK_BYTES // 8:
        return reader.read_new()
    return await asyncio.to_thread(reader.read_new)


def _damage(reader: JournalReader) -> str:
    if not reader.damaged:
        return ""
    if not reader.gaps:
        return "damaged at its end"
    more = f" and {len(reader.gaps) - 1} more places" if len(reader.gaps) > 1 else ""
    first = reader.gaps[0]
    return f"damaged after event {first.after_seq} (byte {first.offset}){more}: {first.why}"


def _unreadable(run: str, journal: Path, problem: str) -> RunStatus:
    return RunStatus(
        run=run,
        task="",
        model="",
        phase=RunPhase.ENDED,
        live=is_live(journal),
        started=_created(journal),
        torn=True,
        problem=problem,
    )


def _created(journal: Path) -> str:
    """Say when a run began: by its header, else by its directory."""
    try:
        with JournalReader(journal) as reader:
            return reader.header.created
    except PilothouseError:
        moment = datetime.fromtimestamp(journal.parent.stat().st_mtime, UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
