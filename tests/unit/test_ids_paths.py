from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pilothouse import ids, paths
from pilothouse.errors import StateDirError


def test_a_run_id_is_ten_letters_or_digits_and_never_the_same() -> None:
    made = [ids.new_run_id() for _ in range(1_000)]
    assert all(ids.is_run_id(run) for run in made)
    assert len(set(made)) == 1_000
    assert len({ids.new_command_id() for _ in range(1_000)}) == 1_000


@pytest.mark.parametrize(
    "text",
    ["", "abc", "ABCDEFGHIJ", "abcdefghijk", "abcdefghi\n", "abcdefghij\n", "../../etc/", "äbcdefghij"],
)
def test_nothing_else_passes_for_a_run_id(text: str) -> None:
    assert not ids.is_run_id(text)


@pytest.mark.parametrize(
    "text", ["", "a" * 63, "a" * 65, "A" * 64, "a" * 64 + "\n", "../" + "a" * 61, "g" * 64]
)
def test_nothing_but_64_lower_hex_digits_passes_for_a_hash(text: str) -> None:
    assert not ids.is_sha256(text)
    assert ids.is_sha256("0123456789abcdef" * 4)


def test_browsers_are_named_for_their_run() -> None:
    assert [ids.browser_name("r", ordinal) for ordinal in (1, 2, 3)] == ["r", "r-b2", "r-b3"]


def test_the_host_hash_tells_no_name() -> None:
    assert len(ids.host_hash()) == 12
    assert ids.host_hash() == ids.host_hash()
    assert os.uname().nodename not in ids.host_hash()


def test_the_state_directory_is_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PILOTHOUSE_STATE_DIR", str(tmp_path))
    assert paths.run_dir("r") == tmp_path / "runs" / "r"
    assert paths.journal_path(paths.run_dir("r")) == tmp_path / "runs" / "r" / "journal.phj"
    assert paths.socket_path("r") == tmp_path / "run" / "r.sock"
    monkeypatch.delenv("PILOTHOUSE_STATE_DIR")
    assert paths.state_dir().name == "pilothouse"


def test_the_socket_goes_to_the_runtime_directory_only_if_that_is_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PILOTHOUSE_STATE_DIR", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    tmp_path.chmod(0o700)
    assert paths.socket_path("r") == tmp_path / "pilothouse" / "r.sock"
    for mode in (0o755, 0o770, 0o777):
        tmp_path.chmod(mode)
        assert tmp_path not in paths.socket_path("r").parents
    link = tmp_path.with_name("link-to-runtime")
    link.symlink_to(tmp_path)
    tmp_path.chmod(0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(link))
    assert link not in paths.socket_path("r").parents


def test_a_private_directory_is_only_its_owners(tmp_path: Path) -> None:
    made = paths.make_private(tmp_path / "a" / "b")
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    made.chmod(0o755)
    paths.make_private(made)
    assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_a_directory_that_cannot_be_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "file/below", "link"):
        with pytest.raises(StateDirError, match="set PILOTHOUSE_STATE_DIR"):
            paths.make_private(tmp_path / name)


def test_bundled_data_is_found_in_a_checkout() -> None:
    assert paths.bundled("recordings").is_dir()
    assert paths.bundled("themes").is_dir()
