"""Keeps the conversation within its bounds, before a request breaks one. The bounds are in `model.bounds`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pilothouse import events as ev
from pilothouse.model.bounds import SUMMARISE, SUMMARY_BETA, can_summarise
from pilothouse.model.faults import TurnFault

if TYPE_CHECKING:
    from collections.abc import Callable

    from pilothouse.engine.recorder import Recorder
    from pilothouse.engine.requester import Requester
    from pilothouse.events import Json
    from pilothouse.model.bounds import Bounds
    from pilothouse.model.catalogue import Model
    from pilothouse.model.conversation import Conversation
    from pilothouse.model.stream import Answer
    from pilothouse.model.uploads import Pictures


class Shrinker:
    """Makes the history smaller in the way that its model allows."""

    def __init__(
        self,
        *,
        recorder: Recorder,
        requester: Requester,
        conversation: Conversation,
        pictures: Pictures,
        bounds_of: Callable[[Model], Bounds],
    ) -> None:
        self._recorder = recorder
        self._requester = requester
        self._conversation = conversation
        self._pictures = pictures
        self._bounds_of = bounds_of
        self.bounds = bounds_of(requester.shape.model)
        self._tokens = 0
        """The prompt and answer of the latest turn."""
        self._cleared: dict[str, int] = {}
        self._pruned = False
        """Pictures are gone from before thinking that is still there."""
        self._summaries = self.bounds.compacts

    def go_over(self, turn: int, model: Model) -> None:
        """Keep to the bounds of another model from here on."""
        self.bounds = self._bounds_of(model)
        self._summaries = self.bounds.compacts
        if self._pruned:
            self.changed(turn)

    def changed(self, turn: int) -> None:
        """Drop the thinking of a history that was changed, where thinking is bound to what came before it."""
        self._pruned = not self.bounds.append_only
        if self.bounds.append_only:
            self._drop_thinking(turn)

    def answered(self, turn: int, answer: Answer) -> None:
        """Learn from an answer what the history costs, and what the API left out of it."""
        self._tokens = answer.tokens.prompt + answer.tokens.output
        self._conversation.history.counted()
        for cleared in answer.cleared:
            # What is cleared is cleared anew for every request: only more of it is news.
            if cleared.items > self._cleared.get(cleared.what, 0):
                self._tell(turn, cleared.what, cleared.items, cleared.tokens)
            self._cleared[cleared.what] = cleared.items

    def extra(self) -> Json:
        """Give the parameters that go with the history as it stands."""
        extra = self.bounds.extra()
        if not self._conversation.summarised:
            return extra
        return {**extra, "betas": [*extra.get("betas", ()), SUMMARY_BETA]}  # the block needs it ever after

    async def fit(self, turn: int) -> bool:
        """Make the history smaller if the next request would break a bound; says whether the model was asked.

        Raises:
            TurnFault: A summary was asked for and came to nothing for now.
            Dropped: A person had it dropped.
        """
        if self.bounds.exceeded(self._conversation.history):
            return await self.shrink(turn)
        estimate = self._tokens + self._conversation.history.tokens_added
        if not self.bounds.must_count(estimate):
            return False
        counted = await self._requester.count(self.extra())
        if counted is not None:
            self._tokens = counted
            self._conversation.history.counted()
        if self.bounds.overflows(counted or estimate):
            return await self.shrink(turn, hard=True)
        return False

    async def shrink(self, turn: int, *, hard: bool = False) -> bool:
        """Make the history smaller now; with `hard`, also if it is within its bounds. See `fit`.

        Pictures go first, where that is legal. What is left may still be too much, if it is text: then a
        summary stands for it, and where none can be had the oldest messages are left out.
        """
        if not self.bounds.append_only and self._prune(turn, hard=hard) and not await self._too_much(hard):
            return False
        if self._summaries and can_summarise(self._conversation) and await self._summarise(turn):
            return True
        if self.bounds.append_only:
            self._prune_without_thinking(turn, hard=hard)
        if await self._too_much(hard):
            self._leave_out(turn)
        return False

    async def _too_much(self, hard: bool) -> bool:
        """Say whether pruning has not helped enough; tokens are asked about only if they were the matter."""
        if self.bounds.exceeded(self._conversation.history):
            return True
        if not hard:
            return False
        tokens = await self._requester.count(self.extra()) or self._conversation.history.estimate()
        self._tokens = tokens
        self._conversation.history.counted()
        return self.bounds.overflows(tokens)

    def _leave_out(self, turn: int) -> None:
        """Leave the oldest messages out: any change is legal here, for thinking is bound to none of them."""
        if gone := self._conversation.leave_out_oldest():
            self._pruned = not self.bounds.append_only
            self._tokens = self._conversation.history.estimate()
            self._tell(turn, "messages", gone)

    def _prune(self, turn: int, *, hard: bool) -> int:
        history = self._conversation.history
        before = history.size_bytes
        pruned = self.bounds.prune(history, hard=hard)
        if pruned:
            self._pruned = True
            self._tell(turn, "images", pruned)
        return pruned if not hard or history.size_bytes < before else 0

    def _prune_without_thinking(self, turn: int, *, hard: bool) -> None:
        """Prune a history that binds thinking to it, which is legal once no thinking is left."""
        self._drop_thinking(turn)
        self._prune(turn, hard=hard)
        self._pruned = False  # what thinking comes from here on knows nothing else

    def _drop_thinking(self, turn: int) -> None:
        if dropped := self._conversation.history.drop_thinking():
            self._tell(turn, "thinking", dropped)

    async def _summarise(self, turn: int) -> bool:
        """Let the API summarise everything so far, and go on from that; says whether it did.

        A request that ends with calls open can't be summarised: this comes after all results.
        """
        try:
            answer = await self._requester.ask(turn, 0, SUMMARISE)
        except TurnFault as fault:
            if fault.may_pass or fault.asks:
                raise
            self._cannot(f"the model API would not summarise the conversation: {fault.why}")
            return False
        self._requester.meter.answered(turn, answer)
        summary = [block for block in answer.content if block.get("type") == "compaction"]
        if not summary or not summary[0].get("content"):
            self._cannot("the model API made no summary of the conversation")
            return False
        tokens, picture = answer.tokens.prompt or self._tokens, await self._pictures.newest_block()
        gone = self._conversation.replace_by_summary(summary, picture)
        self._tokens, self._cleared, self._pruned = 0, {}, False
        self._tell(turn, "compaction", gone, tokens)
        self._pictures.forget_soon(but=[picture["source"].get("file_id", "")] if picture else [])
        return True

    def _cannot(self, what: str) -> None:
        """Do without summaries from here on."""
        self._summaries = False
        self._recorder.publish(ev.Warned(what=what))

    def _tell(self, turn: int, what: str, items: int, tokens: int = 0) -> None:
        self._recorder.publish(ev.ContextCleared(turn=turn, what=what, items=items, tokens=tokens))
