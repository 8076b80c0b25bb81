"""A terminal for tests: a pty whose far end answers queries after a set delay and keeps all it was sent."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Answer = bytes | Callable[[re.Match[bytes]], bytes]


def position(asked: re.Match[bytes]) -> bytes:
    """Say where the cursor was put before it was asked about."""
    return b"\x1b[%b;%bR" % (asked[1], asked[2])


POSITION: tuple[re.Pattern[bytes], Answer] = (re.compile(rb"\x1b\[(\d+);(\d+)H\x1b\[6n"), position)
ANSWERS: list[tuple[re.Pattern[bytes], Answer]] = [
    POSITION,
    (re.compile(rb"\x1b_G[^\x1b]*a=q[^\x1b]*\x1b\\"), b"\x1b_Gi=31;OK\x1b\\"),
    (re.compile(rb"\x1b\[16t"), b"\x1b[6;20;10t"),
    (re.compile(rb"\x1b\[c"), b"\x1b[?62;4;22c"),
    (re.compile(rb"\x1b\[>0?q"), b"\x1bP>|kitty(0.42.1) aaa\x1b\\"),
    (re.compile(rb"\x1b\]4;1;\?(?:\x07|\x1b\\)"), b"\x1b]4;1;rgb:aaaa/aaaa/aaaa\x1b\\"),
    (re.compile(rb"\x1b\[21t"), b"\x1b]laaaa\x1b\\"),
    (re.compile(rb"\x1b\[\?2026\$p"), b"\x1b[?2026;2$y"),
]


class FakeTerminal:
    """Runs a program in a pty of 120x40 and plays the terminal; use as a context manager."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        delay_s: float = 0.0,
        environ: Mapping[str, str] | None = None,
        answers: Sequence[tuple[re.Pattern[bytes], Answer]] = tuple(ANSWERS),
        size: tuple[int, int] = (120, 40),
        size_px: tuple[int, int] = (0, 0),
    ) -> None:
        self._argv, self._delay_s, self._answers = list(argv), delay_s, answers
        self._size, self._size_px = size, size_px
        dropped = ("TMUX", "STY", "SSH_CONNECTION", "SSH_TTY", "NO_COLOR", "TEXTUAL")
        inherited = {name: value for name, value in os.environ.items() if name not in dropped}
        self._environ = {**inherited, "TERM": "xterm-256color", "COLORTERM": "truecolor", **(environ or {})}
        self.sent = b""
        self._seen = 0
        self._answered = 0
        self._changed = threading.Condition()

    def __enter__(self) -> Self:
        self.master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *self._size[::-1], *self._size_px))
        self.process = subprocess.Popen(
            self._argv, stdin=slave, stdout=slave, stderr=slave, env=self._environ, start_new_session=True
        )
        os.close(slave)
        self._thread = threading.Thread(target=self._play, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        self._thread.join(10)
        os.close(self.master)

    def type(self, data: bytes) -> None:
        """Send `data` as if typed."""
        with contextlib.suppress(OSError):
            os.write(self.master, data)

    def wait_for(self, found: Callable[[bytes], bool], timeout_s: float = 20.0) -> None:
        """Wait until what was sent satisfies `found`.

        Raises:
            AssertionError: It did not in time.
        """
        with self._changed:
            assert self._changed.wait_for(lambda: found(self.sent), timeout_s), self.sent[-2000:]

    def wait_for_text(self, text: str) -> None:
        """Wait until `text` was sent in one piece."""
        self.wait_for(lambda sent: text.encode() in sent)

    def wait_for_answers(self, count: int, timeout_s: float = 20.0) -> None:
        """Wait until `count` queries in all have been answered."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._answered >= count, timeout_s), self._answered

    def wait_for_exit(self, timeout_s: float = 20.0) -> int:
        """Wait until the program and its output have ended; return its exit code."""
        code = self.process.wait(timeout_s)
        self._thread.join(timeout_s)
        return code

    def _play(self) -> None:
        due: list[tuple[float, bytes]] = []
        while True:
            wait_s = max(0.0, due[0][0] - time.monotonic()) if due else 0.2
            if select.select([self.master], [], [], wait_s)[0]:
                try:
                    data = os.read(self.master, 65_536)
                except OSError:  # EIO: the program has gone
                    return
                with self._changed:
                    self.sent += data
                    due += [(time.monotonic() + self._delay_s, answer) for answer in self._new_answers()]
                    self._changed.notify_all()
            elif self.process.poll() is not None and not due:
                return
            while due and due[0][0] <= time.monotonic():
                self.type(due.pop(0)[1])
                with self._changed:
                    self._answered += 1
                    self._changed.notify_all()

    def _new_answers(self) -> list[bytes]:
        """Return the answers to the queries that came since the last call, in order."""
        hits = sorted(
            (match.end(), answer if isinstance(answer, bytes) else answer(match))
            for query, answer in self._answers
            for match in query.finditer(self.sent, max(0, self._seen - 200))
            if match.end() > self._seen
        )
        self._seen = len(self.sent)
        return [answer for _, answer in hits]
