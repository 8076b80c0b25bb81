"""The state machine of steering, small and pure: what each command does in each state, and what may happen.

It knows no clock, no task and no event: only what holds, what waits, and who drives. `docs/steering.md` has
its table, and random walks hold the engine to it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from pilothouse import commands as cmd
from pilothouse.engine.lease import ACTS
from pilothouse.engine.limits import Limit
from pilothouse.engine.policy_rules import Mode
from pilothouse.events import Hold, RunPhase

BY_HAND: Final = frozenset({Hold.PAUSE, Hold.FREEZE, Hold.STEP})
STEPS_MAX: Final = 1000
NOBODY: Final = "nobody has taken over"
OVER: Final = {RunPhase.ENDED: "the run has ended", RunPhase.ENDING: "the run is ending"}


@dataclass(frozen=True)
class Applied:
    """The command took effect; `effect` names it, empty where nothing changed."""

    effect: str = ""


@dataclass(frozen=True)
class Refused:
    """The command was refused."""

    why: str


Answer = Applied | Refused


@dataclass(frozen=True)
class Letter:
    """A message that waits."""

    id: str
    when: str


@dataclass(frozen=True)
class Steered:
    """A run, as far as steering goes."""

    phase: RunPhase = RunPhase.STARTING
    """Of its own accord: a run that is starting or running is holding while `holds` has something."""
    holds: frozenset[Hold] = frozenset()
    steps: int | None = None
    """Granted and not used up; None while they are not counted."""
    asking: bool = False
    """The model is answering."""
    acting: bool = False
    """An action is under way."""
    batch: int = 0
    """Actions of the turn that have not begun."""
    request: str = ""
    """What waits for an approval; also what it was allowed, once `approved`."""
    approved: bool = False
    requests: int = 0
    """So many requests were made."""
    driver: str = ""
    """Who holds the lease, or asked for it while an action is under way."""
    acts: int = 0
    """What they asked for and is not done."""
    leaving: bool = False
    """The lease ends once that is done."""
    concealed: bool = False
    idle_s: int = 0
    """How long they have not asked for anything."""
    gone_s: int | None = None
    """How long their viewer is gone; None as long as it is there, or never was."""
    bridges: tuple[str, ...] = ()
    """Whose bridges are there."""
    browser: bool = False
    limit: str = ""
    """The request of the limit that holds."""
    retry_s: int | None = None
    """A retry waits for so long; None until a person resumes."""
    mail: tuple[Letter, ...] = ()
    """Messages that wait, in the order in which they are read."""
    became: tuple[tuple[str, str], ...] = ()
    """What became of those that wait no more."""
    resting: bool = False
    """Its leg is over, and what begins the next one waits until nothing holds: it may still be changed."""
    mode: Mode = Mode.ASK_RISKY
    limits: frozenset[str] = frozenset({"steps"})
    stale: bool = False
    """Somebody took over while the model was answering: what it asks for was meant for another screen."""
    rest: int = 0
    """So many calls have no answer yet, be it that they will be left once nothing holds."""
    adrift: bool = False
    """The model was not told yet that it has another browser."""

    # ------------------------------------------------------------------------------- what may happen

    @property
    def is_held(self) -> bool:
        """Say whether anything holds."""
        return bool(self.holds)

    @property
    def may_ask(self) -> bool:
        """Say whether a request may be sent to the model."""
        idle = not (self.asking or self.acting or self.batch or self.resting)
        return self.phase is RunPhase.RUNNING and idle and not self.is_held

    @property
    def may_act(self) -> bool:
        """Say whether the next action may be sent to the browser."""
        ready = self.batch > 0 and not (self.asking or self.acting) and self.browser
        return self.phase is RunPhase.RUNNING and ready and not self.is_held and not self.is_interrupted

    @property
    def is_driving(self) -> bool:
        """Say whether a person's act is under way: the agent's comes first."""
        return self.acts > 0 and not self.acting

    @property
    def is_interrupted(self) -> bool:
        """Say whether the rest of the batch will be left: a message said now waits."""
        return any(letter.when == "now" for letter in self.mail)

    @property
    def due(self) -> tuple[Letter, ...]:
        """What is read at the next boundary."""
        return tuple(letter for letter in self.mail if letter.when != "end")

    def found(self, message: str) -> Letter | Refused:
        """Give a message that waits, or say what became of it."""
        for letter in self.mail:
            if letter.id == message:
                return letter
        became = dict(self.became).get(message)
        return Refused(f"that message {became} already" if became else "no such message waits")

    def without(self, gone: tuple[Letter, ...], became: str = "was delivered") -> Steered:
        """Have messages wait no more."""
        left = tuple(letter for letter in self.mail if letter not in gone)
        return replace(self, mail=left, became=(*self.became, *((letter.id, became) for letter in gone)))


def apply(run: Steered, command: cmd.Command) -> tuple[Steered, Answer]:
    """Apply a command: every command is applied or refused with a reason, in every state."""
    if run.phase in OVER:
        return run, Refused(OVER[run.phase])
    match command:
        case cmd.Pause(freeze=freeze):
            return _pause(run, freeze=freeze)
        case cmd.Resume():
            return _resume(run, command)
        case cmd.Step(n=n):
            return _step(run, n)
        case cmd.Say():
            return _say(run, command)
        case cmd.Revise():
            return _revise(run, command)
        case cmd.Unsay(message=message):
            letter = run.found(message)
            if isinstance(letter, Refused):
                return run, letter
            return run.without((letter,), "was taken back"), Applied("it is returned")
        case cmd.Approve() | cmd.Reject() | cmd.Edit():
            return _decide(run, command)
        case cmd.TakeOver():
            return _take_over(run, command.actor)
        case cmd.Release():
            return _release(run, command.actor)
        case cmd.Act():
            return _act(run, command)
        case cmd.Conceal():
            return _conceal(run, command.actor, on=True)
        case cmd.Reveal():
            return _conceal(run, command.actor, on=False)
        case cmd.LiveView():
            return (
                (run, Applied("the link is told")) if run.browser else (run, Refused("there is no browser"))
            )
        case cmd.SetLimit():
            return _set_limit(run, command)
        case cmd.SetMode(mode=mode):
            return _set_mode(run, mode)
        case cmd.SetModel(model=model, effort=effort):
            return (
                (run, Applied("the next turn is asked of it"))
                if model or effort
                else (run, Refused("nothing to change"))
            )
        case cmd.Abort():
            return _ended(run), Applied("everything in flight is cancelled")
        case _:
            return run, Refused(f"this engine can't do {type(command).__name__} yet")


def _pause(run: Steered, *, freeze: bool) -> tuple[Steered, Answer]:
    hold = Hold.FREEZE if freeze else Hold.PAUSE
    after = replace(run, holds=run.holds - BY_HAND | {hold}, steps=None)
    if freeze and run.asking:
        return replace(after, asking=False), Applied("the answer is dropped")
    return after, Applied("it holds" if after != run else "")


def _resume(run: Steered, command: cmd.Command) -> tuple[Steered, Answer]:
    """Let go of what is held by hand, of a retry and a lost browser; of a limit only if it is named."""
    named = command.expect.request if command.expect else ""
    if named:
        if named != run.limit:
            return run, Refused("that limit does not hold any more")
        return replace(run, limit="", holds=run.holds - {Hold.LIMIT}), Applied("it goes on once")
    lets_go = run.holds & (BY_HAND | {Hold.RETRY, Hold.BROWSER_LOST})
    if not lets_go and run.steps is None and run.holds:
        return run, Refused(_instead(run))
    browser = run.browser or Hold.BROWSER_LOST in run.holds
    after = replace(run, holds=run.holds - lets_go, steps=None, browser=browser)
    return after, Applied("it goes on" if after != run else "")


def _instead(run: Steered) -> str:
    """Say what holds, and what would let it go."""
    ways = {
        Hold.TAKEOVER: f"{run.driver} drives: release it first",
        Hold.APPROVAL: "an action waits for an approval: approve, reject or edit it",
        Hold.LIMIT: "a limit is reached: raise it, or name it to go on once",
        Hold.DISK: "the disk is full: make room",
    }
    return next(way for hold, way in ways.items() if hold in run.holds)


def _step(run: Steered, n: int) -> tuple[Steered, Answer]:
    if not 1 <= n <= STEPS_MAX:
        return run, Refused(f"steps must be between 1 and {STEPS_MAX}")
    after = replace(run, holds=run.holds - BY_HAND, steps=min((run.steps or 0) + n, STEPS_MAX))
    return after, Applied("so many actions, then it holds")


def _say(run: Steered, command: cmd.Say) -> tuple[Steered, Answer]:
    if not command.text.strip():
        return run, Refused("the message is empty")
    if command.when not in ("now", "after", "end"):
        return run, Refused(f"a message is said 'now', 'after' or 'end', not {command.when!r}")
    return _read_now(replace(run, mail=(*run.mail, Letter(command.id, command.when))), command.when)


def _read_now(run: Steered, when: str) -> tuple[Steered, Answer]:
    """A message that is to be read now has what waits for an approval withdrawn; what was let may be done."""
    if when == "now" and run.request and not run.approved:
        return _withdrawn(run), Applied("the request is withdrawn")
    return run, Applied("it is queued")


def _revise(run: Steered, command: cmd.Revise) -> tuple[Steered, Answer]:
    """Give a message that waits another boundary or another place."""
    letter = run.found(command.message)
    if isinstance(letter, Refused):
        return run, letter
    when, before = command.when or letter.when, command.before
    if when not in ("now", "after", "end"):
        return run, Refused(f"a message is said 'now', 'after' or 'end', not {when!r}")
    if before == letter.id:
        return run, Refused("a message can't stand before itself")
    place = run.found(before) if before not in ("", "end") else None
    if isinstance(place, Refused):
        return run, place
    revised, others = Letter(letter.id, when), [one for one in run.mail if one != letter]
    at = len(others) if before == "end" else others.index(place) if place else run.mail.index(letter)
    return _read_now(replace(run, mail=(*others[:at], revised, *others[at:])), when)


def _decide(run: Steered, command: cmd.Command) -> tuple[Steered, Answer]:
    if not run.request or run.approved:
        return run, Refused("nothing waits for an approval")
    if command.expect is None:
        return run, Refused("say which request is meant")
    if command.expect.request != run.request:
        return run, Refused("that is not what waits any more")
    free = run.holds - {Hold.APPROVAL, Hold.UNATTENDED}
    if isinstance(command, cmd.Reject):
        return replace(run, holds=free, request="", batch=0, rest=0), Applied(
            "it never happens; the rest is halted"
        )
    return replace(run, holds=free, approved=True), Applied("it happens once nothing else holds")


def _withdrawn(run: Steered) -> Steered:
    """Take back a request, and the batch it belongs to."""
    holds = run.holds - {Hold.APPROVAL, Hold.UNATTENDED}
    return replace(run, holds=holds, request="", approved=False, batch=0)


def _take_over(run: Steered, actor: str) -> tuple[Steered, Answer]:
    if run.leaving:
        return run, Refused(f"{run.driver} is just giving the browser back: try again")
    if run.driver == actor:
        return run, Applied()
    if run.driver:
        return run, Refused(f"{run.driver} drives")
    if not run.browser:
        return run, Refused("there is no browser")
    holds, stale = run.holds | {Hold.TAKEOVER}, run.stale or run.asking
    after = replace(run, driver=actor, holds=holds, stale=stale, idle_s=0, gone_s=None)
    if run.batch or run.request:  # what was proposed was meant for another screen
        return _withdrawn(after), Applied("the agent holds; the rest of the batch is left")
    return after, Applied("the agent holds")


def _release(run: Steered, actor: str) -> tuple[Steered, Answer]:
    if not run.driver:
        return run, Refused("nobody has taken over")
    if run.driver != actor:
        return run, Refused(f"{run.driver} drives")
    if run.leaving:
        return run, Applied()
    return replace(run, leaving=True), Applied("the model is told what was done")


def _act(run: Steered, act: cmd.Act) -> tuple[Steered, Answer]:
    if why := _not_theirs(run, act.actor):
        return run, Refused(why)
    if act.member not in ACTS:
        return run, Refused(f"{act.member!r} can't be done by hand")
    after = replace(run, acts=run.acts + 1, idle_s=0, concealed=run.concealed or act.secret)
    return after, Applied("it is done after what was asked for before")


def _conceal(run: Steered, actor: str, *, on: bool) -> tuple[Steered, Answer]:
    if why := _not_theirs(run, actor):
        return run, Refused(why)
    if run.concealed == on:
        return run, Applied()
    return replace(run, concealed=on), Applied("no pictures" if on else "pictures again")


def _not_theirs(run: Steered, actor: str) -> str:
    if not run.driver:
        return NOBODY
    if run.driver != actor:
        return f"{run.driver} drives"
    return NOBODY if run.leaving else ""


def _set_limit(run: Steered, command: cmd.SetLimit) -> tuple[Steered, Answer]:
    if command.limit not in [limit.value for limit in Limit]:
        return run, Refused(f"there is no limit {command.limit!r}")
    if command.value is not None and not command.value > 0:
        return run, Refused(f"{command.value:g} is no limit of {command.limit}")
    limits = run.limits - {command.limit} if command.value is None else run.limits | {command.limit}
    after = replace(run, limits=limits, limit="", holds=run.holds - {Hold.LIMIT})
    return after, Applied("limits are looked at anew")


def _set_mode(run: Steered, mode: str) -> tuple[Steered, Answer]:
    if mode not in [one.value for one in Mode]:
        return run, Refused(f"there is no mode {mode!r}")
    after = replace(run, mode=Mode(mode))
    if run.request and not run.approved and after.mode is Mode.DENY_ALL:
        holds = run.holds - {Hold.APPROVAL, Hold.UNATTENDED}
        return replace(after, holds=holds, request="", batch=0, rest=0), Applied("what waits is rejected")
    return after, Applied("the next action is judged by it")


def _ended(run: Steered) -> Steered:
    return Steered(phase=RunPhase.ENDING, browser=run.browser, requests=run.requests, mode=run.mode)


# ----------------------------------------------------------------------------------------------- moves


def opened(run: Steered) -> Steered:
    """The browser is there."""
    return replace(run, phase=RunPhase.RUNNING, browser=True)


def asked(run: Steered) -> Steered:
    """A request went to the model, with every message that waited for it."""
    assert run.may_ask
    return replace(run.without(run.due), asking=True, stale=False, rest=0)


def answered(run: Steered, actions: int) -> Steered:
    """The model's answer is whole: it asks for actions, or its leg is over."""
    assert run.asking
    if actions:
        left = run.stale or run.adrift
        batch = 0 if left else actions
        return replace(run, asking=False, batch=batch, stale=False, rest=actions, adrift=False)
    if not run.mail:
        return replace(run, asking=False, phase=RunPhase.IDLE)
    return replace(run, asking=False, resting=not run.due)


def rested(run: Steered) -> Steered:
    """Nothing holds: what waits begins the next leg; if it was taken back meanwhile, the run idles."""
    assert run.resting
    assert not run.is_held
    if not run.mail:
        return replace(run, resting=False, phase=RunPhase.IDLE)
    return replace(run.without(_next_leg(run)), resting=False)


def _next_leg(run: Steered) -> tuple[Letter, ...]:
    """All that is due, else the first for the end of the turn."""
    return run.due or run.mail[:1]


def judged(run: Steered, *, ask: bool) -> Steered:
    """The next action is looked at: it may happen, or it waits for a person."""
    assert run.may_act
    if not ask or run.approved:
        return run
    number = run.requests + 1
    holds = run.holds | {Hold.APPROVAL}
    return replace(run, holds=holds, request=f"a{number}", requests=number)


def acted(run: Steered) -> Steered:
    """The next action is sent."""
    assert run.may_act
    assert run.request == "" or run.approved
    steps = None if run.steps is None else run.steps - 1
    return replace(
        run, acting=True, batch=run.batch - 1, rest=run.rest - 1, steps=steps, request="", approved=False
    )


def done(run: Steered, *, ok: bool = True) -> Steered:
    """The action has its outcome; after a failure the rest of the batch is halted."""
    assert run.acting
    after = replace(run, acting=False, batch=run.batch if ok else 0, rest=run.rest if ok else 0)
    return replace(after, steps=None, holds=after.holds | {Hold.STEP}) if after.steps == 0 else after


def left(run: Steered) -> Steered:
    """The rest of a batch is left because of a message."""
    assert run.is_interrupted
    return _withdrawn(run)


def faulted(run: Steered, retry_s: int | None = None) -> Steered:
    """The model's side failed: it is asked again after a while, or once a person resumes."""
    assert run.asking
    return replace(run, asking=False, holds=run.holds | {Hold.RETRY}, retry_s=retry_s)


def lost(run: Steered) -> Steered:
    """The browser is gone: what waited for it is left, and nobody drives."""
    told = run.acting or run.rest > 0  # with the results that are still to come
    run = done(run, ok=False) if run.acting else run
    holds = run.holds - {Hold.APPROVAL} | {Hold.BROWSER_LOST}
    after = replace(run, browser=False, holds=holds, batch=0, request="", approved=False)
    return handed_back(replace(after, stale=run.stale or run.asking, adrift=not told))


def did(run: Steered) -> Steered:
    """The act under way is over, however it ended."""
    assert run.is_driving
    return replace(run, acts=run.acts - 1)


def handed_back(run: Steered) -> Steered:
    """The lease is over; the model is told before it goes on."""
    holds = run.holds - {Hold.TAKEOVER}
    return replace(run, holds=holds, driver="", acts=0, leaving=False, concealed=False, idle_s=0, gone_s=None)


def limited(run: Steered) -> Steered:
    """A limit is reached."""
    number = run.requests + 1
    rest = run.rest if run.batch else 0  # before a turn all is answered
    return replace(run, holds=run.holds | {Hold.LIMIT}, limit=f"l{number}", requests=number, rest=rest)


def woken(run: Steered) -> Steered:
    """A message starts the next leg: all that is due, else the first for the end of the turn."""
    assert run.phase is RunPhase.IDLE
    assert run.mail
    return replace(run.without(_next_leg(run)), phase=RunPhase.RUNNING)


def closed(run: Steered) -> Steered:
    """The run is over."""
    return replace(_ended(run), phase=RunPhase.ENDED, browser=False)
