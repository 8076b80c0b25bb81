"""The lease: which person drives the browser, since when, and until when. How acts get there is `wheel`'s.

One person at a time. What they ask for is done one by one in order of arrival, concealing and giving back
included. A lease ends by being given back, by a long time without an act, some time after its viewer has
vanished, with the browser, or with the run.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from pilothouse import events as ev
from pilothouse.browser.inputs import MEMBERS, Input, MemberRefused, Text, read_input
from pilothouse.engine.deeds import MOVE, TYPING, Deed, Deeds, deed_of
from pilothouse.engine.presence import FOLLOWS
from pilothouse.errors import CommandRefusedError, RecorderFailed
from pilothouse.events import Hold

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pilothouse import commands as cmd
    from pilothouse.browser.camera import Shot
    from pilothouse.engine.approvals import Approvals
    from pilothouse.engine.gate import Gate
    from pilothouse.engine.recorder import Recorder
    from pilothouse.engine.wheel import Wheel

ACTS: Final = frozenset(MEMBERS) - {"screenshot", "zoom", "cursor_position", "wait"}
"""What a person may do: looking is what live pictures are for."""
IDLE_S: Final = 300.0
"""Without an act for so long the lease ends."""
GRACE_S: Final = 30.0
"""It ends so long after the last bridge of who holds it has hung up; one that comes back in time keeps it."""
PAUSE_S: Final = 0.5
"""What is typed in one go is journalled once the person stops for so long."""
WAITING_MAX: Final = 200
"""So many acts may wait for those before them."""
TEXT_MAX_CHARS: Final = 20_000
"""So much may be typed in one act."""
NEWS_MAX_CHARS: Final = 20_000
"""So much of what the model was not told yet is kept beside what is newest."""
NO_BROWSER: Final = "there is no browser"
NOBODY: Final = "nobody has taken over"
CUT_OFF: Final = "it was cut off: it may or may not have happened"
UNTOLD: Final = "it was refused; what was typed is masked, so why is not told"
"""A refusal may name what it refuses, and is journalled."""
_log = logging.getLogger("pilothouse")


class Timer(Protocol):
    """Something that comes later, unless it is called off."""

    def cancel(self) -> None:
        """Call it off."""


def _later(delay_s: float, what: Callable[[], None]) -> Timer:
    return asyncio.get_running_loop().call_later(delay_s, what)


@dataclass(frozen=True, kw_only=True)
class HandedBack:
    """What the model must be told before it goes on."""

    lease: str
    note: str
    shot: Shot | None = None


@dataclass(frozen=True, kw_only=True)
class _Act:
    command: cmd.Act
    given: Input
    masked: bool
    done: asyncio.Future[None]
    """Fails with `CommandRefusedError` when it was not done."""

    @property
    def is_untold(self) -> bool:
        """Say whether what was typed may be told nobody."""
        return self.masked and self.command.member in TYPING

    def deed(self, error: str = "") -> Deed:
        """Give what is told of it once it was sent."""
        fields = msgspec.json.decode(msgspec.json.encode(self.given))  # as plain JSON: lists, not tuples
        given = {name: value for name, value in fields.items() if value is not None}
        return deed_of(self.command.member, given, error=error, masked=self.masked)


@dataclass(frozen=True, kw_only=True)
class _Veil:
    on: bool
    actor: str


@dataclass(frozen=True, kw_only=True)
class _End:
    why: str
    actor: str = ""


def checked(member: str, given: dict[str, Any]) -> Input:
    """Read an act's input before anything is done about it.

    Raises:
        CommandRefusedError: There is no such act, or it can't be done so.
    """
    if member not in ACTS:
        raise CommandRefusedError(
            f"{member[:80]!r} can't be done by hand: it may be {', '.join(sorted(ACTS))}"
        )
    try:
        wanted = read_input(member, given)
    except MemberRefused as error:
        raise CommandRefusedError(str(error)) from None
    if isinstance(wanted, Text) and len(wanted.text) > TEXT_MAX_CHARS:
        raise CommandRefusedError(f"text may have {TEXT_MAX_CHARS} characters at most")
    return wanted


class Adrift(Exception):
    """There is no browser any more, and who keeps it knows."""


class Lease:
    """At most one lease, and the work that is done under it.

    Args:
        recorder: Journals it.
        gate: Held while somebody drives.
        approvals: What waits there is withdrawn: it was meant for the page as it was.
        later: Calls something after so many seconds.

    Attributes:
        holder: Who drives; empty for nobody. Still them while they let go.
        concealed: No picture of the page is recorded.
        news: What the model must be told; what it asked for before it was told is not done.
        wheel: The way to the browser; None until there is one.
        on_acted: Told of each thing that was done with the page.
        on_concealed: Told whenever pictures may be shown and recorded no more, or again.
        hush: Ends the recording of pictures that is under way.
    """

    def __init__(
        self,
        recorder: Recorder,
        gate: Gate,
        approvals: Approvals,
        later: Callable[[float, Callable[[], None]], Timer] = _later,
    ) -> None:
        self._recorder = recorder
        self._gate = gate
        self._approvals = approvals
        self._later = later
        self._bridges: Counter[str] = Counter()
        self._number = 0
        self._id = ""
        self._deeds: Deeds | None = None
        self._queue: deque[_Act | _Veil | _End] = deque()
        self._asked = asyncio.Event()
        self._driving: asyncio.Task[None] | None = None
        self._timers: dict[str, Timer] = {}
        self._veiled = False
        """As `concealed`, but as soon as it is asked for."""
        self._ending = False
        self._current: _Act | None = None
        self.holder = ""
        self.concealed = False
        self.news: HandedBack | None = None
        self.wheel: Wheel | None = None
        self.on_acted: Callable[[], None] = lambda: None
        self.on_concealed: Callable[[], None] = lambda: None
        self.hush: Callable[[], Awaitable[None]] = _nothing

    def take_news(self) -> HandedBack | None:
        """Take what the model must be told; it is told once."""
        news, self.news = self.news, None
        return news

    # --- who drives ----------------------------------------------------------------------------------

    def take(self, actor: str) -> None:
        """Let a person drive, once the agent's action is done.

        Raises:
            CommandRefusedError: Another one does, who is told; or there is nothing to drive.
        """
        if self.holder and self._ending:
            raise CommandRefusedError(f"{self.holder} is just giving the browser back: try again")
        if self.holder == actor:
            return
        if self.holder:
            self._recorder.publish(ev.LeaseAsked(lease=self._id, actor=actor))
            raise CommandRefusedError(f"{self.holder} drives")
        if self.wheel is None or Hold.BROWSER_LOST in self._gate.holding:
            raise CommandRefusedError(NO_BROWSER)
        self._begin(actor, self.wheel)

    def _begin(self, actor: str, wheel: Wheel) -> None:
        lease = f"w{self._number + 1}"
        self._recorder.publish(ev.TakeoverStarted(lease=lease, actor=actor), durable=True)
        self._number += 1
        self._id, self.holder = lease, actor
        self._deeds = Deeds(lease, self._recorder.publish, self._recorder.stream_redactor())
        self._deeds.saw(self._recorder.mask(self._approvals.ground.url))
        self._veiled = self._ending = False
        self._asked.clear()
        self._gate.hold(Hold.TAKEOVER)
        self._approvals.withdraw(f"{actor} took over")
        self._arm("idle", IDLE_S, self._idled)
        self._driving = asyncio.create_task(self._drive(wheel, self._deeds))
        self._driving.add_done_callback(self._driven)

    def release(self, actor: str) -> None:
        """Give the browser back, once what was asked for is done.

        Raises:
            CommandRefusedError: It is not theirs to give.
        """
        self._theirs(actor)
        self._end("released", actor)

    def _theirs(self, actor: str) -> None:
        if not self.holder:
            raise CommandRefusedError(NOBODY)
        if self.holder != actor:
            raise CommandRefusedError(f"{self.holder} drives")

    # --- who is there --------------------------------------------------------------------------------

    def arrived(self, actor: str, client: str) -> None:
        """Learn that a viewer is there."""
        if client == FOLLOWS:
            self._bridges[actor] += 1
            if actor == self.holder:
                self._disarm("grace")

    def departed(self, actor: str, client: str) -> None:
        """Learn that a viewer has hung up: with their last bridge a person is gone, unless they return."""
        if client != FOLLOWS:
            return
        self._bridges[actor] -= 1
        if self._bridges[actor] <= 0:
            del self._bridges[actor]
            if actor == self.holder and not self._ending:
                self._arm("grace", GRACE_S, lambda: self._end("its viewer has gone"))

    # --- what they ask for ---------------------------------------------------------------------------

    def act(self, command: cmd.Act) -> asyncio.Future[None]:
        """Do one thing once all before it is done; the future says when, or why not.

        Raises:
            CommandRefusedError: It can't be asked for.
        """
        self._theirs(command.actor)
        self._refuse_if_ending()
        given = checked(command.member, command.input)
        if len(self._queue) >= WAITING_MAX:
            raise CommandRefusedError("too much waits to be done: the browser is slow")
        done = asyncio.get_running_loop().create_future()
        self._disarm("idle")
        if command.secret and not self._veiled:
            self._ask(_Veil(on=True, actor=command.actor))
        masked = command.secret or self._veiled
        self._ask(_Act(command=command, given=given, masked=masked, done=done))
        return done

    def conceal(self, actor: str, *, on: bool) -> None:
        """Record no pictures and mask what is typed, or no longer; in order with what was asked for before.

        Raises:
            CommandRefusedError: They don't drive.
        """
        self._theirs(actor)
        self._refuse_if_ending()
        if on != self._veiled:
            self._ask(_Veil(on=on, actor=actor))

    def _refuse_if_ending(self) -> None:
        if self._ending:
            raise CommandRefusedError(NOBODY)

    def _ask(self, asked: _Act | _Veil | _End) -> None:
        if isinstance(asked, _Veil):
            self._veiled = asked.on
        self._queue.append(asked)
        self._asked.set()

    def _end(self, why: str, actor: str = "") -> None:
        """End it once what was asked for is done; the first reason counts."""
        if self._ending:
            return
        self._ending = True
        self._disarm("idle", "grace")
        self._ask(_End(why=why, actor=actor))

    # --- doing it ------------------------------------------------------------------------------------

    async def _drive(self, wheel: Wheel, deeds: Deeds) -> None:
        """Do what is asked for, one after the other, until the lease ends."""
        await wheel.at_rest()
        held = wheel.pressed
        while True:
            while not self._queue:
                self._asked.clear()
                await self._asked.wait()
            match self._queue.popleft():
                case _Act() as act:
                    await self._perform(wheel, deeds, act)
                case _Veil() as veil:
                    await self._veil(veil, deeds)
                case _End() as end:
                    await self._hand_back(wheel, deeds, end, held=held)
                    return

    async def _perform(self, wheel: Wheel, deeds: Deeds, act: _Act) -> None:
        if self._is_overtaken(act):
            _settle(act.done)
            return
        self._disarm("pause")
        self._current = act
        try:
            error = await wheel.act(act.command.member, act.given)
            self._current = None
            deeds.add(act.deed(error))
            _settle(act.done)
            self.on_acted()
        except CommandRefusedError as refusal:
            self._current = None
            _settle(act.done, CommandRefusedError(UNTOLD) if act.is_untold else refusal)
        finally:
            _settle(act.done, CommandRefusedError(CUT_OFF))
        if deeds.is_open:
            self._arm("pause", PAUSE_S, self._paused)
        if not any(isinstance(asked, _Act) for asked in self._queue):
            self._arm("idle", IDLE_S, self._idled)

    def _paused(self) -> None:
        if self._deeds is not None:
            with contextlib.suppress(RecorderFailed):  # the recorder has told the run, which ends for it
                self._deeds.pause()

    def _idled(self) -> None:
        self._end(f"nothing was done for {IDLE_S / 60:g} minutes")

    def _is_overtaken(self, act: _Act) -> bool:
        """Say whether a newer place for the pointer waits: only the last one matters."""
        follows = self._queue[0] if self._queue else None
        return act.command.member == MOVE and isinstance(follows, _Act) and follows.command.member == MOVE

    async def _veil(self, veil: _Veil, deeds: Deeds) -> None:
        if veil.on == self.concealed:
            return
        await self.hush()
        deeds.close()
        kind = ev.Concealed if veil.on else ev.Revealed
        self._recorder.publish(kind(lease=self._id, actor=veil.actor), durable=True)
        self.concealed = veil.on
        self.on_concealed()

    async def _hand_back(self, wheel: Wheel, deeds: Deeds, end: _End, *, held: bool) -> None:
        """Let go of everything, look, and let the agent go on."""
        self._disarm("pause")
        let_go = held and wheel.pressed
        await wheel.let_go()
        await self._veil(_Veil(on=False, actor=end.actor), deeds)
        await self.hush()
        try:
            shot = await wheel.look(shown=True)
        except Adrift:
            return  # with the browser the lease ends in another way
        ground = self._approvals.ground
        self._approvals.ground = ground.handed_back(deeds.at)
        if shot is not None:
            deeds.saw(self._recorder.mask(ground.url))  # the model reads it as it is recorded
        self._over(end.why, end.actor, shot, let_go=let_go)

    def lost(self) -> None:
        """End it with the browser."""
        self._stop("the browser is gone")
        self._over("the browser is gone")

    def halt(self) -> None:
        """Do no more, and send nothing more: the run ends."""
        self._stop("the run is ending")

    async def close(self, why: str) -> None:
        """End it with the run; never raises."""
        self._stop(why)
        if self._driving is not None:
            await asyncio.wait({self._driving})
        with contextlib.suppress(RecorderFailed):
            self._over(why)

    def _stop(self, why: str) -> None:
        self._ending = bool(self.holder)
        self._disarm("idle", "grace", "pause")
        if self._driving is not None:
            self._driving.cancel()
        act, self._current = self._current, None
        if act is not None and self._deeds is not None:
            with contextlib.suppress(RecorderFailed):  # the run ends for it
                self._deeds.add(act.deed("it was cut off"))
        while self._queue:
            asked = self._queue.popleft()
            if isinstance(asked, _Act):
                _settle(asked.done, CommandRefusedError(why))

    def _over(self, why: str, actor: str = "", shot: Shot | None = None, *, let_go: bool = False) -> None:
        """Journal the end, keep what the model must be told, and let the agent go on."""
        deeds, self._deeds = self._deeds, None
        if not self.holder or deeds is None:
            return
        note = deeds.note(let_go=let_go)
        self._recorder.publish(
            ev.TakeoverEnded(lease=self._id, why=why, actor=actor or self.holder, note=note), durable=True
        )
        before = self.news.note[-NEWS_MAX_CHARS:] + "\n\n" if self.news else ""
        self.news = HandedBack(lease=self._id, note=before + note, shot=shot)
        self.holder, self._ending, self._veiled = "", False, False
        if self.concealed:
            self.concealed = False
            self.on_concealed()
        self._gate.let_go(Hold.TAKEOVER)

    def _driven(self, task: asyncio.Task[None]) -> None:
        """End the lease too if what was done under it met a defect, rather than hold the run for ever."""
        error = None if task.cancelled() else task.exception()
        if error is None or isinstance(error, RecorderFailed):  # the recorder has told the run
            return
        _log.error("a takeover met a defect", exc_info=error)
        self._stop("the engine met a defect")
        with contextlib.suppress(RecorderFailed):
            self._over(f"the engine met a defect ({type(error).__name__}); engine.log says where")

    # --- timers --------------------------------------------------------------------------------------

    def _arm(self, name: str, delay_s: float, what: Callable[[], None]) -> None:
        self._disarm(name)
        if self.holder and not self._ending:
            self._timers[name] = self._later(delay_s, what)

    def _disarm(self, *names: str) -> None:
        for name in names:
            if timer := self._timers.pop(name, None):
                timer.cancel()


async def _nothing() -> None:
    """Do nothing: no pictures are recorded yet."""


def _settle(done: asyncio.Future[None], refusal: CommandRefusedError | None = None) -> None:
    if done.done():
        return
    if refusal is None:
        done.set_result(None)
    else:
        done.set_exception(refusal)
