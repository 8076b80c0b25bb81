"""`pilothouse show`: what each turn of a run used, one turn as a log, or the exact request that was sent."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from pilothouse import events as ev
from pilothouse.cli import replay, show
from pilothouse.errors import NoSuchRun, UsageError

if TYPE_CHECKING:
    import argparse

    from pilothouse.runs.files import FileRuns


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("name", metavar="RUN|PATH", help="a run's id or a beginning of it, or a recording")
    parser.add_argument("--turn", type=int, metavar="N", help="which turn, from 1; else a table of all")
    parser.add_argument("--attempt", type=int, metavar="N", help="which attempt; else the last one")
    parser.add_argument(
        "--request", action="store_true", help="the body of its request, byte for byte (--record-requests)"
    )
    parser.add_argument("--json", action="store_true", help="the turn's events as JSON lines")


def run(options: argparse.Namespace) -> int:
    """Print one turn.

    Raises:
        UsageError: The run has no such turn, or its requests were not recorded.
        JournalError: The request can't be given byte for byte.
    """
    view, name = replay.find(options.name)
    if options.request and options.json:
        raise UsageError("is one request, not events", "--request", "leave --json away")
    if options.turn is None:
        if options.request:
            raise UsageError("of which turn?", "--request", "add --turn N")
        asyncio.run(_print_table(view, name, as_json=options.json))
        return 0
    events = asyncio.run(_events_of(view, name, options.turn))
    if not options.request:
        write = show.writer(show.Manner.JSON if options.json else show.Manner.PLAIN)
        for event in events:
            write(event)
        return 0
    recorded = _chosen(events, options.turn, options.attempt)
    body = asyncio.run(_body(view, name, recorded))
    sys.stdout.flush()
    sys.stdout.buffer.write(body)
    if sys.stdout.isatty():
        sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()
    return 0


async def _print_table(view: FileRuns, name: str, *, as_json: bool) -> None:
    """Print what each request used, and what the run did."""
    import msgspec

    from pilothouse.state import RunState, reduce

    if not as_json:
        print(f"{'TURN':>5} {'INPUT':>9} {'READ':>9} {'WRITTEN':>9} {'OUTPUT':>8} {'CACHE':>6} {'COST':>9}")
    state = RunState()
    async for event in view.events(name, 0, False):
        state = reduce(state, event)
        if isinstance(event, ev.UsageReported):
            if as_json:
                print(msgspec.json.encode(event).decode())
            else:
                wrote = event.cache_write_5m + event.cache_write_1h
                _print_row(
                    str(event.turn), event.input, event.cache_read, wrote, event.output, event.cost_usd
                )
    usage = state.usage
    if not as_json:
        cost = usage.cost_usd if usage.priced else None
        _print_row("all", usage.input, usage.cache_read, usage.cache_write, usage.output, cost)
        if usage.cache_read:
            print(f"{usage.hit_rate:.0%} of what was sent was read from the cache")


def _print_row(head: str, plain: int, read: int, wrote: int, output: int, cost: float | None) -> None:
    sent = plain + read + wrote
    share = f"{read / sent:.0%}" if sent else "-"
    dollars = "unpriced" if cost is None else f"${cost:.4f}"
    print(f"{head:>5} {plain:>9,} {read:>9,} {wrote:>9,} {output:>8,} {share:>6} {dollars:>9}")


async def _events_of(view: FileRuns, name: str, turn: int) -> list[ev.Event]:
    """Read the events of a turn: from its first request to the next turn's."""
    found: list[ev.Event] = []
    inside, last = False, 0
    async for event in view.events(name, 0, False):
        if isinstance(event, ev.TurnStarted):
            inside, last = event.turn == turn, event.turn
        if inside or (isinstance(event, ev.RequestRecorded) and event.turn == turn):
            found.append(event)
    if not found:
        there = f"it has {last}" if last else "it has none"
        raise NoSuchRun(f"there is no turn {turn}", name, there)
    return found


def _chosen(events: list[ev.Event], turn: int, attempt: int | None) -> ev.RequestRecorded:
    recorded = [event for event in events if isinstance(event, ev.RequestRecorded) and event.turn == turn]
    wanted = [event for event in recorded if attempt is None or event.attempt == attempt]
    if wanted:
        return wanted[-1]
    if recorded:
        there = ", ".join(str(event.attempt) for event in recorded)
        raise UsageError(f"turn {turn} has no attempt {attempt}", "--attempt", f"there is {there}")
    raise UsageError(
        f"the requests of turn {turn} were not recorded", "--request", "start the run with --record-requests"
    )


async def _body(view: FileRuns, name: str, recorded: ev.RequestRecorded) -> bytes:
    from pilothouse.journal.requests import restored

    async def read(sha256: str) -> bytes:
        return await view.blob(name, sha256)

    return await restored(await read(recorded.body.sha256), recorded.sha256, read)
