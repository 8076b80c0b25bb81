"""A replay waits as long as the run did, and never longer than its limit, whichever that is."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.tui.pace import IDLE_LIMIT_S, IDLE_LIMITS_S, Pace

WAITS_MS = st.lists(st.integers(0, 5_000) | st.integers(0, 300), max_size=40)


@given(WAITS_MS, st.lists(st.sampled_from(IDLE_LIMITS_S), max_size=3), st.floats(0, 60))
def test_waits_are_cut_to_the_limit_there_is_now(
    waits_ms: list[int], limits_s: list[float], seconds: float
) -> None:
    times = array("q", [7_000_000])
    pace = Pace(times)
    pace.take()
    for n, wait_ms in enumerate(waits_ms):
        times.append(times[-1] + wait_ms * 1_000_000)
        pace.take()
        if n < len(limits_s):
            pace.set_limit(limits_s[n])  # in the middle: what is there and what comes
    waits_s = (min(wait_ms / 1e3, pace.limit_s) for wait_ms in waits_ms)
    due_s = list(accumulate(waits_s, initial=0.0))
    assert list(pace) == pytest.approx(due_s)
    assert pace[-1] == pytest.approx(due_s[-1])
    assert pace[1:3] == pytest.approx(due_s[1:3])
    near = {max(bisect_right(due_s, seconds + off) - 1, 0) for off in (-1e-6, 0.0, 1e-6)}
    assert pace.position_at(seconds) in near


def test_without_events_there_is_nothing_due() -> None:
    pace = Pace(array("q"))
    assert (len(pace), pace.position_at(1.0), pace.limit_s) == (0, 0, IDLE_LIMIT_S)
    with pytest.raises(IndexError):
        _ = pace[0]
