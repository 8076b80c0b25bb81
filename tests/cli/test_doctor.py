"""`pilothouse doctor`: what it finds on a machine, and that no key is shown."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from pilothouse.cli import checkup
from pilothouse.cli.checkup import Finding, Verdict, filesystem, look_over
from pilothouse.terminal.probe import Capabilities

FULL = Capabilities(
    kitty=True, cell_width_px=9, cell_height_px=18, truecolor=True, has_answered=True, rtt_ms=4
)
FEW_COLOURS = msgspec.structs.replace(FULL, truecolor=False)
BLOCKS = msgspec.structs.replace(FULL, kitty=False)
IN_SCREEN = msgspec.structs.replace(BLOCKS, multiplexer="screen")


def findings(capabilities: Capabilities = FULL, **environ: str) -> dict[str, Finding]:
    told = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", **environ}
    return {finding.subject: finding for finding in look_over(capabilities, told)}


def doctor(*options: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pilothouse", "doctor", *options],
        capture_output=True,
        text=True,
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
    )


def test_a_key_is_said_to_be_there_and_never_shown(state_dir: Path) -> None:
    done = doctor(ANTHROPIC_API_KEY="sk-ant-secret", PYTHONUTF8="1")
    assert done.returncode == 0
    assert "sk-ant-secret" not in done.stdout + done.stderr
    assert "ok    ANTHROPIC_API_KEY" in done.stdout
    assert "note  KERNEL_API_KEY" in done.stdout
    assert str(state_dir) in done.stdout


def test_each_finding_is_one_json_object() -> None:
    told = [msgspec.json.decode(line, type=Finding) for line in doctor("--json").stdout.splitlines()]
    assert [finding.subject for finding in told][:2] == ["versions", "terminal"]
    assert "textual 8" in told[0].found


def test_a_state_directory_that_cannot_be_used_is_bad(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    done = doctor(PILOTHOUSE_STATE_DIR=str(blocked), PYTHONUTF8="1")
    assert done.returncode == 1
    assert "bad   state" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_settings_file_with_a_mistake_is_bad(state_dir: Path) -> None:
    config = state_dir / "config"
    config.mkdir()
    (config / "settings.toml").write_text("[model]\nefort = 'high'\n")
    assert findings()["settings"].verdict is Verdict.BAD
    assert "efort" in findings()["settings"].found


@pytest.mark.parametrize(
    ("capabilities", "subject", "found", "verdict"),
    [
        (FULL, "pictures", "kitty, cells of 9x18 pixels", Verdict.OK),
        (BLOCKS, "pictures", "block characters, cells of 9x18 pixels", Verdict.NOTE),
        (IN_SCREEN, "pictures", "blocks, inside screen", Verdict.NOTE),
        (FULL, "round trip", "4 ms", Verdict.OK),
        (msgspec.structs.replace(FULL, rtt_ms=600, ssh=True), "round trip", "600 ms over SSH", Verdict.NOTE),
        (Capabilities(), "round trip", "the terminal was not asked, or did not answer", Verdict.OK),
        (FULL, "colours", "16 million", Verdict.OK),
        (FEW_COLOURS, "colours", "256, by COLORTERM and TERM", Verdict.NOTE),
    ],
)  # fmt: skip
def test_what_the_terminal_answered_is_worded(
    capabilities: Capabilities, subject: str, found: str, verdict: Verdict
) -> None:
    told = findings(capabilities)[subject]
    assert (told.found, told.verdict) == (found, verdict)
    assert bool(told.advice) is (verdict is Verdict.NOTE)


@pytest.mark.parametrize(("answer", "verdict"), [("on", Verdict.OK), ("off", Verdict.NOTE)])
def test_tmux_is_asked_whether_it_passes_pictures(
    tmp_path: Path, answer: str, verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = tmp_path / "tmux"
    stand_in.write_text(f'#!/bin/sh\n[ "$*" = "show-options -gv allow-passthrough" ] && echo {answer}\n')
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    told = findings(msgspec.structs.replace(FULL, multiplexer="tmux"))["pictures"]
    assert told.verdict is verdict


def test_a_disk_on_the_network_is_named(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/root / ext4 rw 0 0\nhost:/export {tmp_path}/my\\040home nfs4 rw 0 0\n")
    assert filesystem(tmp_path / "my home" / "state", mounts) == "nfs4"
    assert filesystem(tmp_path, mounts) == "ext4"
    assert filesystem(tmp_path, tmp_path / "missing") == ""


def test_little_space_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "LOW_SPACE_BYTES", 1 << 60)
    assert findings()["state"].verdict is Verdict.NOTE


@pytest.mark.skipif(sys.platform != "linux", reason="only logind ends what a person left running")
@pytest.mark.parametrize(("kills", "verdict"), [(True, Verdict.NOTE), (False, Verdict.OK)])
def test_a_logout_that_ends_runs_is_told(
    kills: bool, verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pilothouse.cli.staying.logind_kills", lambda: kills)
    told = findings()["logout"]
    assert told.verdict is verdict
    assert ("--systemd" in told.advice) is kills
