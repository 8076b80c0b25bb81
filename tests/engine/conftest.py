"""Fixtures of the engine's tests."""

import pytest


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what waits for a real screen and a real service: the stub has neither."""
    monkeypatch.setattr("pilothouse.browser.camera.FIRST_GRAB_S", {})
    monkeypatch.setattr("pilothouse.browser.camera.FIRST_GRAB_DEFAULT_S", 0.0)
    monkeypatch.setattr("pilothouse.browser.camera.GRAB_SPACING_S", 0.0)
    monkeypatch.setattr("pilothouse.model.faults.BACKOFF_CAP_S", 0.11)
