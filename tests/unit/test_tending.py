"""Names, tags and the trash: beside the recording, never in it, and never a live run."""

from __future__ import annotations

from pathlib import Path

import pytest

from pilothouse import paths
from pilothouse.errors import JournalLocked, NoSuchRun, UsageError
from pilothouse.journal.writer import JournalWriter
from pilothouse.runs import tending
from pilothouse.runs.files import FileRuns
from pilothouse.runs.tending import Label
from tests.cli.shell import a_run, record

RUN = "abcdefghij"


@pytest.fixture(autouse=True)
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PILOTHOUSE_STATE_DIR", str(tmp_path / "state"))
    return record(paths.run_dir(RUN), RUN, *a_run(RUN))


def test_a_name_and_tags_are_in_the_roster_and_not_in_the_journal(recording: Path) -> None:
    view = FileRuns()
    before = paths.journal_path(recording).read_bytes()
    assert view.status(RUN).name == ""
    tending.rename(RUN, "the\x1b[31m kettle")
    assert tending.tag(RUN, tending.parse_tags("#shop, kettle shop")) == Label(
        view.status(RUN).name, ("shop", "kettle")
    )
    status = view.status(RUN)
    assert ("kettle" in status.name, "\x1b" in status.name) == (True, False)
    assert status.tags == ("shop", "kettle")
    assert paths.journal_path(recording).read_bytes() == before
    tending.rename(RUN, "")
    tending.tag(RUN, ())
    assert not (recording / tending.LABEL_NAME).exists()
    assert view.status(RUN).tags == ()


@pytest.mark.parametrize("text", ["{", '{"name": 7}', "\x00", "[" * 5000, '{"name": "x", "tags": "y"}'])
def test_a_label_that_cannot_be_used_says_nothing(recording: Path, text: str) -> None:
    (recording / tending.LABEL_NAME).write_text(text)
    assert tending.read_label(recording) == tending.NO_LABEL
    assert FileRuns().status(RUN).problem == ""


def test_a_label_is_not_read_through_a_link(recording: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text('{"name": "elsewhere"}')
    (recording / tending.LABEL_NAME).symlink_to(tmp_path / "elsewhere")
    assert tending.read_label(recording) == tending.NO_LABEL


@pytest.mark.parametrize("text", ["two words!", "-x", "x" * 31, " ".join(map(str, range(13)))])
def test_what_can_be_no_tag_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(UsageError):
        tending.parse_tags(text)


def test_the_trash_takes_a_run_and_gives_it_back_whole(recording: Path) -> None:
    tending.rename(RUN, "kettle")
    before = {path.name: path.read_bytes() for path in recording.iterdir() if path.is_file()}
    where = tending.trash(RUN)
    assert not recording.exists()
    assert tending.trashed() == [RUN]
    assert tending.restore(RUN[:3]) == RUN
    assert {path.name: path.read_bytes() for path in recording.iterdir() if path.is_file()} == before
    assert not where.exists()


def test_a_live_run_is_not_deleted() -> None:
    writer = JournalWriter.create(paths.run_dir("livelively"), "livelively", min_free_bytes=0)
    with pytest.raises(JournalLocked, match="live"):
        tending.trash("livelively")
    assert paths.run_dir("livelively").is_dir()
    writer.close()


def test_what_is_not_there_is_neither_deleted_nor_put_back() -> None:
    for name in ("nosuchrun1", "../runs", ""):
        with pytest.raises(NoSuchRun):
            tending.trash(name)
        with pytest.raises(NoSuchRun):
            tending.restore(name)


def test_an_emptied_trash_holds_nothing_and_the_runs_stay(recording: Path) -> None:
    record(paths.run_dir("bbbbbbbbbb"), "bbbbbbbbbb", *a_run("bbbbbbbbbb"))
    tending.trash(RUN)
    assert tending.empty_trash() == 1
    assert tending.trashed() == []
    assert paths.run_dir("bbbbbbbbbb").is_dir()


async def test_a_followed_roster_says_what_is_gone() -> None:
    roster = FileRuns().roster(follow=True)
    assert (await anext(roster)).run == RUN
    tending.trash(RUN)
    last = await anext(roster)
    assert (last.run, last.gone, last.live) == (RUN, True, False)
