"""Live pictures as frames: numbered, kept in memory only, and the next one waited for until one is shown.

They go through the same darkroom as recorded ones, under names that no recording has. Asks nobody for any.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from pilothouse.events import Blob
from pilothouse.state import Frame

if TYPE_CHECKING:
    from pilothouse.commands import LivePicture

_PREFIX: Final = "live:"


class LiveFrames:
    """The newest live picture, and whether more are wanted."""

    def __init__(self) -> None:
        self._picture: LivePicture | None = None
        self._taken = 0
        self._shown = asyncio.Event()
        self._not_before = float("-inf")
        self.is_on = False

    @property
    def number(self) -> int:
        """The number of the newest picture; 0 for none."""
        return self._picture.number if self._picture is not None else 0

    @property
    def frame(self) -> Frame | None:
        """The newest picture as a frame; None while there is none."""
        live = self._picture
        if live is None:
            return None
        blob = Blob(
            sha256=self._name,
            size=len(live.data),
            mime=live.mime,
            width_px=live.width_px,
            height_px=live.height_px,
        )
        return Frame(frame=0, blob=blob, action=0, url=live.url, title=live.title, t=0)

    def data(self, name: str) -> bytes | None:
        """Give the bytes of a live picture, empty for one that is gone; None for a recorded one's name."""
        if not name.startswith(_PREFIX):
            return None
        return self._picture.data if self._picture is not None and name == self._name else b""

    @property
    def _name(self) -> str:
        return f"{_PREFIX}{self._taken}"

    def begin(self, now: float) -> bool:
        """Want pictures; says whether nobody asks for them yet."""
        if self.is_on or now < self._not_before:
            return False
        self.is_on = True
        return True

    def end(self) -> bool:
        """Want no more, and forget the last; says whether there is anything to call off."""
        was_on, self.is_on, self._picture = self.is_on or self._picture is not None, False, None
        self._shown.set()
        return was_on

    def fail(self, again_at: float) -> None:
        """Have none for a while."""
        self._not_before = again_at
        self.end()

    def take(self, picture: LivePicture) -> None:
        """Take the next picture."""
        self._picture = picture
        self._taken += 1
        self._shown.clear()

    def painted(self, name: str) -> None:
        """Learn that a picture is on the screen."""
        if name == self._name:
            self._shown.set()

    async def shown(self) -> None:
        """Wait until the newest picture is on the screen."""
        await self._shown.wait()
