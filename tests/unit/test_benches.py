"""A bench's bounds: what its line says, and what a missed one is called."""

from __future__ import annotations

import json

from tests.bench import Benchmark, Measured, line


def measured(late_ms: float, right: float) -> Benchmark:
    found = Measured({"late_ms": late_ms, "right": right}, {"late_ms": 10.0}, late_ms / 10)
    return Benchmark("x", "ms", lambda: found, {"late_ms": 20, "ratio": 1.5}, {"right": 0.99})


def told(benchmark: Benchmark) -> tuple[bool, list[str] | None, bool]:
    text, ok = line(benchmark)
    said = json.loads(text)
    return said["ok"], said.get("missed"), ok


def test_a_line_says_which_bounds_were_missed() -> None:
    assert told(measured(15, 1.0)) == (True, None, True)
    assert told(measured(21, 0.5)) == (False, ["late_ms <= 20", "ratio <= 1.5", "right >= 0.99"], False)


def test_a_figure_that_is_no_number_keeps_to_no_bound() -> None:
    assert told(measured(float("nan"), 1.0))[0] is False
