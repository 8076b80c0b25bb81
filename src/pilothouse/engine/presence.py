"""Who follows the run and can be asked: joining, leaving, and what an approval does while nobody is there.

Only bridges count: whoever reads the files is not known, and a script that asks once does not stay.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pilothouse import events as ev
from pilothouse.commands import actor_of
from pilothouse.engine.roles import may_decide, role_of
from pilothouse.errors import RecorderFailed
from pilothouse.events import Hold

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from pilothouse import commands as cmd
    from pilothouse.engine.gate import Gate

FOLLOWS: Final = "bridge"
"""What a client that stays calls itself in its greeting."""
GRACE_S = 2.0
"""Who is back within this never left: a link that flaps would fill the journal."""


@dataclass
class _Viewer:
    id: str
    actor: str
    role: str
    client: str
    leaving: asyncio.TimerHandle | None = None


class Presence:
    """The people who follow.

    Args:
        publish: Journals who joins and who leaves.
        over: Says whether the journal takes nothing more.
    """

    def __init__(self, publish: Callable[[ev.Event], object], over: Callable[[], bool]) -> None:
        self._publish = publish
        self._over = over
        self._numbers = itertools.count(1)
        self._viewers: dict[str, _Viewer] = {}
        self._changed = asyncio.Event()

    @property
    def attended(self) -> bool:
        """Say whether somebody is there who can be asked; who has just gone may be back."""
        return any(may_decide(viewer.role) for viewer in self._viewers.values())

    def join(self, greeting: cmd.Hello) -> str:
        """Take note of who follows from now on; gives their number, empty for a client that does not stay."""
        if greeting.client != FOLLOWS:
            return ""
        actor, role, client = actor_of(greeting.actor), role_of(greeting.role), greeting.client
        if (back := self._back(actor, role)) is not None:
            return back.id
        viewer = _Viewer(f"v{next(self._numbers)}", actor, role, client)
        self._viewers[viewer.id] = viewer
        self._record(ev.ViewerJoined(viewer=viewer.id, actor=actor, role=role, client=client))
        self._tell()
        return viewer.id

    def _back(self, actor: str, role: str) -> _Viewer | None:
        """Find who left a moment ago and is back."""
        for viewer in self._viewers.values():
            if viewer.leaving is not None and (viewer.actor, viewer.role) == (actor, role):
                viewer.leaving.cancel()
                viewer.leaving = None
                return viewer
        return None

    def leave(self, viewer_id: str) -> None:
        """Take note of who is gone, unless they are back in a moment."""
        if (viewer := self._viewers.get(viewer_id)) is not None:
            viewer.leaving = asyncio.get_running_loop().call_later(GRACE_S, self._depart, viewer)

    def _depart(self, viewer: _Viewer) -> None:
        del self._viewers[viewer.id]
        self._record(ev.ViewerDeparted(viewer=viewer.id, actor=viewer.actor))
        self._tell()

    def _record(self, event: ev.Event) -> None:
        if not self._over():
            with contextlib.suppress(RecorderFailed):  # it has told the run, which ends for it
                self._publish(event)

    def close(self) -> None:
        """Take note of nothing more: the run is over."""
        for viewer in self._viewers.values():
            if viewer.leaving is not None:
                viewer.leaving.cancel()
        self._viewers.clear()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def change(self) -> Coroutine[Any, Any, object]:
        """Wait until somebody joins or leaves, from this call on, whenever it is awaited."""
        return self._changed.wait()


async def wait_attended(
    answer: asyncio.Future[Any], timeout_s: float, presence: Presence, gate: Gate
) -> None:
    """Wait for an answer as long as somebody is there; once nobody is, for so long and no longer.

    While nobody is there the run holds for that too, so that whoever lists runs can tell.
    """
    loop = asyncio.get_running_loop()
    until: float | None = None
    try:
        while not answer.done():
            if presence.attended:
                until = None
                gate.let_go(Hold.UNATTENDED)
            elif until is None:  # who only watches comes and goes without winning time
                until = loop.time() + timeout_s
                gate.hold(Hold.UNATTENDED)
            left_s = None if until is None else until - loop.time()
            if left_s is not None and left_s <= 0:
                return
            changing = asyncio.ensure_future(presence.change())
            try:
                await asyncio.wait({answer, changing}, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            finally:
                changing.cancel()
    finally:
        gate.let_go(Hold.UNATTENDED)
