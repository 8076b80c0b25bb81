"""What a run will cost, before it begins: `python -m pilothouse.engine.estimate`, asked on standard input.

Pure arithmetic over the table of prices; nothing is asked of anybody. How a steady run bills is model-api §4
and §5: each request reads the one before it from the cache and writes what has been added since.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import msgspec

from pilothouse.engine.estimate_spec import Estimate, ModelCost, Wanted
from pilothouse.engine.spec import NotStarted
from pilothouse.errors import PilothouseError
from pilothouse.model.bounds import REQUEST_MAX_BYTES, Bounds, bounds_of
from pilothouse.model.catalogue import Tokens, cost_usd, lookup

if TYPE_CHECKING:
    from collections.abc import Iterator

TOOLSET_TOKENS = 4_520
"""What declaring the computer toolset takes (model-api §1.2)."""
SYSTEM_TOKENS = 330
RESULT_TOKENS = 20
"""The words of a result beside its picture."""
CHARS_PER_TOKEN = 3.0
"""On the safe side: newer models count 30 % more tokens than four characters each (model-api §2)."""
PATCH_PX = 28
PICTURE_MAX_TOKENS = 4_784
OUTPUT_TOKENS = {"low": 120, "medium": 250, "high": 450, "xhigh": 800, "max": 1_500}
OUTPUT_DEFAULT = 300
"""Of one step, its thinking included: a rule of thumb, the least certain number here."""
SUMMARY_TOKENS = 2_000
"""Of the summary that takes a history's place: a guess, and no large part of any sum."""
TURN_S = 4.0
ACTION_S = 1.0
BROWSER_USD_S = {False: 0.0001333336, True: 0.0000166667}
"""Kernel's price of a second, with a screen and without (kernel-api §1.7)."""


def estimate(wanted: Wanted) -> Estimate:
    """Work a run's cost out."""
    seconds = wanted.steps * (TURN_S + ACTION_S) + TURN_S
    rate = BROWSER_USD_S[wanted.browser_headless] if wanted.browser == "kernel" else 0.0
    return Estimate(
        steps=wanted.steps,
        models=tuple(_model(wanted, model) for model in dict.fromkeys(wanted.models)),
        browser_s=seconds,
        browser_usd=seconds * rate,
        assumptions=_assumptions(wanted),
    )


def _model(wanted: Wanted, model: str) -> ModelCost:
    requests = list(_requests(wanted, _bounds(wanted, model)))
    costs = [cost_usd(model, tokens) for tokens in requests]
    plain = [cost_usd(model, Tokens(input=tokens.prompt, output=tokens.output)) for tokens in requests]
    peak = max(tokens.prompt for tokens in requests)
    return ModelCost(
        model=model,
        usd=_sum(costs),
        uncached_usd=_sum(plain),
        read=sum(tokens.cache_read for tokens in requests),
        written=sum(tokens.cache_write_5m for tokens in requests),
        output=sum(tokens.output for tokens in requests),
        peak_tokens=peak,
        fits=peak <= lookup(model).context_tokens,
    )


def _sum(costs: list[float | None]) -> float | None:
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None


def _bounds(wanted: Wanted, model: str) -> Bounds:
    """Give the bounds that such a run would keep; its bytes are not known beforehand."""
    return bounds_of(
        lookup(model),
        max_bytes=REQUEST_MAX_BYTES,
        max_images=wanted.images_max,
        newest=wanted.newest_images,
    )


def _requests(wanted: Wanted, bounds: Bounds) -> Iterator[Tokens]:
    """Give each request's tokens: one for each step, one for the words at the end, and each summary."""
    base, picture, output = _base(wanted), picture_tokens(wanted.width_px, wanted.height_px), _output(wanted)
    grown = picture + RESULT_TOKENS + output
    before, images, prompt = 0, 0, base
    for _ in range(wanted.steps + 1):
        hard = bounds.overflows(prompt)
        if hard or images > bounds.most_pictures():
            if bounds.compacts and (bounds.append_only or images <= 1):
                yield Tokens(cache_read=before, cache_write_5m=prompt - before, output=SUMMARY_TOKENS)
                images, prompt = 1, base + SUMMARY_TOKENS + picture
            else:
                kept = min(bounds.kept_pictures(images, hard=hard), images)
                images, prompt = kept, prompt - (images - kept) * picture
            before = base  # all after the beginning has to be written anew
        yield Tokens(cache_read=before, cache_write_5m=prompt - before, output=output)
        before, images = prompt, images + 1
        prompt += grown


def _base(wanted: Wanted) -> int:
    ours = 0 if wanted.own_system else SYSTEM_TOKENS
    return TOOLSET_TOKENS + ours + round((wanted.system_chars + wanted.task_chars) / CHARS_PER_TOKEN)


def _output(wanted: Wanted) -> int:
    return OUTPUT_TOKENS.get(wanted.effort, OUTPUT_DEFAULT)


def picture_tokens(width_px: int, height_px: int) -> int:
    """Give the tokens of a picture (model-api §2); one that is too large is scaled down to the most."""
    return min(-(-width_px // PATCH_PX) * -(-height_px // PATCH_PX), PICTURE_MAX_TOKENS)


def _assumptions(wanted: Wanted) -> tuple[str, ...]:
    picture = picture_tokens(wanted.width_px, wanted.height_px)
    rate = "with no screen" if wanted.browser_headless else "with a screen"
    browser = f"a Kernel browser {rate}" if wanted.browser == "kernel" else "a browser on this machine: free"
    return (
        f"one action and one picture of {picture} tokens ({wanted.width_px}x{wanted.height_px}) a step",
        f"{_output(wanted)} tokens of output a step, thinking and all (effort {wanted.effort or 'default'})",
        f"{_base(wanted)} tokens before the first step: toolset, system prompt, task",
        "every request within five minutes of the one before, read from the cache",
        _history(_bounds(wanted, wanted.models[0])),
        f"{TURN_S + ACTION_S:g} s a step; {browser}",
    )


def _history(bounds: Bounds) -> str:
    """Say what becomes of a history that is full of pictures."""
    most = bounds.most_pictures()
    if bounds.append_only and bounds.compacts:
        return f"{most} pictures in the history; then a summary of {SUMMARY_TOKENS} tokens takes its place"
    kept = bounds.kept_pictures(most)
    return f"{most} pictures in the history; then all but {kept} go and the rest is rewritten"


def main() -> int:
    """Answer one question."""
    answer: Estimate | NotStarted
    try:
        answer = estimate(msgspec.json.decode(sys.stdin.buffer.read(), type=Wanted))
    except PilothouseError as error:  # the person's own table of prices
        answer = NotStarted(what=error.what, where=error.where, way_out=error.way_out)
    sys.stdout.buffer.write(msgspec.json.encode(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
