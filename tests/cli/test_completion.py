"""What a shell is told at a press of tab, asked as the shells do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pilothouse.ids import new_run_id
from pilothouse.journal.writer import JournalWriter
from pilothouse.paths import run_dir

SHELLS = ["bash", "zsh", "fish"]


def offered(line: str, tmp_path: Path) -> list[str]:
    """Ask for the words that could follow; argcomplete answers on descriptor 8."""
    answer = tmp_path / "answer"
    ask = f'exec "{sys.executable}" -m pilothouse 8>"{answer}" 9>/dev/null'
    environ = {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n", "COMP_LINE": line, "COMP_POINT": str(len(line))}
    done = subprocess.run(["bash", "-c", ask], env={**os.environ, **environ}, capture_output=True, text=True)
    assert done.stderr == ""
    return [word.strip() for word in answer.read_text().splitlines()]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("pilothouse att", ["attach"]),
        ("pilothouse re", ["reap", "replay"]),
        ("pilothouse ctl latest pa", ["pause"]),
        ("pilothouse run --approve ", ["auto", "ask-risky", "ask-all", "deny-all"]),
        ("pilothouse completion ", SHELLS),
        ("pilothouse run --start", ["--start-url"]),
    ],
)
def test_words_that_could_follow(line: str, words: list[str], tmp_path: Path) -> None:
    assert offered(line, tmp_path) == words


def test_runs_are_offered_by_their_ids(tmp_path: Path) -> None:
    run = new_run_id()
    JournalWriter.create(run_dir(run), run).close()
    assert offered("pilothouse attach ", tmp_path) == ["latest", run]
    assert offered(f"pilothouse ctl {run[:3]}", tmp_path) == [run]


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_gets_a_script_it_can_read(shell: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pilothouse", "completion", shell], capture_output=True, text=True, check=True
    )
    assert "pilothouse" in done.stdout
    script = tmp_path / "script"
    script.write_text(done.stdout)
    if found := shutil.which(shell):  # bash is everywhere; the others where they are installed
        subprocess.run([found, "-n", str(script)], check=True)


def test_bash_completes_in_earnest(tmp_path: Path) -> None:
    program = tmp_path / "pilothouse"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pilothouse "$@"\n')
    program.chmod(0o755)
    script = """
eval "$(pilothouse completion bash)"
COMP_WORDS=(pilothouse re); COMP_CWORD=1; COMP_LINE="pilothouse re"; COMP_POINT=${#COMP_LINE}; COMP_TYPE=9
$(complete -p pilothouse | sed 's/.*-F \\([^ ]*\\).*/\\1/') pilothouse re pilothouse
printf '%s\\n' "${COMPREPLY[@]}"
"""
    environ = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["reap", "replay"]
