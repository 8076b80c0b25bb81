"""The agent loop: legs of turns, from an instruction to the agent's end of turn. No lifecycle, no sockets.

How one answer is got is in `asking`, what its calls do in `batch`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pilothouse import events as ev
from pilothouse.engine import deeds
from pilothouse.engine.asking import Asker, Refused
from pilothouse.engine.limits import When
from pilothouse.events import RunPhase
from pilothouse.model.conversation import is_empty
from pilothouse.model.prompt import CONTINUE
from pilothouse.model.stops import Stop, stop_of

if TYPE_CHECKING:
    from pilothouse.engine.allowance import Allowance
    from pilothouse.engine.batch import Hands
    from pilothouse.engine.gate import Gate
    from pilothouse.engine.lease import Lease
    from pilothouse.engine.mailbox import Mailbox
    from pilothouse.engine.recorder import Recorder
    from pilothouse.engine.requester import Requester
    from pilothouse.model.conversation import Conversation
    from pilothouse.model.uploads import Pictures

EMPTY_ANSWERS_MAX = 2
"""So many empty answers in a row are met with a request to go on; the next one is the end of the turn."""


class Loop:
    """Drives one run until it has nothing more to do."""

    def __init__(
        self,
        *,
        recorder: Recorder,
        gate: Gate,
        allowance: Allowance,
        mailbox: Mailbox,
        hands: Hands,
        asker: Asker,
        requester: Requester,
        pictures: Pictures,
        conversation: Conversation,
        lease: Lease,
        idle_s: float,
    ) -> None:
        self._recorder = recorder
        self._gate = gate
        self._allowance = allowance
        self._mailbox = mailbox
        self._hands = hands
        self._asker = asker
        self._requester = requester
        self._pictures = pictures
        self._conversation = conversation
        self._lease = lease
        self._idle_s = idle_s
        self.turns = 0

    @property
    def cost_usd(self) -> float | None:
        """What the run has cost; None when something had no price."""
        return self._requester.meter.cost_usd

    def drop_answer(self, why: str) -> None:
        """Drop the answer being streamed, if there is one; the turn is asked again when the gate is open."""
        self._requester.drop(why)

    async def run(self, task: str) -> None:
        """Run legs until the agent is done and no further instruction comes.

        Raises:
            ModelError: The model's side ended the run.
            BrowserGone: The browser was lost.
        """
        leg, instruction = 1, task
        while True:
            self._gate.enter(RunPhase.RUNNING)
            self._recorder.publish(ev.LegStarted(leg=leg, instruction=instruction))
            self._conversation.add_instruction(instruction)
            refused = await self._leg()
            instruction = await self._next_instruction(refused)
            while not instruction and refused is None and self._is_driven:
                refused = await self._leg()  # a person has driven while the end was held up
                instruction = await self._next_instruction(refused)
            leg += 1
            if instruction:
                continue
            if refused is not None:
                raise refused
            return

    async def _leg(self) -> Refused | None:
        """Run turns to the agent's end of turn; returns the refusal that ended the leg, if one did.

        Somebody who is there may word the task differently: a refusal then ends the leg, not the run.
        """
        try:
            await self._turns()
        except Refused as refused:
            if self._idle_s > 0:
                self._recorder.publish(ev.Warned(what=refused.what, way_out=refused.way_out))
            return refused
        return None

    async def _turns(self) -> None:
        empty = 0
        while True:
            await self._allowance.check(When.TURN)
            self.turns += 1
            answer = await self._asker.ask(self.turns, self._deliver)
            calls = self._conversation.add_answer(answer.content)
            stop = stop_of(answer)
            empty = empty + 1 if is_empty(answer.content) else 0
            if calls and stop is Stop.ACT:
                results = await self._hands.perform(self.turns, calls)
                self._conversation.add_results(await self._pictures.by_file(results))
            elif calls:
                self._conversation.add_results(await self._hands.decline(self.turns, calls))
            elif stop is Stop.GO_ON or self._mailbox.due or self._is_driven:
                continue  # something was said while the last answer came: the leg goes on
            elif 0 < empty <= EMPTY_ANSWERS_MAX:
                self._nudge()
            else:
                return

    @property
    def _is_driven(self) -> bool:
        """Say whether a run that would end now must not: a person drives, or the model was not told yet."""
        return self._idle_s <= 0 and bool(self._lease.holder or self._lease.news)

    def _deliver(self) -> None:
        """Give the model what people said: everything it asked for is answered, so this is a boundary."""
        self._hand_back()
        for message in self._mailbox.take_due():
            role = self._conversation.add_message(message.text)
            delivered = ev.MessageDelivered(id=message.id, turn=self.turns, text=message.text, role=role)
            self._recorder.publish(delivered, durable=True)

    def _hand_back(self) -> None:
        """Tell the model what a person did at the wheel, and show it the page as they left it."""
        news = self._lease.take_news()
        if news is None:
            return
        shot = news.shot if self._conversation.takes_pictures else None
        text = f"{news.note} {deeds.UNSEEN if shot is None else deeds.SEEN}"
        picture = [self._pictures.block(shot.data, shot.mime)] if shot is not None else []
        role = self._conversation.add_note(text, picture)
        told = ev.MessageDelivered(id=news.lease, turn=self.turns, text=text, role=role)
        self._recorder.publish(told, durable=True)

    def _nudge(self) -> None:
        role = self._conversation.add_nudge(CONTINUE)
        turn = self.turns + 1
        nudge = ev.MessageDelivered(id=f"continue-{turn}", turn=turn, text=CONTINUE, role=role)
        self._recorder.publish(nudge, durable=True)

    async def _next_instruction(self, refused: Refused | None) -> str:
        """Take the message for the end of the turn, else idle until one comes; empty when none came in time.

        A refusal that nobody is there to word differently is the end, whatever waits.
        """
        while self._mailbox.waiting and (refused is None or self._idle_s > 0):
            if not self._gate.holding:
                return self._instruction()
            await self._gate.pass_model()  # held: it may still be changed, or taken back
        if self._idle_s <= 0:
            return ""
        self._gate.enter(RunPhase.IDLE)
        await self._message_or_time()
        return self._instruction()

    def _instruction(self) -> str:
        messages = self._mailbox.take_leg()
        for message in messages:
            role = self._conversation.instruction_role
            delivered = ev.MessageDelivered(id=message.id, turn=self.turns + 1, text=message.text, role=role)
            self._recorder.publish(delivered, durable=True)
        return "\n\n".join(message.text for message in messages)

    async def _message_or_time(self) -> None:
        """Wait for a message, or for the idle time to be over while nothing holds the run."""
        while True:
            try:
                async with asyncio.timeout(self._idle_s):
                    await self._mailbox.wait()
            except TimeoutError:  # a message may have come in that very moment
                if self._gate.holding:
                    continue  # a run does not end under the hand that holds it
                return
            if self._mailbox.waiting:  # it was not taken back in that very moment
                return
