"""What became of the messages to the agent. What that looks like is in `widgets.queue`."""

from __future__ import annotations

from collections import deque
from typing import Final

from pilothouse import events as ev
from pilothouse.safety import clean_line

SETTLED_SHOWN: Final = 4


class Correspondence:
    """What became of messages, read off the events as they come; bounded."""

    def __init__(self) -> None:
        self.settled: deque[tuple[str, str]] = deque(maxlen=SETTLED_SHOWN)
        """A sentence about each, and its words; the newest last."""
        self._texts: dict[str, str] = {}

    def take(self, event: ev.Event) -> None:
        """Take note of what happened, in order."""
        match event:
            case ev.MessageQueued(id=ident, text=text):
                self._texts[ident] = text
            case ev.MessageRevised(id=ident, text=text) if ident in self._texts:
                self._texts[ident] = text
            case ev.MessageDelivered(id=ident, turn=turn) if ident in self._texts:
                self.settled.append((f"✓ delivered at turn {turn}", self._texts.pop(ident)))
            case ev.MessageReturned(id=ident, why=why) if ident in self._texts:
                self.settled.append((f"! returned: {clean_line(why, 120)}", self._texts.pop(ident)))
