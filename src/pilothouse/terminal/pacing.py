"""Nothing is sent faster than the terminal takes it: frames of text and pieces of pictures wait their turn.

After each frame the terminal is asked for the cursor's position; its answer says that all before has arrived.
Textual's writer would queue 30 writes, then block the event loop: on 32 kB/s the screen falls 5 s behind
(performance §6), while with one frame in flight it stays one round trip behind. The place the cursor is put
to is the frame's number: a late or lost answer is never taken for another's. tmux and mosh answer by
themselves, so that pacing ends there. Pure: who writes and reads is in `sending`.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

import msgspec

from pilothouse.terminal.link import Link, LinkFigures

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_S: Final = 3.0
"""An answer that is this late, beyond the time its bytes take, is given up."""
SLOWEST: Final = 8_000.0
"""Bytes a second that the patience reckons with while the rate is not known."""
QUEUE_S: Final = 0.15
"""So much of the line may stand in queues: the wait of a key's echo behind a picture."""
LEAST_WINDOW: Final = 8_192
FIRST_WINDOW: Final = 16_384
MOST_WINDOW: Final = 1 << 20
BACKLOG: Final = 2
"""Writes that may wait for the writer where the terminal answers nothing."""
NUMBERS: Final = 300
_ROWS, _FIRST_ROW = 10, 2
"""From the second row on: an answer from the first could be F3 with a modifier."""


class Marked(msgspec.Struct, frozen=True):
    """A frame on its way."""

    number: int
    size: int
    at: float
    delivered: int
    is_text: bool
    fills: bool
    """With it there was enough on its way to measure the line by."""


def place_of(number: int) -> tuple[int, int]:
    """Give the row and column that stand for a frame's number; both fit the smallest screen."""
    return _FIRST_ROW + number % _ROWS, 1 + number // _ROWS


def number_at(row: int, column: int) -> int:
    """Give the number a place stands for; -1 for none."""
    number = (row - _FIRST_ROW) + (column - 1) * _ROWS
    return number if 0 <= row - _FIRST_ROW < _ROWS and 0 <= number < NUMBERS else -1


def question(number: int) -> str:
    """Ask for an answer that carries the number, and leave the cursor where it was."""
    row, column = place_of(number)
    return f"\x1b7\x1b[{row};{column}H\x1b[6n\x1b8"


class Pacer:
    """Says when the next frame may go.

    Args:
        clock: Monotonic seconds.
        backlog: How many writes wait for the terminal on this side.
    """

    def __init__(self, clock: Callable[[], float], backlog: Callable[[], int]) -> None:
        self._clock = clock
        self._backlog = backlog
        self.link = Link()
        self.answers = True
        """False once the terminal has never answered in time: then the writer's backlog is looked at."""
        self._has_answered = False
        self._next = 0
        self._flying: deque[Marked] = deque()
        self._given_up: deque[int] = deque(maxlen=NUMBERS // 2)

    # --- asking -----------------------------------------------------------------------------------

    @property
    def waiting_bytes(self) -> int:
        """Bytes sent, and not yet acknowledged."""
        return sum(frame.size for frame in self._flying)

    @property
    def window(self) -> int:
        """So many bytes may be on their way: what the line holds, and a short queue."""
        if not self.link.rate:
            return FIRST_WINDOW
        room = 2 * self.link.rate * (self.link.rtt_s + QUEUE_S)
        return int(min(max(room, LEAST_WINDOW), MOST_WINDOW))

    def may_paint(self, *, is_echo: bool = False) -> bool:
        """Say whether a frame of text may go: none is on its way, and the line is not full.

        The echo of a key may follow one that is: it is small, and somebody waits for it.
        """
        if not self.answers:
            return self._backlog() <= BACKLOG
        return sum(frame.is_text for frame in self._flying) <= is_echo and self.waiting_bytes < self.window

    def may_send(self) -> bool:
        """Say whether a piece of a picture may go."""
        if not self.answers:
            return self._backlog() == 0
        return self.waiting_bytes < self.window

    @property
    def piece_bytes(self) -> int:
        """How much of a picture goes in one piece."""
        return max(self.window // 2, LEAST_WINDOW // 2)

    @property
    def settled(self) -> bool:
        """Say whether all that was sent of pictures has arrived, as far as can be known."""
        if not self.answers:
            return self._backlog() == 0
        return all(frame.is_text for frame in self._flying)

    def figures(self) -> LinkFigures:
        """Give what a status line shows."""
        return LinkFigures(
            rtt_ms=round(self.link.rtt_s * 1000, 1),
            rate_kb_s=round(self.link.rate / 1000, 1),
            sent_kb_s=round(self.link.sent_rate(self._clock()) / 1000, 1),
            waiting_bytes=self.waiting_bytes,
            answers=self.answers and self._has_answered,
        )

    # --- telling ----------------------------------------------------------------------------------

    def mark(self, count: int, *, is_text: bool) -> str:
        """Take note of a frame of so many bytes; returns what to write behind it."""
        now = self._clock()
        if not self.answers:
            self.link.wrote(count, now)
            return ""
        number, self._next = self._next, (self._next + 1) % NUMBERS
        asked = question(number)
        self.link.wrote(count + len(asked), now)
        fills = self.waiting_bytes + count >= self.window // 4
        self._flying.append(Marked(number, count + len(asked), now, self.link.delivered, is_text, fills))
        return asked

    def answered(self, row: int, column: int, now: float) -> bool:
        """Take an answer; says whether anything arrived by it."""
        number = number_at(row, column)
        known = any(frame.number == number for frame in self._flying)
        if not self._flying or (not known and number in self._given_up):
            return False
        # A terminal that answers with a place of its own still answers in order.
        self._has_answered = True
        arrived = 0
        while self._flying:
            frame = self._flying.popleft()
            arrived += frame.size
            if frame.number == number or not known:
                self.link.acknowledged(arrived, frame.at, frame.delivered, now, filled=frame.fills)
                break
        return True

    @property
    def due_s(self) -> float | None:
        """When the first frame on its way is given up; None while there is none."""
        if not self._flying:
            return None
        rate = self.link.rate or SLOWEST
        return self._flying[0].at + PATIENCE_S + self.waiting_bytes / rate + self.link.rtt_s

    def expire(self) -> bool:
        """Give up what is overdue; says whether anything was."""
        due_s = self.due_s
        if due_s is None or self._clock() < due_s:
            return False
        self._given_up.extend(frame.number for frame in self._flying)
        self._flying.clear()
        # A line that stalls is not a terminal that can't answer: that one has never answered.
        self.answers = self._has_answered
        return True

    def resized(self) -> None:
        """Forget what is on its way: a terminal that changes size may drop an answer."""
        self._given_up.extend(frame.number for frame in self._flying)
        self._flying.clear()
