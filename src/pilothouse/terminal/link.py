"""What the line to the terminal carries: round trip and rate, from the terminal's own acknowledgements.

Pure: bytes and times in, figures out. What is done with them is in `pacing`.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

SAMPLES: Final = 8
"""So many of the latest measurements count: a line that got slower is believed after these."""
TELLING_BYTES: Final = 2_048
"""Smaller frames say how long the way is, not how wide."""
RECENT_S: Final = 2.0
LEAST_RATE: Final = 2_000.0
"""Bytes a second; below this no one works."""


class LinkFigures(msgspec.Struct, frozen=True):
    """What a status line shows; zero is not known."""

    rtt_ms: float = 0.0
    rate_kb_s: float = 0.0
    """What the line can carry, in kB (1,000 bytes) a second."""
    sent_kb_s: float = 0.0
    """What went over it of late."""
    waiting_bytes: int = 0
    """Sent, and not yet acknowledged."""
    answers: bool = False
    """The terminal acknowledges."""


class Link:
    """Measures a line; times are monotonic seconds."""

    def __init__(self) -> None:
        self._trips: deque[float] = deque(maxlen=SAMPLES * 2)
        self._rates: deque[float] = deque(maxlen=SAMPLES)
        self._sent: deque[tuple[float, int]] = deque()
        self.delivered = 0
        """Bytes acknowledged in all."""

    def wrote(self, count: int, now: float) -> None:
        """Take note of bytes written."""
        self._sent.append((now, count))
        while self._sent and now - self._sent[0][0] > RECENT_S:
            self._sent.popleft()

    def acknowledged(
        self, count: int, sent_at: float, delivered_then: int, now: float, *, filled: bool = True
    ) -> None:
        """Take note that a frame arrived, and with it all that was sent before.

        Args:
            count: Bytes newly known to have arrived.
            sent_at: When the frame was written.
            delivered_then: `delivered` at that time.
            now: When its acknowledgement came.
            filled: The line had enough to carry; else this says only what it carries at least.
        """
        took = max(now - sent_at, 1e-6)
        self.delivered += count
        self._trips.append(took)
        rate = (self.delivered - delivered_then) / took
        if (filled and count >= TELLING_BYTES) or (self._rates and rate > self._measured):
            self._rates.append(rate)

    @property
    def rtt_s(self) -> float:
        """The shortest of the latest round trips; 0 before the first."""
        return min(self._trips, default=0.0)

    @property
    def rate(self) -> float:
        """Bytes a second that the line carries; 0 while that is not known."""
        return max(self._measured, LEAST_RATE) if self._rates else 0.0

    @property
    def _measured(self) -> float:
        """The upper quartile: waits of ours make a rate look low, answers that come together make it high."""
        return sorted(self._rates)[len(self._rates) * 3 // 4]

    def sent_rate(self, now: float) -> float:
        """Bytes a second written of late."""
        return sum(count for at, count in self._sent if now - at <= RECENT_S) / RECENT_S
