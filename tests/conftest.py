"""What holds for every test: directories of its own, nothing of the person, seconds for every suite."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from pilothouse.local.backend import no_display
from pilothouse.local.chromium import find_chromium
from pilothouse.local.kernel_options import NO_SANDBOX_VARIABLE
from pilothouse.settings.resolve import PRESET_VARIABLE
from pilothouse.settings.table import SETTINGS
from tests.processes import engines_in

KEYS = (
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_BASE_URL",
    "KERNEL_API_KEY",
    "KERNEL_BASE_URL",
)

SIZES = ("COLUMNS", "LINES")
"""Set by pytest-xdist, and believed by Textual over the terminal itself."""

SUITE_SECONDS = {"unit": 290, "engine": 680, "tui": 480, "terminal": 220, "faults": 180}
"""What each suite may take, its tests' seconds added up; four run at a time, all end in eight minutes.

The summary shows who takes more.
"""

SUITE_OF = {"cli": "unit", "local": "engine"}
"""Directories that belong to another suite than the one of their name."""


def pytest_configure() -> None:
    # A shell's background job ignores ctrl+c, and so does what it starts; tests are about ctrl+c too.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


SLOWEST_FIRST = ("faults", "terminal", "cli", "local", "engine", "tui", "unit")
"""So that no worker is left with a long file when the others have ended."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the slowest suites first, and skip what needs a browser where there is none."""
    order = {directory: place for place, directory in enumerate(SLOWEST_FIRST)}
    items.sort(key=lambda item: order.get(_directory(item.nodeid), 0))
    if find_chromium() is None:
        _skip(items, "browser", "no Chromium on this machine: docs/local.md says how to get one")
    elif (missing := no_display()) is not None:
        _skip(items, "display", missing)


def _skip(items: list[pytest.Item], mark: str, reason: str) -> None:
    for item in items:
        if item.get_closest_marker(mark) is not None:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def state_dir(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Keep runs out of the person's own state; short, for a Unix socket's path has about 100 bytes."""
    directory = Path(tempfile.mkdtemp(prefix="ph-"))
    monkeypatch.setenv("PILOTHOUSE_STATE_DIR", str(directory))
    monkeypatch.setenv("PILOTHOUSE_CONFIG_DIR", str(directory / "config"))
    for variable in (*(setting.variable for setting in SETTINGS), PRESET_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    # Containers often let nobody have Chromium's sandbox; the pages of the tests are our own.
    monkeypatch.setenv(NO_SANDBOX_VARIABLE, "1")
    for key in (*KEYS, *SIZES):
        monkeypatch.delenv(key, raising=False)
    yield directory
    if (directory / "runs").exists():
        _end_engines(directory)
    shutil.rmtree(directory, ignore_errors=True)


def _end_engines(directory: Path) -> None:
    """End what a failed test left running: an engine is made to outlive whoever started it."""
    for pid in engines_in(directory):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGTERM)


def _directory(nodeid: str) -> str:
    parts = Path(nodeid.partition("::")[0]).parts
    return parts[1] if len(parts) > 2 else "unit"


_took_s: defaultdict[str, float] = defaultdict(float)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    directory = _directory(report.nodeid)
    _took_s[SUITE_OF.get(directory, directory)] += report.duration


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("seconds by suite")
    for suite, limit_s in SUITE_SECONDS.items():
        if took_s := _took_s.get(suite):
            over = "  OVER ITS LIMIT" if took_s > limit_s else ""
            terminalreporter.write_line(f"{suite:9} {took_s:6.1f} of {limit_s} s{over}")
