"""Random walks: whatever is asked whenever, the engine's steering does what the model of it says."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable
from typing import Any, cast, get_args

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.engine.allowance import Allowance
from pilothouse.engine.approvals import Approvals
from pilothouse.engine.batch import Hands
from pilothouse.engine.gate import Gate
from pilothouse.engine.lease import Lease
from pilothouse.engine.limits import Limits
from pilothouse.engine.loop import Loop
from pilothouse.engine.mailbox import Mailbox
from pilothouse.engine.policy import Mode, Policy
from pilothouse.engine.steering import Steering
from pilothouse.engine.wheel import Wheel
from pilothouse.events import Hold, RunPhase
from pilothouse.model.catalogue import Tokens
from pilothouse.model.conversation import Call
from pilothouse.model.stream import Answer
from tests.engine import lease_moves
from tests.engine import steering_model as model
from tests.engine.walk_stubs import Berthed, Clock, Memory, Page, Talk

WALKS, MOVES_MAX = 2_000, 40
"""`make soak` takes more of the same."""
SETTLED_MAX = 1_000
"""More rounds of the event loop than that between two moves, and something goes round in circles."""


BACKOFF_S = 30
"""How long a retry waits, on the walk's own clock."""
IDLE_S = 1e9
"""The run idles for as long as the walk goes on."""
BUSY, BROKEN = -1, -2
"""What comes instead of so many actions: a fault that may pass, and one that only a person can help."""


class Engine:
    """The engine's own steering, approvals, limits and hands, and a model that answers when told to."""

    def __init__(self) -> None:
        self.memory = Memory()
        recorder = cast("Any", self.memory)
        self.gate, self.mailbox, self.page = Gate(recorder.publish), Mailbox(), Page()
        numbers = iter(range(1, 10_000))
        self.approvals = Approvals(
            recorder, self.gate, numbers.__next__, policy=Policy(), mode=Mode.ASK_RISKY
        )
        self.allowance = Allowance(recorder, self.gate, numbers.__next__, Limits(), unattended=False)
        self.clock = Clock()
        self.lease = Lease(recorder, self.gate, self.approvals, self.clock.later)
        self.steering = Steering(
            recorder, self.gate, self.mailbox, self.approvals, self.allowance, self.lease
        )
        self.steering.phase = lambda: self.memory.state.phase
        self.steering.on_freeze = lambda why: self.answer(None)
        self.steering.on_model = lambda name, effort: []
        self.steering.live_view = lambda: "https://live.example" if self.lease.wheel else None
        self.berth = Berthed(self.gate)
        berth = cast("Any", self.berth)
        self.berth.on_lost = self.lose
        page = cast("Any", self.page)
        self.hands = Hands(
            recorder,
            self.gate,
            self.mailbox,
            page,
            page,
            berth,
            self.approvals,
            self.allowance,
            self.lease,
        )
        self.wheel = Wheel(self.page.members, self.hands, page, berth)
        self.answering: asyncio.Future[int | None] | None = None
        self.performing = False
        self.gate.enter(RunPhase.STARTING)

    def lose(self) -> None:
        self.approvals.withdraw("the browser is gone")
        self.lease.lost()

    def answer(self, actions: int | None) -> None:
        if self.answering is not None and not self.answering.done():
            self.answering.set_result(actions)

    async def drive(self) -> None:
        """Go on as a run does, with the engine's own loop."""
        self.lease.wheel = self.wheel
        stub = cast("Any", self)
        loop = Loop(
            recorder=cast("Any", self.memory),
            gate=self.gate,
            allowance=self.allowance,
            mailbox=self.mailbox,
            hands=stub,
            asker=stub,
            requester=stub,
            pictures=cast("Any", Talk()),
            conversation=cast("Any", Talk()),
            lease=self.lease,
            idle_s=IDLE_S,
        )
        await loop.run("go")

    async def ask(self, turn: int, deliver: Callable[[], None]) -> Answer:
        """Answer once the walk says so, after every fault that it says."""
        actions = None
        while actions is None:
            await self.gate.pass_model()
            deliver()
            self.answering = asyncio.get_running_loop().create_future()
            actions = await self.answering
            self.answering = None
            if actions in (BUSY, BROKEN):
                await self.gate.hold_retry(BACKOFF_S if actions == BUSY else None)
                actions = None
        self.memory.publish(ev.TurnFinished(turn=turn, stop_reason="tool_use", content=[]))
        content = [{"type": "tool_use", "id": f"t{turn}-{n}", "at": [n, turn]} for n in range(actions)]
        return Answer(
            content=content or [{"type": "text", "text": "-"}], stop_reason="tool_use", tokens=Tokens()
        )

    async def perform(self, turn: int, calls: tuple[Call, ...]) -> list[dict[str, Any]]:
        self.performing = True
        results = await self.hands.perform(turn, calls)
        self.performing = False
        return results


class Walk:
    """The engine and its model, moved together."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.run = model.Steered(limits=frozenset())
        self.commands = 0
        self.acts: list[asyncio.Future[cmd.Ack | cmd.Refused]] = []
        self.driving: asyncio.Task[None] | None = None

    async def settle(self) -> None:
        """Let everything go on that can go on by itself."""
        ready = cast("Any", asyncio.get_running_loop())._ready  # else many idle rounds, to be sure
        for _ in range(SETTLED_MAX):
            await asyncio.sleep(0)
            if not ready:
                break
        else:
            raise AssertionError("it does not come to rest")
        if self.driving is not None and self.driving.done():
            self.driving.result()
        while (after := self._by_itself(self.run)) != self.run:
            self.run = after

    def _by_itself(self, run: model.Steered) -> model.Steered:
        """Move the model as the engine moves without anyone's doing."""
        if run.leaving and not run.acts and not run.acting:
            return model.handed_back(run)
        if run.is_interrupted and run.batch and not run.is_held and not run.acting:
            return model.left(run)
        if run.phase is RunPhase.IDLE and run.mail:
            return model.woken(run)
        if run.resting and not run.is_held:
            return model.rested(run)
        if not (run.may_ask or run.may_act):
            return run
        if Hold.LIMIT in self.engine.gate.holding and not run.request:
            assert self.engine.page.sent >= 2, "the limit was reached"
            if run.batch and not self.engine.performing:  # it was passed once, for actions that were denied
                assert run.mode is Mode.DENY_ALL
                return model.limited(dataclasses.replace(run, batch=0, rest=0))
            return model.limited(run)
        if run.may_ask:
            return model.asked(run)
        if run.mode is Mode.DENY_ALL and not run.approved:
            return dataclasses.replace(run, batch=0, rest=0)
        judged = model.judged(run, ask=run.mode is Mode.ASK_ALL)
        return model.acted(judged) if judged.may_act else judged

    def check(self) -> None:
        """Compare what can be seen of both."""
        engine, run = self.engine, self.run
        pending = engine.approvals._pending
        seen = {
            "phase": engine.memory.state.phase,
            "holds": frozenset(engine.gate.holding),
            "request": pending.request.request if pending else "",
            "limit": engine.allowance._request,
            "steps": engine.gate._steps,
            "asking": engine.answering is not None,
            "acting": engine.page.ending is not None,
            "mode": engine.approvals.mode,
            "driver": engine.lease.holder,
            "driving": engine.page.members.ending is not None,
            "acts": sum(not answer.done() for answer in self.acts),
            "concealed": engine.lease._veiled,
            "mail": tuple(model.Letter(waits.id, waits.when) for waits in engine.mailbox._waiting),
        }
        told = {
            "phase": self.phase(run),
            "holds": run.holds,
            "request": "" if run.approved else run.request,
            "limit": run.limit,
            "steps": run.steps,
            "asking": run.asking,
            "acting": run.acting,
            "mode": run.mode,
            "driver": run.driver,
            "driving": run.is_driving,
            "acts": run.acts,
            "concealed": run.concealed,
            "mail": run.mail,
        }
        queue = [(waits.id, waits.text, waits.when) for waits in engine.mailbox._waiting]
        assert [(m.id, m.text, m.when) for m in engine.memory.state.messages] == queue
        assert seen == told

    @staticmethod
    def phase(run: model.Steered) -> RunPhase:
        held = run.is_held and run.phase in (RunPhase.STARTING, RunPhase.RUNNING)
        return RunPhase.HOLDING if held else run.phase

    def assert_nothing_was_seen(self) -> None:
        """Check that no picture was recorded while the page was concealed, and no secret ever."""
        concealed = False
        for event in self.engine.memory.events:
            if isinstance(event, ev.Concealed | ev.Revealed | ev.TakeoverEnded):
                concealed = isinstance(event, ev.Concealed)
            assert not (concealed and isinstance(event, ev.FrameCaptured))
            assert b"hunter2" not in msgspec.json.encode(event)

    async def end(self) -> None:
        await self.engine.lease.close("the walk is over")
        recovering = self.engine.berth._recovering
        tasks = {task for task in (self.driving, recovering) if task is not None}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    # --- moves -------------------------------------------------------------------------------------

    def person(self, command: cmd.Command) -> None:
        self.commands += 1
        command = msgspec.structs.replace(command, id=str(self.commands))
        if isinstance(command, cmd.SetLimit) and self.run.limit and command.value is not None:
            command = msgspec.structs.replace(
                command, value=1000.0
            )  # a limit that still holds goes on holding
        if isinstance(command, cmd.Revise | cmd.Unsay):
            command = self.meant(command)
        if command.expect is not None and command.expect.request == "this":
            name = self.run.limit if isinstance(command, cmd.Resume) else self.run.request
            command = msgspec.structs.replace(command, expect=cmd.Expect(request=name or "a0"))
        self.run, told = model.apply(self.run, command)
        begun = self.engine.steering.begin(command)
        if isinstance(command, cmd.Act) and isinstance(told, model.Applied):
            self.acts.append(begun)
            return
        answer = begun.result()
        assert isinstance(answer, cmd.Refused) == isinstance(told, model.Refused), (command, answer, told)
        if isinstance(told, model.Refused) and isinstance(answer, cmd.Refused):
            assert answer.why.startswith(told.why.split(":")[0]), (answer, told)

    def meant(self, command: cmd.Revise | cmd.Unsay) -> cmd.Revise | cmd.Unsay:
        """Name the messages that a move means: the first or last that waits, or one that does no more."""
        ids = [letter.id for letter in self.run.mail] or ["?"]
        gone = [message for message, _ in self.run.became] or ["?"]
        names = {"first": ids[0], "last": ids[-1], "gone": gone[-1]}
        command = msgspec.structs.replace(command, message=names[command.message])
        if isinstance(command, cmd.Revise):
            return msgspec.structs.replace(command, before=names.get(command.before, command.before))
        return command

    def environment(self, move: str) -> None:
        engine = self.engine
        if move == "go on":  # whatever it waits for
            self.go_on()
        elif move == "open" and self.driving is None:
            self.run = model.opened(self.run)
            self.driving = asyncio.create_task(engine.drive())
        elif move.startswith("answer") and self.run.asking:
            actions = int(move[-1])
            self.run = model.answered(self.run, actions)
            engine.answer(actions)
        elif move in ("busy", "broken") and self.run.asking:
            self.run = model.faulted(self.run, BACKOFF_S if move == "busy" else None)
            engine.answer(BUSY if move == "busy" else BROKEN)
        elif move in ("done", "failed") and self.run.acting:
            self.run = model.done(self.run, ok=move == "done")
            assert engine.page.ending is not None
            engine.page.ending.set_result(move == "done")
        elif move == "the browser dies" and self.run.browser and self.run.phase is RunPhase.RUNNING:
            self.die()
        else:
            self.wheel(move)

    def wheel(self, move: str) -> None:
        """What happens to who drives."""
        engine, (what, _, how) = self.engine, move.partition(" ")
        if what == "did" and self.run.is_driving:
            self.run = model.did(self.run)
            assert engine.page.members.ending is not None
            engine.page.members.ending.set_result(how)
        elif what == "wait":
            self.run = lease_moves.waited(self.run, int(how))
            engine.clock.wait(float(how))
        elif what == "came":
            self.run = lease_moves.came(self.run, how)
            engine.lease.arrived(how, "bridge")
            engine.lease.arrived(how, "control")
        elif what == "went":
            engine.lease.departed(how, "control")
            if how in self.run.bridges:
                self.run = lease_moves.went(self.run, how)
                engine.lease.departed(how, "bridge")

    def die(self) -> None:
        """Lose the browser, in the middle of an action if there is one."""
        engine = self.engine
        if engine.page.ending is not None:
            engine.page.lost = True
            engine.page.ending.set_result(False)
        engine.berth.lose("it is gone")
        self.run = model.lost(self.run)

    def go_on(self) -> None:
        run = self.run
        if run.is_driving:
            self.environment("did well")
        elif run.driver and not run.acting:
            self.person(cmd.Release(id="", actor=run.driver))
        elif run.asking or run.acting:
            self.environment("answer 3" if run.asking else "done")
        elif run.request and not run.approved:
            self.person(DECISIONS[self.commands % len(DECISIONS)])
        elif run.limit:
            self.person(said(cmd.Resume, "this"))
        elif run.is_held:
            self.person(said(cmd.Resume))
        elif run.phase is RunPhase.IDLE:
            self.person(said(cmd.Say, text="go"))


def said(kind: type[cmd.Command], expect: str = "", **fields: Any) -> cmd.Command:
    return kind(id="", actor="ann", expect=cmd.Expect(request=expect) if expect else None, **fields)


DECISIONS = [
    said(cmd.Approve, "this"),
    said(cmd.Edit, "this", input={"coordinate": [5, 5]}),
    said(cmd.Reject, "this"),
    said(cmd.Approve, "this"),
    said(cmd.Approve, "a99"),
]
COMMANDS = [
    said(cmd.Pause),
    said(cmd.Pause, freeze=True),
    said(cmd.Resume),
    said(cmd.Resume, "this"),
    said(cmd.Resume, "l99"),
    said(cmd.Step, n=1),
    said(cmd.Step, n=3),
    said(cmd.Step, n=0),
    said(cmd.Say, text="go"),
    said(cmd.Say, text="go", when="now"),
    said(cmd.Say, text="go", when="end"),
    said(cmd.Say, text=" "),
    said(cmd.Approve, "this"),
    said(cmd.Approve, "a99"),
    said(cmd.Approve),
    said(cmd.Reject, "this"),
    said(cmd.Edit, "this", input={"coordinate": [5, 5]}),
    said(cmd.SetMode, mode="auto"),
    said(cmd.SetMode, mode="ask-all"),
    said(cmd.SetMode, mode="deny-all"),
    said(cmd.SetMode, mode="?"),
    said(cmd.SetLimit, limit="steps", value=2.0),
    said(cmd.SetLimit, limit="steps", value=None),
    said(cmd.SetLimit, limit="steps", value=0.0),
    said(cmd.SetLimit, limit="?", value=1.0),
    said(cmd.SetModel, model="m"),
]
CLICK = {"coordinate": [5, 5]}
WHEEL: list[cmd.Command | str] = [
    said(cmd.TakeOver),
    said(cmd.Release),
    said(cmd.Act, member="left_click", input=CLICK),
    said(cmd.Act, member="type", input={"text": "hunter2"}, secret=True),
    said(cmd.Act, member="zoom"),
    said(cmd.Conceal),
    said(cmd.Reveal),
    said(cmd.LiveView),
    cmd.TakeOver(id="", actor="bob"),
    cmd.Release(id="", actor="bob"),
    cmd.Act(id="", actor="bob", member="left_click", input=CLICK),
    "did well",
    "did refused",
    "did unknown",
    "came ann",
    "came ann",
    "went ann",
    "wait 20",
    "wait 310",
    "wait 310",
    "the browser dies",
]
QUEUE: list[cmd.Command] = [
    said(cmd.Say, text="go", when="end"),
    said(cmd.Say, text="go", when="end"),
    said(cmd.Say, text="go"),
    said(cmd.Revise, message="first", text="go on"),
    said(cmd.Revise, message="first", when="now"),
    said(cmd.Revise, message="first", before="end"),
    said(cmd.Revise, message="first", when="?"),
    said(cmd.Revise, message="last", when="after"),
    said(cmd.Revise, message="last", when="end", before="first"),
    said(cmd.Revise, message="last", before="gone"),
    said(cmd.Revise, message="gone", when="now"),
    said(cmd.Unsay, message="first"),
    said(cmd.Unsay, message="last"),
    said(cmd.Unsay, message="gone"),
    said(cmd.Pause),
]
moves = st.one_of(
    st.sampled_from(QUEUE),
    st.sampled_from(COMMANDS),
    st.sampled_from(WHEEL),
    st.sampled_from([*WHEEL[:4], *WHEEL[2:4], "did well", "wait 310"]),
    st.sampled_from(["open", "answer 0", "answer 1", "answer 3", "done", "failed", "busy", "broken"]),
    st.sampled_from([said(cmd.Say, text="go", when="now"), said(cmd.Pause), *DECISIONS]),
    st.just("go on"),
    st.just("go on"),
)
STARTS: list[list[cmd.Command | str]] = [
    [said(cmd.SetMode, mode="ask-all"), "open", "answer 3"],
    ["open", said(cmd.SetLimit, limit="steps", value=2.0)],
    ["open", "answer 3", said(cmd.TakeOver)],
    ["open", said(cmd.Say, text="go", when="end"), said(cmd.Pause), "answer 0"],
    ["open", "busy", "wait 20"],
    ["open", said(cmd.SetMode, mode="ask-all"), "came ann", said(cmd.TakeOver), "went ann"],
    ["open"],
    [],
]


@settings(max_examples=WALKS, deadline=None, database=None, phases=[Phase.generate], print_blob=True)
@given(start=st.sampled_from(STARTS), chosen=st.lists(moves, min_size=10, max_size=MOVES_MAX))
async def test_the_engine_steers_as_its_model_says(
    start: list[cmd.Command | str], chosen: list[cmd.Command | str]
) -> None:
    walk, loop, began = Walk(), cast("Any", asyncio.get_running_loop()), time.monotonic()
    loop.time = lambda: began + walk.engine.clock.now  # what waits in the engine waits on the walk's clock
    try:
        for move in [*start, *chosen]:
            if isinstance(move, str):
                walk.environment(move)
            else:
                walk.person(move)
            await walk.settle()
            walk.check()
        walk.assert_nothing_was_seen()
    finally:
        del loop.time
        await walk.end()


BUSY_TAKEN: list[cmd.Command | str] = ["open", "answer 3", "came ann", said(cmd.TakeOver), "done"]
SITUATIONS: dict[str, tuple[list[cmd.Command | str], Callable[[model.Steered], object]]] = {
    "starting": ([], lambda run: run.phase is RunPhase.STARTING),
    "during the stream": (["open"], lambda run: run.asking),
    "during an action": (["open", "answer 3"], lambda run: run.acting),
    "during an approval": ([said(cmd.SetMode, mode="ask-all"), "open", "answer 3"], lambda run: run.request),
    "during a retry's wait": (["open", "busy"], lambda run: run.is_held),
    "after the last retry": (["open", "broken"], lambda run: run.is_held),
    "during a takeover": (BUSY_TAKEN, lambda run: run.driver),
    "during a person's act": (
        [*BUSY_TAKEN, said(cmd.Act, member="left_click", input=CLICK)],
        lambda run: run.is_driving,
    ),
    "paused": (["open", said(cmd.Pause), "answer 3"], lambda run: Hold.PAUSE in run.holds),
    "frozen": (["open", said(cmd.Pause, freeze=True)], lambda run: Hold.FREEZE in run.holds),
    "at a limit": (
        ["open", said(cmd.SetLimit, limit="steps", value=2.0), "answer 3", "done", "done"],
        lambda run: run.limit,
    ),
    "as the browser dies": (["open", "answer 3", "the browser dies"], lambda run: not run.browser),
    "with messages waiting": (
        ["open", said(cmd.Pause), *[said(cmd.Say, text="go")] * 2],
        lambda run: run.mail,
    ),
    "idle": (["open", "answer 0"], lambda run: run.phase is RunPhase.IDLE),
}
ASKED = [*COMMANDS, *QUEUE, *(move for move in WHEEL if isinstance(move, cmd.Command)), said(cmd.Abort)]


def test_no_command_is_left_out() -> None:
    assert {type(command) for command in ASKED} == set(get_args(cmd.AnyCommand))


@pytest.mark.parametrize("situation", SITUATIONS)
async def test_every_command_is_answered_there_as_the_model_says(situation: str) -> None:
    """The walks meet most of these; here is each command in each situation, whatever was drawn."""
    start, is_there = SITUATIONS[situation]
    for command in ASKED:
        walk, loop, began = Walk(), cast("Any", asyncio.get_running_loop()), time.monotonic()
        loop.time = lambda: began + walk.engine.clock.now  # noqa: B023 - put back before the next walk
        aborted: list[str] = []
        walk.engine.steering.on_abort = lambda why, keep: aborted.append(why)  # noqa: B023 - as above
        try:
            for move in start:
                walk.environment(move) if isinstance(move, str) else walk.person(move)
                await walk.settle()
            assert is_there(walk.run)
            walk.person(command)
            if isinstance(command, cmd.Abort):
                assert aborted == ["aborted by ann"]
            else:
                await walk.settle()
                walk.check()
        finally:
            del loop.time
            await walk.end()
