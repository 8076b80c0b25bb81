"""The input guard: a Textual driver for which terminal replies never become keys.

The rules, which need no terminal, are in `replies`.
"""

from __future__ import annotations

import codecs
import os
import selectors
import sys
import time
from typing import TYPE_CHECKING, Any

from textual._parser import ParseError  # private; checked by hand at every release, like the parser itself
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Event

from pilothouse.terminal import tty
from pilothouse.terminal.replies import ReplyFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from textual.message import Message

READ_BYTES = 4096
POLL_S = 0.05


class Answered(Event, bubble=False):
    """The terminal said where the cursor is: what was sent before the question has arrived."""

    def __init__(self, row: int, column: int, at_s: float) -> None:
        super().__init__()
        self.row = row
        self.column = column
        self.at_s = at_s
        """When it was read, whatever the event loop was doing."""


class GuardedParser(XTermParser):
    """Textual's parser behind a `ReplyFilter`."""

    def __init__(self, debug: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(debug)
        self._filter = ReplyFilter()
        self._clock = clock

    def feed(self, data: str) -> Iterable[Message]:
        """Yield the messages in `data`; an empty string ends the input."""
        if not data:
            yield from super().feed(data)
            return
        now = self._clock()
        yield from self._released(now)
        if wanted := self._filter.feed(data, now):
            yield from super().feed(wanted)
        for row, column in self._filter.positions:
            yield Answered(row, column, now)
        self._filter.positions.clear()

    def tick(self) -> Iterable[Message]:
        """Yield what became a key by waiting."""
        yield from self._released(self._clock())
        yield from super().tick()

    def _released(self, now: float) -> Iterable[Message]:
        if released := self._filter.tick(now):
            yield from super().feed(released)


class GuardedDriver(LinuxDriver):
    """Textual's driver for Linux and macOS, reading through a `GuardedParser`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # Textual draws on standard error; where that goes into a file, the terminal would stay blank.
        if sys.__stderr__ is None or not sys.__stderr__.isatty():
            self._file = sys.__stdout__

    @property
    def backlog(self) -> int:
        """How many writes wait for the terminal."""
        return self._writer_thread._queue.qsize() if self._writer_thread is not None else 0

    def stop_application_mode(self) -> None:
        """Take our pictures off the terminal, then give it back."""
        if undo := tty.take_leftovers():
            self.write(undo)
        super().stop_application_mode()

    def run_input_thread(self) -> None:
        """Read the terminal until told to stop; runs in the driver's input thread."""
        parser = GuardedParser(self._debug)
        # Bytes that are no UTF-8 (8-bit controls, among others) must reach the filter, not raise.
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if selector.select(POLL_S):
                    data = os.read(self.fileno, READ_BYTES)
                    if not data:
                        break
                    self._process(parser.feed(text) if (text := decoder.decode(data)) else ())
                self._process(parser.tick())
        try:
            self._process(parser.feed(""))
        except (EOFError, ParseError):
            return

    def _process(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.process_message(message)
