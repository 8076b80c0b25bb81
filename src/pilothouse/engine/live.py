"""Live pictures: how the page looks now, for whoever watches; and now and then one for the recording.

A viewer asks for the next one when it has shown the last: its own pace is theirs. One picture is under way at
most, for all viewers together, and it takes half of the time at most. They never touch the disk, but for the
glances that show in a replay what a person at the wheel did.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Final

import msgspec

from pilothouse.browser.camera import Shot, squeezed
from pilothouse.browser.reports import safe_url
from pilothouse.commands import FRAME_MAX_BYTES, LivePicture
from pilothouse.errors import BrowserError, RecorderFailed
from pilothouse.safety import clean_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from pilothouse.browser.camera import Camera
    from pilothouse.browser.reports import Page
    from pilothouse.engine.batch import Hands
    from pilothouse.engine.lease import Lease
    from pilothouse.engine.recorder import Recorder

PICTURE_MAX_BYTES: Final = (FRAME_MAX_BYTES - 8192) * 3 // 4
"""A frame of the socket carries it as base64."""
AGENT_SPACING_S: Final = 0.5
"""While the agent drives, live pictures come no faster than this, and none while it acts."""
CALM_MAX_S: Final = 0.4
"""While a page does not change, pictures of it are taken ever more rarely, down to this pace."""
BLIND_S: Final = 1.0
"""A browser that can't be seen is looked at again after so long."""
GLANCE_AFTER_S: Final = 0.3
GLANCE_SPACING_S: Final = 1.0
"""Pictures of what a person does are recorded no faster than this."""


class _Seen(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    era: int
    shot: Shot


class Live:
    """Takes the pictures.

    Args:
        camera: Of the run.
        hands: The agent's: while they act no picture is taken beside theirs.
        lease: Who drives, and whether the page is concealed.
        recorder: Masks secrets in titles.
        page: What the browser itself tells of its page.
    """

    def __init__(
        self, camera: Camera, hands: Hands, lease: Lease, recorder: Recorder, page: Callable[[], Page]
    ) -> None:
        self._camera = camera
        self._hands = hands
        self._lease = lease
        self._recorder = recorder
        self._page = page
        self._number = 0
        self._era = 0
        """Counts how often the page was concealed or revealed."""
        self._newest: _Seen | None = None
        self._taking: asyncio.Task[_Seen] | None = None
        self._glancing: asyncio.Task[None] | None = None
        self._cost_s = self._calm_s = self._ended = 0.0
        self._stirred = asyncio.Event()
        self._turned = asyncio.Event()
        self._acted = False
        self._glanced = b""
        lease.on_acted, lease.on_concealed, lease.hush = self._stir, self._turn, self._hush

    async def look(self, after: int, actor: str) -> LivePicture:
        """Give a picture other than the numbered one, as soon as there is one that this person may see.

        Args:
            after: The number.
            actor: Who asks; empty for somebody who can't be the one that drives.
        """
        while True:
            if self._is_hidden_from(actor):
                await self._turned.wait()
                continue
            seen = await self._next()
            if self._is_hidden_from(actor) or (seen.era != self._era and not self._is_driving(actor)):
                continue  # it was concealed, or taken while it was
            if seen.number != after:
                return await self._framed(seen)

    async def close(self) -> None:
        """Take no more."""
        tasks = {task for task in (self._taking, self._glancing) if task is not None}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _is_hidden_from(self, actor: str) -> bool:
        return self._lease.concealed and not self._is_driving(actor)

    def _is_driving(self, actor: str) -> bool:
        return bool(actor) and actor == self._lease.holder

    async def _framed(self, seen: _Seen) -> LivePicture:
        shot, page = seen.shot, self._page()
        data, mime = await squeezed(shot.data, shot.mime, PICTURE_MAX_BYTES)
        return LivePicture(
            number=seen.number,
            data=data,
            mime=mime,
            width_px=shot.width_px,
            height_px=shot.height_px,
            url=self._recorder.mask(safe_url(shot.url) or page.url),
            title=self._recorder.mask(clean_line(shot.title or page.title)),
        )

    # --- taking --------------------------------------------------------------------------------------

    async def _next(self) -> _Seen:
        """Wait for the next picture, which may be under way already; nobody's going away ends it."""
        if self._taking is None or self._taking.done():
            self._taking = asyncio.create_task(self._take())
        return await asyncio.shield(self._taking)

    async def _take(self) -> _Seen:
        while True:
            await self._my_turn()
            era, began = self._era, time.monotonic()
            try:
                shot = await self._camera.shoot()
            except BrowserError:
                await asyncio.sleep(BLIND_S)
                continue
            finally:
                self._ended = time.monotonic()
                self._cost_s = self._ended - began
            return self._compared(shot, era)

    def _compared(self, shot: Shot, era: int) -> _Seen:
        """Give it a number of its own if it differs from the one before."""
        before = self._newest
        if before is not None and (before.shot.data, before.era) == (shot.data, era):
            self._calm_s = min(max(self._calm_s * 2, self._cost_s), CALM_MAX_S)
            return before
        self._calm_s = 0.0
        self._number += 1
        self._newest = _Seen(number=self._number, era=era, shot=shot)
        return self._newest

    async def _my_turn(self) -> None:
        """Leave the browser as much time for others as the last picture took, and the agent all it wants."""
        while True:
            self._stirred.clear()
            driven = bool(self._lease.holder)
            spacing_s = max(self._cost_s, self._calm_s if driven else AGENT_SPACING_S)
            left_s = self._ended + spacing_s - time.monotonic()
            if left_s > 0:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(left_s):
                        await self._stirred.wait()
                if self._stirred.is_set():
                    self._calm_s = 0.0
            elif self._hands.moves:
                await self._hands.at_rest()
            else:
                return

    def _stir(self) -> None:
        """Expect another picture soon: something was done with the page."""
        self._stirred.set()
        if self._lease.concealed:
            return
        self._acted = True
        if self._glancing is None or self._glancing.done():
            self._glancing = asyncio.create_task(self._glance())

    def _turn(self) -> None:
        self._era += 1
        self._newest = None
        self._turned.set()
        self._turned = asyncio.Event()
        if not self._lease.concealed and self._lease.holder:
            self._stir()

    # --- recording -----------------------------------------------------------------------------------

    async def _glance(self) -> None:
        """Record what a person's acts led to, for people."""
        while self._acted:
            await asyncio.sleep(GLANCE_AFTER_S)
            self._acted = False
            seen = await self._next()
            seen_of_all = seen.era == self._era and not self._lease.concealed
            if seen_of_all and self._lease.holder and seen.shot.data != self._glanced:
                self._glanced = seen.shot.data
                with contextlib.suppress(RecorderFailed):  # the recorder has told the run, which ends for it
                    await self._hands.record(seen.shot, 0, "human", shown=False)
            await asyncio.sleep(GLANCE_SPACING_S - GLANCE_AFTER_S)

    async def _hush(self) -> None:
        """Record no more of what was done up to now: what is to come may not be seen, or is another's."""
        if self._glancing is not None and not self._glancing.done():
            self._glancing.cancel()
            await asyncio.wait({self._glancing})
        self._acted = False
