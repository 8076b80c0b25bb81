"""An empty environment for every test of the bridge."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The snapshot plugin prints the environment into its report; and NO_COLOR would change every picture."""
    kept = {"PATH", "HOME", "LANG", "TMPDIR", "PYTEST_CURRENT_TEST", "PYTHONPATH"}
    for name in list(os.environ):
        if name not in kept and not name.startswith(("PYTEST_", "COV_", "TEXTUAL_SNAPSHOT")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PILOTHOUSE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
