"""An estimate made before a run, held against what the strict server bills for that very run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pilothouse import events as ev
from pilothouse.engine.estimate import BROWSER_USD_S, estimate
from pilothouse.engine.estimate_spec import Wanted
from pilothouse.events import Outcome
from pilothouse.model.catalogue import Tokens, cost_usd
from tests.engine.rig import rigged

STEPS = 6


def wanted(**given: Any) -> Wanted:
    fields: dict[str, Any] = {
        "models": ("claude-opus-5-5",),
        "steps": STEPS,
        "width_px": 1280,
        "height_px": 800,
        "images_max": 60,
    }
    return Wanted(**{**fields, **given})


async def test_an_estimate_is_near_what_such_a_run_is_billed(state_dir: Path) -> None:
    click = '[[turn]]\ncalls = [{ do = "left_click", at = [100, 100] }]\n'
    async with rigged(state_dir, f'{STEPS * click}[[turn]]\ntext = "Done."\n') as rig:
        assert await rig.finish() is Outcome.COMPLETED
        used = [event for event in rig.events if isinstance(event, ev.UsageReported)]
    (told,) = estimate(wanted(effort="low")).models
    # The scripted model says next to nothing, so that the output is ours alone.
    assert sum(turn.cache_read for turn in used) == pytest.approx(told.read, rel=0.3)
    assert sum(turn.cache_write_5m + turn.input for turn in used) == pytest.approx(told.written, rel=0.3)


def test_the_sum_is_that_of_the_requests_by_the_table() -> None:
    (one,) = estimate(wanted(steps=1)).models
    first = Tokens(cache_write_5m=4850, output=300)
    second = Tokens(cache_read=4850, cache_write_5m=1334 + 20 + 300, output=300)
    costs = [cost_usd("claude-opus-5-5", tokens) or 0.0 for tokens in (first, second)]
    assert one.usd == pytest.approx(sum(costs))
    assert (one.read, one.written, one.output, one.peak_tokens) == (4850, 4850 + 1654, 600, 6504)


def test_a_history_that_is_full_of_pictures_is_rewritten_and_stops_growing_as_fast() -> None:
    models = ("claude-opus-5",)
    free, held = (estimate(wanted(models=models, steps=30, images_max=most)).models[0] for most in (60, 12))
    assert held.peak_tokens < free.peak_tokens
    assert held.written > free.written


def test_each_model_is_held_to_what_the_loop_would_do_with_its_history() -> None:
    base, picture, grown = 4850, 1334, 1334 + 20 + 300
    fresh = base + 2000 + picture  # after a summary
    # Twelve pictures may be held: the thirteenth is one too many.
    summed, pruned = estimate(
        wanted(models=("claude-opus-5-5", "claude-opus-5"), steps=13, images_max=12)
    ).models
    full = base + 13 * grown
    assert (summed.peak_tokens, summed.output) == (full, 14 * 300 + 2000)
    assert summed.written == full + (fresh - base)
    left = full - (13 - 8) * picture  # two thirds stay
    assert (pruned.peak_tokens, pruned.output) == (base + 12 * grown, 14 * 300)
    assert pruned.written == base + 12 * grown + (left - base)


def test_the_newest_pictures_alone_are_kept_only_where_that_is_legal() -> None:
    told = [
        estimate(wanted(models=(model,), newest_images=5)).assumptions[4]
        for model in ("claude-opus-5-5", "claude-opus-5")
    ]
    assert told == [
        "60 pictures in the history; then a summary of 2000 tokens takes its place",
        "15 pictures in the history; then all but 5 go and the rest is rewritten",
    ]


def test_a_model_without_a_price_is_unpriced_and_never_free() -> None:
    (cost,) = estimate(wanted(models=("some-model",))).models
    assert (cost.usd, cost.uncached_usd) == (None, None)


def test_a_run_that_outgrows_its_model_is_said_to_unless_it_is_summarised() -> None:
    models = ("claude-opus-5-5", "claude-opus-5")
    assert [cost.fits for cost in estimate(wanted(steps=4000, models=models)).models] == [True, False]


def test_a_browser_on_this_machine_is_free_and_one_without_a_screen_is_cheaper() -> None:
    costs = [
        estimate(wanted(**given)).browser_usd
        for given in ({}, {"browser_headless": True}, {"browser": "local"})
    ]
    seconds = estimate(wanted()).browser_s
    assert costs == [seconds * BROWSER_USD_S[False], seconds * BROWSER_USD_S[True], 0.0]


def test_the_child_imports_no_sdk() -> None:
    code = (
        "import sys\nfrom pilothouse.engine import estimate\nestimate.main()\n"
        "print([name for name in ('anthropic', 'kernel', 'httpx') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=msgspec.json.encode(wanted()), capture_output=True, timeout=60
    )
    assert done.stderr.decode().strip() == "[]"
    assert b'"Estimate"' in done.stdout
