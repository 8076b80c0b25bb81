"""Prices come from one dated table; what is not in it is unpriced, never free."""

import pytest

from pilothouse.model.catalogue import Tokens, cost_usd, lookup


def test_a_turn_of_the_default_model() -> None:
    tokens = Tokens(input=1_000_000, cache_read=1_000_000, cache_write_5m=1_000_000, output=1_000_000)
    assert cost_usd("claude-opus-5-5", tokens) == pytest.approx(4 + 0.20 + 5 + 20)


def test_a_large_prompt_costs_the_higher_band_for_the_whole_request() -> None:
    small, large = Tokens(input=100_000), Tokens(input=100_001)
    assert cost_usd("claude-haiku-5-5", small) == pytest.approx(0.01)
    assert cost_usd("claude-haiku-5-5", large) == pytest.approx(0.0500005)


def test_an_unknown_model_has_no_price() -> None:
    assert lookup("claude-next-9").price is None
    assert cost_usd("claude-next-9", Tokens(input=5)) is None
