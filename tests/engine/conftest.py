"""Fixtures of the engine's tests."""

from pathlib import Path

import pytest


@pytest.fixture
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory of its own, short enough for a socket, and settings of its own."""
    monkeypatch.setenv("PILOTHOUSE_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("PILOTHOUSE_CONFIG_DIR", str(tmp_path / "config"))
    return tmp_path


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what waits for a real screen and a real service: the stub has neither."""
    monkeypatch.setattr("pilothouse.browser.camera.FIRST_GRAB_S", {})
    monkeypatch.setattr("pilothouse.browser.camera.FIRST_GRAB_DEFAULT_S", 0.0)
    monkeypatch.setattr("pilothouse.browser.camera.GRAB_SPACING_S", 0.0)
    monkeypatch.setattr("pilothouse.model.faults.BACKOFF_CAP_S", 0.11)
