"""`pilothouse ctl`: commands to a run from a script. What a command does is the engine's to decide.

What is asked of the run and what waits in it is worded in `standing`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pilothouse.errors import NoSuchRun, RunGone, UsageError

if TYPE_CHECKING:
    import argparse

    from pilothouse.commands import Ack, AnyCommand

VERBS = (
    "pause",
    "resume",
    "step",
    "say",
    "revise",
    "unsay",
    "approve",
    "reject",
    "edit",
    "limit",
    "mode",
    "model",
    "takeover",
    "act",
    "conceal",
    "reveal",
    "release",
    "live-view",
    "abort",
    "state",
    "wait",
)
_ASKS = ("state", "wait")
"""Verbs that send nothing: there is no command whose reason could be journalled."""
_ALONE = frozenset({"pause", "takeover", "conceal", "reveal", "release", "live-view", "abort", *_ASKS})
"""Verbs that no words may follow."""
_GOES_WITH = {
    "now": ("say", "revise"),
    "after": ("say", "revise"),
    "end": ("say", "revise"),
    "before": ("revise",),
    "freeze": ("pause", "say"),
    "effort": ("model",),
    "secret": ("act",),
    "keep_browser": ("abort",),
    "frame": ("approve", "reject", "edit"),
    "args": ("approve", "reject", "edit"),
    "rule": ("approve",),
    "timeout": ("wait",),
    "reason": tuple(verb for verb in VERBS if verb not in _ASKS),
}
"""Which verbs an option belongs to: with another one it would be ignored, and whoever gave it misled."""
RULE_MAX_BYTES = 32_000
ABORT_WAIT_S = 10.0
"""Abort is done within 5 s; after twice that something is wrong."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("name", metavar="RUN", help="a run's id, a beginning of it, or `latest`")
    parser.add_argument("command", choices=VERBS)
    parser.add_argument(
        "what",
        nargs="*",
        default=[],
        metavar="WHAT",
        help="step: how many actions; say: the message; revise, unsay: which message, as state shows it, "
        "then its new words; model, mode: which; approve, reject, edit, resume: the request, as state shows "
        "it, then a reason, or the edited input as JSON; limit: its name, then a value or off; act: a member "
        "of the computer tool and its input as JSON, or - to read that from standard input",
    )
    parser.add_argument(
        "--now", action="store_true", help="say, revise: after the running action, not the running batch"
    )
    parser.add_argument(
        "--after", action="store_true", help="say, revise: after the running batch; so it is unless said"
    )
    parser.add_argument("--end", action="store_true", help="say, revise: once the agent has ended its turn")
    parser.add_argument(
        "--before",
        default="",
        metavar="MESSAGE",
        help="revise: before which other, or end for last",
    )
    parser.add_argument("--freeze", action="store_true", help="pause, say: drop the running answer too")
    parser.add_argument(
        "--effort", default="", metavar="EFFORT", help="model: how hard it thinks from now on"
    )
    parser.add_argument(
        "--secret", action="store_true", help="act: mask what is typed, and record no pictures until reveal"
    )
    parser.add_argument("--keep-browser", action="store_true", help="abort: leave the browser open")
    parser.add_argument(
        "--frame", default="", metavar="SHA256", help="approve, reject, edit: the picture seen"
    )
    parser.add_argument(
        "--args",
        default="",
        metavar="SHA256",
        help="approve, reject, edit: the input seen, as state tells it",
    )
    parser.add_argument(
        "--rule", default="", metavar="FILE", help="approve: let such actions happen from now on; - reads it"
    )
    parser.add_argument(
        "--timeout", type=_seconds, default=None, metavar="S", help="wait: give up after so many seconds"
    )
    parser.add_argument("--reason", default="", help="why, for the journal")
    parser.add_argument("--json", action="store_true", help="the answer as JSON on standard output")


def run(options: argparse.Namespace) -> int:
    """Send one command and wait until it took effect."""
    import asyncio

    _check_options(options)
    if options.command in _ASKS:
        asyncio.run(_stand(options))
        return 0
    command = _command(options)
    run, ack = asyncio.run(deliver(options.name, command))
    if options.json:
        answer = {"run": run, "command": type(command).__name__, "id": command.id, "seq": ack.seq}
        _print({**answer, "link": ack.link} if ack.link else answer)
    elif ack.link:
        print(ack.link)
    return 0


async def _stand(options: argparse.Namespace) -> None:
    """Print where a run stands, at once or when it wants a person."""
    from pilothouse.cli import standing
    from pilothouse.runs.files import FileRuns

    view = FileRuns()
    run = view.resolve(options.name)
    if options.command == "wait":
        state = await standing.wait_for_person(view, run, options.timeout)
    else:
        state = await standing.state_of(view, run)
    if options.json:
        _print(standing.as_json(state))
        return
    for line in standing.in_words(state):
        print(line)


def _print(answer: dict[str, Any]) -> None:
    from pilothouse.safety import ascii_json

    print(ascii_json(json.dumps(answer)))


def _check_options(options: argparse.Namespace) -> None:
    """Make sure that nothing was given that the verb would ignore.

    Raises:
        UsageError: Something was; it names the verbs that the option goes with.
    """
    verb = options.command
    if options.what and verb in _ALONE:
        raise UsageError(f"takes nothing more, but got {options.what[0]!r}", f"ctl {verb}")
    for name, verbs in _GOES_WITH.items():
        if _is_given(getattr(options, name)) and verb not in verbs:
            goes = "every other verb" if name == "reason" else " or ".join(verbs)
            raise UsageError(f"--{name.replace('_', '-')} goes with {goes}", f"ctl {verb}")


def _is_given(value: object) -> bool:
    """Say whether an option was given; a time of 0 was."""
    return value is not None and value is not False and value != ""


def _command(options: argparse.Namespace) -> AnyCommand:
    from pilothouse import commands as cmd
    from pilothouse.engine.client import actor_name
    from pilothouse.ids import new_command_id

    who = {"id": new_command_id(), "actor": actor_name(), "reason": options.reason}
    match options.command:
        case "pause":
            return cmd.Pause(**who, freeze=options.freeze)
        case "resume":
            return cmd.Resume(**who, expect=cmd.Expect(request=options.what[0]) if options.what else None)
        case "approve" | "reject" | "edit":
            return _decision(options, who)
        case "limit":
            name, value = _limit(options.what)
            return cmd.SetLimit(**who, limit=name, value=value)
        case "mode":
            return cmd.SetMode(**who, mode=_one(options.what, "mode", "auto, ask-risky, ask-all or deny-all"))
        case "step":
            return cmd.Step(**who, n=_count(options.what))
        case "say":
            when = _when(options) or "after"
            return cmd.Say(**who, text=_text(options.what), when=when, freeze=options.freeze)
        case "revise":
            return _revise(options, who)
        case "unsay":
            return cmd.Unsay(**who, message=_message(options))
        case "model":
            return cmd.SetModel(**who, model=_model(options.what, options.effort), effort=options.effort)
        case "act":
            member, given = _act(options.what)
            return cmd.Act(**who, member=member, input=given, secret=options.secret)
        case "abort":
            return cmd.Abort(**who, keep_browser=options.keep_browser)
        case verb:
            return _by_hand(verb)(**who)


def _revise(options: argparse.Namespace, who: dict[str, Any]) -> AnyCommand:
    """Change what was named of a message that waits: its words, its boundary, its place."""
    from pilothouse import commands as cmd

    message, words, when = _message(options), options.what[1:], _when(options)
    if not (words or when or options.before):
        raise UsageError(
            "there is nothing to change",
            "ctl revise",
            "give its new words, --now, --after or --end, or --before MESSAGE",
        )
    text = _text(words) if words else ""
    return cmd.Revise(**who, message=message, text=text, when=when, before=options.before)


def _message(options: argparse.Namespace) -> str:
    """Give the one message that is meant."""
    verb, words = options.command, options.what
    if not words or not words[0]:
        raise UsageError(
            "say which message is meant", f"ctl {verb}", f"ctl {options.name} state shows what waits"
        )
    if verb == "unsay" and len(words) > 1:
        raise UsageError(f"takes one message, but got {words[1]!r} too", "ctl unsay")
    return str(words[0])


def _decision(options: argparse.Namespace, who: dict[str, str]) -> AnyCommand:
    """Make a decision of the request that was named: what was not seen is not decided on."""
    from pilothouse import commands as cmd

    if not options.what:
        raise UsageError(
            "say which request is meant",
            f"ctl {options.command}",
            f"ctl {options.name} state shows what waits",
        )
    request, *rest = options.what
    expect = cmd.Expect(request=request, frame_sha256=options.frame, args_sha256=options.args)
    match options.command:
        case "edit":
            return cmd.Edit(**who, expect=expect, input=_input(rest))
        case "reject":
            return cmd.Reject(**{**who, "reason": " ".join(rest) or who["reason"]}, expect=expect)
        case _ if rest:
            raise UsageError(f"takes one request, but got {rest[0]!r} too", "ctl approve")
        case _:
            return cmd.Approve(**who, expect=expect, rule=_rule(options.rule))


def _rule(file: str) -> str:
    """Read a rule; empty without a file. The engine judges it."""
    if not file:
        return ""
    try:
        data = sys.stdin.buffer.read(RULE_MAX_BYTES + 1) if file == "-" else _head(Path(file))
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"can't be read: {error.strerror or error}", file) from None
    except UnicodeDecodeError:
        raise UsageError("is not UTF-8 text", file) from None
    if not text.strip() or len(data) > RULE_MAX_BYTES:
        raise UsageError("holds no rule" if not text.strip() else "is too long for a rule", file)
    return text


def _head(path: Path) -> bytes:
    with path.expanduser().open("rb") as file:
        return file.read(RULE_MAX_BYTES + 1)


def _by_hand(verb: str) -> type[AnyCommand]:
    """Give the command of a verb about who drives, none of which takes anything."""
    from pilothouse import commands as cmd

    kinds: dict[str, type[AnyCommand]] = {
        "takeover": cmd.TakeOver,
        "conceal": cmd.Conceal,
        "reveal": cmd.Reveal,
        "release": cmd.Release,
        "live-view": cmd.LiveView,
    }
    return kinds[verb]


def _act(words: list[str]) -> tuple[str, dict[str, Any]]:
    """Read what is to be done; what is secret comes by standard input, for everyone sees an argument."""
    if not words:
        raise UsageError("say what is to be done", "ctl act", f"""ctl RUN act left_click {_PLACE}""")
    member, *rest = words
    if rest == ["-"]:
        rest = [sys.stdin.read()]
    return member, _input(rest, "ctl act", f"ctl RUN act left_click {_PLACE}") if rest else {}


_PLACE = """'{"coordinate": [5, 5]}'"""


def _input(
    words: list[str], where: str = "ctl edit", way_out: str = f"ctl RUN edit a1 {_PLACE}"
) -> dict[str, Any]:
    try:
        given = json.loads(" ".join(words))
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise UsageError("wants the action's input as a JSON object", where, way_out)
    return given


def _limit(words: list[str]) -> tuple[str, float | None]:
    way_out = "ctl RUN limit steps 50, or off to lift it"
    if len(words) != 2:
        raise UsageError("wants a limit and its value", "ctl limit", way_out)
    if words[1] == "off":
        return words[0], None
    try:
        return words[0], float(words[1])
    except ValueError:
        raise UsageError(f"{words[1]!r} is no number", "ctl limit", way_out) from None


def _one(words: list[str], verb: str, allowed: str) -> str:
    if len(words) != 1:
        raise UsageError(f"wants one of {allowed}", f"ctl {verb}")
    return words[0]


def _seconds(text: str) -> float:
    import argparse

    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return value


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
    """Send a command to a run and return the run's id, as `deliver` does."""
    run, _ack = await deliver(name, command)
    return run


async def deliver(name: str, command: AnyCommand) -> tuple[str, Ack]:
    """Send a command to a run; returns its id and the answer; an abort is waited for to its end.

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
        return run, ack
    try:
        async with asyncio.timeout(ABORT_WAIT_S):
            async for _event in view.events(run, ack.seq):
                pass
    except TimeoutError:
        raise RunGone(f"took the abort but has not ended in {ABORT_WAIT_S:.0f} s", run) from None
    return run, ack


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


def _when(options: argparse.Namespace) -> str:
    """Give the boundary that was named; empty if none was."""
    named = [when for when in ("now", "after", "end") if getattr(options, when)]
    if len(named) > 1:
        flags = " and ".join(f"--{when}" for when in named)
        raise UsageError(f"{flags} exclude each other", f"ctl {options.command}", "choose one")
    return named[0] if named else ""
