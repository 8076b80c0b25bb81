"""`pilothouse probe`: ask both services what they really do, and write it down. A child does the asking."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pilothouse.cli import show
from pilothouse.errors import KeyMissing, StartFailed, UsageError
from pilothouse.paths import make_private, state_dir
from pilothouse.probe.plan import LIMIT_USD, Outcome, Plan, Progress, Report
from pilothouse.probe.report import markdown, summary
from pilothouse.settings.table import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

LIMIT_MAX_USD = 1.0
DECLINED = 1
_NOTED = (Outcome.NO, Outcome.DIFFERS, Outcome.FAILED)
_line: msgspec.json.Decoder[Progress | Report] = msgspec.json.Decoder(Progress | Report)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("--only", choices=["model", "browser"], default="", help="one side, one key")
    parser.add_argument("--yes", action="store_true", help="don't ask before spending")
    parser.add_argument(
        "--model", default=BY_NAME["model"].default, metavar="NAME",
        help="for the checks that need one model (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--limit", type=_dollars, default=LIMIT_USD, metavar="USD",
        help=f"spend no more than this (default: {LIMIT_USD:.2f}, at most {LIMIT_MAX_USD:.2f})",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", metavar="NAME", help="write NAME.md and NAME.json (default: in the state directory)"
    )
    parser.add_argument("--json", action="store_true", help="the report as JSON on standard output")


def run(options: argparse.Namespace) -> int:
    """Ask, tell how it goes, and write the report."""
    plan = Plan(only=options.only, model=options.model, limit_usd=options.limit)
    _require_keys(plan.only)
    if not options.yes and not _agreed(plan):
        show.narrate("nothing was asked, nothing was spent")
        return DECLINED
    report = _probe(plan)
    page, data = _write(report, options.output)
    print(msgspec.json.encode(report).decode() if options.json else markdown(report), end="")
    if options.json:
        print()
    show.narrate(f"{summary(report)}; {page} can be pasted into an issue, {data} has the same as JSON")
    if report.left:
        show.narrate(f"NOT deleted: {', '.join(report.left)}; the browsers end by themselves within minutes")
    if report.unsure:
        show.narrate(f"maybe left: {', '.join(report.unsure)}; a browser ends by itself within minutes")
    return 1 if report.left or report.unsure else 0


def _dollars(text: str) -> float:
    try:
        limit = float(text.removeprefix("$"))
    except ValueError:
        limit = 0.0
    if not 0 < limit <= LIMIT_MAX_USD:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no limit: give dollars above 0, {LIMIT_MAX_USD} at most"
        )
    return limit


def _require_keys(only: str) -> None:
    wanted = {"model": ("ANTHROPIC_API_KEY",), "browser": ("KERNEL_API_KEY",)}
    for side, (variable,) in wanted.items():
        if only in ("", side) and not os.environ.get(variable, "").strip():
            other = next(name for name in wanted if name != side)
            raise KeyMissing(f"{variable} is not set", way_out=f"set it, or probe --only {other}")


def _agreed(plan: Plan) -> bool:
    """Ask the person; without a terminal there is nobody to ask.

    Raises:
        UsageError: There is no terminal.
    """
    if not sys.stdin.isatty():
        raise UsageError("it spends money, and there is nobody to ask", "probe", "add --yes")
    what = f"the {plan.only} side" if plan.only else "the model and a browser"
    show.narrate(
        f"this asks {what} with your own keys: up to ${plan.limit_usd:.2f}, about two minutes; "
        "what it makes, it deletes"
    )
    print("Go on? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _probe(plan: Plan) -> Report:
    """Run the child to its report.

    Raises:
        StartFailed: There was none.
    """
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "pilothouse.probe"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # ctrl+c is for us: we end its input, and wait for it to clean up
    )
    if child.stdin is None or child.stdout is None:
        raise AssertionError("both are pipes")
    stop = _Stop(child)
    with _interrupts(stop):
        child.stdin.write(msgspec.json.encode(plan) + b"\n")
        child.stdin.flush()
        report = None
        for line in child.stdout:
            with contextlib.suppress(msgspec.MsgspecError):
                said = _line.decode(line)
                if isinstance(said, Report):
                    report = said
                else:
                    _tell(said)
        code = child.wait()
    if report is None:
        raise StartFailed(f"the probe ended without a report (exit code {code})", way_out="please report it")
    return report


class _Stop:
    """What ctrl+c does: end the child's input, once; it reports what it has."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        # The signal may have come amid an import or a print of the main program: nothing here needs either.
        with contextlib.suppress(OSError):
            os.write(2, b"pilothouse: ending; what was made is being deleted\n")
        if self._child.stdin is not None:
            self._child.stdin.close()


@contextlib.contextmanager
def _interrupts(stop: _Stop) -> Iterator[None]:
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(progress: Progress) -> None:
    finding = progress.finding
    evidence = f": {finding.evidence}" if finding.outcome in _NOTED else ""
    show.narrate(f"{progress.done}/{progress.total} {finding.question}? {finding.outcome}{evidence}")


def _write(report: Report, output: str | None) -> tuple[Path, Path]:
    """Write both forms, for their owner alone.

    Raises:
        UsageError: They can't be written there.
    """
    base = Path(output).expanduser() if output else make_private(state_dir()) / f"probe-{report.date}"
    page, data = base.with_name(f"{base.name}.md"), base.with_name(f"{base.name}.json")
    try:
        for path, text in ((page, markdown(report)), (data, msgspec.json.encode(report).decode())):
            path.touch(mode=0o600)
            path.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"can't be written: {error.strerror}", str(page), "name another with -o") from None
    return page, data
