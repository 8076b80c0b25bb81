"""What each model takes: generations of the tool, thinking, effort, lengths, pictures, markers and edits."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from anthropic.types import AnthropicBetaParam

from pilothouse.local.messages_asked import Asked
from pilothouse.local.messages_betas import KNOWN
from pilothouse.local.messages_models import MODELS, TOOL_BETAS, TOOLSET
from pilothouse.local.messages_prompt import know
from pilothouse.local.messages_strict import RULES, SHAPE_RULES
from tests.local.messages import test_strict
from tests.local.messages.bodies import (
    MARK,
    TURN,
    asking,
    assistant,
    body,
    image,
    refusal,
    result,
    system,
    text,
    use,
    user,
)

Json = dict[str, Any]
ZOOM = "computer-use-2025-11-24"
EDITS = "context-management-2025-06-27"
COMPACT = "compact-2026-01-12"
ON_DEMAND = "compact-2026-09-04"
HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}


def single(kind: str = "computer_20251124", **more: Any) -> Json:
    return {"type": kind, "name": "computer", "display_width_px": 1280, "display_height_px": 800, **more}


def old(**more: Any) -> Json:
    return body(**{"model": "claude-opus-4-6", "tools": [single()], **more})


def budgeted(budget: Any, **more: Any) -> Json:
    thinking = {"type": "enabled", "budget_tokens": budget}
    return body(
        **{"model": "claude-haiku-4-5", "max_tokens": 4000, "tools": [], "thinking": thinking, **more}
    )


def plain_use(call: str = "toolu_1") -> Json:
    return {"type": "tool_use", "id": call, "name": "computer", "input": {"action": "screenshot"}}


def edits(*given: Json) -> Json:
    return body(context_management={"edits": list(given)})


CLEAR: Json = {"type": "clear_tool_uses_20250919"}
FORGET: Json = {"type": "clear_thinking_20251015"}
COMPACTING: Json = {"type": "compact_20260112"}
SUMMARY: Json = {"type": "compaction", "content": "So far.", "encrypted_content": "AAAA", "signature": "AAAA"}
PLAIN_SUMMARY: Json = {"type": "compaction", "content": "So far.", "encrypted_content": "AAAA"}

ACCEPTED: dict[str, tuple[Json, tuple[str, ...]]] = {
    "the single tool": (old(), (ZOOM,)),
    "the single tool with zoom": (old(tools=[single(enable_zoom=True)]), (ZOOM,)),
    "the single tool, an older one": (
        body(model="claude-haiku-4-5", tools=[single("computer_20250124", display_number=1)]),
        ("computer-use-2025-01-24",),
    ),
    "either tool on a model that takes both": (body(model="claude-opus-5", tools=[single()]), (ZOOM,)),
    "results of the single tool": (
        old(messages=[user(text()), assistant(plain_use()), user(result(toolset_name=None))]),
        (ZOOM,),
    ),
    "a forced single tool": (old(tool_choice={"type": "tool", "name": "computer"}), (ZOOM,)),
    "one call at a time": (body(tool_choice={"type": "auto", "disable_parallel_tool_use": True}), ()),
    "the smallest budget": (budgeted(1024), ()),
    "updates with their beta": (
        body(thinking={"type": "adaptive", "display": "updates"}),
        ("thinking-display-updates-2026-08-18",),
    ),
    "thinking between tools": (body(model="claude-sonnet-5-5", thinking={"type": "between_tools"}), ()),
    "dropping blocks": (
        body(
            thinking={
                "type": "adaptive",
                "block_binding": {"prefix_mismatch_behavior": "drop_block"},
            }
        ),
        ("thinking-binding-controls-2026-08-01",),
    ),
    "the highest effort": (body(output_config={"effort": "max"}), ()),
    "as long as the model can": (body(max_tokens=128_000), ()),
    "an hour before five minutes": (body(user({**text(), **MARK}), system=[{**text(), **HOUR}], **MARK), ()),
    "a system message for one turn": (
        body(*TURN, user(result()), {**system(), "clear_at": "next_user_message"}),
        ("mid-conversation-system-clear-at-2026-08-21",),
    ),
    "a task budget": (
        body(output_config={"task_budget": {"type": "tokens", "total": 20_000}}),
        ("task-budgets-2026-03-13",),
    ),
    "edits in order": (edits(FORGET, CLEAR), (EDITS,)),
    "edits by calls": (
        edits(
            {
                **CLEAR,
                "trigger": {"type": "tool_uses", "value": 5},
                "keep": {"type": "tool_uses", "value": 1},
                "clear_at_least": {"type": "input_tokens", "value": 10},
                "exclude_tools": ["zoom"],
                "clear_tool_inputs": True,
            }
        ),
        (EDITS,),
    ),
    "keeping all thinking": (edits({**FORGET, "keep": "all"}), (EDITS,)),
    "compaction at a threshold": (
        edits({**COMPACTING, "trigger": {"type": "input_tokens", "value": 50_000}}),
        (COMPACT,),
    ),
    "compaction on demand": (body(*TURN, user(result()), compaction={"type": "summarize"}), (ON_DEMAND,)),
    "compaction after an answer": (
        body(user(text()), assistant(text()), compaction={"type": "summarize"}),
        (ON_DEMAND,),
    ),
}
REFUSED: dict[str, tuple[Json, tuple[str, ...], str]] = {
    "a beta that is none": (
        body(),
        ("computer-use-2025-04-29",),
        "Unexpected value(s) `computer-use-2025-04-29` for the `anthropic-beta` header.",
    ),
    "binding in words": (
        body(thinking={"type": "adaptive", "block_binding": "loose"}),
        ("thinking-binding-controls-2026-08-01",),
        "block_binding: Input should be a valid dictionary",
    ),
    "a list as the form of thinking": (body(thinking={"type": ["adaptive"]}), (), "thinking: Input tag"),
    "a list as a member's config": (
        body(tools=[{"type": TOOLSET, "configs": {"zoom": [1]}}]),
        (),
        "configs.zoom: Input should be a valid dictionary",
    ),
    "a task budget in words": (
        body(output_config={"task_budget": "much"}),
        ("task-budgets-2026-03-13",),
        "task_budget.total: Input should be",
    ),
    "a list of no tools": (body(tools={}), (), "tools: Input should be a valid list"),
    "a tool in words": (body(tools=["computer"]), (), "tools.0: Input should be a valid dictionary"),
    "a system prompt of pictures": (body(system=[image(5, 5)]), (), "system.0.type: Input should be 'text'"),
    "a system prompt without words": (
        body(system=[{"type": "text"}]),
        (),
        "system.0.text.text: Field required",
    ),
    "a mark on a message": (
        {**body(), "messages": [{**user(text()), "id": "1"}]},
        (),
        "messages.0.id: Extra inputs",
    ),
    "an unknown block": (body(user({"type": "smell"})), (), "messages.0.content.0: Input tag 'smell'"),
    "a block with something more": (
        body(user({**text(), "parsed_output": None})),
        (),
        "messages.0.content.0.text.parsed_output: Extra inputs are not permitted",
    ),
    "a call without an id": (
        body(user(text()), assistant({"type": "tool_use", "name": "x", "input": {}}), user(text())),
        (),
        "messages.1.content.0.tool_use.id: Field required",
    ),
    "a call with its input in words": (
        body(user(text()), assistant({**use(), "input": "{}"}), user(result())),
        (),
        "messages.1.content.0.tool_use.input: Input should be a valid dictionary",
    ),
    "a result of numbers": (
        body(*TURN, user(result(content=5))),
        (),
        "tool_result.content: Input should be a valid list",
    ),
    "a result of words alone": (
        body(*TURN, user(result(content=["OK"]))),
        (),
        "tool_result.content.0: Input should be a content block",
    ),
    "a result with half a picture": (
        body(*TURN, user(result(content=[{"type": "image"}]))),
        (),
        "tool_result.content.0.image.source: Field required",
    ),
    "the single tool without its beta": (
        old(),
        (),
        "tools.0: Input tag 'computer_20251124' found using 'type'",
    ),
    "a beta of another generation": (old(), ("computer-use-2025-01-24",), "tools.0: Input tag"),
    "the toolset where only the single tool goes": (
        old(tools=[{"type": TOOLSET}]),
        (ZOOM,),
        "'claude-opus-4-6' does not support tool types: computer_toolset_20260801.",
    ),
    "no name": (
        old(tools=[{"type": "computer_20251124"}]),
        (ZOOM,),
        "computer_20251124.name: Field required",
    ),
    "another name": (old(tools=[single(name="desk")]), (ZOOM,), "name: Input should be 'computer'"),
    "no display size": (
        old(tools=[{"type": "computer_20251124", "name": "computer", "display_width_px": 5}]),
        (ZOOM,),
        "display_height_px: Field required",
    ),
    "a display of nothing": (old(tools=[single(display_width_px=0)]), (ZOOM,), "display_width_px: Input"),
    "zoom before there was any": (
        body(model="claude-haiku-4-5", tools=[single("computer_20250124", enable_zoom=True)]),
        ("computer-use-2025-01-24",),
        "tools.0.computer_20250124.enable_zoom: Extra inputs are not permitted",
    ),
    "zoom in words": (old(tools=[single(enable_zoom="yes")]), (ZOOM,), "should be a valid boolean"),
    "configs on the single tool": (old(tools=[single(configs={})]), (ZOOM,), "configs: Extra inputs"),
    "a toolset's name on the single tool's result": (
        old(messages=[user(text()), assistant(plain_use()), user(result())]),
        (ZOOM,),
        "expected None, got 'computer'",
    ),
    "calls of a toolset that is not declared": (
        old(messages=[*TURN, user(result())]),
        (ZOOM,),
        "toolset 'computer' is not declared",
    ),
    "eager input": (body(), ("fine-grained-tool-streaming-2025-05-14",), "is not supported with the beta"),
    "an unknown choice": (body(tool_choice={"type": "some"}), (), "tool_choice: Input tag 'some'"),
    "one call, in words": (
        body(tool_choice={"type": "auto", "disable_parallel_tool_use": "yes"}),
        (),
        "disable_parallel_tool_use: Input should be a valid boolean",
    ),
    "a forced choice while thinking": (
        old(tool_choice={"type": "any"}, thinking={"type": "adaptive"}),
        (ZOOM,),
        "Thinking may not be enabled when tool_choice forces tool use.",
    ),
    "a small budget": (budgeted(1023), (), "budget_tokens: Input should be greater than or equal to 1024"),
    "no budget": (budgeted(None), (), "budget_tokens: Field required"),
    "a budget of everything": (
        budgeted(4000),
        (),
        "`max_tokens` must be greater than `thinking.budget_tokens`",
    ),
    "a budget where thinking adapts": (
        body(thinking={"type": "adaptive", "budget_tokens": 2000}),
        (),
        "thinking.adaptive.budget_tokens: Extra inputs",
    ),
    "updates without their beta": (
        body(thinking={"type": "adaptive", "display": "updates"}),
        (),
        "thinking.adaptive.display: Input should be 'summarized' or 'omitted'",
    ),
    "binding without its beta": (
        body(thinking={"type": "adaptive", "block_binding": {}}),
        (),
        "thinking.adaptive.block_binding: Extra inputs",
    ),
    "an unknown behaviour": (
        body(thinking={"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "shrug"}}),
        ("thinking-binding-controls-2026-08-01",),
        "should be 'error' or 'drop_block'",
    ),
    "adaptive thinking before there was any": (
        budgeted(0, thinking={"type": "adaptive"}),
        (),
        "thinking.type.adaptive",
    ),
    "an unknown effort": (
        body(output_config={"effort": "heroic"}),
        (),
        "output_config.effort: Input should be",
    ),
    "effort where there is none": (
        budgeted(1024, output_config={"effort": "low"}),
        (),
        "This model does not support the effort parameter.",
    ),
    "an effort the model lacks": (
        old(output_config={"effort": "xhigh"}),
        (ZOOM,),
        "Supported levels: low, medium, high, max.",
    ),
    "the highest effort without thinking": (
        body(model="claude-opus-5", thinking={"type": "disabled"}, output_config={"effort": "max"}),
        (),
        "'max' is not supported with",
    ),
    "output config in words": (body(output_config="low"), (), "output_config: Input should be a valid"),
    "a task budget without its beta": (
        body(output_config={"task_budget": {"total": 20_000}}),
        (),
        "output_config.task_budget: Extra inputs",
    ),
    "a small task budget": (
        body(output_config={"task_budget": {"total": 1}}),
        ("task-budgets-2026-03-13",),
        "task_budget.total: Input should be",
    ),
    "more than the model can say": (
        body(max_tokens=128_001),
        (),
        "max_tokens: 128001 > 128000, which is the maximum allowed number of output tokens",
    ),
    "four markers and the automatic one": (
        body(user(*[{**text(), **MARK}] * 4), **MARK),
        (),
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    "a marker of another kind": (body(cache_control={"type": "eternal"}), (), "should be 'ephemeral'"),
    "a marker for a day": (
        body(cache_control={"type": "ephemeral", "ttl": "24h"}),
        (),
        "ttl: Input should be '5m' or '1h'",
    ),
    "an hour after five minutes": (
        body(system=[{**text(), **MARK}], **HOUR),
        (),
        "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block",
    ),
    "a marker on thinking": (
        body(
            user(text()),
            assistant({"type": "thinking", "thinking": "x", "signature": "", **MARK}),
            user(text()),
        ),
        (),
        "messages.1.content.0.thinking.cache_control: Extra inputs",
    ),
    "a system message with a picture": (
        body(*TURN, user(result()), {"role": "system", "content": [image(10, 10)]}),
        (),
        "a 'system' message holds only text",
    ),
    "a system message for one turn, without its beta": (
        body(*TURN, user(result()), {**system(), "clear_at": "next_user_message"}),
        (),
        "messages.3.clear_at: Extra inputs",
    ),
    "a system message on a model of the single tool": (
        old(messages=[user(text()), system()]),
        (ZOOM,),
        "'system' messages are not supported",
    ),
    "an unknown edit": (
        edits({"type": "forget_everything"}),
        (EDITS,),
        "edits.0: Input tag 'forget_everything'",
    ),
    "an edit without its own beta": (edits(COMPACTING), (EDITS,), "edits.0: Input tag 'compact_20260112'"),
    "an edit twice": (edits(CLEAR, CLEAR), (EDITS,), "only one 'clear_tool_uses_20250919' edit"),
    "thinking cleared last": (edits(CLEAR, FORGET), (EDITS,), "must be the first edit"),
    "an unknown field of an edit": (edits({**CLEAR, "keeps": 1}), (EDITS,), "keeps: Extra inputs"),
    "a trigger of the wrong unit": (
        edits({**CLEAR, "trigger": {"type": "turns", "value": 1}}),
        (EDITS,),
        "trigger: Input should be a positive number of input_tokens or tool_uses",
    ),
    "keeping no thinking": (
        edits({**FORGET, "keep": {"type": "thinking_turns", "value": 0}}),
        (EDITS,),
        "keep: Input should be 'all'",
    ),
    "clearing thinking that is off": (
        {**edits(FORGET), "model": "claude-opus-5", "thinking": {"type": "disabled"}},
        (EDITS,),
        "requires thinking to be enabled",
    ),
    "a low threshold": (
        edits({**COMPACTING, "trigger": {"type": "input_tokens", "value": 49_999}}),
        (COMPACT,),
        "trigger.value: Input should be greater than or equal to 50000",
    ),
    "compaction without its beta": (body(compaction={"type": "summarize"}), (), "compaction: Extra inputs"),
    "an unknown compaction": (body(compaction={"type": "shred"}), (ON_DEMAND,), "should be 'summarize'"),
    "compaction beside edits": (
        {**edits(CLEAR), "compaction": {"type": "summarize"}},
        (ON_DEMAND, EDITS),
        "compaction: cannot be combined with `context_management`",
    ),
    "compaction of an open call": (
        body(*TURN, compaction={"type": "summarize"}),
        (ON_DEMAND,),
        "is not finished",
    ),
    "compaction of nothing": (
        body(user(SUMMARY), compaction={"type": "summarize"}),
        (ON_DEMAND,),
        "nothing to summarize",
    ),
    "a summary without its beta": (body(assistant(SUMMARY), user(text())), (), "Input tag 'compaction'"),
    "a summary in the middle": (
        body(user(text()), assistant(SUMMARY), user(text())),
        (ON_DEMAND,),
        "must be the first block",
    ),
    "two summaries": (
        body(assistant(SUMMARY), assistant(SUMMARY), user(text())),
        (ON_DEMAND,),
        "more than one `compaction` block",
    ),
    "a summary of somebody else": (
        body(assistant(SUMMARY), user(text())),
        (ON_DEMAND,),
        "Invalid `signature` in `compaction` block",
    ),
    "a summary on demand beside one at a threshold": (
        {**edits(COMPACTING), "messages": [assistant(SUMMARY), user(text())]},
        (ON_DEMAND, COMPACT),
        "cannot be combined with a `compact_20260112` edit",
    ),
    "a source of another kind": (
        body(user({"type": "image", "source": {"type": "ftp"}})),
        (),
        "Input tag 'ftp'",
    ),
    "a picture of another kind than it says": (
        body(user({"type": "image", "source": {**image(5, 5)["source"], "media_type": "image/jpeg"}})),
        (),
        "but the image appears to be a image/png image",
    ),
    "a file where there are none": (
        body(user({"type": "image", "source": {"type": "file", "file_id": "file_1"}})),
        (),
        "404 not_found_error: File not found: file_1",
    ),
    "101 pictures to a small model": (
        budgeted(1024, messages=[user(*[image(10, 10)] * 101)]),
        (),
        "too many images: 101 > 100",
    ),
    "a side of more than 8,000 pixels": (body(user(image(8001, 10))), (), "max allowed size: 8000 pixels"),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_it_accepts(case: str) -> None:
    request, betas = ACCEPTED[case]
    assert refusal(request, *betas) == ""


@pytest.mark.parametrize("case", REFUSED)
def test_it_refuses(case: str) -> None:
    request, betas, wording = REFUSED[case]
    answer = refusal(request, *betas)
    assert wording in answer
    assert answer.startswith(("400 invalid_request_error", "404 not_found_error"))


def _first_broken(asked: Asked) -> object:
    shape = next((rule.check for rule in SHAPE_RULES if rule.check(asked)), None)
    if shape:
        return shape
    read = [know(message) for message in asked.messages]
    seen = asking(asked.body, *asked.betas(), records=read)
    return next((rule.check for rule in RULES if rule.check(seen)), None)


def test_every_rule_refuses_something() -> None:
    broken = [asking(request, *betas) for request, betas, _ in REFUSED.values()]
    broken += [asking(request) for request, _ in test_strict.REFUSED.values()]
    hit = {_first_broken(asked) for asked in broken}
    known = {rule.check for rule in (*SHAPE_RULES, *RULES)}
    elsewhere = {"too_large", "version_header", "files_in_results"}
    assert {rule.__name__ for rule in known - hit} == elsewhere


@pytest.mark.parametrize("model", MODELS)
def test_each_model_takes_the_generations_it_should_and_no_other(model: str) -> None:
    taken = set()
    for kind in (TOOLSET, *TOOL_BETAS):
        tool = {"type": kind} if kind == TOOLSET else single(kind)
        if not refusal(body(model=model, tools=[tool]), TOOL_BETAS.get(kind, "")):
            taken.add(kind)
    assert taken == MODELS[model].tools
    assert taken


def test_the_betas_are_those_of_the_sdk() -> None:
    named = {name for part in get_args(AnthropicBetaParam) for name in get_args(part)}
    assert named == KNOWN - {"fine-grained-tool-streaming-2025-05-14"}


def test_counting_takes_what_counts_and_no_more() -> None:
    plain = {key: value for key, value in body().items() if key != "max_tokens"}
    assert refusal(plain, counting=True) == ""
    assert "max_tokens: Extra inputs" in refusal(body(), counting=True)
    assert "stream: Extra inputs" in refusal({**plain, "stream": True}, counting=True)
    assert "tools.0: Input tag" in refusal({**old(max_tokens=1), "tools": [single()]}, counting=False)


def test_summaries_at_a_threshold_stand_where_they_were_made() -> None:
    history = [user(text()), assistant(PLAIN_SUMMARY, use()), user(result())]
    assert "Invalid `signature` in `compaction`" in refusal(body(*history), COMPACT)
    assert "Input tag 'compaction'" in refusal(body(*history), ON_DEMAND)
