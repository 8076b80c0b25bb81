"""Whether a browser's pages are at rest, asked of themselves over DevTools. No picture is taken here."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from pilothouse.browser.settle import SIGNALS_CAP_S, SIGNALS_FIRST_S

if TYPE_CHECKING:
    from pilothouse.local.settle_signals import PageSignals

POLL_S = 0.05


async def pages_at_rest(pages: PageSignals, since: float) -> bool:
    """Wait until nothing with an end is under way in any page; False if that can't be told in time.

    Args:
        pages: What the pages tell.
        since: When the action was done, by the monotonic clock: what it sets off has begun a little later.
    """
    await asyncio.sleep(max(0.0, since + SIGNALS_FIRST_S - time.monotonic()))
    try:
        async with asyncio.timeout(max(0.0, since + SIGNALS_CAP_S - time.monotonic())):
            while True:
                generation = pages.generation
                if not pages.busy():
                    why = (await pages.at_rest()).why
                    if why == "unknown":
                        return False
                    if not why and pages.generation == generation and not pages.busy():
                        return True
                await pages.moved(POLL_S)
    except TimeoutError:
        return False
