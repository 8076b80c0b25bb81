"""What people ask of a run, applied: each command journalled, tried, and answered. No sockets here."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.engine.deeds import MOVE
from pilothouse.engine.gate import STEPS_MAX
from pilothouse.engine.lease import NO_BROWSER
from pilothouse.engine.mailbox import TEXT_MAX_CHARS, Mailbox, Waiting
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
_LET_GO = frozenset({Hold.PAUSE, Hold.FREEZE, Hold.STEP, Hold.RETRY, Hold.BROWSER_LOST, Hold.UNATTENDED})
"""What resuming lets go of."""
_INSTEAD = {
    Hold.TAKEOVER: "{driver} drives: release it first",
    Hold.APPROVAL: "an action waits for an approval: approve, reject or edit it",
    Hold.LIMIT: "a limit is reached: raise it, or name it to go on once",
    Hold.DISK: "the disk is full: make room",
}
REMEMBERED = 1000
"""So many answers are kept, so that a command sent twice is applied once."""


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
        self._answers: dict[str, cmd.Ack | cmd.Refused] = {}
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

    def begin(self, command: cmd.Command) -> asyncio.Future[cmd.Ack | cmd.Refused]:
        """Apply a command; an act is answered once it was sent to the browser, all others at once."""
        if command.id in self._acts:
            return self._acts[command.id]
        answer: asyncio.Future[cmd.Ack | cmd.Refused] = asyncio.get_running_loop().create_future()
        if isinstance(command, cmd.Act) and command.id not in self._answers:
            self._act(command, answer)
        else:
            answer.set_result(self.apply(command))
        return answer

    def _act(self, act: cmd.Act, answer: asyncio.Future[cmd.Ack | cmd.Refused]) -> None:
        """Have one thing done with the page; where the pointer only moves, its last place is journalled."""

        def told(done: asyncio.Future[None] | None, why: str = "") -> None:
            self._acts.pop(act.id, None)
            error = done.exception() if done is not None else None
            reply = self._answered(act, why or (str(error) if error else ""), quiet=act.member == MOVE)
            if act.member != MOVE:  # of these there are many, and another one does no harm
                self._remember(act.id, reply)
            if not answer.done():
                answer.set_result(reply)

        if self.phase() in (RunPhase.ENDING, RunPhase.ENDED):
            told(None, f"the run {'is ending' if self.phase() is RunPhase.ENDING else 'has ended'}")
            return
        try:
            if act.member != MOVE:
                self._received(act)
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

    def apply(self, command: cmd.Command) -> cmd.Ack | cmd.Refused:
        """Apply a command; on disk before the answer leaves (terminal-and-journal §2.4)."""
        known = self._answers.get(command.id)
        if known is not None:
            return known
        if self.phase() is RunPhase.ENDED:  # the journal is sealed: nothing more can be recorded
            return cmd.Refused(id=command.id, why="the run has ended")
        try:
            answer = self._recorded(command)
        except RecorderFailed as error:  # it ends the run: the recorder has said so
            answer = cmd.Refused(id=command.id, why=f"the run ends: {error}")
        self._remember(command.id, answer)
        return answer

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

    def _recorded(self, command: cmd.Command) -> cmd.Ack | cmd.Refused:
        name = type(command).__name__
        self._received(command)
        try:
            self._do(command)
        except (_No, CommandRefusedError) as refusal:
            why = str(refusal)
            self._recorder.publish(ev.CommandRefused(id=command.id, command=name, why=why), durable=True)
            return cmd.Refused(id=command.id, why=why)
        applied = ev.CommandApplied(id=command.id, command=name)
        seq = self._recorder.publish(applied, durable=True)
        link = self.live_view() if isinstance(command, cmd.LiveView) else None
        return cmd.Ack(id=command.id, seq=seq, link=link or "")

    def _remember(self, command_id: str, answer: cmd.Ack | cmd.Refused) -> None:
        self._answers[command_id] = answer
        if len(self._answers) > REMEMBERED:
            del self._answers[next(iter(self._answers))]

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
        text = command.text.strip()
        if not text:
            raise _No("the message is empty")
        if len(text) > TEXT_MAX_CHARS:
            raise _No(f"the message is longer than {TEXT_MAX_CHARS} characters")
        if command.when not in ("now", "after"):
            raise _No(f"a message is said 'now' or 'after', not {command.when!r}")
        queued = ev.MessageQueued(id=command.id, text=text, when=command.when, actor=command.actor)
        self._recorder.publish(queued, durable=True)
        self._mailbox.put(Waiting(id=command.id, text=text, when=command.when))
        if command.when == "now":
            self._approvals.withdraw("a message was said now")


def _not_yet(model: str, effort: str) -> list[str]:
    raise SettingError("the run is still starting")


def _args(command: cmd.Command) -> dict[str, Any]:
    """The command's own fields, for the journal."""
    if isinstance(command, cmd.Act):  # what is typed may be secret; `HumanActed` tells what may be told
        return {"member": command.member, "secret": command.secret}
    fields: dict[str, Any] = msgspec.to_builtins(command)
    return {name: value for name, value in fields.items() if name not in _ENVELOPE}
