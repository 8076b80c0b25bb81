"""Benchmarks: `python -m tests.bench NAME...` prints one JSON line each; without a name, all of them.

A module here whose name begins with `bench_` registers its benchmarks with `@bench("name", unit="…")`. Each
returns its figures and those of a baseline measured in the same run, so that a ratio survives a slow machine.
What it has to keep to stands beside it (`at_most`, `at_least`, by a figure's name or `ratio`): its line says
`ok`, else what was `missed`, and the exit code is 1.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
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
    at_most: Figures = field(default_factory=dict)
    at_least: Figures = field(default_factory=dict)

    def missed(self, found: Measured) -> list[str]:
        """Name the bounds that were not kept."""
        values = {**found.figures, "ratio": found.ratio}
        over = [f"{name} <= {most:g}" for name, most in self.at_most.items() if not values[name] <= most]
        under = [f"{name} >= {least:g}" for name, least in self.at_least.items() if not values[name] >= least]
        return over + under


REGISTRY: dict[str, Benchmark] = {}


def bench(
    name: str, *, unit: str, at_most: Figures | None = None, at_least: Figures | None = None
) -> Callable[[Callable[[], Measured]], Callable[[], Measured]]:
    """Register a benchmark under a name, with what it has to keep to."""

    def register(run: Callable[[], Measured]) -> Callable[[], Measured]:
        REGISTRY[name] = Benchmark(name, unit, run, at_most or {}, at_least or {})
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


def line(benchmark: Benchmark) -> tuple[str, bool]:
    """Run a benchmark; gives its line of JSON, and whether it kept to its bounds."""
    found = benchmark.run()
    missed = benchmark.missed(found)
    text = msgspec.json.encode(
        {
            "name": benchmark.name,
            "unit": benchmark.unit,
            "figures": rounded(found.figures),
            "baseline": rounded(found.baseline),
            "ratio": round(found.ratio, 3),
            "load": round(os.getloadavg()[0], 2),
            "ok": not missed,
            **({"missed": missed} if missed else {}),
        }
    ).decode()
    return text, not missed


def rounded(figures: Figures) -> Figures:
    return {name: float(f"{value:.4g}") for name, value in figures.items()}
