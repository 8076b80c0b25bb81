from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=100)
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_carries_themes_recordings_scenarios_and_the_shop(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for kind, inside in (("themes", "_data/themes"), ("recordings", "_data/recordings")):
        files = {path.relative_to(ROOT / kind) for path in (ROOT / kind).rglob("*") if path.is_file()}
        assert {f"pilothouse/{inside}/{path}" for path in files} <= names
    local = ROOT / "src" / "pilothouse" / "local"
    for kind in ("scenarios", "site"):
        assert {
            f"pilothouse/local/{kind}/{path.name}" for path in (local / kind).iterdir() if path.is_file()
        } <= names
    assert "pilothouse/py.typed" in names


def test_the_wheel_s_own_data_is_found_where_there_is_no_checkout(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = "from pilothouse.paths import bundled; print(bundled('themes'))"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(tmp_path / "site" / "pilothouse" / "_data" / "themes")


def test_a_checkout_s_data_is_read_from_its_top_level() -> None:
    from pilothouse.paths import bundled

    assert bundled("themes") == ROOT / "themes"
