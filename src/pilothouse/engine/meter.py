"""What the run has used and cost, told after each request. Nothing here asks the model anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pilothouse import events as ev
from pilothouse.model.catalogue import Tokens, cost_usd

if TYPE_CHECKING:
    from collections.abc import Callable

    from pilothouse.model.catalogue import Model
    from pilothouse.model.stream import Answer

_NONE = Tokens()


class Meter:
    """Adds up tokens and dollars by the dated table."""

    def __init__(self, model: Model, publish: Callable[[ev.Event], object]) -> None:
        self.model = model
        """Whose prices hold from here on."""
        self._publish = publish
        self.cost_usd: float | None = 0.0
        """None once a request had no price."""

    def answered(self, turn: int, answer: Answer) -> None:
        """Count a whole answer, whatever becomes of it: it is billed."""
        self._count(turn, answer.tokens, answer.compaction)

    def broken_off(self, turn: int, spent: Tokens | None) -> None:
        """Count an answer that came to nothing after it had begun, by estimate."""
        if spent is not None:
            self._count(turn, spent, estimated=True)

    def _count(self, turn: int, tokens: Tokens, summary: Tokens = _NONE, *, estimated: bool = False) -> None:
        cost = self._price(tokens, summary)
        self.cost_usd = None if cost is None or self.cost_usd is None else self.cost_usd + cost
        self._publish(
            ev.UsageReported(
                turn=turn,
                input=tokens.input,
                cache_read=tokens.cache_read,
                cache_write_5m=tokens.cache_write_5m,
                cache_write_1h=tokens.cache_write_1h,
                output=tokens.output,
                thinking=tokens.thinking,
                cost_usd=cost,
                context_max=self.model.context_tokens if self.model.known else 0,
                summary_input=summary.prompt,
                summary_output=summary.output,
                estimated=estimated,
            )
        )

    def _price(self, tokens: Tokens, summary: Tokens) -> float | None:
        """Price a request and what summarising cost beside it; each has its own band of prices."""
        costs = [cost_usd(self.model.name, part) for part in (tokens, summary)]
        return None if None in costs else sum(cost for cost in costs if cost is not None)
