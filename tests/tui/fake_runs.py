"""A `RunView` in memory that plays a scripted run; pictures are real PNGs made by Pillow."""

from __future__ import annotations

import asyncio
import hashlib
import io
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
from PIL import Image, ImageDraw

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.errors import CommandRefusedError, JournalError, NoSuchRun, RunGone
from pilothouse.events import Hold, Outcome, RunPhase
from pilothouse.runs import RunStatus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

RUN = "ab12cd34ef"
LEASE = "w1"


class FakeRuns:
    """One run: what was appended so far, and whether an engine answers."""

    def __init__(self, events: Sequence[ev.Event] = (), blobs: dict[str, bytes] | None = None) -> None:
        self.recorded: list[ev.Event] = []
        self.blobs = dict(blobs or {})
        self.commands: list[cmd.Command] = []
        self.alive = True
        self.refusal = ""
        self.obeys = True
        self.live: cmd.LivePicture | None = None
        self.looks: list[int] = []
        self.link = ""
        self.silent = False
        self.answers = asyncio.Event()
        self.answers.set()
        self._grown = asyncio.Condition()
        for event in events:
            self._stamp(event)

    def _stamp(self, event: ev.Event) -> ev.Event:
        seq = len(self.recorded)
        t = event.t if event.t >= 0 else seq * 500_000_000
        stamped = msgspec.structs.replace(event, seq=seq, t=t)
        self.recorded.append(stamped)
        return stamped

    async def append(self, *events: ev.Event) -> None:
        async with self._grown:
            for event in events:
                self._stamp(event)
            self._grown.notify_all()

    async def die(self) -> None:
        """The engine is gone without a word."""
        async with self._grown:
            self.alive = False
            self._grown.notify_all()

    async def roster(self, follow: bool = False) -> AsyncIterator[RunStatus]:
        yield RunStatus(run=RUN, task="", model="", phase=RunPhase.RUNNING, live=self.alive)

    async def events(self, run: str, from_seq: int = 0, follow: bool = True) -> AsyncIterator[ev.Event]:
        if run != RUN:
            raise NoSuchRun("no such run", run)
        at = from_seq
        while True:
            while at < len(self.recorded):
                event = self.recorded[at]
                at += 1
                yield event
                if isinstance(event, ev.RunEnded):
                    return
            if not follow or not self.alive:
                return
            async with self._grown:
                if at >= len(self.recorded) and self.alive:
                    await self._grown.wait()

    async def blob(self, run: str, sha256: str) -> bytes:
        try:
            return self.blobs[sha256]
        except KeyError:
            raise JournalError("blob is missing", sha256[:12]) from None

    async def control(self, run: str, command: cmd.Command) -> cmd.Ack:
        if not self.alive or self.silent:
            raise RunGone("no engine answers for this run", run, "replay it")
        self.commands.append(command)
        await self.answers.wait()
        if self.refusal:
            raise CommandRefusedError(self.refusal)
        name = type(command).__name__
        await self.append(ev.CommandReceived(id=command.id, command=name, actor=command.actor))
        if self.obeys:
            await self.append(*effects(command), ev.CommandApplied(id=command.id, command=name))
        link = self.link if isinstance(command, cmd.LiveView) else ""
        return cmd.Ack(id=command.id, seq=len(self.recorded) - 1, link=link)

    async def look(self, run: str, after: int = 0, actor: str = "") -> cmd.LivePicture:
        """Give the live picture a test has set, once it is another than number `after`."""
        self.looks.append(after)
        async with self._grown:
            await self._grown.wait_for(lambda: self.live is not None and self.live.number != after)
        assert self.live is not None
        return self.live

    async def show_live(self, title: str, size: tuple[int, int] = (1280, 800)) -> cmd.LivePicture:
        """Let the page look so from now on."""
        async with self._grown:
            number = self.live.number + 1 if self.live is not None else 1
            self.live = cmd.LivePicture(
                number=number,
                data=page(title, "", size),
                mime="image/png",
                width_px=size[0],
                height_px=size[1],
                url="http://live.example/",
                title=title,
            )
            self._grown.notify_all()
        return self.live


def effects(command: cmd.Command) -> list[ev.Event]:
    match command:
        case cmd.Pause(freeze=freeze):
            return [ev.StateChanged(phase=RunPhase.HOLDING, holding=(Hold.FREEZE if freeze else Hold.PAUSE,))]
        case cmd.Resume():
            return [ev.StateChanged(phase=RunPhase.RUNNING)]
        case cmd.Step():
            return [ev.StateChanged(phase=RunPhase.HOLDING, holding=(Hold.STEP,))]
        case cmd.Say(id=ident, text=text, when=when):
            return [ev.MessageQueued(id=ident, text=text, when=when)]
        case cmd.Approve(expect=expect, actor=actor) | cmd.Reject(expect=expect, actor=actor) if expect:
            decision = type(command).__name__.lower()
            return [
                ev.ApprovalDecided(request=expect.request, decision=decision, actor=actor),
                ev.StateChanged(phase=RunPhase.RUNNING),
            ]
        case cmd.Edit(expect=expect, actor=actor, input=given) if expect:
            return [
                ev.ApprovalDecided(request=expect.request, decision="edit", actor=actor, input=given),
                ev.StateChanged(phase=RunPhase.RUNNING),
            ]
        case cmd.TakeOver(actor=actor):
            return [
                ev.TakeoverStarted(lease=LEASE, actor=actor),
                ev.StateChanged(phase=RunPhase.HOLDING, holding=(Hold.TAKEOVER,)),
            ]
        case cmd.Act(member=member, input=given, secret=secret):
            return [ev.HumanActed(lease=LEASE, member=member, input={} if secret else given, masked=secret)]
        case cmd.Conceal(actor=actor):
            return [ev.Concealed(lease=LEASE, actor=actor)]
        case cmd.Reveal(actor=actor):
            return [ev.Revealed(lease=LEASE, actor=actor)]
        case cmd.Release(actor=actor):
            return [
                ev.TakeoverEnded(lease=LEASE, why="released", actor=actor, note="clicked at 640, 400"),
                ev.StateChanged(phase=RunPhase.RUNNING),
            ]
        case cmd.Abort():
            return [ev.RunEnded(outcome=Outcome.ABORTED)]
        case _:
            return []


# --- a scripted run ----------------------------------------------------------------------------------


class Script:
    """Writes a plausible run, event by event, with its pictures."""

    def __init__(self, size: tuple[int, int] = (1280, 800)) -> None:
        self.events: list[ev.Event] = []
        self.blobs: dict[str, bytes] = {}
        self.size = size
        self.turn = self.action = self.frame = 0
        self.t = 0

    def put(self, event: ev.Event, after_ms: int = 200) -> None:
        self.t += after_ms * 1_000_000
        self.events.append(msgspec.structs.replace(event, seq=len(self.events), t=self.t))

    def picture(self, title: str, url: str, action: int = 0, source: str = "settled") -> None:
        data = page(title, url, self.size)
        sha256 = hashlib.sha256(data).hexdigest()
        self.blobs[sha256] = data
        self.frame += 1
        width, height = self.size
        blob = ev.Blob(sha256=sha256, size=len(data), mime="image/png", width_px=width, height_px=height)
        self.put(
            ev.FrameCaptured(frame=self.frame, blob=blob, source=source, action=action, url=url, title=title),
            300,
        )

    def begin(self, task: str = "Find the red kettle in the shop and tell me its price.") -> None:
        self.put(
            ev.RunStarted(
                run=RUN,
                task=task,
                model="claude-opus-5-5",
                browser="local",
                display_width_px=self.size[0],
                display_height_px=self.size[1],
            ),
            0,
        )
        self.put(ev.StateChanged(phase=RunPhase.STARTING))
        self.put(ev.BrowserIntended(name=RUN, kind="local"))
        self.put(ev.BrowserOpened(name=RUN, session="s1", width_px=1280, height_px=800, opened_ms=1210))
        self.picture("Harbour Shop", "http://shop.example/", source="start")
        self.put(ev.StateChanged(phase=RunPhase.RUNNING))
        self.put(ev.LegStarted(leg=1, instruction=task))

    def think(self, *pieces: str) -> None:
        for piece in pieces:
            self.put(ev.ThinkingStreamed(turn=self.turn, block=0, text=piece), 100)

    def text(self, *pieces: str) -> None:
        for piece in pieces:
            self.put(ev.TextStreamed(turn=self.turn, block=1, text=piece), 100)

    def start_turn(self) -> None:
        self.turn += 1
        self.put(ev.TurnStarted(turn=self.turn, messages=self.turn * 2, request_bytes=20_000))

    def end_turn(self, stop_reason: str = "tool_use") -> None:
        self.put(ev.TurnFinished(turn=self.turn, stop_reason=stop_reason, content=[]))
        self.put(ev.UsageReported(turn=self.turn, input=900, cache_read=5200, output=240, cost_usd=0.011), 0)

    def act(
        self, member: str, given: dict[str, Any], result: str, page_title: str = "", ok: bool = True
    ) -> None:
        self.action += 1
        ident = f"toolu_{self.action}"
        named: dict[str, Any] = {"action": self.action, "tool_use_id": ident, "member": member}
        self.put(ev.ActionProposed(turn=self.turn, input=given, **named))
        self.put(ev.ActionStarted(**named))
        self.put(ev.ActionFinished(ok=ok, text=result, duration_ms=180 + 37 * self.action, **named), 400)
        if page_title:
            self.picture(page_title, f"http://shop.example/{self.action}", self.action)

    def end(self, outcome: Outcome = Outcome.COMPLETED, why: str = "") -> None:
        self.put(ev.StateChanged(phase=RunPhase.ENDING))
        self.put(ev.BrowserClosed(name=RUN, why="run ended"))
        self.put(
            ev.RunEnded(
                outcome=outcome,
                why=why,
                turns=self.turn,
                actions=self.action,
                cost_usd=0.011 * self.turn,
                duration_s=self.t / 1e9,
            )
        )


def shop_script(ended: bool = True, actions: int = 7) -> Script:
    """A run through the shop: some clicks, one failure and its recovery, an answer."""
    script = Script()
    script.begin()
    acts: list[tuple[str, dict[str, Any], str, str, bool]] = [
        ("left_click", {"coordinate": [640, 120]}, "Clicked.", "Harbour Shop", True),
        ("type", {"text": "red kettle"}, "Typed.", "red kettle — Harbour Shop", True),
        ("key", {"text": "Return"}, "Pressed Return.", "Results for “red kettle”", True),
        (
            "scroll",
            {"scroll_direction": "down", "scroll_amount": 5, "coordinate": [640, 400]},
            "Scrolled down.",
            "Results",
            True,
        ),
        (
            "left_click",
            {"coordinate": [1400, 420]},
            "coordinate (1400, 420) is outside the 1280x800 screen",
            "",
            False,
        ),
        ("left_click", {"coordinate": [340, 420]}, "Clicked.", "Red kettle, 1.7 l — Harbour Shop", True),
        ("zoom", {"region": [300, 200, 700, 450]}, "", "Red kettle, 1.7 l — Harbour Shop", True),
    ]
    for n, act in enumerate(acts[:actions]):
        script.start_turn()
        script.think(
            "The page shows a search field at the top. ",
            "I should use it rather than browse the categories one by one.",
        )
        script.text(f"I will take step {n + 1}: ", f"{act[0]} on the page, ", "then look at the result.")
        member, given, result, title, ok = act
        script.act(member, given, result, title, ok)
        script.end_turn()
    if ended:
        script.start_turn()
        script.text("The red kettle costs **€34.90**. ", "It holds 1.7 litres and is in stock.")
        script.end_turn("end_turn")
        script.end()
    return script


@lru_cache
def page(title: str, url: str, size: tuple[int, int]) -> bytes:
    """Draw something like a web page."""
    image = Image.new("RGB", size, (250, 250, 247))
    pen = ImageDraw.Draw(image)
    width, height = size
    pen.rectangle((0, 0, width, height // 11), fill=(34, 52, 84))
    pen.text(
        (24, height // 40),
        title.encode("ascii", "replace").decode(),
        fill=(255, 255, 255),
        font_size=height // 22,
    )
    pen.rounded_rectangle(
        (width // 4, height // 8, width * 3 // 4, height // 8 + 48), 12, outline=(120, 130, 150), width=3
    )
    for n in range(6):
        left = 60 + (n % 3) * (width - 120) // 3
        top = height // 4 + (n // 3) * height // 3
        shade = ((n * 53 + len(title) * 7) % 160 + 60, 90 + n * 20, 200 - n * 25)
        pen.rounded_rectangle((left, top, left + width // 4, top + height // 4), 16, fill=shade)
        pen.text((left + 20, top + height // 4 + 8), f"Item {n + 1}", fill=(40, 40, 40), font_size=24)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
