"""`pilothouse` alone, the trash, and what a person called a run, as a shell sees them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pilothouse.journal.writer import JournalWriter
from tests.cli.shell import COMMAND, a_run, on_a_terminal, pilothouse, record
from tests.terminal.played import PlayedTerminal
from tests.terminal.screen import Screen

RUN = "abcdefghij"


@pytest.fixture
def recording(state_dir: Path) -> Path:
    return record(state_dir / "runs" / RUN, RUN, *a_run(RUN))


def test_alone_without_a_terminal_it_prints_the_help() -> None:
    said = pilothouse()
    assert (said.code, said.err) == (0, "")
    assert "verbs:" in said.out
    assert "home" in said.out


def test_home_without_a_terminal_is_one_sentence() -> None:
    said = pilothouse("home")
    assert said.code == 2
    assert said.err.startswith("pilothouse: there is no terminal here for the bridge")


@pytest.mark.terminal
def test_alone_in_a_terminal_that_is_too_small_it_is_one_sentence() -> None:
    said = on_a_terminal(columns=30, rows=10)
    assert said.code == 2
    assert "the bridge needs 40x12" in said.out


@pytest.mark.terminal
@pytest.mark.usefixtures("recording")
@pytest.mark.parametrize(
    "arguments", [(), ("home", "--no-mouse", "--theme", "contrast")], ids=["alone", "told"]
)
def test_alone_on_a_terminal_it_opens_the_roster_and_a_run_from_there(arguments: tuple[str, ...]) -> None:
    with PlayedTerminal([*COMMAND, *arguments], Screen(120, 40)) as terminal:
        terminal.wait_for_text("1 recording")
        terminal.wait_for_text("kettle")
        terminal.type(b"\r")
        terminal.wait_for_text("Transcript")
        terminal.type(b"q")
        terminal.wait_for_text("new run")
        terminal.type(b"\x11")
        assert terminal.wait_for_exit() == 0
        assert (b"\x1b[?1000h" in terminal.sent) is (not arguments)


def test_a_bad_setting_of_the_bridge_is_one_sentence_where_it_is_shown() -> None:
    said = pilothouse("home", "--graphics", "paint")
    assert said.code == 2
    assert "--graphics: 'paint' is not known" in said.err


def test_the_trash_takes_runs_and_gives_them_back(recording: Path) -> None:
    assert pilothouse("trash", RUN[:4]).out == f"{RUN}\n"
    assert not recording.exists()
    assert "no runs yet" in pilothouse("ls").err
    (status,) = [json.loads(line) for line in pilothouse("ls", "--trash", "--json").out.splitlines()]
    assert status["run"] == RUN
    assert pilothouse("trash", "--restore", RUN).out == f"{RUN}\n"
    assert recording.is_dir()
    assert "the trash is empty" in pilothouse("ls", "--trash").err
    pilothouse("trash", RUN)
    assert "1 deleted for good" in pilothouse("trash", "--empty").err
    assert pilothouse("trash", "--restore", RUN).code == 2


def test_a_live_run_does_not_go_to_the_trash(state_dir: Path) -> None:
    writer = JournalWriter.create(state_dir / "runs" / RUN, RUN, min_free_bytes=0)
    writer.append(a_run(RUN)[0])
    said = pilothouse("trash", RUN)
    writer.close()
    assert said.code == 2
    assert said.err == f"pilothouse: {RUN}: the run is live (abort it first)\n"


@pytest.mark.parametrize("arguments", [(), ("--empty", RUN), ("--restore", RUN, RUN)])
def test_the_trash_wants_to_be_told_one_thing(arguments: tuple[str, ...]) -> None:
    said = pilothouse("trash", *arguments)
    assert said.code == 2
    assert said.err.startswith("pilothouse: trash: nothing, or too much, is asked")


def test_ls_tells_what_a_person_called_a_run(recording: Path) -> None:
    (recording / "label.json").write_text('{"name": "kettles", "tags": ["shop"]}')
    assert "#shop kettles: Büy a kettle" in pilothouse("ls").out
    (status,) = [json.loads(line) for line in pilothouse("ls", "--json").out.splitlines()]
    assert (status["name"], status["tags"]) == ("kettles", ["shop"])
