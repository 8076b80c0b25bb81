"""What dead servers leave behind is swept by any later one, and nothing else is."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pilothouse.errors import StartFailed
from pilothouse.local.rigs import PARENT_MAX_BYTES, Rigs, sweep, temporary_directory

HOLD = """
import sys
from pilothouse.local.rigs import Rigs
with Rigs() as rigs:
    (rigs.make("browser", None) / "file").write_text("x")
    print(rigs.root, flush=True)
    sys.stdin.read()
"""


def test_the_directory_of_a_killed_server_is_swept_by_the_next_and_that_of_a_live_one_is_not(
    temporary: Path,
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        theirs = Path(other.stdout.readline().strip())
        assert theirs.parent == temporary
        with Rigs() as rigs:
            assert theirs.is_dir()
            assert rigs.root.is_dir()
        assert sweep(temporary) == []
        other.kill()
        other.wait()
    assert (theirs / "browser" / "file").exists()
    with Rigs() as rigs:
        assert list(temporary.iterdir()) == [rigs.root]
    assert list(temporary.iterdir()) == []


def _link(directory: Path) -> None:
    target = directory.parent / "precious"
    target.mkdir()
    (target / "lock").touch()
    directory.symlink_to(target)


def _lock_is_a_link(directory: Path) -> None:
    directory.mkdir()
    (directory.parent / "precious").touch()
    (directory / "lock").symlink_to(directory.parent / "precious")


def _lock_is_a_pipe(directory: Path) -> None:
    directory.mkdir()
    os.mkfifo(directory / "lock")


def _foreign(directory: Path) -> None:
    directory.mkdir()
    (directory / "lock").touch()
    if os.geteuid() == 0:
        os.chown(directory, 12345, 12345)
    else:
        (directory / "lock").unlink()


@pytest.mark.parametrize(
    "make",
    [Path.mkdir, Path.touch, _link, _lock_is_a_link, _lock_is_a_pipe, _foreign],
    ids=lambda make: make.__name__,
)
def test_what_only_looks_like_ours_is_left_alone(tmp_path: Path, make: Callable[[Path], None]) -> None:
    directory = tmp_path / "pilothouse-local-abcd_123"
    make(directory)
    before = sorted(tmp_path.rglob("*"))
    assert sweep(tmp_path) == []
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["pilothouse-local-mine", "pilothouse-local-abcd_123.bak", "other"])
def test_other_names_are_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "lock").touch()
    assert sweep(tmp_path) == []


def test_a_lock_held_by_this_process_protects_as_well(tmp_path: Path) -> None:
    directory = tmp_path / "pilothouse-local-abcd_123"
    directory.mkdir()
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert sweep(tmp_path) == []
    assert sweep(tmp_path) == [directory]
    assert not directory.exists()


def test_an_unusable_directory_for_temporary_files_is_one_sentence(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = temporary / "x"
    monkeypatch.setenv("TMPDIR", str(place))
    with pytest.raises(StartFailed) as caught, Rigs():
        pass
    assert str(caught.value) == (
        f"{place}: can't hold the browsers' files: No such file or directory"
        " (set TMPDIR to a directory of yours)"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives browsers another identity")
def test_roots_private_directory_gives_way_to_one_that_browsers_can_walk_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert temporary_directory() == Path("/tmp")


def test_a_path_too_long_for_chromiums_socket_gives_way(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(temporary / ("x" * PARENT_MAX_BYTES)))
    assert temporary_directory() == Path("/tmp")
