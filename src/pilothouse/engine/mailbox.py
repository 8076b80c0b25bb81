"""Messages for the agent that wait for their boundary. Nothing here words them or delivers them."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from pilothouse.errors import CommandRefusedError
from pilothouse.state import MESSAGES_SHOWN

TEXT_MAX_CHARS = 20_000
LAST: Final = "end"
"""Where a message is to stand: behind all others."""
WHENS: Final = ("now", "after", "end")
"""The boundaries: after the running action, after the running batch, after the agent's end of turn."""
WAITING_MAX = MESSAGES_SHOWN
"""As many as every viewer shows: none is delivered that nobody could see, change or take back."""
GONE_REMEMBERED = 1000
"""Of so many messages that wait no more it is known what became of them."""


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A message not delivered yet."""

    id: str
    text: str
    when: str


class Mailbox:
    """A queue in order of arrival, unless a person put it into another one."""

    def __init__(self) -> None:
        self._waiting: list[Waiting] = []
        self._arrived = asyncio.Event()
        self._gone: dict[str, str] = {}

    def check_room(self) -> None:
        """Make sure that one more may wait.

        Raises:
            CommandRefusedError: So many do already.
        """
        if len(self._waiting) >= WAITING_MAX:
            raise CommandRefusedError(
                f"{WAITING_MAX} messages wait already: take one back, or let some be read"
            )

    def put(self, message: Waiting) -> None:
        """Queue a message."""
        self._waiting.append(message)
        self._arrived.set()

    def take_due(self) -> list[Waiting]:
        """Take what is to be read at the next boundary, in order: all but what is for the end of the turn."""
        return self._take([message for message in self._waiting if message.when != "end"])

    def take_leg(self) -> list[Waiting]:
        """Take what begins the next leg: all that is due, else the first of those for the end of the turn."""
        return self.take_due() or self._take(self._waiting[:1])

    def take_all(self) -> list[Waiting]:
        """Take every message, in order."""
        return self._take(list(self._waiting))

    def _take(self, taken: list[Waiting], became: str = "was delivered") -> list[Waiting]:
        for message in taken:
            self._waiting.remove(message)
            self._gone[message.id] = became
        while len(self._gone) > GONE_REMEMBERED:
            del self._gone[next(iter(self._gone))]
        if not self._waiting:
            self._arrived.clear()
        return taken

    # --- changes of mind --------------------------------------------------------------------------

    def find(self, message_id: str) -> Waiting:
        """Give a message that waits.

        Raises:
            CommandRefusedError: It does not, or not any more.
        """
        for message in self._waiting:
            if message.id == message_id:
                return message
        became = self._gone.get(message_id)
        raise CommandRefusedError(f"that message {became} already" if became else "no such message waits")

    def check_place(self, message_id: str, before: str) -> None:
        """Make sure that a message can be put there.

        Raises:
            CommandRefusedError: What it is to stand before does not wait, or is itself.
        """
        if before == message_id:
            raise CommandRefusedError("a message can't stand before itself")
        if before and before != LAST:
            self.find(before)

    def revise(self, revised: Waiting, before: str) -> None:
        """Put a message in place of the one with its id; `before` is what it moves before, empty to stay."""
        at = self._waiting.index(self.find(revised.id))
        if not before:
            self._waiting[at] = revised
            return
        del self._waiting[at]
        ids = [message.id for message in self._waiting]
        self._waiting.insert(len(ids) if before == LAST else ids.index(before), revised)

    def remove(self, message_id: str) -> None:
        """Forget a message that was taken back."""
        self._take([self.find(message_id)], "was taken back")

    # --- what waits -------------------------------------------------------------------------------

    @property
    def waiting(self) -> bool:
        """Say whether there is a message."""
        return bool(self._waiting)

    @property
    def due(self) -> bool:
        """Say whether there is a message for the next boundary, and not only for the end of the turn."""
        return any(message.when != "end" for message in self._waiting)

    @property
    def urgent(self) -> bool:
        """Say whether a message asks for the rest of the batch to be left."""
        return any(message.when == "now" for message in self._waiting)

    async def wait(self) -> None:
        """Wait until there is at least one message."""
        await self._arrived.wait()
