from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from pilothouse import events as ev
from pilothouse.cli.ctl import VERBS
from pilothouse.journal.writer import JournalWriter
from tests.cli.shell import COMMAND, a_run, on_a_terminal, pilothouse, record

RUN = "abcdefghij"


@pytest.fixture
def recording(state_dir: Path) -> Path:
    return record(state_dir / "runs" / RUN, RUN, *a_run(RUN))


def test_replay_prints_a_clean_readable_log_without_a_terminal(recording: Path) -> None:
    said = pilothouse("replay", RUN[:4])
    assert said.code == 0, said
    assert "Büy a kettle" in said.out
    assert "completed: 1 actions in 1 turns" in said.out
    assert not any((ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160 for c in said.out)


def test_a_bundled_recording_is_replayed_by_its_name() -> None:
    said = pilothouse("replay", "demo")
    assert said.code == 0, said.err
    assert "completed" in said.out.splitlines()[-1]


def test_replay_as_json_is_one_ascii_object_a_line_ending_with_run_ended(recording: Path) -> None:
    said = pilothouse("replay", str(recording), "--json")
    assert said.code == 0, said
    assert said.out.isascii()
    assert "\x7f" not in said.out
    events = [json.loads(line) for line in said.out.splitlines()]
    assert [event["seq"] for event in events] == list(range(5))
    assert events[0]["task"] == "Büy a kettle\x1b]0;pwned\x07"
    assert events[-1]["type"] == "RunEnded"


def test_a_plain_log_survives_a_locale_that_cannot_show_it(recording: Path) -> None:
    said = pilothouse("replay", RUN, PYTHONIOENCODING="ascii:strict", LC_ALL="C")
    assert said.code == 0, said
    assert "B\\xfcy a kettle" in said.out


def test_ls_tells_each_run_as_table_and_as_json(recording: Path) -> None:
    table = pilothouse("ls")
    assert "completed" in table.out
    assert "\x1b" not in table.out
    (status,) = [json.loads(line) for line in pilothouse("ls", "--json").out.splitlines()]
    assert (status["run"], status["outcome"], status["live"]) == (RUN, "completed", False)


def test_the_time_of_a_run_that_waits_goes_on(state_dir: Path) -> None:
    # Live, for the writer holds the journal's lock; it began 95 s ago by its clock.
    writer = JournalWriter.create(
        state_dir / "runs" / RUN, RUN, wall_s=lambda: time.time() - 95, min_free_bytes=0
    )
    writer.append(a_run(RUN)[0])
    assert " 1:3" in pilothouse("ls").out
    writer.close()
    (status,) = [json.loads(line) for line in pilothouse("ls", "--json").out.splitlines()]
    assert not status["live"]
    assert status["duration_s"] < 1


@pytest.mark.terminal
def test_the_table_fits_a_terminal_of_80_columns(state_dir: Path) -> None:
    first, *rest = a_run(RUN)
    assert isinstance(first, ev.RunStarted)
    record(state_dir / "runs" / RUN, RUN, msgspec.structs.replace(first, task="kettle " * 50), *rest)
    said = on_a_terminal("ls", columns=80)
    assert [len(line) <= 80 for line in said.out.splitlines()] == [True, True]


def test_a_run_that_is_over_takes_no_commands(recording: Path) -> None:
    for arguments in (["abort", RUN], ["ctl", RUN, "pause"]):
        said = pilothouse(*arguments)
        assert said.code == 1, said
        assert said.err == f"pilothouse: {RUN}: has ended (completed) (pilothouse replay {RUN} shows it)\n"


def test_a_reader_that_goes_away_is_no_error(state_dir: Path) -> None:
    events = a_run(RUN)
    record(state_dir / "runs" / RUN, RUN, *events[:-1], *[events[2]] * 5000, events[-1])
    shell = f"{' '.join(COMMAND)} replay {RUN} --json | head -n 1"
    done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, timeout=60, env=os.environ)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_help_names_every_verb_and_each_verb_has_help() -> None:
    from pilothouse.cli.main import VERBS

    top = pilothouse("--help")
    assert pilothouse("help") == top == pilothouse()
    for verb, line in VERBS.items():
        assert line in " ".join(top.out.split())
        said = pilothouse(verb, "--help")
        assert said.code == 0
        assert line[1:] in " ".join(said.out.split())


def test_an_error_nobody_foresaw_is_one_sentence_and_a_trace_file(state_dir: Path, tmp_path: Path) -> None:
    broken = (
        "import pilothouse.cli.ls as ls\ndef run(_):\n    raise ZeroDivisionError('boom')\nls.run = run\n"
    )
    code = broken + "import sys\nfrom pilothouse.cli.main import main\nsys.exit(main(['ls']))\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "ZeroDivisionError: boom" in done.stderr
    (trace,) = (state_dir / "traces").iterdir()
    assert "raise ZeroDivisionError('boom')" in trace.read_text() or "boom" in trace.read_text()


HEAVY = ("textual", "rich", "PIL", "anthropic", "kernel", "httpx", "pydantic", "aiohttp", "textual_image")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["version"],
        ["config"],
        ["run", "--help"],
        ["ls"],
        ["replay", RUN, "--json"],
        ["abort", "zz"],
    ],
    ids=" ".join,
)
def test_a_small_command_loads_nothing_heavy(recording: Path, arguments: list[str]) -> None:
    code = (
        "import sys\nfrom pilothouse.cli.main import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stderr.splitlines()[-1] == "[]", done.stderr


def test_the_table_of_ctl_verbs_has_them_all() -> None:
    page = (Path(__file__).parents[2] / "docs" / "steering.md").read_text("utf-8")
    section = page.split("## From a script\n")[1].split("\n## ")[0]
    assert tuple(re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE)) == VERBS
