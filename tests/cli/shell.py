"""The `pilothouse` command as a person's shell runs it: a process of its own, on pipes or on a pty."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import msgspec

from pilothouse import events as ev
from pilothouse.journal.writer import JournalWriter

COMMAND = (sys.executable, "-m", "pilothouse")
TIMEOUT_S = 60


class Said(msgspec.Struct, frozen=True):
    """What a command left behind."""

    code: int
    out: str
    err: str


def pilothouse(
    *arguments: str, said: str | bytes = b"", within_s: float = TIMEOUT_S, **environment: str
) -> Said:
    """Run the command to its end, without a terminal."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        input=said.encode() if isinstance(said, str) else said,
        capture_output=True,
        env={**os.environ, **environment},
        timeout=within_s,
    )
    return Said(done.returncode, done.stdout.decode(), done.stderr.decode())


def on_a_terminal(
    *arguments: str,
    columns: int = 100,
    rows: int = 30,
    interrupt_at: bytes | None = None,
    **environment: str,
) -> Said:
    """Run the command to its end on a pty of this size; everything it says is in `out`.

    Where it says `interrupt_at`, the terminal sends ctrl+c to all that it governs.
    """
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        env={**os.environ, "TERM": "xterm-256color", **environment},
    )
    os.close(follower)
    said = _drain(leader, process, interrupt_at)
    os.close(leader)
    return Said(process.wait(TIMEOUT_S), said, "")


def _drain(leader: int, process: subprocess.Popen[bytes], interrupt_at: bytes | None) -> str:
    said = b""
    ends = time.monotonic() + TIMEOUT_S
    with contextlib.suppress(OSError):  # EIO: the last holder of the other end has gone
        while time.monotonic() < ends:
            if select.select([leader], [], [], 0.1)[0]:
                said += os.read(leader, 65536)
                if interrupt_at is not None and interrupt_at in said:
                    os.write(leader, b"\x03")
                    interrupt_at = None
            elif process.poll() is not None:
                break
    return said.decode(errors="replace")


def record(directory: Path, run: str, *events: ev.Event, seal: bool = True) -> Path:
    """Write a recording with the real writer."""
    writer = JournalWriter.create(directory, run, min_free_bytes=0)
    for event in events:
        writer.append(event)
    if seal:
        writer.seal()
    writer.close()
    return directory


def a_run(run: str) -> tuple[ev.Event, ...]:
    """Give the events of a short finished run, hostile and odd text included."""
    return (
        ev.RunStarted(
            run=run,
            task="Büy a kettle\x1b]0;pwned\x07",
            model="claude-opus-5-5",
            browser="local",
            display_width_px=1280,
            display_height_px=800,
        ),
        ev.StateChanged(phase=ev.RunPhase.RUNNING),
        ev.ActionProposed(turn=1, action=1, tool_use_id="t1", member="type", input={"text": "kettle\x9b31m"}),
        ev.ActionFinished(action=1, tool_use_id="t1", member="type", ok=True, duration_ms=120),
        ev.RunEnded(outcome=ev.Outcome.COMPLETED, turns=1, actions=1, duration_s=1.5),
    )
