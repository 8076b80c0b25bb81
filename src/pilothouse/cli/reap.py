"""`pilothouse reap`: browsers that runs left over, shown and deleted. A process of its own does the asking.

Only what belongs to a dead run of this host goes; what may still be wanted needs an option that says so.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from pilothouse.errors import BrowserError, KeyMissing

if TYPE_CHECKING:
    import argparse

DEAD = frozenset({"ended", "killed"})
WORDS = {
    "alive": "its run is alive",
    "ended": "its run has ended",
    "killed": "its run was killed",
    "kept": "left open on request",
    "driven": "another run drives it",
    "unknown": "its run is not known here",
    "elsewhere": "another host's",
}

Stray = dict[str, Any]
"""One of the reaper's answers, as JSON."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("--dry-run", action="store_true", help="only show them")
    parser.add_argument("--yes", action="store_true", help="delete without asking")
    parser.add_argument("--kept", action="store_true", help="also those that were left open on request")
    parser.add_argument(
        "--all-hosts",
        action="store_true",
        help="also those of other hosts, and of runs that are not known here",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line; never asks")


def run(options: argparse.Namespace) -> int:
    """List the strays; delete those that may go, once the person agrees."""
    if not os.environ.get("KERNEL_API_KEY", "").strip():
        raise KeyMissing(
            "KERNEL_API_KEY is not set", way_out="set it: browsers on this machine leave no strays"
        )
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "pilothouse.engine.reaping"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # ctrl+c is for us: its input ends then, and it deletes nothing
    ) as child:
        strays = _found(child)
        doomed = [stray for stray in strays if _may_go(stray, options)]
        if not options.json:
            _print_table(strays, doomed)
        agreed = bool(doomed) and not options.dry_run and (options.yes or _agrees(doomed, options))
        problems = _delete(child, doomed if agreed else [])
    return _report(strays, problems, options)


def _found(child: subprocess.Popen[str]) -> list[Stray]:
    answer = _heard(child)
    if answer.get("type") != "found":
        raise BrowserError(f"the browsers can't be listed: {answer.get('why', 'the reaper ended')}")
    strays: list[Stray] = answer["strays"]
    return strays


def _heard(child: subprocess.Popen[str]) -> dict[str, Any]:
    import msgspec

    line = child.stdout.readline() if child.stdout else ""
    answer: dict[str, Any] = msgspec.json.decode(line if line.endswith("\n") else "{}")
    return answer


def _may_go(stray: Stray, options: argparse.Namespace) -> bool:
    fate = stray["fate"]
    if fate in DEAD:
        return True
    return (options.kept and fate == "kept") or (options.all_hosts and fate in ("unknown", "elsewhere"))


def _agrees(doomed: list[Stray], options: argparse.Namespace) -> bool:
    if options.json or not sys.stdin.isatty():
        if not options.json:
            print("pilothouse: nothing was deleted: add --yes", file=sys.stderr)
        return False
    count = f"{len(doomed)} browsers" if len(doomed) > 1 else "1 browser"
    print(f"pilothouse: delete {count}? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _delete(child: subprocess.Popen[str], doomed: list[Stray]) -> dict[str, Any]:
    import msgspec

    if child.stdin is not None:
        with contextlib.suppress(BrokenPipeError):  # one that ended has no answer, and that is told
            child.stdin.write(msgspec.json.encode([stray["session"] for stray in doomed]).decode() + "\n")
            child.stdin.close()
    # One that the reaper died over has no answer: nobody knows what became of it.
    unheard = {stray["session"]: "the reaper ended" for stray in doomed}
    return unheard | _heard(child)


def _report(strays: list[Stray], problems: dict[str, Any], options: argparse.Namespace) -> int:
    from pilothouse.safety import clean_line

    failed = {session: str(why) for session, why in problems.items() if why}
    if options.json:
        _print_json(strays, problems)
    elif problems:
        print(f"pilothouse: {len(problems) - len(failed)} deleted", file=sys.stderr)
    for session, why in failed.items():
        print(f"pilothouse: {session} may still be there: {clean_line(why)}", file=sys.stderr)
    return 1 if failed else 0


def _print_json(strays: list[Stray], problems: dict[str, Any]) -> None:
    import msgspec

    from pilothouse.safety import ascii_json

    for stray in strays:
        session = stray["session"]
        became = {"deleted": problems.get(session) == "", "problem": problems.get(session, "")}
        print(ascii_json(msgspec.json.encode(stray | became)))


def _print_table(strays: list[Stray], doomed: list[Stray]) -> None:
    from pilothouse.safety import clean_line

    if not strays:
        print("pilothouse: no browsers are left over", file=sys.stderr)
        return
    print(f"{'BROWSER':14}  {'AGE':>8}  {'AT MOST':>9}  {'':4}  WHAT BECAME OF ITS RUN")
    for stray in strays:
        mark = "goes" if stray in doomed else ""
        cost, fate = f"${stray['cost_usd']:.2f}", WORDS.get(stray["fate"], stray["fate"])
        name = clean_line(stray["name"] or stray["session"], 40)
        print(f"{name:14}  {_age(stray['age_s']):>8}  {cost:>9}  {mark:4}  {fate}")


def _age(seconds: float) -> str:
    minutes, hours = int(seconds) // 60, int(seconds) // 3600
    if hours >= 48:
        return f"{hours // 24} d"
    return f"{hours} h {minutes % 60:02}" if hours else f"{minutes} min"
