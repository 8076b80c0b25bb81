from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from pilothouse import events as ev
from pilothouse import paths
from pilothouse.errors import JournalError
from pilothouse.journal.index import JournalIndex
from pilothouse.state import RunState, reduce
from tests.unit.journal.making import RUN, create, some_events, write


def indexed(directory: Path) -> JournalIndex:
    index = JournalIndex(paths.journal_path(directory))
    index.grow_to_end()
    return index


def states_of(events: list[ev.Event]) -> list[RunState]:
    states, state = [], RunState()
    for event in events:
        state = reduce(state, event)
        states.append(state)
    return states


def test_any_event_and_any_page_is_the_one_that_was_written(tmp_path: Path) -> None:
    truth = write(tmp_path / RUN, some_events(300), seal=True)
    with indexed(tmp_path / RUN) as index:
        assert len(index) == 300
        assert [index.event(at) for at in range(300)] == truth
        assert index.event(-1) == truth[-1]
        assert index.page(250, 100) == truth[250:]
        assert index.page(-10, 15) == truth[:5]
        assert index.position_of(299) == 299
        with pytest.raises(IndexError):
            index.event(300)


def test_an_event_longer_than_a_peek_is_read_whole(tmp_path: Path) -> None:
    events = [*some_events(3), ev.Warned(what="x" * 100_000), ev.Warned(what="y")]
    truth = write(tmp_path / RUN, events)
    with indexed(tmp_path / RUN) as index:
        assert index.page(0, 9) == truth


def test_the_state_at_any_point_is_the_one_reduced_up_to_it(tmp_path: Path) -> None:
    truth = write(tmp_path / RUN, some_events(3_500), seal=True)
    states = states_of(truth)
    with indexed(tmp_path / RUN) as index:
        assert index.state == states[-1]
        assert index.state_at(-1) == RunState()
        rng = random.Random(5)
        ats = [*range(990, 1010), *range(2_010, 1_990, -1), *(rng.randrange(3_500) for _ in range(30)), 9_999]
        for at in ats:
            assert index.state_at(at) == states[min(at, 3_499)]


def test_stepping_back_reads_nothing_again(tmp_path: Path) -> None:
    write(tmp_path / RUN, some_events(1_500))
    with indexed(tmp_path / RUN) as index:
        index.state_at(900)
        os.close(index._fd)
        index._fd = -1
        assert [index.state_at(at).seq for at in range(900, 0, -1)] == list(range(900, 0, -1))


def test_it_grows_with_a_live_journal(tmp_path: Path) -> None:
    writer = create(tmp_path / RUN)
    with JournalIndex(writer.path) as index:
        assert (index.grow(), len(index)) == ([], 0)
        for event in some_events(20):
            assert index.grow() == []
            stamped = writer.append_event(event)
            assert index.grow() == [stamped]
        assert index.event(19).seq == 19
    writer.close()


def test_a_point_in_time_is_found(tmp_path: Path) -> None:
    truth = write(tmp_path / RUN, some_events(100))
    with indexed(tmp_path / RUN) as index:
        assert index.before_t(-1) == -1
        assert index.before_t(truth[40].t) == 40
        assert index.before_t(truth[40].t + 1) == 40
        assert index.before_t(1 << 62) == 99


def test_a_damaged_recording_keeps_its_numbers(tmp_path: Path) -> None:
    truth = write(tmp_path / RUN, some_events(100), seal=True)
    path = paths.journal_path(tmp_path / RUN)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:31] + lines[41:]))
    with indexed(tmp_path / RUN) as index:
        position = index.position_of(60)
        assert index.event(position) == truth[60]
        assert isinstance(index.event(30), ev.Warned)
        assert index.position_of(35) == 31
        assert index.state_at(position).seq == 60


def test_a_file_changed_while_open_is_noticed(tmp_path: Path) -> None:
    write(tmp_path / RUN, some_events(10))
    path = paths.journal_path(tmp_path / RUN)
    with indexed(tmp_path / RUN) as index:
        data = path.read_bytes()
        with path.open("r+b") as file:
            file.write(data.replace(b"left_click", b"kill_click"))
        with pytest.raises(JournalError, match="changed while it was open"):
            index.page(0, 10)
