"""The status line counts down to the next try, and says which key tries now."""

from __future__ import annotations

import pytest

from pilothouse import events as ev
from pilothouse.events import Hold, RunPhase
from pilothouse.state import RunState, reduce_all
from pilothouse.tui.status import again


def waiting(*, asks: bool = False, holding: tuple[Hold, ...] = (Hold.RETRY,)) -> RunState:
    retry = ev.RetryScheduled(
        seq=1, t=10_000_000_000, what="model", attempt=1, delay_ms=90_000, why="busy", asks=asks
    )
    held = ev.StateChanged(seq=2, t=10_000_000_000, phase=RunPhase.HOLDING, holding=holding)
    return reduce_all([retry, held])


@pytest.mark.parametrize(
    ("state", "elapsed_s", "words"),
    [
        (waiting(), 10.0, "again in 1:31, space: now"),
        (waiting(), 99.5, "again in 0:01, space: now"),
        (waiting(), 200.0, "space: ask again"),
        (waiting(asks=True), 10.0, "space: ask again"),
        (waiting(holding=(Hold.PAUSE,)), 10.0, ""),
        (RunState(), 10.0, ""),
    ],
)
def test_a_retry_is_counted_down(state: RunState, elapsed_s: float, words: str) -> None:
    assert again(state, elapsed_s) == words
