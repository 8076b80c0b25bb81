"""The cache: hits are earned by true prefixes, at breakpoints, in time and of a size worth it."""

from __future__ import annotations

from typing import Any

import pytest

from pilothouse.local.messages_prompt import know, parts
from pilothouse.local.messages_usage import PromptCache, Usage
from tests.local.messages.bodies import MARK, TOOLSET, assistant, image, result, text, use, user
from tests.local.messages.talking import LOOK, TASK, talking

Json = dict[str, Any]
HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
LONG = "word " * 4_000


def account(cache: PromptCache, request: Json, now_s: float = 0.0) -> Usage:
    return cache.account(request, parts(request, [know(m) for m in request["messages"]]), now_s)


def request(*messages: Json, **more: Any) -> Json:
    return {"model": "claude-opus-5-5", "messages": list(messages), **more}


def turns(count: int) -> list[Json]:
    made: list[Json] = [user(text("task"))]
    for n in range(count):
        made += [assistant(text(f"turn {n}"), use(f"t{n}")), user(result(f"t{n}", content=[image(640, 400)]))]
    return made


def test_a_steady_run_reads_what_it_wrote_before() -> None:
    cache = PromptCache()
    system = [{**text(LONG), **HOUR}]
    shares = []
    for count in range(30):
        usage = account(cache, request(*turns(count), system=system, tools=[TOOLSET], **MARK))
        shares.append(usage.read / usage.total)
        assert usage.input == 0
    assert shares[0] == 0
    assert min(shares[1:]) > 0.9


def test_a_changed_prefix_is_not_read() -> None:
    cache = PromptCache()
    first = account(cache, request(*turns(3), system=LONG, **MARK))
    history = turns(3)
    history[2]["content"][0]["content"][0] = image(641, 400)
    edited = account(cache, request(*history, system=LONG, **MARK))
    other = account(cache, request(*turns(3), system=LONG + "!", **MARK))
    elsewhere = account(cache, {**request(*turns(3), system=LONG, **MARK), "model": "claude-opus-5"})
    assert first.written == first.total
    assert (edited.read, other.read, elsewhere.read) == (0, 0, 0)


def test_a_write_happens_only_at_a_breakpoint() -> None:
    cache = PromptCache()
    unmarked = account(cache, request(*turns(3), system=LONG))
    marked = account(cache, request(*turns(3), system=[{**text(LONG), **MARK}]))
    again = account(cache, request(*turns(4), system=[{**text(LONG), **MARK}]))
    assert (unmarked.read, unmarked.written) == (0, 0)
    assert marked.written == 5_000
    assert (again.read, again.written) == (5_000, 0)


@pytest.mark.parametrize(
    ("model", "least"),
    [
        ("claude-opus-5-5", 512),
        ("claude-sonnet-5", 1_024),
        ("claude-opus-4-7", 2_048),
        ("claude-opus-4-6", 4_096),
    ],
)
def test_a_prompt_below_the_models_minimum_is_not_cached(model: str, least: int) -> None:
    for tokens, written in ((least - 1, 0), (least, least)):
        marked = request(user({**text("x" * 4 * (tokens - 1)), **MARK}))
        assert account(PromptCache(), {**marked, "model": model}).written == written


@pytest.mark.parametrize(("between", "found"), [(19, True), (20, False)])
def test_a_breakpoint_looks_back_twenty_positions(between: int, found: bool) -> None:
    cache = PromptCache()
    account(cache, request(user({**text(LONG), **MARK})))
    more = [text(f"{n}") for n in range(between)]
    usage = account(cache, request(user(text(LONG), *more[:-1], {**more[-1], **MARK})))
    assert bool(usage.read) == found


def test_a_run_of_calls_is_one_position() -> None:
    cache = PromptCache()
    account(cache, request(user({**text(LONG), **MARK})))
    uses, results = [use(f"t{n}") for n in range(30)], [result(f"t{n}") for n in range(30)]
    usage = account(cache, request(user(text(LONG)), assistant(*uses), user(*results), **MARK))
    assert usage.read == 5_001


def test_lifetimes_count_from_the_start_of_the_request_that_used_them_last() -> None:
    cache, short = PromptCache(), request(user(text(LONG)), **MARK)
    assert account(cache, short, 0).read == 0
    assert account(cache, short, 299).read == 5_001
    assert account(cache, short, 598).read == 5_001
    assert account(cache, short, 899).read == 0


def test_an_hour_lasts_an_hour_and_is_told_apart() -> None:
    cache = PromptCache()
    both = request(user(text("task")), system=[{**text(LONG), **HOUR}], **MARK)
    first = account(cache, both, 0)
    late = account(cache, both, 3_599)
    assert (first.write_1h, first.write_5m) == (5_000, 2)
    assert (late.read, late.write_5m, late.write_1h) == (5_000, 2, 0)


def test_effort_restarts_the_messages_and_not_the_system() -> None:
    cache = PromptCache()
    marked = request(*turns(2), system=[{**text(LONG), **HOUR}], **MARK)
    account(cache, marked)
    usage = account(cache, {**marked, "output_config": {"effort": "low"}})
    assert usage.read == 5_000


async def test_figures_of_each_request_can_be_read() -> None:
    async with talking({**LOOK, "repeat": 12}) as client:
        await client.run(12)
        summaries = await client.get("/requests")
    reads = [
        entry["usage"]["read"] / sum(entry["usage"][k] for k in ("input", "read", "write_5m", "write_1h"))
        for entry in summaries
    ]
    assert reads[0] == 0
    assert min(reads[1:]) > 0.9
    last = summaries[-1]
    assert (last["model"], last["stop_reason"], last["images"]) == ("claude-opus-5-5", "tool_use", 0)
    assert last["usage"]["output"] > 0
    assert last["messages"] == 23
    assert TASK["content"][0]["text"] in summaries[0]["new_text"]
