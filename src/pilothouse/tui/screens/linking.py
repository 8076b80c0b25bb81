"""The screen's lasting connection to the engine: commands go through it while it is there. No keys here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events, on

from pilothouse.tui.screens.driving import DrivingScreen

if TYPE_CHECKING:
    from collections.abc import Callable

    from pilothouse.commands import Ack, Command, LivePicture
    from pilothouse.engine.link import Link


class LinkedScreen(DrivingScreen, is_layer=True):
    """Keeps a link open for as long as it is shown."""

    connect: Callable[[str], Link] | None = None
    """Makes the link of a run; None where there is no engine to connect to."""
    link: Link | None = None

    @on(events.Mount)
    async def _connect(self) -> None:
        """Connect; the engine then knows who follows."""
        if self.connect is not None:
            self.link = await self.connect(self.run_id).__aenter__()

    @on(events.Unmount)
    async def _hang_up(self) -> None:
        """Hang up."""
        link, self.link = self.link, None
        if link is not None:
            await link.__aexit__(None, None, None)

    async def ask(self, command: Command) -> Ack:
        """Ask over the link; once that is closed, the files say best what there is to be said."""
        if self.link is None or self.link.closed:
            return await super().ask(command)
        return await self.link.send(command)

    async def look(self, after: int) -> LivePicture:
        """Look over the link: the engine gives who drives what others may not see."""
        if self.link is None or self.link.closed:
            return await super().look(after)
        return await self.link.look(after)
