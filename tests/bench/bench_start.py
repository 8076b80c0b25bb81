"""How long a person waits: for the version, and for the first frame of the bridge."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.bench import Figures, Measured, bench
from tests.terminal.fake_terminal import FakeTerminal

ROUNDS = 15
SIZE = (120, 40)
FRAME_END = b"\x1b[?2026l"
BRIDGE = [str(Path(sys.executable).with_name("pilothouse")), "replay", "demo"]
"""As a person starts it: by the installed command, without `-m`, which imports more."""
BARE = [
    sys.executable,
    "-c",
    """
from textual.app import App
from textual.widgets import Static

class Bare(App):
    def compose(self):
        yield Static("Transcript")

Bare().run()
""",
]


def _first_frame_s(argv: list[str], environ: dict[str, str]) -> float:
    """Seconds from the start of a program to the end of the frame that first shows a pane's name."""
    begun = time.perf_counter()
    with FakeTerminal(argv, size=SIZE, environ=environ) as terminal:

        def drawn(sent: bytes) -> bool:
            at = sent.find(b"Transcript")
            return at >= 0 and sent.find(FRAME_END, at) >= 0

        terminal.wait_for(drawn)
        return time.perf_counter() - begun


def _process_s(*words: str, environ: dict[str, str]) -> float:
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, *words], check=True, stdout=subprocess.DEVNULL, env={**os.environ, **environ}
    )
    return time.perf_counter() - begun


def _modules() -> float:
    """Count the SDKs that a bridge has loaded: none, if viewers are what they should be."""
    program = (
        "import sys, pilothouse.cli.replay, pilothouse.cli.show, pilothouse.tui.app;"
        "print(sum(name in sys.modules for name in ('anthropic', 'kernel')))"
    )
    return float(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout)


@bench("start", unit="ms", at_most={"ratio": 1.3, "version_over_ms": 60, "sdks_loaded": 0})
def start() -> Measured:
    """Medians of alternating starts; ratio: the bridge's first frame / a bare Textual app's.

    `version_over_ms` is what `--version` takes beyond 1.5 times an empty Python; 60 are allowed. All of them
    find their bytecode, as what is installed does, whatever the environment says: a first round, which is
    not counted, writes it.
    """
    rounds = []
    with tempfile.TemporaryDirectory() as bytecode:
        environ = {"PYTHONPYCACHEPREFIX": bytecode, "PYTHONDONTWRITEBYTECODE": ""}
        for _ in range(ROUNDS + 1):
            rounds.append(
                (
                    _first_frame_s(BRIDGE, environ),
                    _first_frame_s(BARE, environ),
                    _process_s("-m", "pilothouse", "--version", environ=environ),
                    _process_s("-c", "pass", environ=environ),
                )
            )
    bridge, bare, version, empty = (median(times) for times in zip(*rounds[1:], strict=True))
    figures: Figures = {
        "first_frame_ms": bridge * 1e3,
        "version_ms": version * 1e3,
        "version_over_ms": (version - 1.5 * empty) * 1e3,
        "sdks_loaded": _modules(),
    }
    baseline: Figures = {"first_frame_ms": bare * 1e3, "empty_ms": empty * 1e3}
    return Measured(figures, baseline, figures["first_frame_ms"] / baseline["first_frame_ms"])
