"""A pause longer than the browser's own patience loses nothing: `ctl` beside the demo, as a person would."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(1200),
]
PAUSE_S = float(os.environ.get("PILOTHOUSE_PAUSE_S", "610"))
"""More than ten minutes; a browser that nobody asks for anything is deleted after five."""
KEPT_ALIVE_EVERY_S = 100


def _ctl(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pilothouse", "ctl", "latest", *words],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def _of(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event["type"] == kind]


def _run_paused() -> list[dict[str, Any]]:
    """Run the demo, pause it after three actions for `PAUSE_S`, resume; gives its events."""
    events: list[dict[str, Any]] = []
    with subprocess.Popen(
        [sys.executable, "-m", "pilothouse", "demo", "--headless", "--json"],
        stdout=subprocess.PIPE,
        text=True,
    ) as demo:
        assert demo.stdout is not None
        try:
            for line in demo.stdout:
                events.append(json.loads(line))
                if len(_of(events, "ActionFinished")) == 3:
                    break
            _ctl("pause")
            time.sleep(PAUSE_S)
            _ctl("resume")
            events.extend(map(json.loads, demo.stdout))
            assert demo.wait(60) == 0
        finally:
            if demo.poll() is None:
                demo.send_signal(signal.SIGINT)
    return events


def test_a_demo_paused_for_ten_minutes_goes_on_where_it_was(state_dir: Path) -> None:
    events = _run_paused()
    applied = [event["t"] for event in _of(events, "CommandApplied")]
    held = [event for event in events if applied[0] < event["t"] < applied[1]]
    assert (applied[1] - applied[0]) / 1e9 >= PAUSE_S
    assert len(_of(held, "BrowserKeptAlive")) >= int(PAUSE_S / KEPT_ALIVE_EVERY_S) - 1
    assert _of(held, "ActionStarted") == []
    assert _of(events, "BrowserVanished") == []
    assert events[-1]["outcome"] == "completed"
    assert [event["seq"] for event in events] == list(range(len(events)))
