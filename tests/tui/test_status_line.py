"""The status line counts down to the next try, and says which key tries now."""

from __future__ import annotations

import pytest

from pilothouse import events as ev
from pilothouse.events import Hold, RunPhase
from pilothouse.state import RunState
from pilothouse.tui.status import Look, again, left
from pilothouse.tui.widgets.lines import fitting
from tests.folding import reduce_all


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


def shown(*used: ev.UsageReported, width: int = 120) -> list[str]:
    look = Look(
        following=True, playing=False, speed=1, step=1, steps=1, live=True, killed=False, elapsed_s=61
    )
    return [fact.text for fact in fitting(left(reduce_all(list(used)), look), width) if fact.text]


def test_what_came_from_the_cache_stands_beside_the_tokens_once_something_did() -> None:
    written = ev.UsageReported(turn=1, input=100, cache_write_5m=4_900, output=0, cost_usd=0.02)
    read = ev.UsageReported(turn=2, cache_read=15_000, output=0, cost_usd=0.01)
    assert "5.0k tok" in shown(written)
    assert not any("cached" in text for text in shown(written))
    both = shown(written, read)
    assert both[both.index("20.0k tok") + 1] == "75% cached"


def test_the_cache_is_the_first_to_give_way() -> None:
    read = ev.UsageReported(turn=2, cache_read=15_000, output=0, cost_usd=0.01)
    whole = shown(read)
    without = [text for text in whole if "cached" not in text]
    assert shown(read, width=sum(len(text) + 2 for text in whole) - 3) == without
