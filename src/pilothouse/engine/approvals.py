"""The one action that waits for a person's decision: who asks, who may answer, and what comes of it.

What is asked about is `policy`'s affair, where the run stands is `ground`'s. Nothing is sent from here.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.browser.inputs import MemberRefused, read_input
from pilothouse.engine.ground import Ground
from pilothouse.engine.policy import Effect, Mode, Policy, Proposal, always, args_sha256, decide
from pilothouse.engine.rulebook import RuleBook
from pilothouse.errors import CommandRefusedError, NeedsPerson, UsageError
from pilothouse.events import Hold, Json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from pilothouse.engine.gate import Gate
    from pilothouse.engine.policy import Context, Verdict
    from pilothouse.engine.recorder import Recorder
    from pilothouse.model.conversation import Call

NOTHING_WAITS: Final = "nothing waits for an approval"
NOT_ALLOWED: Final = "Not executed: this action is not allowed here ({why})."
REJECTED: Final = "Not executed: the operator rejected this action."
NOBODY: Final = "Not executed: this action needs an approval, and nobody was there to give one."
BY_RULE: Final = "rule"
"""Who changed the mode when no person did."""
ALWAYS_MAX_CHARS: Final = 1_000
"""For a longer text no rule is offered: nobody would read it."""
_CURSOR: Final = re.compile(r"X=(-?\d{1,6}),Y=(-?\d{1,6})")
EDITED: Final = "The operator changed this action before it ran. What was done instead: {input}"


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a call."""

    barred: str = ""
    """It never happens; this goes to the model."""
    withdrawn: bool = False
    """It is not wanted any more."""
    input: Json | None = None
    """It happens with another input."""


@dataclass(frozen=True)
class _Pending:
    request: ev.ApprovalRequested
    answer: asyncio.Future[Ruling]


class Approvals:
    """Rules on each action before it is sent; at most one waits.

    Args:
        recorder: Journals requests and decisions.
        gate: Held while something waits.
        number: Gives the numbers of requests.
        policy: The rules.
        keep_in: The file that rules are added to, if they are to be kept.
        mode: What holds where no rule speaks.
        allow_hosts: The hosts that the run was restricted to.
        on_unattended: `reject` or `abort` once nobody has answered in time; `wait` for as long as it takes.
        timeout_s: How long an answer is waited for; 0 for as long as it takes.

    Attributes:
        mode: What holds now.
        rules: The rules, those that were added too.
        ground: Where the run stands.
    """

    def __init__(
        self,
        recorder: Recorder,
        gate: Gate,
        number: Callable[[], int],
        *,
        policy: Policy,
        mode: Mode,
        keep_in: Path | None = None,
        allow_hosts: tuple[str, ...] = (),
        on_unattended: str = "wait",
        timeout_s: float = 0.0,
    ) -> None:
        self._recorder = recorder
        self._gate = gate
        self._number = number
        self._allow_hosts = allow_hosts
        self._on_unattended = on_unattended
        self._timeout_s = timeout_s if on_unattended != "wait" else 0.0
        self._redactor = recorder.stream_redactor()
        self.rules = RuleBook(recorder, policy, keep_in, self._redactor)
        self._pending: _Pending | None = None
        self._off_list = ""
        """The page off the list that was last told of, as long as the run stays off it."""
        self.mode = mode
        self.ground = Ground()
        self.patience: Callable[[asyncio.Future[Ruling], float], Awaitable[object]] = _patience
        """Waits for an answer, for so many seconds at most; 0 for as long as it takes."""
        recorder.listeners.append(self._heard)

    @property
    def looks(self) -> bool:
        """Say whether a ruling depends on what is on the screen: then the newest picture is waited for."""
        return self.mode is not Mode.AUTO or bool(self.rules.policy.rules or self._allow_hosts)

    # --- where the run stands ----------------------------------------------------------------------

    def framed(self, sha256: str, url: str) -> None:
        """Take note of a picture of the whole screen."""
        self.ground = self.ground.framed(sha256)
        if url:
            self.arrived(url)

    def arrived(self, url: str) -> None:
        """Take note of the page that the browser is on; off the list of hosts the mode is raised."""
        self.ground = self.ground.at(url)
        context = self._context()
        off_list = context.off_list if context.is_off_list else ""
        arrived, self._off_list = off_list != self._off_list, off_list
        if off_list and arrived and self.mode in (Mode.AUTO, Mode.ASK_RISKY):
            self.mode = Mode.ASK_ALL
            told = ev.ModeChanged(mode=self.mode.value, actor=BY_RULE, why=off_list)
            self._recorder.publish(told, durable=True)

    def told(self, dialog: str) -> None:
        """Take note of a download or an upload that the browser tells of; the next action is judged by it."""
        self.ground = self.ground.told(dialog)

    def sent(self, member: str, given: Json) -> None:
        """Take note of an action that is about to be sent."""
        self.ground = self.ground.let(Proposal(member=member, input=given), self._now_ns)

    def answered(self, member: str, text: str) -> None:
        """Take note of what an action found out: where the cursor is."""
        at = _CURSOR.fullmatch(text.strip()) if member == "cursor_position" else None
        if at is not None:
            self.ground = self.ground.pointed(float(at[1]), float(at[2]))

    def _heard(self, event: ev.Event) -> None:
        """Take note of what a person did by hand: it is known ground, and the cursor is there."""
        if isinstance(event, ev.HumanActed) and event.ok:
            self.ground = self.ground.by_hand(Proposal(member=event.member, input=event.input))

    def moved(self) -> None:
        """Stand in another browser: its pages are not those of the old one."""
        before = self.ground
        self.ground = Ground(seen=before.seen, visited=before.visited, tally=before.tally)

    @property
    def _now_ns(self) -> int:
        return self._recorder.state.t

    def _context(self) -> Context:
        return self.ground.context(
            policy=self.rules.policy,
            mode=self.mode,
            now_ns=self._now_ns,
            allow_hosts=self._allow_hosts,
            redactor=self._redactor,
        )

    # --- ruling ------------------------------------------------------------------------------------

    async def rule(self, action: int, call: Call) -> Ruling:
        """Rule on a call, by the policy or by a person.

        Raises:
            NeedsPerson: Nobody answered in time, and the run is to end for it.
        """
        verdict = decide(Proposal(member=call.member, input=call.input), self._context())
        match verdict.effect:
            case Effect.ALLOW:
                return Ruling()
            case Effect.DENY:
                return Ruling(barred=NOT_ALLOWED.format(why=verdict.why))
            case Effect.ASK:
                return await self._ask(action, call, verdict)

    async def _ask(self, action: int, call: Call, verdict: Verdict) -> Ruling:
        request = ev.ApprovalRequested(
            request=f"a{self._number()}",
            action=action,
            tool_use_id=call.id,
            args_sha256=args_sha256(call.member, call.input),
            frame_sha256=self.ground.frame_sha256,
            why=verdict.why,
            member=call.member,
            input=call.input,
            rule=verdict.rule,
            risks=verdict.risks,
            expires_s=self._timeout_s,
            always=self._always(call, verdict),
        )
        self._recorder.publish(request, durable=True)
        answer = asyncio.get_running_loop().create_future()
        self._pending = _Pending(request, answer)
        self._gate.hold(Hold.APPROVAL)
        try:
            await self.patience(answer, self._timeout_s)
        except asyncio.CancelledError:
            self.withdraw("the run ends")
            raise
        return answer.result() if answer.done() else self._expired(request)

    def _always(self, call: Call, verdict: Verdict) -> str:
        """Write the rule that would let actions like this one happen; empty where none could.

        Against a rule that asks, one that allows can do nothing, but for where the first one decides.
        """
        proposal = Proposal(member=call.member, input=call.input)
        if len(proposal.text) > ALWAYS_MAX_CHARS or (verdict.rule and not self.rules.policy.in_order):
            return ""
        try:
            return always(proposal, self._context())
        except UsageError:
            return ""

    def _expired(self, request: ev.ApprovalRequested) -> Ruling:
        self._close("expired", "nobody", "nobody answered in time", Ruling(barred=NOBODY))
        if self._on_unattended == "reject":
            return Ruling(barred=NOBODY)
        raise NeedsPerson(
            f"{request.member} waited {self._timeout_s:g} s for an approval ({request.why})",
            way_out="attend the run, allow it by a rule, or choose --approve auto",
        )

    # --- deciding ----------------------------------------------------------------------------------

    def decide(self, command: cmd.Approve | cmd.Reject | cmd.Edit) -> None:
        """Take a person's decision; the first valid one wins.

        Raises:
            CommandRefusedError: It does not mean what waits, or the edit can't be.
        """
        request = self._meant(command.expect)
        match command:
            case cmd.Approve(rule=rule):
                added = self.rules.checked(rule) if rule else None
                self._close("approve", command.actor, command.reason, Ruling())
                if added is not None:
                    self.rules.add(added, rule, command.actor)
            case cmd.Reject(reason=reason):
                barred = f"{REJECTED} Why: {reason}" if reason.strip() else REJECTED
                self._close("reject", command.actor, reason, Ruling(barred=barred))
            case cmd.Edit(input=given):
                self._check(request.member, given)
                self._close("edit", command.actor, command.reason, Ruling(input=given))

    def _meant(self, expect: cmd.Expect | None) -> ev.ApprovalRequested:
        """Give the request that a decision is bound to."""
        if self._pending is None:
            raise CommandRefusedError(NOTHING_WAITS)
        request = self._pending.request
        if expect is None or not expect.request:
            raise CommandRefusedError("say which request is meant")
        if expect.request != request.request:
            raise CommandRefusedError("that is not what waits any more")
        if expect.frame_sha256 and expect.frame_sha256 != request.frame_sha256:
            raise CommandRefusedError("that is not the picture it was asked with")
        if expect.args_sha256 and expect.args_sha256 != request.args_sha256:
            raise CommandRefusedError("that is not the input it was asked with")
        return request

    def _check(self, member: str, given: Json) -> None:
        """Judge an edit anew: what the action can't be given, or a rule denies, is no edit."""
        try:
            read_input(member, given)
        except (MemberRefused, KeyError) as error:
            raise CommandRefusedError(f"the edit can't be used: {error}") from None
        verdict = decide(Proposal(member=member, input=given), self._context())
        if verdict.effect is Effect.DENY:
            raise CommandRefusedError(f"the edit is not allowed: {verdict.why}")

    def withdraw(self, why: str) -> None:
        """Take back what waits, if something does: it is not wanted any more."""
        self._close("withdrawn", "engine", why, Ruling(withdrawn=True))

    def set_mode(self, name: str, actor: str) -> None:
        """Change the mode; with deny-all what waits is rejected.

        Raises:
            CommandRefusedError: There is no such mode.
        """
        if name not in [mode.value for mode in Mode]:
            names = ", ".join(mode.value for mode in Mode)
            raise CommandRefusedError(f"there is no mode {name!r}: it may be {names}")
        self.mode = Mode(name)
        self._recorder.publish(ev.ModeChanged(mode=name, actor=actor), durable=True)
        if self.mode is Mode.DENY_ALL:
            why = "the mode is deny-all"
            self._close("reject", actor, why, Ruling(barred=f"{REJECTED} Why: {why}"))

    def _close(self, decision: str, actor: str, reason: str, ruling: Ruling) -> None:
        """Journal what became of what waits, if something does, and let it go on."""
        pending, self._pending = self._pending, None
        if pending is None:
            return
        decided = ev.ApprovalDecided(
            request=pending.request.request,
            decision=decision,
            actor=actor,
            reason=reason,
            input=ruling.input or {},
        )
        try:
            self._recorder.publish(decided, durable=True)
            self._gate.let_go(Hold.APPROVAL)
        except BaseException:
            pending.answer.cancel()  # what is not recorded is not decided
            raise
        if not pending.answer.done():
            pending.answer.set_result(ruling)


async def _patience(answer: asyncio.Future[Ruling], timeout_s: float) -> None:
    # Not `timeout`: an answer that came in the very moment must not be lost with it.
    await asyncio.wait({answer}, timeout=timeout_s or None)
