"""What a walk has in place of a disk, a browser, a service and time: they do as it says."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import msgspec

from pilothouse import events as ev
from pilothouse.browser.camera import Shot
from pilothouse.browser.faults import ActionRefused, ActionUnknown
from pilothouse.engine.gate import Gate
from pilothouse.events import Hold
from pilothouse.model.conversation import Call
from pilothouse.safety import Redactor
from pilothouse.state import RunState, reduce


class Memory:
    """A recorder without a disk."""

    def __init__(self) -> None:
        self.state = RunState()
        self.listeners: list[Any] = []
        self.events: list[ev.Event] = []

    def publish(self, event: ev.Event, durable: bool = False) -> int:
        seq = len(self.events)
        stamped = msgspec.structs.replace(event, seq=seq, t=seq)
        self.events.append(stamped)
        self.state = reduce(self.state, stamped)
        for listener in self.listeners:
            listener(stamped)
        return seq

    async def synced(self) -> None:
        """Wait for no disk."""

    async def put_blob(self, data: bytes, mime: str, width_px: int = 0, height_px: int = 0) -> ev.Blob:
        return ev.Blob(sha256=hashlib.sha256(data).hexdigest(), size=len(data), mime=mime)

    def mask(self, text: str) -> str:
        return text

    def stream_redactor(self) -> Redactor:
        return Redactor()


class Page:
    """A browser whose actions end when the walk says so, and how."""

    def __init__(self) -> None:
        self.doubt, self.lost, self.taken = "", False, None
        self.ending: asyncio.Future[bool] | None = None
        self.sent = 0
        self.members = Pedals(self)

    async def perform(self, call_id: str, member: str, given: dict[str, Any]) -> dict[str, Any]:
        self.sent += 1
        self.ending = asyncio.get_running_loop().create_future()
        ok = await self.ending
        self.ending = None
        result = {"type": "tool_result", "tool_use_id": call_id, "content": [{"type": "text", "text": "-"}]}
        return result if ok else {**result, "is_error": True}

    async def shoot(self, *_: Any, **__: Any) -> Shot:
        return Shot(data=b"png", mime="image/png", width_px=1280, height_px=800)

    settled = look = shoot

    def move_to(self, session: str) -> None:
        self.lost = False


class Pedals:
    """What a person acts through: the page's own, never beside the agent's actions."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.pressed = False
        self.ending: asyncio.Future[str] | None = None

    async def perform(self, member: str, given: object) -> None:
        assert self.page.ending is None, "the agent acts"
        assert self.ending is None, "something is done already"
        self.ending = asyncio.get_running_loop().create_future()
        try:
            how = await self.ending
        finally:
            self.ending = None
        if how == "refused":
            raise ActionRefused("no")
        if how == "unknown":
            raise ActionUnknown("no answer")

    async def let_go(self, *, everything: bool = False) -> bool:
        return False


class Clock:
    """Time that passes when the walk says so."""

    def __init__(self) -> None:
        self.now = 0.0
        self.alarms: list[Alarm] = []

    def later(self, delay_s: float, what: Callable[[], None]) -> Alarm:
        alarm = Alarm(self.now + delay_s, what)
        self.alarms.append(alarm)
        return alarm

    def wait(self, seconds: float) -> None:
        self.now += seconds
        for alarm in sorted(self.alarms, key=lambda alarm: alarm.at):
            if alarm.at <= self.now and not alarm.off:
                alarm.off = True
                alarm.what()
        self.alarms = [alarm for alarm in self.alarms if not alarm.off]


@dataclasses.dataclass
class Alarm:
    at: float
    what: Callable[[], None]
    off: bool = False

    def cancel(self) -> None:
        self.off = True


class Berthed:
    """A berth that has the next browser as soon as a person resumes."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._recovering: asyncio.Task[None] | None = None
        self.news = ""
        self.on_moved: Callable[[Any], Awaitable[None]] | None = None
        self.on_lost: Callable[[], None] = lambda: None
        self.page = SimpleNamespace(url="", title="")
        self.session = SimpleNamespace(session="one")

    def touch(self) -> None:
        pass

    def take_news(self) -> str:
        news, self.news = self.news, ""
        return news

    async def recover(self, why: str, *, gone: bool) -> None:
        self.lose(why)
        assert self._recovering is not None
        await asyncio.shield(self._recovering)

    def lose(self, why: str) -> None:
        if self._recovering is None or self._recovering.done():
            self._recovering = asyncio.create_task(self._recover())

    async def _recover(self) -> None:
        self._gate.hold(Hold.BROWSER_LOST)
        self.on_lost()
        await self._gate.resumption()
        assert self.on_moved is not None
        await self.on_moved(self.session)
        self.news = "another browser"
        self._gate.let_go(Hold.BROWSER_LOST)


class Talk:
    """A conversation that nobody reads, and its pictures."""

    takes_pictures = True
    instruction_role = "user"

    def add_instruction(self, text: str) -> None:
        """Keep nothing."""

    def add_answer(self, content: list[dict[str, Any]]) -> tuple[Call, ...]:
        asked = [block for block in content if block["type"] == "tool_use"]
        return tuple(
            Call(id=block["id"], member="left_click", input={"coordinate": block["at"]}) for block in asked
        )

    def add_results(self, results: list[dict[str, Any]]) -> None:
        """Keep nothing."""

    def add_message(self, text: str) -> str:
        return "user"

    def add_note(self, text: str, pictures: list[dict[str, Any]]) -> str:
        return "user"

    async def by_file(self, results: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return results

    def block(self, data: bytes, mime: str) -> dict[str, Any]:
        return {}
