"""`pilothouse doctor`: the findings of a checkup, printed. What is looked at is `cli.checkup`'s."""

from __future__ import annotations

import os
import sys
import textwrap
from typing import TYPE_CHECKING

from pilothouse.safety import ascii_json, clean_line

if TYPE_CHECKING:
    import argparse

    from pilothouse.cli.checkup import Finding

SUBJECT_CELLS = 17
WIDTH_CELLS = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def run(options: argparse.Namespace) -> int:
    """Look over, and print; 1 when something will fail."""
    import msgspec

    from pilothouse.cli.checkup import Verdict, look_over
    from pilothouse.terminal.probe import probe

    bad = False
    for finding in look_over(probe(), os.environ):
        bad = bad or finding.verdict is Verdict.BAD
        if options.json:
            print(ascii_json(msgspec.json.encode(finding)))
        else:
            _tell(finding)
        sys.stdout.flush()
    return 1 if bad else 0


def _tell(finding: Finding) -> None:
    found = clean_line(finding.found, 500)
    hang = " " * (SUBJECT_CELLS + 7)
    head = f"{finding.verdict.value:4}  {clean_line(finding.subject, SUBJECT_CELLS):{SUBJECT_CELLS}} "
    print(textwrap.fill(head + found, WIDTH_CELLS, subsequent_indent=hang, break_on_hyphens=False))
    if finding.advice:
        advice = clean_line(finding.advice, 500)
        print(textwrap.fill(advice, WIDTH_CELLS, initial_indent=f"{hang}→ ", subsequent_indent=f"{hang}  "))
