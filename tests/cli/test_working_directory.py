"""Code that lies where a person happens to stand is not run: the children have keys in their environment."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pilothouse
from pilothouse.cli.main import main

EVIL = "import pathlib\npathlib.Path('ran').touch()\nraise SystemExit('code of the working directory ran')\n"
SOURCE = Path(pilothouse.__file__).parent


@pytest.fixture
def evil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "evil"
    directory.mkdir()
    (directory / "msgspec.py").write_text(EVIL)
    monkeypatch.chdir(directory)
    return directory


def test_an_estimate_runs_no_code_from_there(evil: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["estimate", "--steps", "3"]) == 0
    assert "3 steps with" in capsys.readouterr().out
    assert not (evil / "ran").exists()


def test_a_probe_runs_no_code_from_there(evil: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pilothouse", "probe", "--only", "model", "--yes", "-o", "report"],
        cwd=evil,
        env={**os.environ, "ANTHROPIC_API_KEY": "a-key", "ANTHROPIC_BASE_URL": "http://127.0.0.1:9"},
        capture_output=True,
        timeout=60,
    )
    assert b"without a report" not in done.stderr
    assert (evil / "report.json").exists()
    assert not (evil / "ran").exists()


def test_no_child_is_started_with_code_from_there() -> None:
    started = re.compile(r'sys\.executable,\s*("-[^m]",\s*)*"-m"')
    found = [
        match[0]
        for path in SOURCE.rglob("*.py")
        if path.parent.name != "local"
        for match in started.finditer(path.read_text("utf-8"))
    ]
    assert len(found) >= 6
    assert [line for line in found if '"-P"' not in line] == []
