"""Strays: browsers of ours that no run owns any more, found by their tags, and deleted. Runs are not judged.

A browser of another host is that host's: it alone knows which of its runs live.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse.browser.faults import BrowserLost, acting, asking
from pilothouse.browser.wishes import APP
from pilothouse.ids import host_hash
from pilothouse.safety import clean_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel import AsyncKernel

USD_PER_S_HEADLESS = 0.0000166667
USD_PER_S_HEADFUL = 0.0001333336
USD_PER_S_GPU = 0.0008000016
"""kernel-api §1.7, as documented in 2026-11. Standby is free: this is the most it can have cost."""
PAGE = 100
FATES_DEAD = frozenset({"ended", "killed"})


class Stray(msgspec.Struct, frozen=True, kw_only=True):
    """One browser with our tag, and what is known of its run."""

    name: str
    session: str
    run: str
    fate: str
    """`alive`, `ended`, `killed`, `kept` (left open on request), `unknown`, `elsewhere` (another host's); or
    `driven`, whatever became of that run: another one, which lives here, drives it."""
    age_s: float
    cost_usd: float
    """At most: time in standby costs nothing."""
    pool: str = ""

    @property
    def is_dead(self) -> bool:
        """Say whether it may go without a question."""
        return self.fate in FATES_DEAD


async def find(
    client: AsyncKernel,
    fate_of: Callable[[str, str], str],
    driven: Callable[[], frozenset[str]],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> list[Stray]:
    """List every living browser with our tag, oldest first.

    Args:
        client: The Kernel client.
        fate_of: Says what became of a run of this host, given its id and its browser's name; it may block.
        driven: Gives the ids and names of the browsers that live runs of this host drive; it may block.
        now: The clock.

    Raises:
        BrowserError: They can't be listed.
    """

    async def listed() -> list[Any]:
        return [browser async for browser in client.browsers.list(tags={"app": APP}, limit=PAGE)]

    found = await asking(listed, tries=2)
    moment = now()

    def judged() -> list[Stray]:
        strays = [_stray(browser, fate_of, moment) for browser in found]
        in_use = driven() if strays else frozenset()
        return [_sparing(stray, in_use) for stray in strays]

    return sorted(await asyncio.to_thread(judged), key=lambda stray: -stray.age_s)


def is_driven(stray: Stray, driven: frozenset[str]) -> bool:
    """Say whether a live run drives it."""
    return stray.session in driven or stray.name in driven


def _sparing(stray: Stray, driven: frozenset[str]) -> Stray:
    if stray.fate == "alive" or not is_driven(stray, driven):
        return stray
    return msgspec.structs.replace(stray, fate="driven")


def _stray(browser: Any, fate_of: Callable[[str, str], str], now: datetime) -> Stray:
    tags: dict[str, str] = browser.tags or {}
    name = clean_line(browser.name or "", 100)
    run = clean_line(tags.get("run", ""), 100)
    here = tags.get("host") == host_hash()
    age_s = max(0.0, (now - browser.created_at).total_seconds())
    price = USD_PER_S_GPU if browser.gpu else USD_PER_S_HEADLESS if browser.headless else USD_PER_S_HEADFUL
    return Stray(
        name=name,
        session=clean_line(browser.session_id, 100),
        run=run,
        fate=fate_of(run, name) if here else "elsewhere",
        age_s=round(age_s, 1),
        cost_usd=round(_awake_s(browser, age_s) * price, 4),
        pool=browser.pool.id if browser.pool is not None else "",
    )


def _awake_s(browser: Any, age_s: float) -> float:
    """Read how long it was awake where the service tells; else the whole of its life."""
    uptime_ms = getattr(browser.usage, "uptime_ms", None)
    return uptime_ms / 1e3 if isinstance(uptime_ms, int | float) else age_s


async def delete(client: AsyncKernel, stray: Stray) -> None:
    """Delete one, by the id it was found under: its name may have been given to another since.

    Raises:
        BrowserError: Nobody knows whether it is gone.
    """
    try:
        if stray.pool:  # its pool makes another in its place
            release = client.browser_pools.release
            await acting(release(stray.pool, session_id=stray.session, reuse=False))
        else:
            await asking(lambda: client.browsers.delete_by_id(stray.session), each_s=4.0)
    except BrowserLost:
        return
