"""What holds for every test: a state directory of its own, and no key of the person who runs them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

KEYS = (
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_BASE_URL",
    "KERNEL_API_KEY",
    "KERNEL_BASE_URL",
)


@pytest.fixture(autouse=True)
def state_dir(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Keep runs out of the person's own state; short, for a Unix socket's path has about 100 bytes."""
    directory = Path(tempfile.mkdtemp(prefix="ph-"))
    monkeypatch.setenv("PILOTHOUSE_STATE_DIR", str(directory))
    for key in KEYS:
        monkeypatch.delenv(key, raising=False)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)
