"""`pilothouse ls`: the roster as a table or as JSON lines. Nothing here follows a run."""

from __future__ import annotations

import shutil
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from pilothouse.runs import RunStatus

TASK_MIN_CELLS = 10
PIPE_CELLS = 10_000
"""A table that goes to a file or a pipe is not cut."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--trash", action="store_true", help="what lies in the trash instead")


def run(options: argparse.Namespace) -> int:
    """Print every run, newest first."""
    import asyncio

    statuses = asyncio.run(_roster(trash=options.trash))
    if options.json:
        _print_json(statuses)
    elif statuses:
        _print_table(statuses)
    elif options.trash:
        print("pilothouse: the trash is empty", file=sys.stderr)
    else:
        print("pilothouse: no runs yet (start with `pilothouse demo`)", file=sys.stderr)
    return 0


async def _roster(*, trash: bool) -> list[RunStatus]:
    from pilothouse import paths
    from pilothouse.runs.files import FileRuns

    now = datetime.now(UTC)
    runs = FileRuns(paths.trash_dir() if trash else None)
    return [status.up_to(now) async for status in runs.roster()]


def _print_json(statuses: list[RunStatus]) -> None:
    import msgspec

    from pilothouse.safety import ascii_json

    for status in statuses:
        print(ascii_json(msgspec.json.encode(status)))


def _print_table(statuses: list[RunStatus]) -> None:
    from pilothouse.safety import clean_line

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else PIPE_CELLS
    states = [state_words(status) for status in statuses]
    state_cells = max(map(len, ["STATE", *states]))
    head = f"{'RUN':10}  {'STATE':{state_cells}}  {'ACTIONS':>7}  {'COST':>8}  {'TIME':>7}  "
    print(head + "TASK")
    room = max(width - len(head), TASK_MIN_CELLS)
    for status, state in zip(statuses, states, strict=True):
        text = status.problem or _called(status)
        print(
            f"{status.run:10}  {state:{state_cells}}  {status.actions:>7}  {_cost(status):>8}"
            f"  {_time(status.duration_s):>7}  {clean_line(' '.join(text.split()), room)}"
        )


def state_words(status: RunStatus) -> str:
    """Say how a run stands, in two or three words."""
    if status.problem and not status.live:
        return "damaged"
    if status.outcome is not None:
        return status.outcome.value
    if not status.live:
        return "killed"
    if status.holding:
        return f"holding ({', '.join(status.holding)})"
    return status.phase.value


def _called(status: RunStatus) -> str:
    tags = "".join(f"#{tag} " for tag in status.tags)
    return f"{tags}{status.name}: {status.task}" if status.name else f"{tags}{status.task}"


def _cost(status: RunStatus) -> str:
    return "-" if status.cost_usd is None else f"${status.cost_usd:.2f}"


def _time(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"
