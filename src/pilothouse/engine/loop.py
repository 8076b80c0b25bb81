"""The agent loop: legs of turns, from an instruction to the agent's end of turn. No lifecycle, no sockets."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

from pilothouse import events as ev
from pilothouse.errors import ModelError
from pilothouse.events import Hold, RunPhase
from pilothouse.model.catalogue import cost_usd
from pilothouse.model.conversation import is_empty
from pilothouse.model.faults import TurnFault, backoff_s
from pilothouse.model.prompt import CONTINUE
from pilothouse.model.stream import Answer, TurnStream

if TYPE_CHECKING:
    import anthropic

    from pilothouse.engine.batch import Hands
    from pilothouse.engine.gate import Gate
    from pilothouse.engine.mailbox import Mailbox
    from pilothouse.engine.recorder import Recorder
    from pilothouse.model.client import RequestShape
    from pilothouse.model.conversation import Conversation

RETRY_BUDGET_S = 600.0
"""Faults that may pass are retried for this long, then the run fails with the last one's sentence."""

_STOPPED_EARLY = {
    "refusal": ("the model refused to go on", "word the task differently"),
    "max_tokens": ("the model's answer was cut at its token limit", "raise --max-tokens"),
    "model_context_window_exceeded": ("the conversation no longer fits the model", "start a new run"),
    "pause_turn": ("the model paused its turn again and again", "start a new run"),
}
EMPTY_ANSWERS_MAX = 2
"""So many empty answers in a row are met with a request to go on; the next one is the end of the turn."""
CONTINUATIONS_MAX = 10
"""So often in a row a paused turn is sent back (model-api §4, pause_turn)."""


class Loop:
    """Drives one run until it has nothing more to do."""

    def __init__(
        self,
        *,
        recorder: Recorder,
        gate: Gate,
        mailbox: Mailbox,
        hands: Hands,
        client: anthropic.AsyncAnthropic,
        shape: RequestShape,
        conversation: Conversation,
        model: str,
        idle_s: float,
        retry_budget_s: float = RETRY_BUDGET_S,
    ) -> None:
        self._recorder = recorder
        self._gate = gate
        self._mailbox = mailbox
        self._hands = hands
        self._client = client
        self._shape = shape
        self._conversation = conversation
        self._model = model
        self._idle_s = idle_s
        self._retry_budget_s = retry_budget_s
        self._chance = random.Random()
        self._asking: asyncio.Task[Answer] | None = None
        self._dropping = ""
        self._continuing = 0
        """How often the present turn was paused by the service."""
        self.turns = 0
        self.cost_usd: float | None = 0.0

    def drop_answer(self, why: str) -> None:
        """Drop the answer being streamed, if there is one; the turn is asked again when the gate is open."""
        if self._asking is not None and not self._asking.done():
            self._dropping = why
            self._asking.cancel()

    async def run(self, task: str) -> None:
        """Run legs until the agent is done and no further instruction comes.

        Raises:
            ModelError: The model's side ended the run.
            BrowserGone: The browser was lost.
        """
        leg, instruction = 1, task
        while instruction:
            self._gate.enter(RunPhase.RUNNING)
            self._recorder.publish(ev.LegStarted(leg=leg, instruction=instruction))
            self._conversation.add_instruction(instruction)
            await self._leg()
            leg, instruction = leg + 1, await self._next_instruction()

    async def _leg(self) -> None:
        empty = 0
        while True:
            answer = await self._turn()
            calls = self._conversation.add_answer(answer.content)
            empty = empty + 1 if is_empty(answer.content) else 0
            if answer.stop_reason == "pause_turn" and not calls:
                self._continuing += 1
                continue
            self._continuing = 0
            if calls and answer.stop_reason == "tool_use":
                self._conversation.add_results(await self._hands.perform(self.turns, calls))
            elif calls:
                self._conversation.add_results(self._hands.decline(self.turns, calls))
            elif self._mailbox.waiting:
                pass  # said while the last answer came: the leg goes on
            elif 0 < empty <= EMPTY_ANSWERS_MAX:
                self._nudge()
            else:
                return

    def _deliver(self) -> None:
        """Give the model what people said: everything it asked for is answered, so this is a boundary."""
        for message in self._mailbox.take_all():
            role = self._conversation.add_message(message.text)
            delivered = ev.MessageDelivered(id=message.id, turn=self.turns, text=message.text, role=role)
            self._recorder.publish(delivered, durable=True)

    def _nudge(self) -> None:
        role = self._conversation.add_nudge(CONTINUE)
        turn = self.turns + 1
        nudge = ev.MessageDelivered(id=f"continue-{turn}", turn=turn, text=CONTINUE, role=role)
        self._recorder.publish(nudge, durable=True)

    async def _next_instruction(self) -> str:
        """Idle until a message comes; empty when none came in time."""
        if self._idle_s <= 0:
            return ""
        self._gate.enter(RunPhase.IDLE)
        try:
            async with asyncio.timeout(self._idle_s):
                await self._mailbox.wait()
        except TimeoutError:
            pass  # a message may have come in that very moment
        messages = self._mailbox.take_all()
        for message in messages:
            delivered = ev.MessageDelivered(id=message.id, turn=self.turns + 1, text=message.text)
            self._recorder.publish(delivered, durable=True)
        return "\n\n".join(message.text for message in messages)

    async def _turn(self) -> Answer:
        """Ask until there is a whole answer that may be acted on."""
        self.turns += 1
        self._change_model()
        attempt, spent_s = 0, 0.0
        while True:
            await self._gate.pass_model()
            if not self._continuing:  # nothing may stand between a paused turn and its continuation
                self._deliver()
            attempt, began = attempt + 1, time.monotonic()
            try:
                answer = await self._attempt(attempt)
            except TurnFault as fault:
                spent_s += time.monotonic() - began
                spent_s += await self._after_fault(fault, attempt, spent_s)
                continue
            if answer is not None:
                return self._accept(answer)

    def _change_model(self) -> None:
        """Go over to the model and effort that a person chose meanwhile."""
        if self._shape.take():
            self._model = self._shape.model.name
            changed = ev.ModelChanged(turn=self.turns, model=self._model, effort=self._shape.effort)
            self._recorder.publish(changed, durable=True)

    async def _attempt(self, attempt: int) -> Answer | None:
        """Ask once; None when the answer was dropped on a person's word."""
        request = self._shape.request(self._conversation.messages)
        self._recorder.publish(
            ev.TurnStarted(
                turn=self.turns,
                attempt=attempt,
                messages=len(self._conversation.messages),
                request_bytes=self._conversation.size_bytes,
            )
        )
        stream = TurnStream(self.turns, self._recorder.publish, self._recorder.stream_redactor)
        self._asking = asyncio.create_task(stream.ask(self._client, request))
        try:
            return await self._asking
        except asyncio.CancelledError:
            why, self._dropping = self._dropping, ""
            # A freeze cancels the request only. An abort that comes while that takes effect wins.
            aborted = not why or _is_cancelled()
            self._asking.cancel()
            self._discard(attempt, "aborted" if aborted else why, "dropped")
            if aborted:
                raise
            return None
        except TurnFault as fault:
            self._discard(attempt, fault.why, fault.kind)
            raise
        finally:
            self._asking = None

    def _discard(self, attempt: int, why: str, kind: str) -> None:
        self._recorder.publish(ev.TurnDiscarded(turn=self.turns, attempt=attempt, why=why, kind=kind))

    async def _after_fault(self, fault: TurnFault, attempt: int, spent_s: float) -> float:
        """Wait before the next attempt, or give up; returns the seconds waited.

        The budget counts what faults have cost, not the time that a person holds the run.
        """
        delay = backoff_s(attempt, fault, self._chance)
        if not fault.may_pass or spent_s + delay > self._retry_budget_s:
            raise ModelError(fault.why, way_out=fault.way_out) from fault
        self._recorder.publish(
            ev.RetryScheduled(what="model", attempt=attempt, delay_ms=round(delay * 1e3), why=fault.why)
        )
        self._gate.hold(Hold.RETRY)
        try:
            await asyncio.sleep(delay)
        finally:
            self._gate.let_go(Hold.RETRY)
        return delay

    def _accept(self, answer: Answer) -> Answer:
        """Journal a whole answer; refuse to act on one that stopped for a reason that forbids it."""
        tokens = answer.tokens
        cost = cost_usd(self._model, tokens)
        self.cost_usd = None if cost is None or self.cost_usd is None else self.cost_usd + cost
        self._recorder.publish(
            ev.TurnFinished(
                turn=self.turns,
                stop_reason=answer.stop_reason,
                content=answer.content,
                request_id=answer.request_id,
                first_ms=answer.first_ms,
                total_ms=answer.total_ms,
            ),
            durable=True,
        )
        self._recorder.publish(
            ev.UsageReported(
                turn=self.turns,
                input=tokens.input,
                cache_read=tokens.cache_read,
                cache_write_5m=tokens.cache_write_5m,
                cache_write_1h=tokens.cache_write_1h,
                output=tokens.output,
                thinking=tokens.thinking,
                cost_usd=cost,
                context_max=self._shape.model.context_tokens if self._shape.model.known else 0,
            )
        )
        if answer.stop_reason in ("tool_use", "end_turn", "stop_sequence"):
            return answer
        if answer.stop_reason == "pause_turn" and self._continuing < CONTINUATIONS_MAX:
            return answer
        what, way_out = _STOPPED_EARLY.get(
            answer.stop_reason, (f"the model stopped for an unknown reason ({answer.stop_reason})", "")
        )
        raise ModelError(what, way_out=way_out)


def _is_cancelled() -> bool:
    """Say whether the task that runs this was itself told to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
