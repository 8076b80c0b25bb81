"""A program in a pty whose far end is `screen.Screen`, at the end of a line of a given rate and delay."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.terminal.screen import Screen

DROPPED = ("TMUX", "STY", "SSH_CONNECTION", "SSH_TTY", "NO_COLOR", "TEXTUAL", "COLUMNS", "LINES")
PIECE_S = 0.01


class PlayedTerminal:
    """Runs a program and plays the terminal; use as a context manager.

    What the program writes is taken at once, as `sshd` does, and reaches the screen at the line's rate.

    Args:
        argv: The program.
        screen: What it is shown on.
        rate: Bytes a second towards the terminal; 0 for all at once.
        one_way_s: How long a byte is on its way, either way.
        environ: More variables.
        answers: Whether the terminal answers anything.
    """

    def __init__(
        self,
        argv: Sequence[str],
        screen: Screen,
        *,
        rate: float = 0.0,
        one_way_s: float = 0.0,
        environ: Mapping[str, str] | None = None,
        answers: bool = True,
    ) -> None:
        self._argv, self.screen, self._rate, self._one_way_s = list(argv), screen, rate, one_way_s
        inherited = {name: value for name, value in os.environ.items() if name not in DROPPED}
        self._environ = {**inherited, "TERM": "xterm-256color", "COLORTERM": "truecolor", **(environ or {})}
        self.answering = answers
        self.sent = b""
        self.when_shown: Callable[[float], None] = lambda _: None
        """Called, with the time, whenever something came to the screen."""
        self._coming: deque[tuple[float, bytes]] = deque()
        self._going: deque[tuple[float, bytes]] = deque()
        self._line_free_at = 0.0
        self._changed = threading.Condition()
        self.process: Any = None
        self.trouble: BaseException | None = None

    def __enter__(self) -> Self:
        self.master, slave = os.openpty()
        self.resize(self.screen.width, self.screen.height)
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

    def resize(self, width: int, height: int) -> None:
        """Give the screen and the pty another size."""
        with self._changed:
            self.screen.resize(width, height)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        if self.process is not None:  # the pty is not its controlling terminal: nobody else tells it
            self.process.send_signal(signal.SIGWINCH)

    def type(self, data: bytes) -> float:
        """Type; returns when. It arrives by the line's delay later."""
        now = time.monotonic()
        with self._changed:
            self._going.append((now + self._one_way_s, data))
        return now

    def wait_for(self, found: Callable[[Screen], bool], timeout_s: float = 20.0) -> None:
        """Wait until the screen satisfies `found`.

        Raises:
            AssertionError: It did not in time.
        """
        with self._changed:
            there = self._changed.wait_for(lambda: self.trouble is not None or found(self.screen), timeout_s)
            if self.trouble is not None:
                raise AssertionError(self.screen.text) from self.trouble
            assert there, self.screen.text

    def wait_for_text(self, text: str, timeout_s: float = 20.0) -> None:
        """Wait until a text can be read."""
        self.wait_for(lambda screen: text in screen.text, timeout_s)

    def wait_for_exit(self, timeout_s: float = 20.0) -> int:
        """Wait until the program and its output have ended; return its exit code."""
        code: int = self.process.wait(timeout_s)
        self._thread.join(timeout_s)
        if self.trouble is not None:
            raise AssertionError(self.screen.text) from self.trouble
        return code

    def _play(self) -> None:
        try:
            while self._play_on():
                pass
        except OSError:  # EIO: the program has gone
            with self._changed:
                for _, data in self._coming:
                    self.screen.feed(data)
                self._changed.notify_all()
        except BaseException as error:
            with self._changed:
                self.trouble = error
                self._changed.notify_all()

    def _play_on(self) -> bool:
        if select.select([self.master], [], [], PIECE_S / 2)[0]:
            self._take(os.read(self.master, 65_536))
        elif self.process.poll() is not None and not self._coming:
            return False
        now = time.monotonic()
        if self._coming and self._coming[0][0] <= now:
            with self._changed:
                while self._coming and self._coming[0][0] <= now:
                    self.screen.feed(self._coming.popleft()[1])
                if self.answering:
                    self._going += [(now + self._one_way_s, answer) for answer in self.screen.answers]
                self.screen.answers.clear()
                self._changed.notify_all()
            self.when_shown(now)
        while self._going and self._going[0][0] <= now:
            data = self._going.popleft()[1]
            with contextlib.suppress(OSError):
                os.write(self.master, data)
        return True

    def _take(self, data: bytes) -> None:
        self.sent += data
        now = time.monotonic()
        if not self._rate:
            self._coming.append((now + self._one_way_s, data))
            return
        size = max(int(self._rate * PIECE_S), 1)
        for at in range(0, len(data), size):
            piece = data[at : at + size]
            self._line_free_at = max(self._line_free_at, now) + len(piece) / self._rate
            self._coming.append((self._line_free_at + self._one_way_s, piece))
