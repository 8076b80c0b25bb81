"""What people ask of a run, applied: each command journalled, tried, and answered. No sockets here."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.engine import roles
from pilothouse.engine.deeds import MOVE
from pilothouse.engine.gate import STEPS_MAX
from pilothouse.engine.lease import NO_BROWSER
from pilothouse.engine.mailbox import TEXT_MAX_CHARS, WHENS, Mailbox, Waiting
from pilothouse.engine.roles import DRIVE
from pilothouse.errors import CommandRefusedError, PilothouseError, RecorderFailed, SettingError
from pilothouse.events import Hold, RunPhase

if TYPE_CHECKING:
    from collections.abc import Callable

    from pilothouse.engine.allowance import Allowance
    from pilothouse.engine.approvals import Approvals
    from pilothouse.engine.gate import Gate
    from pilothouse.engine.lease import Lease
    from pilothouse.engine.recorder import Recorder

_ENVELOPE = frozenset({"type", "id", "actor", "reason", "expect"})
_LET_GO = frozenset({Hold.PAUSE, Hold.FREEZE, Hold.STEP, Hold.RETRY, Hold.BROWSER_LOST})
"""What resuming lets go of."""
_INSTEAD = {
    Hold.TAKEOVER: "{driver} drives: release it first",
    Hold.APPROVAL: "an action waits for an approval: approve, reject or edit it",
    Hold.LIMIT: "a limit is reached: raise it, or name it to go on once",
    Hold.DISK: "the disk is full: make room",
}
REMEMBERED = 1000
"""So many answers are kept, so that a command sent twice is applied once."""
MEMBER_MAX_CHARS = 80
"""No member has a longer name; what else may stand there is not journalled."""

_log = logging.getLogger("pilothouse")
_Answers = dict[str, cmd.Ack | cmd.Refused]


class _No(Exception):
    """A command is refused; `args[0]` says why."""


class Steering:
    """Applies commands to the run, one at a time and in order of arrival."""

    def __init__(
        self,
        recorder: Recorder,
        gate: Gate,
        mailbox: Mailbox,
        approvals: Approvals,
        allowance: Allowance,
        lease: Lease,
    ) -> None:
        self._recorder = recorder
        self._gate = gate
        self._mailbox = mailbox
        self._approvals = approvals
        self._allowance = allowance
        self._lease = lease
        self._answers: _Answers = {}
        self._moved: _Answers = {}
        """Those to moves of the pointer: of these there are many, and they displace no others."""
        self._acts: dict[str, asyncio.Future[cmd.Ack | cmd.Refused]] = {}
        """What is asked to be done with the page and not answered yet."""
        self.on_freeze: Callable[[str], None] = lambda why: None
        self.on_abort: Callable[[str, bool], None] = lambda why, keep: None
        self.on_model: Callable[[str, str], list[str]] = _not_yet
        self.why_not_keep = ""
        """Why the browser can't be left open after an abort; empty if it can."""
        self.live_view: Callable[[], str | None] = lambda: None
        """Gives the link to the browser itself: empty if it has none, None while there is no browser."""
        self.why_no_live_view = "this browser has no live view"
        self.phase: Callable[[], RunPhase] = lambda: RunPhase.STARTING

    def begin(self, command: cmd.Command, role: str = DRIVE) -> asyncio.Future[cmd.Ack | cmd.Refused]:
        """Apply a command; an act is answered once it was sent to the browser, all others at once."""
        if command.id in self._acts:
            return self._acts[command.id]
        answer: asyncio.Future[cmd.Ack | cmd.Refused] = asyncio.get_running_loop().create_future()
        if isinstance(command, cmd.Act) and self._known(command, role) is None:
            self._act(command, answer, role)
        else:
            answer.set_result(self.apply(command, role))
        return answer

    def _act(self, act: cmd.Act, answer: asyncio.Future[cmd.Ack | cmd.Refused], role: str) -> None:
        """Have one thing done with the page; where the pointer only moves, its last place is journalled."""

        def told(done: asyncio.Future[None] | None, why: str = "") -> None:
            self._acts.pop(act.id, None)
            error = done.exception() if done is not None else None
            reply = self._answered(act, why or (str(error) if error else ""), quiet=act.member == MOVE)
            self._remember(act.id, reply, self._moved if act.member == MOVE else self._answers)
            if not answer.done():
                answer.set_result(reply)

        if self.phase() is RunPhase.ENDED:
            told(None, "the run has ended")
            return
        try:
            if act.member != MOVE:
                self._received(act)
            if self.phase() is RunPhase.ENDING:
                raise CommandRefusedError("the run is ending")
            if why_not := roles.why_not(role, act):
                raise CommandRefusedError(why_not)
            doing = self._lease.act(act)
        except (CommandRefusedError, RecorderFailed) as refusal:
            told(None, str(refusal))
            return
        self._acts[act.id] = answer
        doing.add_done_callback(told)

    def _answered(self, command: cmd.Command, why: str, *, quiet: bool) -> cmd.Ack | cmd.Refused:
        """Journal the answer to an act, unless it is one of many, or the journal is sealed already."""
        seq, name = self._recorder.state.seq, type(command).__name__
        if not quiet and self.phase() is not RunPhase.ENDED:
            told = (
                ev.CommandRefused(id=command.id, command=name, why=why)
                if why
                else ev.CommandApplied(id=command.id, command=name)
            )
            try:
                seq = self._recorder.publish(told)
            except RecorderFailed as error:  # it ends the run: the recorder has said so
                why = f"the run ends: {error}"
        return cmd.Refused(id=command.id, why=why) if why else cmd.Ack(id=command.id, seq=seq)

    def apply(self, command: cmd.Command, role: str = DRIVE) -> cmd.Ack | cmd.Refused:
        """Apply a command of somebody in this role; on disk before the answer leaves.

        See terminal-and-journal §2.4.
        """
        known = self._known(command, role)
        if known is not None:
            return known
        if self.phase() is RunPhase.ENDED:  # the journal is sealed: nothing more can be recorded
            return cmd.Refused(id=command.id, why="the run has ended")
        try:
            answer = self._recorded(command, role)
        except RecorderFailed as error:  # it ends the run: the recorder has said so
            answer = cmd.Refused(id=command.id, why=f"the run ends: {error}")
        except Exception as error:
            answer = self._defective(command, error)
        self._remember(command.id, answer, self._answers)
        return self._linked(command, answer)

    def _defective(self, command: cmd.Command, error: Exception) -> cmd.Refused:
        """Answer a command that the engine has no answer to: hung up on, its viewer would ask for ever."""
        name, kind = type(command).__name__, type(error).__name__
        _log.error("a %s met a defect", name, exc_info=error)
        why = f"the engine met a defect ({kind}); engine.log says where"
        with contextlib.suppress(PilothouseError):
            self._recorder.publish(ev.CommandRefused(id=command.id, command=name, why=why))
        return cmd.Refused(id=command.id, why=why)

    def _known(self, command: cmd.Command, role: str) -> cmd.Ack | cmd.Refused | None:
        """Give the answer to a command that was sent before, unless the role may not ask for it."""
        known = self._answers.get(command.id) or self._moved.get(command.id)
        if known is None:
            return None
        if why_not := roles.why_not(role, command):
            return cmd.Refused(id=command.id, why=why_not)
        return self._linked(command, known)

    def _linked(self, command: cmd.Command, answer: cmd.Ack | cmd.Refused) -> cmd.Ack | cmd.Refused:
        """Put the link to the browser into the answer to who asked for it; it is remembered nowhere."""
        if not isinstance(command, cmd.LiveView) or isinstance(answer, cmd.Refused):
            return answer
        return msgspec.structs.replace(answer, link=self.live_view() or "")

    def _received(self, command: cmd.Command) -> None:
        self._recorder.publish(
            ev.CommandReceived(
                id=command.id,
                command=type(command).__name__,
                actor=command.actor,
                reason=command.reason,
                args=_args(command),
            )
        )

    def _recorded(self, command: cmd.Command, role: str) -> cmd.Ack | cmd.Refused:
        name = type(command).__name__
        self._received(command)
        try:
            if why_not := roles.why_not(role, command):
                raise _No(why_not)
            self._do(command)
        except (_No, CommandRefusedError) as refusal:
            why = str(refusal)
            self._recorder.publish(ev.CommandRefused(id=command.id, command=name, why=why), durable=True)
            return cmd.Refused(id=command.id, why=why)
        applied = ev.CommandApplied(id=command.id, command=name)
        seq = self._recorder.publish(applied, durable=True)
        return cmd.Ack(id=command.id, seq=seq)

    @staticmethod
    def _remember(command_id: str, answer: cmd.Ack | cmd.Refused, where: _Answers) -> None:
        where[command_id] = answer
        if len(where) > REMEMBERED:
            del where[next(iter(where))]

    def _do(self, command: cmd.Command) -> None:
        if self.phase() is RunPhase.ENDING:
            raise _No("the run is ending")
        match command:
            case cmd.Pause(freeze=freeze):
                self._gate.pause(freeze=freeze)
                if freeze:
                    self.on_freeze("frozen by " + command.actor)
            case cmd.Resume():
                self._resume(command)
            case cmd.Step(n=n):
                self._step(n)
            case cmd.Say():
                self._say(command)
            case cmd.Revise():
                self._revise(command)
            case cmd.Unsay(message=message):
                self._unsay(message, command.actor)
            case cmd.Abort(keep_browser=True) if self.why_not_keep:
                raise _No(f"{self.why_not_keep}: abort without keeping it")
            case cmd.Abort(keep_browser=keep):
                self.on_abort(command.reason or f"aborted by {command.actor}", keep)
            case cmd.SetModel(model=model, effort=effort):
                self._set_model(model, effort)
            case cmd.Approve() | cmd.Reject() | cmd.Edit():
                self._approvals.decide(command)
            case cmd.SetMode(mode=mode):
                self._approvals.set_mode(mode, command.actor)
            case cmd.SetLimit(limit=limit, value=value):
                self._allowance.set_limit(limit, value, command.actor)
            case cmd.LiveView():
                self._check_live_view()
            case cmd.TakeOver(actor=actor):
                self._lease.take(actor)
            case cmd.Release(actor=actor):
                self._lease.release(actor)
            case cmd.Conceal(actor=actor) | cmd.Reveal(actor=actor):
                self._lease.conceal(actor, on=isinstance(command, cmd.Conceal))
            case _:
                raise _No(f"this engine can't do {type(command).__name__} yet")

    def _resume(self, command: cmd.Resume) -> None:
        """Let go of what holds by hand; of a limit only if its request is named."""
        if command.expect is not None and command.expect.request:
            self._allowance.go_on_once(command.expect.request)
            return
        holding = frozenset(self._gate.holding)
        if holding and not holding & _LET_GO and not self._gate.counting:
            way = next(way for hold, way in _INSTEAD.items() if hold in holding)
            raise _No(way.format(driver=self._lease.holder))
        self._gate.resume()

    def _check_live_view(self) -> None:
        link = self.live_view()
        if link is None or Hold.BROWSER_LOST in self._gate.holding:
            raise _No(NO_BROWSER)
        if not link:
            raise _No(self.why_no_live_view)

    def _step(self, n: int) -> None:
        if not 1 <= n <= STEPS_MAX:
            raise _No(f"steps must be between 1 and {STEPS_MAX}")
        self._gate.step(n)

    def _set_model(self, model: str, effort: str) -> None:
        """Plan another model, effort or both for the next turn; `ModelChanged` tells when it is asked."""
        if not model and not effort:
            raise _No("name a model, an effort or both")
        try:
            told = self.on_model(model, effort)
        except RecorderFailed:
            raise
        except PilothouseError as error:
            raise _No(str(error)) from error
        for what in told:
            self._recorder.publish(ev.Warned(what=what))

    def _say(self, command: cmd.Say) -> None:
        text = _words(command.text)
        _check_when(command.when)
        if command.freeze and command.when == "end":
            raise _No("what is for the end of the turn needs no freeze")
        self._mailbox.check_room()
        queued = ev.MessageQueued(id=command.id, text=text, when=command.when, actor=command.actor)
        self._recorder.publish(queued, durable=True)
        self._mailbox.put(Waiting(id=command.id, text=text, when=command.when))
        if command.when == "now":
            self._approvals.withdraw("a message was said now")
        if command.freeze:
            self.on_freeze(f"{command.actor} said something")

    def _revise(self, command: cmd.Revise) -> None:
        """Change what waits: a person sees the queue, and has changed their mind."""
        was = self._mailbox.find(command.message)
        text = _words(command.text) if command.text else was.text
        when = command.when or was.when
        _check_when(when)
        self._mailbox.check_place(was.id, command.before)
        revised = ev.MessageRevised(
            id=was.id, text=text, when=when, before=command.before, actor=command.actor
        )
        self._recorder.publish(revised, durable=True)
        self._mailbox.revise(Waiting(id=was.id, text=text, when=when), command.before)
        if when == "now":
            self._approvals.withdraw("a message was said now")

    def _unsay(self, message: str, actor: str) -> None:
        was = self._mailbox.find(message)
        returned = ev.MessageReturned(id=was.id, why=f"taken back by {actor}")
        self._recorder.publish(returned, durable=True)
        self._mailbox.remove(was.id)


def _words(text: str) -> str:
    text = text.strip()
    if not text:
        raise _No("the message is empty")
    if len(text) > TEXT_MAX_CHARS:
        raise _No(f"the message is longer than {TEXT_MAX_CHARS} characters")
    return text


def _check_when(when: str) -> None:
    if when not in WHENS:
        raise _No(f"a message is said 'now', 'after' or 'end', not {when!r}")


def _not_yet(model: str, effort: str) -> list[str]:
    raise SettingError("the run is still starting")


def _args(command: cmd.Command) -> dict[str, Any]:
    """The command's own fields, for the journal."""
    if isinstance(command, cmd.Act):  # what is typed may be secret; `HumanActed` tells what may be told
        return {"member": command.member[:MEMBER_MAX_CHARS], "secret": command.secret}
    fields: dict[str, Any] = msgspec.to_builtins(command)
    return {name: value for name, value in fields.items() if name not in _ENVELOPE}
