from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse import paths
from pilothouse.errors import NoSuchRun, NotARecording, RunGone
from pilothouse.journal.blobs import BlobStore
from pilothouse.journal.writer import JournalWriter
from pilothouse.runs import RunView, wakeup
from pilothouse.runs.files import FileRuns
from tests.unit.contract_runs import ENDED, ONE, TWO, WAIT_S, RunsContract, started


class FileRecording:
    def __init__(self, directory: Path, run: str, wall_s: Callable[[], float]) -> None:
        self.writer = JournalWriter.create(directory, run, wall_s=wall_s, min_free_bytes=0)
        self.blobs = BlobStore(directory)
        self.append = self.writer.append

    async def put_blob(self, data: bytes, mime: str) -> ev.Blob:
        return await self.blobs.put(data, mime)

    def finish(self) -> None:
        self.writer.seal()

    def die(self) -> None:
        self.writer.close()


class FileSite:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = FileRuns(root)
        self.begun: list[FileRecording] = []
        self.wall_s = itertools.count(1_800_000_000.0).__next__  # no two starts at the same moment

    @property
    def view(self) -> RunView:
        return self.files

    def begin(self, run: str) -> FileRecording:
        recording = FileRecording(self.root / run, run, self.wall_s)
        self.begun.append(recording)
        return recording


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileSite]:
    monkeypatch.setenv("PILOTHOUSE_STATE_DIR", str(tmp_path))
    place = FileSite(tmp_path / "runs")
    yield place
    place.files.close()
    for recording in place.begun:
        recording.die()


class TestFileRuns(RunsContract):
    """The contract, over files and inotify."""


class TestFileRunsPolling(RunsContract):
    """The contract where there is no inotify to be had."""

    @pytest.fixture(autouse=True)
    def no_inotify(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(wakeup, "_watch", lambda _path: -1)


def finished(site: FileSite, run: str) -> None:
    recording = site.begin(run)
    recording.append(started(run))
    recording.append(ENDED)
    recording.finish()


def test_a_name_is_a_run_id_a_beginning_of_one_or_the_latest(site: FileSite) -> None:
    with pytest.raises(NoSuchRun, match="pilothouse ls"):
        site.files.resolve("latest")
    finished(site, ONE)
    finished(site, "bbbbbbbb01")
    assert site.files.resolve(ONE) == ONE
    assert site.files.resolve("b") == "bbbbbbbb01"
    assert site.files.resolve("latest") == "bbbbbbbb01"
    with pytest.raises(NoSuchRun, match="nearest is aaaaaaaa01"):
        site.files.resolve("aaaaaaaa1")
    with pytest.raises(NoSuchRun):
        site.files.resolve("")
    finished(site, TWO)
    with pytest.raises(NoSuchRun, match="names 2 runs"):
        site.files.resolve("aaaa")


@pytest.mark.parametrize("name", ["../../etc", "/etc", "AAAAAAAA01", "aaaaaaaa01/..", "."])
def test_a_name_never_becomes_a_path_outside(site: FileSite, name: str) -> None:
    with pytest.raises(NoSuchRun):
        site.files.journal(name)


async def test_a_broken_recording_is_listed_with_its_problem(site: FileSite) -> None:
    finished(site, ONE)
    (site.root / "nojournal1").mkdir()
    (site.root / "emptyrun01").mkdir()
    paths.journal_path(site.root / "emptyrun01").touch()
    (site.root / "foreignrun").mkdir()
    paths.journal_path(site.root / "foreignrun").write_bytes(os.urandom(5000))
    (site.root / "loopedrun1").mkdir()
    paths.journal_path(site.root / "loopedrun1").symlink_to("journal.phj")
    (site.root / "not a run").mkdir()
    (site.root / "stray.file").touch()
    problems = {status.run: status.problem async for status in site.view.roster()}
    assert problems.pop(ONE) == ""
    assert set(problems) == {"nojournal1", "emptyrun01", "foreignrun", "loopedrun1"}
    assert all(problems.values())


async def test_damage_shows_in_the_roster_and_in_the_events(site: FileSite) -> None:
    recording = site.begin(ONE)
    for event in (started(ONE), *(ev.Warned(what=str(number)) for number in range(9)), ENDED):
        recording.append(event)
    recording.finish()
    path = paths.journal_path(site.root / ONE)
    path.write_bytes(path.read_bytes().replace(b'"what":"4"', b'"what":"5"'))
    status = site.files.status(ONE)
    assert "damaged after event 4" in status.problem
    assert status.outcome is ev.Outcome.COMPLETED
    events = [event async for event in site.view.events(ONE)]
    assert [event.seq for event in events] == list(range(11))
    assert isinstance(events[5], ev.Warned) and "damaged" in events[5].what


async def test_the_roster_is_newest_first_and_reads_a_finished_run_once(site: FileSite) -> None:
    finished(site, ONE)
    finished(site, TWO)
    assert [status.run async for status in site.view.roster()] == [TWO, ONE]
    assert site.files.status(ONE) is site.files.status(ONE)


def test_no_runs_directory_is_no_runs(tmp_path: Path) -> None:
    assert FileRuns(tmp_path / "none")._ids() == []


def test_a_run_gone_on_with_after_its_death_is_live_again(site: FileSite) -> None:
    recording = site.begin(ONE)
    recording.append(started(ONE))
    recording.die()
    assert (site.files.status(ONE).live, site.files.status(ONE).torn) == (False, True)
    writer = JournalWriter.reopen(site.root / ONE)
    writer.append(ev.Warned(what="back"))
    status = site.files.status(ONE)
    assert (status.live, status.torn, status.events) == (True, False, 2)
    writer.append(ENDED)
    writer.seal()
    status = site.files.status(ONE)
    assert (status.live, status.torn, status.events) == (False, False, 3)


@pytest.mark.parametrize("by", ["directory", "journal"])
async def test_a_recording_anywhere_opens_by_its_path_and_nothing_is_written_beside_it(
    site: FileSite, tmp_path: Path, by: str
) -> None:
    recording = site.begin(ONE)
    blob = await recording.put_blob(b"picture", "image/png")
    recording.append(started(ONE))
    recording.die()
    place = tmp_path / "sent by a friend"
    (site.root / ONE).rename(place)
    before = sorted(place.rglob("*"))
    view, run = FileRuns.for_path(place if by == "directory" else paths.journal_path(place))
    assert run == ONE
    assert [event.seq async for event in view.events(run)] == [0]
    assert await view.blob(run, blob.sha256) == b"picture"
    assert [status.torn async for status in view.roster()] == [True]
    assert view.resolve("latest") == ONE
    with pytest.raises(RunGone, match="opened to read"):
        await view.control(run, cmd.Pause(id="1", actor="test"))
    with pytest.raises(NoSuchRun):
        view.journal(TWO)
    view.close()
    assert sorted(place.rglob("*")) == before


def test_a_path_that_is_no_recording_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("hello\n")
    (tmp_path / "empty").mkdir()
    for name in ("text.txt", "empty", "missing"):
        with pytest.raises(NotARecording) as caught:
            FileRuns.for_path(tmp_path / name)
        assert name in str(caught.value)


async def test_an_index_grows_from_a_run(site: FileSite) -> None:
    finished(site, ONE)
    with site.files.index(ONE) as index:
        index.grow_to_end()
        assert [event.seq for event in index.page(0, 9)] == [0, 1]


async def test_a_wake_up_comes_at_once_and_a_quiet_file_times_out(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    with wakeup.FileWatch(path) as watch:
        await watch.wait(0.01)
        woken = asyncio.create_task(watch.wait(WAIT_S * 10))
        path.write_bytes(b"x")
        async with asyncio.timeout(WAIT_S):
            await woken
