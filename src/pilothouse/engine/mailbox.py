"""Messages for the agent that wait for their boundary. Nothing here words them or delivers them."""

from __future__ import annotations

import asyncio
from collections import deque

import msgspec

TEXT_MAX_CHARS = 20_000


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A message not delivered yet."""

    id: str
    text: str
    when: str


class Mailbox:
    """A queue in order of arrival."""

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()
        self._arrived = asyncio.Event()

    def put(self, message: Waiting) -> None:
        """Queue a message."""
        self._waiting.append(message)
        self._arrived.set()

    def take_all(self) -> list[Waiting]:
        """Take every message, oldest first."""
        taken = list(self._waiting)
        self._waiting.clear()
        self._arrived.clear()
        return taken

    @property
    def waiting(self) -> bool:
        """Say whether there is a message."""
        return bool(self._waiting)

    @property
    def urgent(self) -> bool:
        """Say whether a message asks for the rest of the batch to be left."""
        return any(message.when == "now" for message in self._waiting)

    async def wait(self) -> None:
        """Wait until there is at least one message."""
        await self._arrived.wait()
