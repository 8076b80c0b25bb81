"""What the bridge sends while a run streams, and what a slow line does to keys, pictures and aborts.

The terminal is the tests' own, a pty whose far end answers as terminals do; the slow one is drained at
30 kB/s and answers 200 ms late, as at the end of a bad SSH connection.
"""

from __future__ import annotations

import json
import random
import re
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench import Figures, Measured, bench, percentile
from tests.bench.bench_bridge import BRIDGE, COUNTED, ROOT, STATIC
from tests.bench.link_program import number_on
from tests.terminal.fake_terminal import ANSWERS, POSITION, FakeTerminal
from tests.terminal.played import PlayedTerminal
from tests.terminal.screen import Screen
from tests.unit.terminal.test_ingress import REPLIES

SIZE = (200, 50)
FULL = 'words = ["kettle ", "the ", "cart, "] * 6 + ["\\n"]\nfull = "".join(words * 60)\n'
"""Both begin with a full pane, as a run has it most of the time."""
BEGUN = (
    "    script.start_turn()\n",
    "    script.start_turn()\n    script.put(ev.TextStreamed(turn=script.turn, block=0, text=full))\n",
)


def streamed(program: str) -> Figures:
    answers = (POSITION, *(answer for answer in ANSWERS if b"2026" in answer[0].pattern))
    with FakeTerminal(
        [sys.executable, "-c", COUNTED + FULL + program], size=SIZE, answers=answers
    ) as terminal:
        terminal.wait_for(lambda sent: b"FOUND " in sent, 60)
        terminal.wait_for_exit()
        found = re.search(rb"FOUND (\d+) ([\d.]+)", terminal.sent)
    assert found is not None
    return {"bytes_per_s": float(found[1]), "cpu_percent": float(found[2])}


@bench(
    "wire_live",
    unit="bytes per second, 50 tokens/s in the three-pane screen at 200x50",
    at_most={"ratio": 0.06},
)
def wire_live() -> Measured:
    """The bridge on a terminal that acknowledges; against `Static.update` with every token."""
    ours = streamed(BRIDGE.replace(*BEGUN))
    theirs = streamed(STATIC.replace("app, text = Plain(), []", "app, text = Plain(), [full]"))
    return Measured(ours, theirs, ours["bytes_per_s"] / theirs["bytes_per_s"])


# -------------------------------------------------------------------------------------------- slow lines

SLOW_RATE, ONE_WAY_S = 30_000.0, 0.1
SLOW_S = 30.0
ABORTS, LATE_REPLIES = 8, 1_000
SSH = {"SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"}
CTRL_Y = b"\x19"
SEED = 20_261_125
LOOK_S = 0.1
"""How often the picture is read where no new part of it came: the cells that show it may have."""


@contextmanager
def played(
    frames_s: float, events_s: float, for_s: float, **line: Any
) -> Iterator[tuple[PlayedTerminal, Path]]:
    """Play a terminal of 160x50 to a run with so many frames and pieces of text a second."""
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "log"
        pictures = str(ROOT / "recordings" / "demo" / "blobs")
        argv = [sys.executable, "-m", "tests.bench.link_program", str(log), pictures]
        argv += [str(frames_s), str(events_s), str(for_s)]
        with PlayedTerminal(argv, Screen(160, 50), **line) as terminal:
            yield terminal, log


def read(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


class Watcher:
    """Reads frame numbers off the screen as they appear."""

    def __init__(self, terminal: PlayedTerminal) -> None:
        self._terminal = terminal
        self._received = 0
        self._looked = 0.0
        self.shown: list[tuple[float, int]] = []
        terminal.when_shown = self._look

    def _look(self, now: float) -> None:
        screen = self._terminal.screen
        if screen.received == self._received and now - self._looked < LOOK_S:
            return
        self._received, self._looked = screen.received, now
        picture = screen.shown()
        number = number_on(picture[0]) if picture is not None else -1
        if number > 0 and (not self.shown or number != self.shown[-1][1]):
            self.shown.append((now, number))

    def staleness(self, captured: dict[int, float]) -> list[float]:
        """Say for each frame how long after its capture it, or a newer one, was on the screen."""
        return [
            at - taken
            for number, taken in captured.items()
            if (at := next((at for at, shown in self.shown if shown >= number), None)) is not None
        ]


@bench(
    "slow_link",
    unit="as named; a line of 30 kB/s with 200 ms round trip",
    at_most={"abort_ms_max": 300 + 2e3 * ONE_WAY_S, "newest_frame_s_max": 4, "phantom_keys": 0},
)
def slow_link() -> Measured:
    """Aborts, frames and late replies on a slow line; the ratio is the slowest abort over 500 ms."""
    rng = random.Random(SEED)
    replies = [reply.encode("utf-8", "surrogateescape") for reply in REPLIES.values()]
    line = {
        "rate": SLOW_RATE,
        "one_way_s": ONE_WAY_S,
        "environ": SSH,
    }
    with played(2.0, 50.0, SLOW_S, **line) as (terminal, log):
        watcher = Watcher(terminal)
        terminal.wait_for_text("Transcript", 30)
        aborted, typed = [], 0
        time.sleep(4.0)
        for _ in range(ABORTS):
            terminal.type(b"x")
            time.sleep(0.5 + rng.random())
            aborted.append(terminal.type(CTRL_Y))
            typed += 2
            for _ in range(LATE_REPLIES // ABORTS):
                terminal.type(rng.choice(replies))
                time.sleep(0.002)
            time.sleep(0.8 + rng.random() * 0.4)
        terminal.wait_for_exit(90)
        found = read(log)
    commands = [entry["at"] for entry in found if entry["what"] == "command" and entry["name"] == "Abort"]
    keys = [entry["name"] for entry in found if entry["what"] == "key"]
    captured = {entry["number"]: entry["at"] for entry in found if entry["what"] == "frame"}
    waits = [(at - pressed) * 1e3 for pressed, at in zip(aborted, commands, strict=True)]
    stale = watcher.staleness(captured)
    late = next(entry for entry in found if entry["what"] == "late")
    link = next(entry for entry in found if entry["what"] == "link")
    figures = {
        "abort_ms_max": max(waits),
        "newest_frame_s_max": max(stale),
        "phantom_keys": len(keys) - typed,
        "frames_shown": len(watcher.shown),
        "frames_captured": len(captured),
        "loop_late_ms_max": late["ms"],
        "rtt_ms": link["rtt_ms"],
        "rate_kb_s": link["rate_kb_s"],
    }
    limits = {"abort_ms_max": 300 + 2e3 * ONE_WAY_S, "newest_frame_s_max": 4.0, "phantom_keys": 0}
    return Measured(figures, limits, figures["abort_ms_max"] / limits["abort_ms_max"])


TYPED = "".join(random.Random(SEED).choices("abcdefghijklmnopqrstuvwxyz", k=100))
"""No stretch of it comes twice: the letter that is waited for is not there yet."""


@bench("keys_under_load", unit="ms", at_most={"key_p99": 50, "loop_late_max": 50})
def keys_under_load() -> Measured:
    """From a key to its letter on the screen, with 1,000 events and 5 frames a second; against none."""
    busy, idle = _typing(5.0, 1_000.0), _typing(0.001, 0.001)
    return Measured(busy, idle, busy["key_p99"] / idle["key_p99"])


def _typing(frames_s: float, events_s: float) -> Figures:
    with played(frames_s, events_s, len(TYPED) * 0.1 + 8.0) as (terminal, log):
        terminal.wait_for_text("Transcript", 30)
        time.sleep(3.0)
        terminal.type(b"i")
        terminal.wait_for_text("send after this batch")
        shown = _Shown(terminal)
        taken = []
        for n, letter in enumerate(TYPED):
            begun = terminal.type(letter.encode())
            taken.append((shown.wait_for(TYPED[: n + 1][-20:]) - begun) * 1e3)
            time.sleep(0.05)
        terminal.wait_for_exit(60)
        late = next(entry for entry in read(log) if entry["what"] == "late")
    return {
        "key_p50": percentile(taken, 0.5),
        "key_p99": percentile(taken, 0.99),
        "loop_late_p99": late["p99"],
        "loop_late_max": late["ms"],
    }


class _Shown:
    """Waits for letters on the screen, by the time that the screen itself has."""

    def __init__(self, terminal: PlayedTerminal) -> None:
        self._terminal = terminal
        self._wanted = ""
        self._at = 0.0
        self._there = threading.Event()
        terminal.when_shown = self._look

    def wait_for(self, text: str) -> float:
        """Wait until a text is there; returns when."""
        self._there.clear()
        self._wanted = text
        self._look(time.monotonic())
        assert self._there.wait(10), self._terminal.screen.text
        return self._at

    def _look(self, now: float) -> None:
        if self._wanted and any(self._wanted in self._terminal.screen.line(y) for y in range(35, 50)):
            self._at = now
            self._there.set()
            self._wanted = ""
