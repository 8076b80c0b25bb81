"""Browser pools by the real SDK: filled, leased, given back, and what they take of the server's room."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import kernel
import pytest
import pytest_asyncio

from tests.local.kernel.conftest import Server, server

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]

SMALL: Any = {"width": 640, "height": 480}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def local() -> AsyncIterator[Server]:
    async with server("--max-browsers", "2") as up:
        yield up


@pytest_asyncio.fixture(loop_scope="module")
async def k(local: Server) -> AsyncIterator[kernel.AsyncKernel]:
    async with local.client() as client:
        yield client
        async for pool in client.browser_pools.list():
            await client.browser_pools.delete(pool.id, force=True)


async def test_a_pool_lends_the_same_browser_again_without_what_the_last_lease_left(
    k: kernel.AsyncKernel,
) -> None:
    pool = await k.browser_pools.create(size=1, name="warm", viewport=SMALL, timeout_seconds=300)
    assert (pool.name, pool.browser_pool_config.size, pool.acquired_count) == ("warm", 1, 0)
    leased = await k.browser_pools.acquire(
        "warm", acquire_timeout_seconds=30, name="mine", tags={"run": "r1"}, telemetry={"enabled": True}
    )
    assert leased is not None
    assert (leased.name, leased.tags, leased.timeout_seconds) == ("mine", {"run": "r1"}, 300)
    assert leased.pool is not None
    assert (leased.pool.id, leased.pool.name) == (pool.id, "warm")
    assert leased.telemetry is not None
    await k.browsers.computer.move_mouse(leased.session_id, x=5, y=6)
    assert [one.session_id async for one in k.browsers.list(query="warm")] == [leased.session_id]
    assert await k.browser_pools.acquire(pool.id, acquire_timeout_seconds=0) is None
    with pytest.raises(kernel.ConflictError):
        await k.browser_pools.delete("warm")

    await k.browser_pools.release("warm", session_id=leased.session_id)
    now = await k.browser_pools.retrieve("warm")
    assert (now.available_count, now.acquired_count) == (1, 0)
    assert [one async for one in k.browsers.list()] == []
    with pytest.raises(kernel.NotFoundError):
        await k.browsers.computer.get_mouse_position(leased.session_id)
    with pytest.raises(kernel.NotFoundError):
        await k.browser_pools.release("warm", session_id=leased.session_id)
    again = await k.browser_pools.acquire("warm")
    assert again is not None
    assert (again.session_id, again.name, again.tags, again.telemetry) == (leased.session_id, None, {}, None)


@pytest.mark.display
async def test_who_leases_a_browser_learns_nothing_of_who_had_it_before(k: kernel.AsyncKernel) -> None:
    pool = await k.browser_pools.create(size=1, viewport=SMALL, telemetry={"enabled": True})
    first = await k.browser_pools.acquire(pool.id)
    assert first is not None
    await k.browsers.replays.start(first.session_id)
    await k.browsers.computer.move_mouse(first.session_id, x=5, y=6)
    assert [event async for event in k.browsers.telemetry.events(first.session_id)]
    followed = await k.browsers.telemetry.stream(first.session_id)
    await k.browser_pools.release(pool.id, session_id=first.session_id)
    assert [event async for event in followed] == []

    second = await k.browser_pools.acquire(pool.id)
    assert second is not None
    assert second.session_id == first.session_id
    assert second.cdp_ws_url != first.cdp_ws_url
    assert [event async for event in k.browsers.telemetry.events(second.session_id)] == []
    assert await k.browsers.replays.list(second.session_id) == []
    film = await k.browsers.replays.start(second.session_id)
    assert [one.replay_id for one in await k.browsers.replays.list(second.session_id)] == [film.replay_id]
    await k.browsers.computer.move_mouse(second.session_id, x=7, y=8)
    assert [event.seq async for event in k.browsers.telemetry.events(second.session_id)] == [1]


async def test_what_ends_is_replaced(k: kernel.AsyncKernel) -> None:
    pool = await k.browser_pools.create(size=1, viewport=SMALL)
    first = await k.browser_pools.acquire(pool.id)
    assert first is not None
    await k.browser_pools.release(pool.id, session_id=first.session_id, reuse=False)
    second = await k.browser_pools.acquire(pool.id)
    assert second is not None
    await k.browsers.delete_by_id(second.session_id)
    third = await k.browser_pools.acquire(pool.id)
    assert third is not None
    await k.browser_pools.release(pool.id, session_id=third.session_id)
    await k.browser_pools.flush(pool.id)
    fourth = await k.browser_pools.acquire(pool.id)
    assert fourth is not None
    assert len({one.session_id for one in (first, second, third, fourth)}) == 4


async def test_a_waiting_acquire_gets_what_is_given_back(k: kernel.AsyncKernel) -> None:
    pool = await k.browser_pools.create(size=1, viewport=SMALL)
    first = await k.browser_pools.acquire(pool.id)
    assert first is not None
    async with asyncio.TaskGroup() as group:
        second = group.create_task(k.browser_pools.acquire(pool.id, acquire_timeout_seconds=30))
        group.create_task(k.browser_pools.release(pool.id, session_id=first.session_id))
    got = second.result()
    assert got is not None
    assert got.session_id == first.session_id


async def test_a_pool_takes_its_room_at_once_and_gives_it_back(k: kernel.AsyncKernel) -> None:
    limits = await k.organization.limits.retrieve()
    assert (limits.max_concurrent_sessions, limits.concurrent_sessions_used) == (2, 0)
    with pytest.raises(kernel.RateLimitError) as caught:
        await k.browser_pools.create(size=3, viewport=SMALL)
    assert int(caught.value.response.headers["Retry-After"]) > 0
    pool = await k.browser_pools.create(size=2, name="all", viewport=SMALL)
    assert (await k.organization.limits.retrieve()).concurrent_sessions_available == 0
    with pytest.raises(kernel.RateLimitError):
        await k.browsers.create(viewport=SMALL)
    with pytest.raises(kernel.ConflictError):
        await k.browser_pools.create(size=1, name="all")
    changed = await k.browser_pools.update(pool.id, size=1, name="some")
    assert (changed.name, changed.browser_pool_config.size) == ("some", 1)
    assert (await k.organization.limits.retrieve()).concurrent_sessions_available == 1
    await k.browser_pools.delete("some")
    assert (await k.organization.limits.retrieve()).concurrent_sessions_used == 0
    with pytest.raises(kernel.NotFoundError):
        await k.browser_pools.retrieve("some")


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"size": 0}, kernel.BadRequestError),
        ({"size": 1, "timeout_seconds": 1}, kernel.BadRequestError),
        ({"size": 1, "profile": {"name": "mine"}}, kernel.InternalServerError),
    ],
)
async def test_what_a_pool_cannot_be_is_refused(
    k: kernel.AsyncKernel, params: dict[str, Any], error: type[kernel.APIStatusError]
) -> None:
    with pytest.raises(error):
        await k.browser_pools.create(**params)
