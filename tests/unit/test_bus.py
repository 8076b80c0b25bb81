from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from pilothouse import events as ev
from pilothouse.bus import Bus


async def one(events: AsyncIterator[ev.Event]) -> ev.Event | None:
    return await anext(events, None)


def warned(number: int) -> ev.Warned:
    return ev.Warned(what=str(number), seq=number)


async def test_every_subscriber_gets_every_event_in_order() -> None:
    bus = Bus()
    subscriptions = [bus.subscribe() for _ in range(3)]
    for number in range(100):
        bus.must(warned(number))
    bus.close()
    for subscription in subscriptions:
        assert [event.seq async for event in subscription.events()] == list(range(100))


async def test_a_subscriber_that_waits_is_woken() -> None:
    bus = Bus()
    subscription = bus.subscribe()
    following = subscription.events()
    waiting = asyncio.create_task(one(following))
    await asyncio.sleep(0)
    bus.must(warned(1))
    async with asyncio.timeout(5):
        assert await waiting == warned(1)
        ending = asyncio.create_task(one(following))
        await asyncio.sleep(0)
        subscription.close()
        assert await ending is None


async def test_a_subscription_begins_with_now_and_ends_with_its_close() -> None:
    bus = Bus()
    bus.must(warned(0))
    subscription = bus.subscribe()
    bus.must(warned(1))
    subscription.close()
    bus.must(warned(2))
    subscription.close()  # twice does no harm
    assert [event.seq async for event in subscription.events()] == [1]


async def test_of_the_lossy_class_only_the_newest_is_kept_per_key() -> None:
    bus = Bus()
    subscription = bus.subscribe()
    for number in range(10):
        bus.latest("frame", number)
    bus.latest("link", "good")
    assert subscription.take_latest() == {"frame": 9, "link": "good"}
    assert subscription.take_latest() == {}


async def test_waiting_for_the_newest_returns_with_it_and_with_nothing_at_the_close() -> None:
    bus = Bus()
    subscription = bus.subscribe(must=False)
    waiting = asyncio.create_task(subscription.newest())
    await asyncio.sleep(0)
    bus.must(warned(1))  # not its class
    bus.latest("frame", 1)
    async with asyncio.timeout(5):
        assert await waiting == {"frame": 1}
        waiting = asyncio.create_task(subscription.newest())
        await asyncio.sleep(0)
        bus.close()
        assert await waiting == {}


async def test_a_slow_subscriber_holds_nobody_up() -> None:
    bus = Bus()
    slow, quick = bus.subscribe(), bus.subscribe()
    for number in range(5_000):
        bus.must(warned(number))
    quick.close()
    assert len([event async for event in quick.events()]) == 5_000
    slow.close()
    assert len([event async for event in slow.events()]) == 5_000
