"""Benchmarks: `python -m tests.bench NAME...` prints one JSON line each; without a name, all of them.

A module here whose name begins with `bench_` registers its benchmarks with `@bench("name", unit="…")`. Each
returns its figures and those of a baseline measured in the same run, so that a ratio survives a slow machine.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

Figures = dict[str, float]


class Measured(NamedTuple):
    """What a benchmark found; `ratio` is figure over baseline, of the one that matters."""

    figures: Figures
    baseline: Figures
    ratio: float


@dataclass(frozen=True)
class Benchmark:
    name: str
    unit: str
    run: Callable[[], Measured]


REGISTRY: dict[str, Benchmark] = {}


def bench(name: str, *, unit: str) -> Callable[[Callable[[], Measured]], Callable[[], Measured]]:
    """Register a benchmark under a name."""

    def register(run: Callable[[], Measured]) -> Callable[[], Measured]:
        REGISTRY[name] = Benchmark(name, unit, run)
        return run

    return register


def load_all() -> None:
    """Import every benchmark module of this package."""
    for module in pkgutil.iter_modules(__path__):
        if module.name.startswith("bench_"):
            importlib.import_module(f"{__name__}.{module.name}")


def percentile(values: list[float], share: float) -> float:
    """Give the value below which `share` of them lie."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def line(benchmark: Benchmark) -> str:
    """Run a benchmark and give its line of JSON."""
    found = benchmark.run()
    return msgspec.json.encode(
        {
            "name": benchmark.name,
            "unit": benchmark.unit,
            "figures": rounded(found.figures),
            "baseline": rounded(found.baseline),
            "ratio": round(found.ratio, 3),
            "load": round(os.getloadavg()[0], 2),
        }
    ).decode()


def rounded(figures: Figures) -> Figures:
    return {name: float(f"{value:.4g}") for name, value in figures.items()}
