"""Scenario files: what a scripted model says and does.

Which turn answers a history is `scenario_play`'s; `messages_reply` makes blocks and frames of a `Turn`.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse.errors import UsageError
from pilothouse.local.scenario_check import check_shape

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Json = dict[str, Any]
FILE_MODES = ("on", "off", "uploads-only")


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
    error: str = ""
    """The type of a `status` or `error_event` fault's error, when not the usual one."""
    code: str = ""
    """An `error_code` that goes with a `status` fault."""
    message: str = ""
    """The error's words, when not the usual ones."""
    after_deltas: int = 3
    """How much of the turn is streamed before the fault."""
    stall_s: float = 600.0
    """The silence of `stall`, `silence` and `black_hole`; how long `keep_alives` come alone; for `slow`, the
    pause before each delta."""
    refuse_s: float = 1.0
    """For how long no connection is accepted."""
    category: str = "cyber"
    """What a `refusal` is about; empty for null."""
    stop_reason: str = "some_future_reason"
    """What `stop` says instead of the turn's own."""


FAULT_KINDS = (
    "status",
    "refuse",
    "black_hole",
    "silence",
    "error_event",
    "drop",
    "eof",
    "stall",
    "keep_alives",
    "slow",
    "garbled",
    "unknown_event",
    "zero_deltas",
    "duplicate",
    "refusal",
    "max_tokens",
    "context_exceeded",
    "pause_turn",
    "empty",
    "stop",
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
    page_top: int = 0
    """Where the page began on the screen that targets and regions were read from; see `on_page_alone`."""
    files: str = "on"
    """`on`, `off` (no uploads, as without data retention) or `uploads-only` (no file within a result)."""
    summary: str = "The work so far went as asked."
    """What a compaction says of the messages it sums up."""
    turn: list[Turn] = []
    name: str = "scenario"
    main: list[int] = []
    """Numbers of the turns that are no asides; worked out, not written."""

    def __post_init__(self) -> None:
        """Work the main line out, once: every request asks for it."""
        line = [number for number, turn in enumerate(self.turn) if not turn.when_user_says]
        msgspec.structs.force_setattr(self, "main", line)


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
    if scenario.files not in FILE_MODES:
        raise UsageError(f"files can't be {scenario.files!r}", where, f"known: {', '.join(FILE_MODES)}")
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


def on_page_alone(scenario: Scenario) -> Scenario:
    """Move targets and regions to where they are on a screen that shows the page and no browser around it."""
    top = scenario.page_top
    return msgspec.structs.replace(
        scenario,
        page_top=0,
        targets={name: (x, y - top) for name, (x, y) in scenario.targets.items()},
        regions={name: (x0, y0 - top, x1, y1 - top) for name, (x0, y0, x1, y1) in scenario.regions.items()},
    )


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
