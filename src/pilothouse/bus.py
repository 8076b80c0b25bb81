"""Fan-out inside the engine, in two delivery classes. Nothing here reaches another process.

`must`: never dropped; for every journalled event. A subscriber reads at its own pace from the shared log, so
that a slow one costs memory for a pointer, never time for the writer.
`latest`: lossy; only the newest value per key is kept. For link meters and live frames, never needed to
understand a run (design §1).
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pilothouse.events import Event


class Subscription:
    """One reader of the bus; iterate it for events, close it when done."""

    def __init__(self, bus: Bus, *, must: bool) -> None:
        self._bus = bus
        self._wants_events = must
        self._events: deque[Event] = deque()
        self._latest: dict[str, object] = {}
        self._woken = asyncio.Event()
        self._closed = False

    def close(self) -> None:
        """Stop receiving; what is queued can still be read."""
        self._closed = True
        self._bus.drop(self)
        self._woken.set()

    def _must(self, event: Event) -> None:
        if not self._wants_events:
            return
        self._events.append(event)
        self._woken.set()

    def _newest(self, key: str, value: object) -> None:
        self._latest[key] = value
        self._woken.set()

    async def newest(self) -> dict[str, object]:
        """Wait for news and take the newest value of each key; empty once the subscription is closed."""
        while not self._latest and not self._closed:
            self._woken.clear()
            await self._woken.wait()
        return self.take_latest()

    def take_latest(self) -> dict[str, object]:
        """Take the newest value of each key since the last call."""
        taken, self._latest = self._latest, {}
        return taken

    async def events(self) -> AsyncIterator[Event]:
        """Yield every event published since the subscription, until it is closed."""
        while True:
            while self._events:
                yield self._events.popleft()
            if self._closed:
                return
            self._woken.clear()
            await self._woken.wait()


class Bus:
    """Publishes to every subscription; never waits for one."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription] = []

    def subscribe(self, *, must: bool = True) -> Subscription:
        """Start receiving from now on; without `must`, only the newest values."""
        subscription = Subscription(self, must=must)
        self._subscriptions.append(subscription)
        return subscription

    def drop(self, subscription: Subscription) -> None:
        """Forget a subscription; unknown ones are ignored."""
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)

    def must(self, event: Event) -> None:
        """Give an event to everyone."""
        for subscription in self._subscriptions:
            subscription._must(event)

    def latest(self, key: str, value: object) -> None:
        """Give everyone the newest value of a key; older ones not yet read are dropped."""
        for subscription in self._subscriptions:
            subscription._newest(key, value)

    def close(self) -> None:
        """End every subscription."""
        for subscription in list(self._subscriptions):
            subscription.close()
