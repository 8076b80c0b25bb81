"""What the bridge sends while a run streams, and what a slow line does to keys, pictures and aborts.

The terminal is the tests' own, a pty whose far end answers as terminals do; the slow one is drained at
30 kB/s and answers 200 ms late, as at the end of a bad SSH connection.
"""

from __future__ import annotations

import re
import sys

from tests.bench import Figures, Measured, bench
from tests.bench.bench_bridge import BRIDGE, COUNTED, STATIC
from tests.terminal.fake_terminal import ANSWERS, POSITION, FakeTerminal

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


@bench("wire_live", unit="bytes per second, 50 tokens/s in the three-pane screen at 200x50")
def wire_live() -> Measured:
    """The bridge on a terminal that acknowledges; against `Static.update` with every token."""
    ours = streamed(BRIDGE.replace(*BEGUN))
    theirs = streamed(STATIC.replace("app, text = Plain(), []", "app, text = Plain(), [full]"))
    return Measured(ours, theirs, ours["bytes_per_s"] / theirs["bytes_per_s"])
