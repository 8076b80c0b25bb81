"""`run --systemd` with a stand-in for systemd-run: what it is given, and that the run works inside it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.cli.shell import pilothouse

STAND_IN = """#!/bin/sh
printf '%s\\n' "$*" >> "$PILOTHOUSE_STATE_DIR/asked"
while [ "$1" != "--" ]; do shift; done
shift
exec "$@"
"""


pytestmark = [
    pytest.mark.browser,  # without one no run is started, and that is said first
    pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's"),
]


@pytest.fixture
def programs(state_dir: Path) -> Path:
    directory = state_dir / "bin"
    directory.mkdir()
    (directory / "systemd-run").write_text(STAND_IN)
    (directory / "systemd-run").chmod(0o700)
    return directory


def run_in_a_unit(programs: Path) -> tuple[int, str, str]:
    said = pilothouse(
        "run",
        "--systemd",
        "--headless",
        "--json",
        "--browser",
        "local",
        "--allow-root",
        "look",
        PATH=f"{programs}:{os.environ['PATH']}",
        ANTHROPIC_API_KEY="sk-ant-secret-of-the-tests",
        ANTHROPIC_BASE_URL="http://127.0.0.1:9",
        PILOTHOUSE_RETRY_BUDGET="0",
    )
    return said.code, said.out, said.err


def test_the_engine_is_started_in_a_scope_of_its_own_and_no_key_is_on_the_command_line(
    programs: Path, state_dir: Path
) -> None:
    code, out, _ = run_in_a_unit(programs)
    events = [json.loads(line) for line in out.splitlines()]
    assert (events[0]["type"], events[-1]["type"], code) == ("RunStarted", "RunEnded", 1)
    probe, start = (state_dir / "asked").read_text().splitlines()
    assert probe == "--user --scope --quiet --collect -- true"
    run = events[0]["run"]
    assert start.startswith(
        f"--user --scope --quiet --collect --unit=pilothouse-{run} --description=Pilothouse run {run} -- "
    )
    assert "pilothouse.engine --ready-fd" in start
    assert "secret" not in start


def test_without_a_manager_nothing_is_started(programs: Path, state_dir: Path) -> None:
    (programs / "systemd-run").write_text("#!/bin/sh\nexit 1\n")
    code, out, err = run_in_a_unit(programs)
    assert (code, out) == (2, "")
    assert "--systemd: there is no systemd user manager for this login" in err
    assert not (state_dir / "runs").exists()
