"""Which turn of a scenario answers a history: a pure function of both. Reads no files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse.local.scenario import Expect, Scenario, Turn

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]
RELAY_LEAD = "The user sent the following message while you were working: "
"""How a message said during the work is introduced in a system-role message (model-api §4, injecting B)."""

INTERRUPTED = "Interrupted by the operator."
"""The result of a call that a message said `now` kept from being done."""


class Progress(msgspec.Struct, kw_only=True):
    """How far a scenario has come; a compaction block carries it past the messages it sums up."""

    answers: int = 0
    played: int = 0
    """Turns of the main line among the answers."""
    pending: bool = False
    """Something was asked that has no answer yet."""
    said: str = ""
    """What was newly said with it."""
    redo: list[Json] = []
    """Calls still to be made: of a turn that could make only one at a time, or that was interrupted."""
    interrupted: bool = False


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """The turn to play, and what led to it."""

    turn: Turn
    number: int
    """Index into the scenario's turns; -1 for a turn that is in none."""
    position: int
    """How many answers the history holds: retries of one request share it."""
    said: str = ""
    """Newly said text, which the answer should acknowledge; empty for none."""


def choose(scenario: Scenario, messages: list[Json], since: Progress | None = None) -> Choice:
    """Say which turn answers this history: a pure function, so that a retried request gets the same turn.

    The n-th answer is the n-th turn of the main line, except where newly said text called for an aside, where
    a message interrupted a batch, or where an answer could make only one of its calls: those are made first.
    `since` is how far a summary in front of the messages had come.
    """
    return _next(scenario, survey(scenario, messages, since))


def survey(
    scenario: Scenario, messages: list[Json], since: Progress | None = None, *, finished: bool = False
) -> Progress:
    """Say how far a history has come, what is asked for next included.

    The task itself counts as nothing said. Assistant messages without anything between them are one answer:
    a paused turn and its continuation. So an answer at the very end still goes on, unless it is `finished`.
    """
    now = msgspec.structs.replace(since) if since else Progress()
    before: list[Json] = []
    for asked, answer, asked_again in _exchanges(messages, pending=now.pending):
        said = "\n".join(text for one in asked for text in _spoken(one))
        if now.answers:
            now.said = "\n".join(filter(None, (now.said, said)))
        stopped = _interrupted(before, newest_results(asked))
        now.redo, now.interrupted, now.pending = [*stopped, *now.redo], bool(stopped), True
        if answer is not None and (finished or asked_again):
            _answered(scenario, now, sum(block.get("type") == "tool_use" for block in answer))
            before = answer
    return now


def _exchanges(
    messages: list[Json], *, pending: bool
) -> Iterator[tuple[list[Json], list[Json] | None, bool]]:
    """Yield what was asked, the blocks that answered it or None, and whether more was asked then."""
    asked: list[Json] = []
    answer: list[Json] | None = None
    for message in messages:
        if message.get("role") == "assistant":
            answer = [*(answer or []), *_blocks(message)]
            continue
        if answer is not None:
            if asked or pending:
                yield asked, answer, True
            asked, answer, pending = [], None, False
        asked.append(message)
    if asked or pending:
        yield asked, answer, False


def _answered(scenario: Scenario, now: Progress, calls: int) -> None:
    """Go past the answer that was given, which made so many calls."""
    choice = _next(scenario, now)
    left = choice.turn.calls[calls:] if calls else []
    is_aside = choice.number >= 0 and bool(choice.turn.when_user_says)
    now.redo = [*left, *now.redo] if is_aside else left
    now.played += choice.number >= 0 and not is_aside
    now.answers += 1
    now.said, now.interrupted, now.pending = "", False, False


def _next(scenario: Scenario, now: Progress) -> Choice:
    if now.interrupted:
        turn = Turn(text="I finish what I had begun.", calls=now.redo)
        return Choice(turn=turn, number=-1, position=now.answers, said=now.said)
    aside = _aside(scenario, now.said)
    if aside is not None:
        return Choice(turn=scenario.turn[aside], number=aside, position=now.answers)
    if now.redo:
        return Choice(turn=Turn(calls=now.redo), number=-1, position=now.answers, said=now.said)
    number = scenario.main[now.played] if now.played < len(scenario.main) else -1
    turn = scenario.turn[number] if number >= 0 else Turn(text=scenario.closing)
    return Choice(turn=turn, number=number, position=now.answers, said=now.said)


def _aside(scenario: Scenario, said: str) -> int | None:
    if not said:
        return None
    matching = (
        number
        for number, turn in enumerate(scenario.turn)
        if turn.when_user_says and re.search(turn.when_user_says, said)
    )
    return next(matching, None)


def _interrupted(blocks: list[Json], results: list[Json]) -> list[Json]:
    stopped = {result.get("tool_use_id") for result in results if INTERRUPTED in _text_of(result)}
    return [
        _again(block) for block in blocks if block.get("type") == "tool_use" and block.get("id") in stopped
    ]


def _again(block: Json) -> Json:
    """Make a scenario's raw call of a block, in the form of its own tool."""
    given: Json = dict(block["input"])
    if block["name"] == "computer" and "toolset_name" not in block:
        return {"do": str(given.pop("action", "screenshot")), "input": given}
    return {"do": block["name"], "input": given, "toolset": block.get("toolset_name", "")}


def _text_of(result: Json) -> str:
    return "\n".join(str(block.get("text", "")) for block in _blocks(result))


def _spoken(message: Json) -> Iterator[str]:
    for block in _blocks(message):
        if isinstance(block, dict) and block.get("type") == "text":
            yield str(block.get("text", "")).removeprefix(RELAY_LEAD)


def newest_results(messages: list[Json]) -> list[Json]:
    """Collect the tool results that came after the last answer."""
    results: list[Json] = []
    for message in reversed(messages):
        if message.get("role") == "assistant":
            break
        blocks = _blocks(message)
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


def _blocks(holder: Json) -> list[Json]:
    content = holder.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content if isinstance(content, list) else []
