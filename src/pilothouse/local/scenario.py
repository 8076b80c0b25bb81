"""Scenario files: what a scripted model says and does, and which turn answers a history (a pure function).

No server here and no wire format: `messages_reply` makes content blocks and frames of a `Turn`.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse.errors import UsageError
from pilothouse.local.scenario_check import check_shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Json = dict[str, Any]
RELAY_LEAD = "The user sent the following message while you were working: "
"""How a message said during the work is introduced in a system-role message (model-api §4, injecting B)."""

INTERRUPTED = "Interrupted by the operator."
"""The result of a call that a message said `now` kept from being done."""


class Pace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How fast a turn streams; all times are divided by the server's speed."""

    before_s: float = 0.4
    """From the request to the first event."""
    per_delta_s: float = 0.04
    delta_chars: int = 14


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What goes wrong with the first `times` attempts of a turn; further attempts get the turn itself."""

    kind: str
    times: int = 1
    status: int = 529
    """HTTP status of a `status` fault."""
    retry_after_s: float = 0.0
    """Sent as `retry-after` when positive."""
    after_deltas: int = 3
    """How much of the turn is streamed before the fault."""
    stall_s: float = 600.0


FAULT_KINDS = (
    "status",
    "error_event",
    "drop",
    "eof",
    "stall",
    "unknown_event",
    "refusal",
    "max_tokens",
    "context_exceeded",
    "pause_turn",
    "empty",
)


class Expect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the newest results must look like when a turn is asked for; else the server answers 400."""

    text: str = ""
    """A regular expression found in the text of the newest results."""
    is_error: bool | None = None
    """Whether at least one of the newest results is an error."""
    image: bool | None = None
    """Whether at least one of the newest results shows a picture."""


class Turn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One answer of the model: thinking, text and calls, in that order."""

    thinking: str = ""
    text: str = ""
    calls: list[Json] = []
    stop_reason: str = ""
    """Empty for `tool_use` with calls and `end_turn` without."""
    when_user_says: str = ""
    """A regular expression; this turn is then an aside, played when newly said text matches it."""
    pace: Pace | None = None
    repeat: int = 1
    """How many times in a row the turn is played."""
    fault: list[Fault] = []
    expect: Expect = Expect()


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole scenario file, symbolic targets still unresolved."""

    title: str = ""
    task: str = ""
    """The task that this scenario answers; `pilothouse demo` gives it to the run."""
    closing: str = "That was the whole scenario; there is nothing more to do."
    acknowledge: str = "Understood: {said}"
    """Put before the next turn's text when the user said something new; empty for nothing."""
    pace: Pace = Pace()
    targets: dict[str, tuple[int, int]] = {}
    regions: dict[str, tuple[int, int, int, int]] = {}
    turn: list[Turn] = []
    name: str = "scenario"


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """The turn to play, and what led to it."""

    turn: Turn
    number: int
    """Index into the scenario's turns; -1 for a closing turn."""
    position: int
    """How many answers the history holds: retries of one request share it."""
    said: str = ""
    """Newly said text, which the answer should acknowledge; empty for none."""


def load(path: Path, variables: Mapping[str, str] | None = None) -> Scenario:
    """Read a scenario file; `{{name}}` in it is replaced by the variable of that name.

    Raises:
        UsageError: The file can't be read, is no TOML, or holds an unknown key or a wrong value.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"can't be read: {error}", str(path), "name a scenario file (docs/scenarios.md)"
        ) from error
    for name, value in (variables or {}).items():
        text = text.replace("{{" + name + "}}", value)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"is not TOML: {error}", str(path), "see docs/scenarios.md") from error
    return parse(document, str(path))


def parse(document: Json, where: str) -> Scenario:
    """Make a scenario of a decoded document.

    Raises:
        UsageError: It holds an unknown key, a wrong value, or names a target it does not define.
    """
    check_shape(
        document,
        where,
        {
            "": Scenario,
            "pace": Pace,
            "turn": Turn,
            "turn.pace": Pace,
            "turn.fault": Fault,
            "turn.expect": Expect,
        },
        FAULT_KINDS,
    )
    try:
        scenario = msgspec.convert({"name": where, **document}, Scenario)
    except msgspec.ValidationError as error:
        raise UsageError(str(error), where, "see docs/scenarios.md") from error
    for number, turn in enumerate(scenario.turn, start=1):
        try:
            for call in turn.calls:
                resolve_call(call, scenario)
            re.compile(turn.when_user_says)
            re.compile(turn.expect.text)
        except (re.error, LookupError, ValueError) as error:
            raise UsageError(f"turn {number}: {_plain(error)}", where, "see docs/scenarios.md") from error
    played = [turn for turn in scenario.turn for _ in range(turn.repeat)]
    return msgspec.structs.replace(scenario, turn=played)


def _plain(error: Exception) -> str:
    return str(error.args[0]) if error.args else str(error)


def resolve_call(call: Json, scenario: Scenario) -> tuple[str, Json]:
    """Make a call's member name and wire input; `at`, `from` and `region` may name entries of the tables.

    Raises:
        LookupError: A name is in neither `[targets]` nor `[regions]`.
    """
    if "input" in call:
        return str(call["do"]), dict(call["input"])
    wire: Json = {}
    for key, value in call.items():
        match key:
            case "do" | "toolset":
                continue
            case "at":
                wire["coordinate"] = _named(value, scenario.targets, "target")
            case "from":
                wire["start_coordinate"] = _named(value, scenario.targets, "target")
            case "region":
                wire["region"] = _named(value, scenario.regions, "region")
            case _:
                wire[key] = value
    return str(call["do"]), wire


def _named(value: object, table: Mapping[str, tuple[int, ...]], what: str) -> object:
    if not isinstance(value, str):
        return value
    if value not in table:
        known = ", ".join(sorted(table)) or "none"
        raise LookupError(f"no {what} is called {value!r} (defined: {known})")
    return list(table[value])


def choose(scenario: Scenario, messages: list[Json]) -> Choice:
    """Say which turn answers this history: a pure function, so that a retried request gets the same turn.

    The n-th answer is the n-th turn of the main line, except where newly said text called for an aside, or
    a message interrupted a batch, whose remaining calls are then made again.
    """
    asked = list(_asked(messages))
    extras = [group.interrupted or _aside(scenario, group.said) is not None for group in asked]
    newest, position = asked[-1], len(asked) - 1
    if newest.interrupted:
        turn = Turn(text="I finish what I had begun.", calls=newest.interrupted)
        return Choice(turn=turn, number=-1, position=position, said=newest.said)
    aside = _aside(scenario, newest.said)
    if aside is not None:
        return Choice(turn=scenario.turn[aside], number=aside, position=position)
    main = [number for number, turn in enumerate(scenario.turn) if not turn.when_user_says]
    played = sum(not extra for extra in extras[:-1])
    if played < len(main):
        number = main[played]
        return Choice(turn=scenario.turn[number], number=number, position=position, said=newest.said)
    return Choice(turn=Turn(text=scenario.closing), number=-1, position=position, said=newest.said)


def _aside(scenario: Scenario, said: str) -> int | None:
    if not said:
        return None
    matching = (
        number
        for number, turn in enumerate(scenario.turn)
        if turn.when_user_says and re.search(turn.when_user_says, said)
    )
    return next(matching, None)


class _Asked(msgspec.Struct):
    """What came between two answers."""

    said: str
    interrupted: list[Json]
    """Calls of the answer before that a message kept from being done, to be made again."""


def _asked(messages: list[Json]) -> Iterator[_Asked]:
    """Yield what came before each answer so far, and before the one now asked for.

    The task itself counts as nothing said. Assistant messages without anything between them are one answer:
    a paused turn and its continuation.
    """
    since: list[Json] = []
    answers = 0
    calls: list[Json] = []
    for message in [*messages, {"role": "assistant", "content": []}]:
        if message.get("role") != "assistant":
            since.append(message)
            continue
        if since:
            said = "\n".join(text for one in since for text in _spoken(one))
            yield _Asked(said if answers else "", _interrupted(calls, newest_results(since)))
            answers, since, calls = answers + 1, [], []
        content = message.get("content")
        calls += content if isinstance(content, list) else []


def _interrupted(blocks: list[Json], results: list[Json]) -> list[Json]:
    stopped = {result.get("tool_use_id") for result in results if INTERRUPTED in _text_of(result)}
    return [
        {"do": block["name"], "input": block["input"], "toolset": block.get("toolset_name", "")}
        for block in blocks
        if block.get("type") == "tool_use" and block.get("id") in stopped
    ]


def _text_of(result: Json) -> str:
    return "\n".join(str(block.get("text", "")) for block in _blocks(result))


def _spoken(message: Json) -> Iterator[str]:
    content = message.get("content")
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    for block in content or []:
        if isinstance(block, dict) and block.get("type") == "text":
            yield str(block.get("text", "")).removeprefix(RELAY_LEAD)


def newest_results(messages: list[Json]) -> list[Json]:
    """Collect the tool results that came after the last answer."""
    results: list[Json] = []
    for message in reversed(messages):
        if message.get("role") == "assistant":
            break
        content = message.get("content")
        blocks = content if isinstance(content, list) else []
        results[:0] = [
            block for block in blocks if isinstance(block, dict) and block.get("type") == "tool_result"
        ]
    return results


def unmet(expect: Expect, results: list[Json]) -> str:
    """Say which expectation the newest results do not meet; empty when all are met."""
    blocks = [block for result in results for block in _blocks(result)]
    text = "\n".join(str(block.get("text", "")) for block in blocks)
    if expect.text and not re.search(expect.text, text):
        return f"no result says {expect.text!r}, but {text[:200]!r}"
    if expect.is_error is not None and expect.is_error != any(result.get("is_error") for result in results):
        return "an error was expected" if expect.is_error else f"no error was expected, but {text[:200]!r}"
    if expect.image is not None and expect.image != any(block.get("type") == "image" for block in blocks):
        return "a picture was expected" if expect.image else "no picture was expected"
    return ""


def _blocks(result: Json) -> list[Json]:
    content = result.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return list(content or [])
