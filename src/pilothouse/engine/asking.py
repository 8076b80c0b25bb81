"""Asks the model until there is a whole answer to act on: attempts, faults, holds. No legs here."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

from pilothouse import events as ev
from pilothouse.engine.requester import Dropped
from pilothouse.errors import ModelError
from pilothouse.model.faults import TOO_LONG, TurnFault, backoff_s
from pilothouse.model.stops import Stop, sentence, stop_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pilothouse.engine.gate import Gate
    from pilothouse.engine.recorder import Recorder
    from pilothouse.engine.requester import Requester
    from pilothouse.engine.shrinking import Shrinker
    from pilothouse.model.conversation import Conversation
    from pilothouse.model.stream import Answer
    from pilothouse.model.uploads import Pictures

CONTINUATIONS_MAX = 10
"""So often in a row a paused turn is sent back (model-api §4, pause_turn)."""
_FILE_STATUS = frozenset({400, 403, 404, 422})


class Refused(ModelError):
    """The model would not go on; a person may word it differently."""


class Asker:
    """Gets one whole answer after the other.

    Args:
        recorder: Journals what becomes of each attempt.
        gate: Where a retry waits, and a person is asked.
        requester: Sends one request.
        shrinker: Keeps the history within its bounds.
        pictures: Told when the API takes no files.
        conversation: What is asked.
        budget_s: Faults that may pass are retried for so long, then a person is asked.
        unattended: There is nobody to ask.
    """

    def __init__(
        self,
        *,
        recorder: Recorder,
        gate: Gate,
        requester: Requester,
        shrinker: Shrinker,
        pictures: Pictures,
        conversation: Conversation,
        budget_s: float,
        unattended: bool,
    ) -> None:
        self._recorder = recorder
        self._gate = gate
        self._requester = requester
        self._shrinker = shrinker
        self._pictures = pictures
        self._conversation = conversation
        self._budget_s = budget_s
        self._unattended = unattended
        self._chance = random.Random()
        self._paused = 0
        """How often in a row the answer was one to go on with as it is."""
        self._attempt = 0
        self._faults = 0
        self._spent_s = self._began = 0.0
        self._larger = 0
        self._shrunk = False

    def _change_model(self, turn: int) -> None:
        """Go over to the model and effort that a person chose meanwhile."""
        shape = self._requester.shape
        if shape.take():
            self._requester.meter.model = shape.model
            self._larger = 0  # which the other may not take
            self._shrinker.go_over(turn, shape.model)
            changed = ev.ModelChanged(turn=turn, model=shape.model.name, effort=shape.effort)
            self._recorder.publish(changed, durable=True)

    async def ask(self, turn: int, deliver: Callable[[], None]) -> Answer:
        """Ask until there is a whole answer that may be acted on.

        Args:
            turn: The turn's number.
            deliver: Adds what people said meanwhile; called right before a request, where that is allowed.

        Raises:
            Refused: The model would not go on.
            ModelError: The model's side ended the run.
        """
        self._attempt = self._faults = self._larger = 0
        self._spent_s, self._shrunk = 0.0, False
        while True:
            await self._gate.pass_model()
            if not self._paused:  # a person may have chosen while the run was held, by a retry too
                self._change_model(turn)
            self._began = time.monotonic()
            try:
                answer = await self._tried(turn, deliver)
            except Dropped:
                continue
            if answer is not None:
                return answer

    async def _tried(self, turn: int, deliver: Callable[[], None]) -> Answer | None:
        """Ask once, and do what a fault wants before the turn may be asked again; mending may meet more.

        Raises:
            Dropped: A person had what was under way dropped.
            ModelError: The model's side ended the run.
        """
        try:
            return await self._once(turn, deliver)
        except TurnFault as fault:
            found: TurnFault | None = fault
        while found is not None:
            met, found = found, None
            try:
                await self._after_fault(turn, met, time.monotonic() - self._began)
            except TurnFault as fault:
                found = fault
        return None

    async def _once(self, turn: int, deliver: Callable[[], None]) -> Answer | None:
        """Ask once; None when the answer is not kept and the turn is asked again at once."""
        if not self._paused:  # nothing may stand between a paused turn and its continuation
            await self._shrinker.fit(turn)
            await self._gate.pass_model()  # a person may have held the run while tokens were counted
            self._began = time.monotonic()
            deliver()
        self._attempt += 1
        history = self._conversation.history
        self._recorder.publish(
            ev.TurnStarted(
                turn=turn, attempt=self._attempt, messages=len(history), request_bytes=history.size_bytes
            )
        )
        try:
            answer = await self._requester.ask(turn, self._attempt, self._shrinker.extra(), self._larger)
        except Dropped as dropped:
            self._discard(turn, str(dropped), "dropped")
            raise
        except asyncio.CancelledError:
            self._discard(turn, "aborted", "dropped")
            raise
        except TurnFault as fault:
            self._discard(turn, fault.why, fault.kind)
            raise
        return await self._judged(turn, answer)

    async def _judged(self, turn: int, answer: Answer) -> Answer | None:
        """Journal a whole answer and decide what becomes of it."""
        if self._conversation.history.pictures and self._pictures.uploading:
            self._pictures.proven = True
        stop = stop_of(answer)
        if stop in (Stop.ACT, Stop.REST, Stop.GO_ON):
            return self._accepted(turn, answer, stop)
        self._requester.meter.answered(turn, answer)
        what, way_out = sentence(answer)
        self._discard(turn, what, answer.stop_reason)
        shape = self._requester.shape
        match stop:
            case Stop.LARGER if not self._larger and shape.model.max_output_tokens > shape.max_tokens:
                self._larger = min(shape.max_tokens * 2, shape.model.max_output_tokens)
                return None
            case Stop.SHRINK if not self._shrunk:
                await self._shrinker.shrink(turn, hard=True)
                self._shrunk = True
                return None
            case Stop.REFUSED:
                raise Refused(what, way_out=way_out)
            case Stop.UNKNOWN:
                raise TurnFault(answer.stop_reason, what, may_pass=False, asks=True)
            case _:
                raise ModelError(what, way_out=way_out)

    def _accepted(self, turn: int, answer: Answer, stop: Stop) -> Answer:
        self._recorder.publish(
            ev.TurnFinished(
                turn=turn,
                stop_reason=answer.stop_reason,
                content=answer.content,
                request_id=answer.request_id,
                first_ms=answer.first_ms,
                total_ms=answer.total_ms,
            )  # on disk before anything is done that it asks for: whoever does it waits for that
        )
        self._requester.meter.answered(turn, answer)
        self._shrinker.answered(turn, answer)
        self._paused = self._paused + 1 if stop is Stop.GO_ON else 0
        if self._paused > CONTINUATIONS_MAX:
            what, way_out = sentence(answer)
            raise ModelError(what, way_out=way_out)
        return answer

    def _discard(self, turn: int, why: str, kind: str) -> None:
        self._recorder.publish(ev.TurnDiscarded(turn=turn, attempt=self._attempt, why=why, kind=kind))

    async def _after_fault(self, turn: int, fault: TurnFault, cost_s: float) -> None:
        """Mend what can be mended here, else wait, else ask a person, else give up.

        The budget counts what faults have cost, not the time that a person holds the run.
        """
        if await self._mended(turn, fault):
            return
        if not (fault.may_pass or fault.asks):
            raise ModelError(fault.why, way_out=fault.way_out) from fault
        self._faults += 1
        self._spent_s += cost_s
        delay_s = backoff_s(self._faults, fault, self._chance)
        if fault.may_pass and self._spent_s + delay_s <= self._budget_s:
            self._tell(fault, delay_s)
            self._spent_s += await self._gate.hold_retry(delay_s)
        elif self._unattended:
            # Not `needs_person`: it is no decision that is wanted, the service does not answer.
            raise ModelError(_worded(fault, delay_s), way_out=fault.way_out or "try again later") from fault
        else:
            self._tell(fault, delay_s, asks=True)
            await self._gate.hold_retry(None)
            self._faults, self._spent_s = 0, 0.0

    def _tell(self, fault: TurnFault, delay_s: float, *, asks: bool = False) -> None:
        why = _worded(fault, delay_s) if asks else fault.why
        delay_ms = 0 if asks and fault.retry_after_s is None else round(delay_s * 1e3)
        self._recorder.publish(
            ev.RetryScheduled(what="model", attempt=self._faults, delay_ms=delay_ms, why=why, asks=asks)
        )

    async def _mended(self, turn: int, fault: TurnFault) -> bool:
        """Say whether the cause of a fault is out of the way, so that the same turn may be asked at once."""
        if self._refuses_files(fault):
            self._pictures.refuse(fault.why)
            inline = await self._pictures.inline_sources(self._conversation.history.files())
            await self._conversation.history.rewrite_pictures(
                lambda block: inline.get(block["source"].get("file_id", ""), block)
            )
            if self._pictures.proven:  # the model has thought about what was just changed
                self._shrinker.changed(turn)
            return True
        if fault.kind in TOO_LONG and not self._shrunk:
            before = self._conversation.history.size_bytes
            await self._shrinker.shrink(turn, hard=True)
            self._shrunk = True  # only now: a summary that was cut off may be asked for again
            return self._conversation.history.size_bytes < before
        return False

    def _refuses_files(self, fault: TurnFault) -> bool:
        """Say whether it may be the files that the API does not take.

        Before a request with files was ever accepted any refusal may mean that; the inline request tells.
        """
        if fault.status not in _FILE_STATUS or not self._pictures.uploading:
            return False
        return self._conversation.history.pictures > 0 and (
            not self._pictures.proven or "file" in fault.why.lower()
        )


def _worded(fault: TurnFault, delay_s: float) -> str:
    if fault.retry_after_s is None or delay_s < 60:
        return fault.why
    return f"{fault.why}; it asks to wait {round(delay_s / 60)} min"
