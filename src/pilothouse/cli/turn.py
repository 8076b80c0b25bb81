"""`pilothouse show`: one turn of a run, as a log or as the exact request that was sent."""

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
    parser.add_argument("--turn", type=int, required=True, metavar="N", help="which turn, from 1")
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
