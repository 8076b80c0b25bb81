"""More random walks than every change is tried with, and longer ones: the same code, the same promise."""

from __future__ import annotations

import os
from typing import Any, cast

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.engine import test_steering_walk as walks

pytestmark = pytest.mark.timeout(3600)
WALKS = int(os.environ.get("PILOTHOUSE_WALKS", "20000"))
MOVES_MAX = 120
_walked = cast("Any", walks.test_the_engine_steers_as_its_model_says).hypothesis.inner_test


@settings(max_examples=WALKS, deadline=None, database=None, phases=[Phase.generate], print_blob=True)
@given(start=st.sampled_from(walks.STARTS), chosen=st.lists(walks.moves, min_size=10, max_size=MOVES_MAX))
async def test_the_engine_steers_as_its_model_says_for_longer(start: list[Any], chosen: list[Any]) -> None:
    await _walked(start, chosen)
