"""`pilothouse ctl`: commands to a run from a script. What a command does is the engine's to decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pilothouse.errors import NoSuchRun, RunGone, UsageError

if TYPE_CHECKING:
    import argparse

    from pilothouse.commands import AnyCommand

ABORT_WAIT_S = 10.0
"""Abort is done within 5 s; after twice that something is wrong."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("name", metavar="RUN", help="a run's id, a beginning of it, or `latest`")
    parser.add_argument("command", choices=["pause", "resume", "step", "say", "model", "abort"])
    parser.add_argument(
        "what",
        nargs="*",
        default=[],
        metavar="N|TEXT|NAME",
        help="how many actions, what to say, or which model",
    )
    parser.add_argument(
        "--now", action="store_true", help="say: after the running action, not the running batch"
    )
    parser.add_argument("--freeze", action="store_true", help="pause: drop the running answer too")
    parser.add_argument(
        "--effort", default="", metavar="EFFORT", help="model: how hard it thinks from now on"
    )
    parser.add_argument("--keep-browser", action="store_true", help="abort: leave the browser open")
    parser.add_argument("--reason", default="", help="why, for the journal")


def run(options: argparse.Namespace) -> int:
    """Send one command and wait until it took effect."""
    import asyncio

    asyncio.run(send(options.name, _command(options)))
    return 0


def _command(options: argparse.Namespace) -> AnyCommand:
    from pilothouse import commands as cmd
    from pilothouse.engine.client import actor_name
    from pilothouse.ids import new_command_id

    who = {"id": new_command_id(), "actor": actor_name(), "reason": options.reason}
    if options.what and options.command not in {"step", "say", "model"}:
        raise UsageError(f"takes nothing more, but got {options.what[0]!r}", f"ctl {options.command}")
    if options.effort and options.command != "model":
        raise UsageError("--effort goes with model", f"ctl {options.command}", "ctl RUN model --effort E")
    match options.command:
        case "pause":
            return cmd.Pause(**who, freeze=options.freeze)
        case "resume":
            return cmd.Resume(**who)
        case "step":
            return cmd.Step(**who, n=_count(options.what))
        case "say":
            return cmd.Say(**who, text=_text(options.what), when="now" if options.now else "after")
        case "model":
            return cmd.SetModel(**who, model=_model(options.what, options.effort), effort=options.effort)
        case _:
            return cmd.Abort(**who, keep_browser=options.keep_browser)


def _count(words: list[str]) -> int:
    if not words:
        return 1
    if len(words) > 1 or not words[0].isdecimal() or not 1 <= int(words[0]) <= 1000:
        raise UsageError(f"wants one number from 1 to 1000, not {' '.join(words)!r}", "ctl step")
    return int(words[0])


def _model(words: list[str], effort: str) -> str:
    if len(words) > 1:
        raise UsageError(f"wants one model, not {' '.join(words)!r}", "ctl model")
    if not words and not effort:
        raise UsageError("there is nothing to change", "ctl model", "name a model, or give --effort")
    return words[0] if words else ""


def _text(words: list[str]) -> str:
    text = " ".join(words).strip()
    if not text:
        raise UsageError("there is nothing to say", "ctl say", 'give the message: ctl RUN say "…"')
    return text


async def send(name: str, command: AnyCommand) -> str:
    """Send a command to a run and return the run's id; an abort is waited for until the run has ended.

    Raises:
        NoSuchRun: There is no such run.
        RunGone: It has ended, or its engine does not answer.
        CommandRefusedError: The engine refused.
    """
    import asyncio

    from pilothouse.commands import Abort
    from pilothouse.runs.files import FileRuns

    view = FileRuns()
    run = view.resolve(name)
    status = view.status(run)
    if not status.live:
        how = f"has ended ({status.outcome})" if status.outcome else "was killed: no engine runs it"
        raise RunGone(how, run, f"pilothouse replay {run} shows it")
    ack = await view.control(run, command)
    if not isinstance(command, Abort):
        return run
    try:
        async with asyncio.timeout(ABORT_WAIT_S):
            async for _event in view.events(run, ack.seq):
                pass
    except TimeoutError:
        raise RunGone(f"took the abort but has not ended in {ABORT_WAIT_S:.0f} s", run) from None
    return run


def resolve_live(name: str) -> str:
    """Turn a name into a run; without one, take the newest that is live.

    Raises:
        NoSuchRun: There is no such run, or none is live.
    """
    from pilothouse.runs.files import FileRuns

    view = FileRuns()
    if name:
        return view.resolve(name)
    import asyncio

    async def newest() -> str:
        return next((status.run for status in [s async for s in view.roster()] if status.live), "")

    run = asyncio.run(newest())
    if not run:
        raise NoSuchRun("no run is live here", "", "pilothouse ls lists them all, pilothouse demo starts one")
    return run
