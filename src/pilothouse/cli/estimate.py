"""`pilothouse estimate`: what a run would cost. The arithmetic is a child's, which knows the prices."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec

from pilothouse.children import scrubbed
from pilothouse.cli.options import add_settings, settings
from pilothouse.engine.estimate_spec import Estimate, ModelCost, Wanted
from pilothouse.engine.spec import NotStarted
from pilothouse.errors import SettingError, StartFailed
from pilothouse.safety import clean_line

if TYPE_CHECKING:
    from pilothouse.settings.resolve import Settings

STEPS_DEFAULT = 40
STEPS_MAX = 10_000
COMPARED = ("claude-fable-5-2", "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5")
"""The newest generation, one of each size."""
CHILD_S = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options: its own, and the settings of a run."""
    parser.add_argument("task", nargs="?", default="", help="what to do")
    parser.add_argument(
        "--steps", type=_steps, default=STEPS_DEFAULT, metavar="N", help="how many (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    add_settings(parser)


def run(options: argparse.Namespace) -> int:
    """Print the estimate."""
    answer = ask(wanted(settings(options), options.task, options.steps))
    if options.json:
        print(msgspec.json.encode(answer).decode())
        return 0
    for line in lines(answer):
        print(line)
    return 0


def wanted(holding: Settings, task: str, steps: int) -> Wanted:
    """Word the question.

    Raises:
        SettingError: The file of the system prompt can't be read.
    """
    from pilothouse.settings.specs import run_spec

    spec = run_spec(holding, run="", task=task, headless=True)
    model, browser = spec.model_options, spec.browser_options
    return Wanted(
        models=(spec.model, *COMPARED),
        steps=steps,
        task_chars=len(task),
        system_chars=len(model.system) + len(model.system_suffix),
        own_system=bool(model.system),
        effort=model.effort,
        width_px=browser.width_px,
        height_px=browser.height_px,
        images_max=model.history_max_images,
        newest_images=model.only_n_most_recent_images,
        browser=spec.browser,
        browser_headless=browser.headless,
    )


def ask(question: Wanted) -> Estimate:
    """Ask the child.

    Raises:
        SettingError: The person's own table of prices can't be used.
        StartFailed: It gave no answer.
    """
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-m", "pilothouse.engine.estimate"],
            input=msgspec.json.encode(question),
            stdout=subprocess.PIPE,
            env=scrubbed(os.environ),
            timeout=CHILD_S,
            check=True,
        )
        answer = msgspec.json.decode(child.stdout, type=Estimate | NotStarted)
    except (OSError, subprocess.SubprocessError, msgspec.MsgspecError) as error:
        raise StartFailed(f"no estimate could be made ({type(error).__name__})") from error
    if isinstance(answer, NotStarted):
        raise SettingError(answer.what, answer.where, answer.way_out)
    return answer


def lines(answer: Estimate) -> list[str]:
    """Word an estimate."""
    meant = answer.models[0]
    cells = max(len(cost.model) for cost in answer.models)
    rows = [f"{'model':{cells}}  expected  uncached   read from cache   written   output"]
    rows += [_row(cost, cells) for cost in answer.models]
    total = "unpriced" if meant.usd is None else _usd(meant.usd + answer.browser_usd)
    return [
        *(clean_line(row) for row in rows),
        f"{'browser':{cells}}  {_usd(answer.browser_usd):>8}  about {answer.browser_s:.0f} s",
        "",
        clean_line(f"{answer.steps} steps with {meant.model}: {total}"),
        *(f"  assumes {assumption}" for assumption in answer.assumptions),
    ]


def _row(cost: ModelCost, cells: int) -> str:
    fits = "" if cost.fits else "  (its context is too small for this)"
    return (
        f"{cost.model:{cells}}  {_usd(cost.usd):>8}  {_usd(cost.uncached_usd):>8}   "
        f"{cost.read:15,}  {cost.written:8,}  {cost.output:7,}{fits}"
    )


def _usd(usd: float | None) -> str:
    return "unpriced" if usd is None else f"${usd:.2f}" if usd >= 0.01 or not usd else f"${usd:.4f}"


def _steps(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= STEPS_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of steps: give 1 to {STEPS_MAX}")
    return int(text)
