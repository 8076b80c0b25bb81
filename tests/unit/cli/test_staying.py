"""Staying after logout: what the system says, and the unit that a run is started in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pilothouse.cli import staying
from pilothouse.errors import UsageError


def answering(**said: str | None) -> Callable[..., str | None]:
    return lambda program, *_: said.get(program.replace("-", "_"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A system that was booted by systemd."""
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    return tmp_path


PERSON = 1000


def configured(root: Path, place: str, value: str) -> None:
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"# as shipped\n[Login]\n#NAutoVTs=6\nKillUserProcesses={value}\n")


@pytest.mark.parametrize(("bus", "kills"), [("b true", True), ("b false", False)])
def test_what_logind_itself_says_counts(root: Path, bus: str, kills: bool) -> None:
    configured(root, "etc/systemd/logind.conf", "no" if kills else "yes")
    assert staying.logind_kills(answering(busctl=bus, loginctl="no"), root, PERSON) is kills


def test_who_lingers_is_not_killed(root: Path) -> None:
    assert not staying.logind_kills(answering(busctl="b true", loginctl="yes"), root, PERSON)


def test_root_is_spared(root: Path) -> None:
    assert not staying.logind_kills(answering(busctl="b true", loginctl="no"), root, 0)


def test_without_systemd_nobody_is_asked(tmp_path: Path) -> None:
    asked: list[str] = []
    assert not staying.logind_kills(lambda *argv: asked.append(argv[0]), tmp_path, PERSON)
    assert asked == []


def test_where_the_bus_is_silent_the_files_are_read_as_logind_reads_them(root: Path) -> None:
    silent = answering()
    assert not staying.logind_kills(silent, root, PERSON)
    configured(root, "usr/lib/systemd/logind.conf", "yes")
    assert staying.logind_kills(silent, root, PERSON)
    configured(root, "etc/systemd/logind.conf", "no")
    assert not staying.logind_kills(silent, root, PERSON)
    configured(root, "usr/lib/systemd/logind.conf.d/50-x.conf", "yes")
    assert staying.logind_kills(silent, root, PERSON)
    configured(root, "etc/systemd/logind.conf.d/50-x.conf", "no")  # in place of the one of that name
    assert not staying.logind_kills(silent, root, PERSON)
    configured(root, "run/systemd/logind.conf.d/60-y.conf", "yes")
    assert staying.logind_kills(silent, root, PERSON)
    (root / "etc/systemd/logind.conf.d/70-z.conf").write_text("no section at all\n")
    assert staying.logind_kills(silent, root, PERSON)


def test_the_warning_says_what_would_let_a_run_stay(root: Path) -> None:
    kills = answering(busctl="b true", loginctl="no")
    assert "run --systemd" in staying.warning(in_unit=False, ask=kills, root=root, uid=PERSON)
    assert staying.warning(in_unit=True, ask=kills, root=root, uid=PERSON).endswith(
        "loginctl enable-linger lets it stay"
    )
    assert staying.warning(in_unit=False, ask=answering(busctl="b false"), root=root, uid=PERSON) == ""


def stand_in(directory: Path, program: str, script: str) -> None:
    path = directory / program
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)


def test_a_login_without_a_manager_of_its_own_is_refused_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="systemd is not to be had here"):
        staying.unit_argv("abcdefghij")
    stand_in(tmp_path, "systemd-run", "echo 'Failed to connect to bus' >&2; exit 1")
    with pytest.raises(UsageError, match="no systemd user manager"):
        staying.unit_argv("abcdefghij")


def test_programs_that_say_nothing_useful_are_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    stand_in(tmp_path, "loginctl", "echo yes")
    assert staying.lingers()
    stand_in(tmp_path, "loginctl", "echo yes; exit 3")
    assert not staying.lingers()
    (tmp_path / "loginctl").unlink()
    assert not staying.lingers()
