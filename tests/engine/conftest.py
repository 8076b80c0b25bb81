"""Fixtures of the engine's tests."""

from pathlib import Path

import pytest


@pytest.fixture
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory of its own, short enough for a socket."""
    monkeypatch.setenv("PILOTHOUSE_STATE_DIR", str(tmp_path))
    return tmp_path
