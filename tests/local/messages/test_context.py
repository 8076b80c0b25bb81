"""Context edits and compaction, through the real SDK."""

from __future__ import annotations

import copy
from typing import Any

import anthropic
import pytest

from pilothouse.local.messages_edits import apply
from pilothouse.local.messages_prompt import Known, know
from tests.local.messages.bodies import assistant, body, image, result, text, use, user
from tests.local.messages.talking import LOOK, SHAPE, TASK, WHOLE, answered, echoed, talking

Json = dict[str, Any]
EDITS = "context-management-2025-06-27"
COMPACT = "compact-2026-01-12"
ON_DEMAND = "compact-2026-09-04"
CLEAR: Json = {
    "type": "clear_tool_uses_20250919",
    "trigger": {"type": "input_tokens", "value": 7_000},
    "keep": {"type": "tool_uses", "value": 2},
}
LOOKS: Json = {**LOOK, "repeat": 40}
PICTURE: list[Json] = [image(1280, 800)]  # 1,334 tokens


def grown(turns: int, thinking: bool = False) -> tuple[Json, list[Known]]:
    messages = [user(text("task"))]
    for n in range(turns):
        thought = [{"type": "thinking", "thinking": "x" * 400, "signature": ""}] if thinking else []
        messages += [assistant(*thought, use(f"t{n}")), user(result(f"t{n}", content=PICTURE))]
    request = body(*messages)
    return request, [know(message) for message in messages]


def cleared(turns: int, *edits: Json) -> tuple[list[Json], int, int]:
    request, known = grown(turns, thinking=True)
    request["context_management"] = {"edits": list(edits)}
    edited = apply(request, known, set())
    return edited.applied, edited.original_tokens, edited.tokens


def test_results_are_cleared_past_the_trigger_and_stay_cleared() -> None:
    counts = []
    later = {**CLEAR, "trigger": {"type": "input_tokens", "value": 12_000}}
    for turns in range(16):
        applied, before, after = cleared(turns, later)
        counts.append(applied[0]["cleared_tool_uses"] if applied else 0)
        assert before - after == (applied[0]["cleared_input_tokens"] if applied else 0)
        assert after <= 12_000
    assert counts == sorted(counts)
    assert counts[:3] == [0, 0, 0]
    assert len(set(counts)) <= 6, "the boundary moves in steps, so that the cache holds between them"
    assert counts[-1] >= 10


def test_little_is_not_worth_clearing() -> None:
    at_least = {"type": "input_tokens", "value": 4_000}
    assert cleared(3, CLEAR)[0]
    assert not cleared(3, {**CLEAR, "clear_at_least": at_least})[0]
    assert cleared(6, {**CLEAR, "clear_at_least": at_least})[0][0]["cleared_tool_uses"] == 4


def test_excluded_tools_stay_and_inputs_go_when_asked() -> None:
    assert not cleared(8, {**CLEAR, "exclude_tools": ["screenshot"]})[0]
    assert not cleared(8, {**CLEAR, "exclude_tools": ["computer"]})[0]
    without, with_inputs = cleared(8, CLEAR)[2], cleared(8, {**CLEAR, "clear_tool_inputs": True})[2]
    assert with_inputs < without


def test_a_trigger_may_count_calls() -> None:
    by_calls = {**CLEAR, "trigger": {"type": "tool_uses", "value": 5}}
    assert not cleared(5, by_calls)[0]
    assert cleared(6, by_calls)[0][0]["cleared_tool_uses"] == 4


def test_thinking_is_cleared_but_for_the_newest_turns() -> None:
    forget: Json = {"type": "clear_thinking_20251015", "keep": {"type": "thinking_turns", "value": 2}}
    applied, before, after = cleared(5, forget)
    assert applied == [
        {"type": "clear_thinking_20251015", "cleared_thinking_turns": 3, "cleared_input_tokens": 303}
    ]
    assert before - after == 303
    assert cleared(5, {**forget, "keep": "all"})[0] == []


async def test_edits_are_reported_in_a_stream_and_in_a_message_and_counted() -> None:
    shape: Json = {"betas": [EDITS], "context_management": {"edits": [CLEAR]}}
    async with talking(LOOKS) as client:
        history: list[Json] = [TASK]
        for _ in range(6):
            message, _ = await client.ask(history, **shape)
            history += answered(message, content=PICTURE)
        streamed, _ = await client.ask(history, **shape)
        whole = await client.sdk.beta.messages.create(**{**SHAPE, **shape, "messages": history})
        given: Any = {k: v for k, v in {**SHAPE, **shape, "messages": history}.items() if k != "max_tokens"}
        counted = await client.sdk.beta.messages.count_tokens(**given)
        *_, last = await client.get("/requests")
    edits: Any = streamed.context_management.applied_edits
    assert edits[0].cleared_tool_uses > 0
    assert whole.context_management is not None
    assert whole.context_management.applied_edits == edits
    total = streamed.usage.input_tokens + streamed.usage.cache_read_input_tokens
    assert counted.input_tokens == total + streamed.usage.cache_creation_input_tokens
    assert counted.context_management is not None
    assert (
        counted.context_management.original_input_tokens
        == counted.input_tokens + edits[0].cleared_input_tokens
    )
    assert last["path"] == "/v1/messages/count_tokens"


async def test_clearing_spoils_the_cache_from_there_and_only_then() -> None:
    least: Json = {"type": "input_tokens", "value": 4_000}
    shape: Json = {
        "betas": [EDITS],
        "context_management": {
            "edits": [
                {**CLEAR, "trigger": {"type": "input_tokens", "value": 16_000}, "clear_at_least": least}
            ]
        },
    }
    async with talking(LOOKS) as client:
        history, amounts, written = [TASK], [], []
        for _ in range(16):
            message, _ = await client.ask(history, **shape)
            history += answered(message, content=PICTURE)
            amounts.append(sum(e.cleared_tool_uses for e in message.context_management.applied_edits))
            written.append(message.usage.cache_creation_input_tokens)
    cleared_now = [now > before for before, now in zip([0, *amounts], amounts, strict=False)]
    assert any(cleared_now)
    quiet = [w for w, c in zip(written[1:], cleared_now[1:], strict=True) if not c]
    assert max(quiet) < 1_600, "between two clearings only the newest turn is written"


async def test_compaction_on_demand_makes_a_block_that_goes_first() -> None:
    async with talking(LOOKS, summary="I looked a lot.") as client:
        history, _ = await client.run(3)
        message, kinds = await client.ask(history, betas=[ON_DEMAND], compaction={"type": "summarize"})
        block = message.content[0]
        after, _ = await client.ask([echoed(message)], betas=[ON_DEMAND])
        then = [echoed(message), *answered(after)]
        last, _ = await client.ask(then, betas=[ON_DEMAND])
        whole = await client.sdk.beta.messages.create(
            **{**SHAPE, "messages": history}, betas=[ON_DEMAND], compaction={"type": "summarize"}
        )
        *_, entry = await client.get("/requests")
    assert (message.stop_reason, [b.type for b in message.content]) == ("compaction", ["compaction"])
    assert "I looked a lot." in block.content
    assert block.signature
    assert "compaction" in kinds
    (spent,) = message.usage.iterations
    assert (message.usage.input_tokens, message.usage.output_tokens, spent.type) == (0, 0, "compaction")
    assert spent.cache_read_input_tokens + spent.input_tokens + spent.cache_creation_input_tokens > 5_000
    assert after.stop_reason == last.stop_reason == "tool_use"
    assert last.usage.cache_read_input_tokens > 4_500
    assert whole.stop_reason == "compaction"
    assert entry["stop_reason"] == "compaction"


async def test_turns_kept_after_a_summary_keep_their_thinking() -> None:
    async with talking(LOOKS) as client:
        history, _ = await client.run(4)
        message, _ = await client.ask(history[:5], betas=[ON_DEMAND], compaction={"type": "summarize"})
        kept = [echoed(message), *history[5:]]
        after, _ = await client.ask(kept, betas=[ON_DEMAND])
        again, _ = await client.ask([*kept, *answered(after)], betas=[ON_DEMAND])
        edited = copy.deepcopy(kept)
        edited[2]["content"][0]["content"] = "Nothing happened."
        with pytest.raises(anthropic.BadRequestError, match="Invalid `signature` in `thinking` block"):
            await client.ask(edited, betas=[ON_DEMAND])
    assert after.content[1].text == again.content[1].text == "I look."


async def test_a_scenario_goes_on_after_a_summary_where_it_stood() -> None:
    said = [{**LOOK, "text": f"turn {n}"} for n in range(6)]
    async with talking(*said) as client:
        history, _ = await client.run(2)
        message, _ = await client.ask(history, betas=[ON_DEMAND], compaction={"type": "summarize"})
        third, _ = await client.ask([echoed(message)], betas=[ON_DEMAND])
        history = [echoed(message), *answered(third)]
        second, _ = await client.ask(history, betas=[ON_DEMAND], compaction={"type": "summarize"})
        fourth, _ = await client.ask(
            [echoed(second), {"role": "user", "content": "Make haste."}], betas=[ON_DEMAND]
        )
    assert third.content[1].text == "turn 2"
    assert fourth.content[1].text == "Understood: Make haste.\n\nturn 3"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"content": "I did everything."}, "compaction_content_mismatch"),
        ({"signature": "AAAA"}, "compaction_signature_invalid"),
        ({"encrypted_content": "AAAA"}, "compaction_signature_invalid"),
    ],
)
async def test_a_summary_comes_back_as_it_was(change: Json, code: str) -> None:
    async with talking(LOOKS) as client:
        history, _ = await client.run(2)
        message, _ = await client.ask(history, betas=[ON_DEMAND], compaction={"type": "summarize"})
        block = {**message.content[0].to_dict(), **change}
        with pytest.raises(anthropic.BadRequestError) as refused:
            await client.ask([{"role": "assistant", "content": [block]}], betas=[ON_DEMAND])
    assert refused.value.error_code == code


async def long_history(client: Any) -> list[Json]:
    history, _ = await client.run(2)
    big = {"type": "text", "text": "words " * 36_000}  # 54,000 tokens
    message, _ = await client.ask(history)
    return [*history, *answered(message, big)]


def compacting(**more: Any) -> Json:
    edit = {"type": "compact_20260112", "trigger": {"type": "input_tokens", "value": 50_000}, **more}
    return {"betas": [COMPACT], "context_management": {"edits": [edit]}}


async def test_compaction_at_a_threshold_answers_from_the_summary() -> None:
    async with talking(LOOKS, acknowledge="") as client:
        short, _ = await client.ask([TASK], **compacting())
        history = await long_history(client)
        message, _ = await client.ask(history, **compacting())
        history += answered(message)
        after, _ = await client.ask(history, **compacting())
        dropped, _ = await client.ask(history[-2:], **compacting())
    assert [block.type for block in short.content] == ["thinking", "text", "tool_use"]
    assert [block.type for block in message.content] == ["compaction", "thinking", "text", "tool_use"]
    summing, own = message.usage.iterations
    assert (summing.type, own.type) == ("compaction", "message")
    assert own.input_tokens + own.cache_read_input_tokens + own.cache_creation_input_tokens < 6_000
    assert (
        summing.input_tokens + summing.cache_read_input_tokens + summing.cache_creation_input_tokens > 54_000
    )
    assert message.usage.input_tokens == own.input_tokens
    assert after.usage.iterations is None
    assert after.content[1].text == dropped.content[1].text == "I look."


async def test_a_pause_after_compaction_hands_the_turn_back() -> None:
    shape = compacting(pause_after_compaction=True)
    async with talking({**LOOK, "repeat": 3}, {"text": "Done."}, acknowledge="") as client:
        history = await long_history(client)
        paused, _ = await client.ask(history, **shape)
        history.append(echoed(paused))
        done, _ = await client.ask(history, **shape)
    assert (paused.stop_reason, [block.type for block in paused.content]) == ("compaction", ["compaction"])
    assert paused.usage.output_tokens == 0
    assert done.content[0].text == "Done."
    assert done.usage.iterations is None


async def test_a_prompt_too_long_for_the_model_is_refused() -> None:
    words = {"role": "user", "content": "words " * 140_000}  # 210,000 tokens
    small: Json = {"model": "claude-haiku-4-5", "tools": [], "thinking": {"type": "disabled"}}
    async with talking(LOOK) as client:
        with pytest.raises(
            anthropic.BadRequestError, match=r"prompt is too long: 21\d{4} tokens > 200000 maximum"
        ):
            await client.ask([words], **small)
        given: Any = {k: v for k, v in {**SHAPE, **small, "messages": [words]}.items() if k != "max_tokens"}
        counted = await client.sdk.beta.messages.count_tokens(**given)
    assert counted.input_tokens > 210_000


async def test_counting_checks_what_asking_checks() -> None:
    async with talking(LOOK) as client:
        first, _ = await client.ask([TASK])
        given: Any = {key: value for key, value in WHOLE.items() if key != "max_tokens"}
        edited = [{"role": "user", "content": "Buy two."}, *answered(first)]
        with pytest.raises(anthropic.BadRequestError, match="Invalid `signature`"):
            await client.sdk.beta.messages.count_tokens(**{**given, "messages": edited})
        finished = [TASK, {"role": "assistant", "content": "Done."}]
        assert (await client.sdk.beta.messages.count_tokens(**{**given, "messages": finished})).input_tokens
        ignored = await client.sdk.beta.messages.count_tokens(
            **given, betas=[ON_DEMAND], compaction={"type": "summarize"}
        )
    assert ignored.input_tokens > 4_500


async def test_thinking_that_no_longer_fits_may_be_dropped_and_is_named() -> None:
    binding = {"prefix_mismatch_behavior": "drop_block"}
    shape: Json = {
        "thinking": {"type": "adaptive", "display": "summarized", "block_binding": binding},
        "betas": ["thinking-binding-controls-2026-08-01"],
    }
    async with talking(LOOKS) as client:
        first, _ = await client.ask([TASK], **shape)
        edited = [{"role": "user", "content": "Buy two."}, *answered(first)]
        second, _ = await client.ask(edited, **shape)
        (dropped,) = second.input_transformations
        assert first.input_transformations == []
    assert (dropped.type, dropped.path, dropped.reason) == (
        "thinking_dropped",
        "messages.1.content.0",
        "prefix_binding_mismatch",
    )


async def test_an_older_model_takes_an_edited_history_and_reads_no_newer_thinking() -> None:
    older: Json = {"model": "claude-opus-5"}
    async with talking(LOOKS) as client:
        first, _ = await client.ask([TASK], **older)
        edited = [{"role": "user", "content": "Buy two."}, *answered(first)]
        pruned, _ = await client.ask(edited, **older)
        newer, _ = await client.ask([TASK, *answered(first)])
        history = [TASK, *answered(first), *answered(newer)]
        back, _ = await client.ask(history, **older, betas=["thinking-binding-controls-2026-08-01"])
    assert pruned.stop_reason == "tool_use"
    assert [(t.path, t.reason) for t in back.input_transformations] == [
        ("messages.3.content.0", "model_binding_mismatch")
    ]
