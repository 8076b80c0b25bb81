"""The money of a probe: reserved before it is spent, by the worst case, and never beyond its limit."""

from __future__ import annotations

from pilothouse.model.catalogue import Tokens, cost_usd

DEAREST = "claude-fable-5"
"""Stands in for a model without a price: there is none dearer in the table."""


class PurseEmpty(Exception):
    """A step would cost more than is left."""


class Purse:
    """Dollars.

    Args:
        limit_usd: What may be spent in all.
    """

    def __init__(self, limit_usd: float) -> None:
        self.limit_usd = limit_usd
        self.spent_usd = 0.0
        self._reserved_usd = 0.0

    def reserve(self, usd: float) -> float:
        """Set money aside for one step.

        Raises:
            PurseEmpty: There is not so much left.
        """
        if self.spent_usd + self._reserved_usd + usd > self.limit_usd:
            left = max(0.0, self.limit_usd - self.spent_usd - self._reserved_usd)
            raise PurseEmpty(f"it could cost ${usd:.3f}, and ${left:.3f} of the limit is left")
        self._reserved_usd += usd
        return usd

    def settle(self, reserved: float, actual: float) -> None:
        """Pay what a step did cost, and free the rest of what was set aside for it."""
        self._reserved_usd -= reserved
        self.spent_usd += actual


def priced(model: str, tokens: Tokens) -> float:
    """Price a request; a model without a price costs as much as the dearest."""
    cost = cost_usd(model, tokens)
    if cost is None:
        cost = cost_usd(DEAREST, tokens) or 0.0
    return cost


def worst(model: str, prompt_tokens: int, max_tokens: int) -> float:
    """Price the most a request can cost."""
    return priced(model, Tokens(cache_write_5m=prompt_tokens, output=max_tokens))
