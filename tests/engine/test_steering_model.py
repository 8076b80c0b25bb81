"""The model of steering keeps its own promises, and the page that shows it is the model's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pilothouse import commands as cmd
from pilothouse.events import Hold, RunPhase
from tests.engine import lease_moves, steering_table
from tests.engine import steering_model as model

DOCS = Path(__file__).parents[2] / "docs" / "steering.md"


def test_the_page_shows_the_table_of_the_model() -> None:
    assert steering_table.table() in DOCS.read_text("utf-8")


def test_every_command_is_answered_in_every_state() -> None:
    for command in steering_table.COMMANDS:
        for state in steering_table.STATES:
            assert steering_table.cell(command, state)


actors = st.sampled_from(["ann", "bob"])
requests = st.none() | st.builds(
    lambda n: cmd.Expect(request=n), st.sampled_from(["a1", "a2", "a3", "l1", "l2"])
)

messages = st.sampled_from(["x", "y", "end", ""])


def some(kind: type[cmd.Command], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[cmd.Command]:
    return st.builds(kind, id=st.just("x"), actor=actors, expect=requests, **fields)


commands = st.one_of(
    some(cmd.Pause, freeze=st.booleans()),
    some(cmd.Resume),
    some(cmd.Step, n=st.integers(-1, 3)),
    some(cmd.Say, text=st.sampled_from(["", "go"]), when=st.sampled_from(["now", "after", "end", "?"])),
    some(
        cmd.Revise, message=messages, when=st.sampled_from(["", "now", "after", "end", "?"]), before=messages
    ),
    some(cmd.Unsay, message=messages),
    some(cmd.Approve),
    some(cmd.Reject),
    some(cmd.Edit, input=st.just({})),
    some(cmd.TakeOver),
    some(cmd.Act, member=st.sampled_from(["left_click", "zoom"]), secret=st.booleans()),
    some(cmd.Conceal),
    some(cmd.Reveal),
    some(cmd.Release),
    some(cmd.LiveView),
    some(cmd.SetLimit, limit=st.sampled_from(["steps", "?"]), value=st.sampled_from([None, 0.0, 5.0])),
    some(cmd.SetMode, mode=st.sampled_from(["auto", "deny-all", "?"])),
    some(cmd.SetModel, model=st.sampled_from(["", "m"])),
)


class Walk(RuleBasedStateMachine):
    """Any commands, among any moves of a run."""

    def __init__(self) -> None:
        super().__init__()
        self.run = model.Steered()

    @rule(command=commands)
    def person(self, command: cmd.Command) -> None:
        before = self.run
        self.run, answer = model.apply(before, command)
        if isinstance(answer, model.Refused):
            assert answer.why
            assert self.run == before

    @precondition(lambda self: self.run.phase is RunPhase.STARTING)
    @rule()
    def browser_opens(self) -> None:
        self.run = model.opened(self.run)

    @precondition(lambda self: self.run.may_ask)
    @rule()
    def model_is_asked(self) -> None:
        self.run = model.asked(self.run)

    @precondition(lambda self: self.run.asking)
    @rule(actions=st.integers(0, 3))
    def model_answers(self, actions: int) -> None:
        self.run = model.answered(self.run, actions)

    @precondition(lambda self: self.run.asking)
    @rule()
    def model_fails(self) -> None:
        self.run = model.faulted(self.run)

    @precondition(lambda self: self.run.may_act)
    @rule(ask=st.booleans())
    def action_is_judged_and_sent(self, ask: bool) -> None:
        judged = model.judged(self.run, ask=ask)
        self.run = model.acted(judged) if judged.may_act else judged

    @precondition(lambda self: self.run.acting)
    @rule(ok=st.booleans())
    def action_ends(self, ok: bool) -> None:
        self.run = model.done(self.run, ok=ok)

    @precondition(lambda self: self.run.is_interrupted and self.run.batch)
    @rule()
    def batch_is_left(self) -> None:
        self.run = model.left(self.run)

    @precondition(lambda self: self.run.is_driving)
    @rule()
    def act_is_done(self) -> None:
        self.run = model.did(self.run)

    @precondition(lambda self: self.run.leaving and not self.run.acts and not self.run.acting)
    @rule()
    def lease_ends(self) -> None:
        self.run = model.handed_back(self.run)

    @rule(seconds=st.sampled_from([20, 310]))
    def time_passes(self, seconds: int) -> None:
        self.run = lease_moves.waited(self.run, seconds)

    @rule(actor=actors)
    def bridge_comes(self, actor: str) -> None:
        self.run = lease_moves.came(self.run, actor)

    @precondition(lambda self: self.run.bridges)
    @rule()
    def bridge_goes(self) -> None:
        self.run = lease_moves.went(self.run, self.run.bridges[0])

    @precondition(lambda self: self.run.browser and self.run.phase is RunPhase.RUNNING)
    @rule()
    def browser_dies(self) -> None:
        self.run = model.lost(self.run)

    @precondition(lambda self: self.run.phase is RunPhase.RUNNING)
    @rule()
    def limit_is_reached(self) -> None:
        self.run = model.limited(self.run)

    @precondition(lambda self: self.run.resting and not self.run.is_held)
    @rule()
    def leg_is_over(self) -> None:
        self.run = model.rested(self.run)

    @precondition(lambda self: self.run.phase is RunPhase.IDLE and self.run.mail)
    @rule()
    def leg_begins(self) -> None:
        self.run = model.woken(self.run)

    @invariant()
    def what_waits_holds_and_what_holds_waits(self) -> None:
        run = self.run
        assert (Hold.APPROVAL in run.holds) == (run.request != "" and not run.approved)
        assert (Hold.TAKEOVER in run.holds) == (run.driver != "")
        assert (Hold.LIMIT in run.holds) == (run.limit != "")
        assert Hold.BROWSER_LOST not in run.holds or not run.browser
        assert run.driver or not (run.acts or run.leaving or run.concealed)

    @invariant()
    def one_hand_holds_at_a_time_and_steps_are_not_counted_then(self) -> None:
        by_hand = self.run.holds & model.BY_HAND
        assert len(by_hand) <= 1
        assert not by_hand or self.run.steps is None
        assert self.run.steps is None or self.run.steps > 0 or self.run.acting

    @invariant()
    def nothing_is_under_way_twice(self) -> None:
        assert not (self.run.asking and (self.run.acting or self.run.batch))
        assert not self.run.acting or self.run.browser

    @invariant()
    def there_is_a_way_on(self) -> None:
        """A person who names what holds can always let it go."""
        run = self.run
        if run.phase not in (RunPhase.STARTING, RunPhase.RUNNING, RunPhase.IDLE):
            return
        if run.driver:
            run, _ = model.apply(run, cmd.Release(id="x", actor=run.driver))
            run = model.handed_back(run)
        if Hold.APPROVAL in run.holds:
            run, _ = model.apply(run, cmd.Reject(id="x", actor="ann", expect=cmd.Expect(request=run.request)))
        if run.limit:
            run, _ = model.apply(run, cmd.Resume(id="x", actor="ann", expect=cmd.Expect(request=run.limit)))
        run, answer = model.apply(run, cmd.Resume(id="x", actor="ann"))
        assert isinstance(answer, model.Applied)
        assert not run.holds


TestWalk = Walk.TestCase
TestWalk.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
