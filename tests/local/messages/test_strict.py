"""Each rule of the strict server: what it accepts and what it refuses, with the API's wording."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest

from pilothouse.local.messages_binding import sign_next
from pilothouse.local.messages_strict import refuse
from pilothouse.local.scenario_check import MEMBER_KEYS
from tests.local.messages.bodies import (
    MARK,
    SECRET,
    TOOLSET,
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
ACCEPTED: dict[str, Json] = {
    "a first message": body(),
    "a string as content": body({"role": "user", "content": "hello"}),
    "adaptive thinking": body(thinking={"type": "adaptive", "display": "summarized"}),
    "thinking off where it can be": body(model="claude-opus-5", thinking={"type": "disabled"}),
    "a dated model name": body(
        model="claude-haiku-4-5-20251001",
        max_tokens=2000,
        tools=[],
        thinking={"type": "enabled", "budget_tokens": 1024},
    ),
    "configs of members": body(tools=[{**TOOLSET, "configs": {"zoom": {"enabled": False}}}]),
    "four markers": body(
        user({**text(), **MARK}), system=[{**text(), **MARK}], tools=[{**TOOLSET, **MARK}], **MARK
    ),
    "a result": body(*TURN, user(result())),
    "text after all results": body(*TURN, user(result(), text())),
    "an error in words": body(*TURN, user(result(is_error=True))),
    "an error as a string": body(*TURN, user(result(is_error=True, content="no"))),
    "a message of the user as system": body(*TURN, user(result()), system()),
    "a system message and its answer": body(*TURN, user(result()), system(), assistant(text()), user(text())),
    "a picture": body(*TURN, user(result(content=[image(1280, 800)]))),
    "the largest picture": body(*TURN, user(result(content=[image(2560, 1440)]))),
    "a large picture outside a toolset": body(user(image(4000, 3000))),
    "twenty large pictures": body(user(*[image(2500, 1000)] * 20)),
    "twenty-one small pictures": body(user(*[image(1280, 800)] * 21)),
    "six hundred pictures": body(user(*[image(128, 80)] * 600)),
    "plain tools": body(tools=[{"name": "look", "input_schema": {"type": "object"}}]),
}
REFUSED: dict[str, tuple[Any, str]] = {
    "no object": ([], "valid dictionary"),
    "no list of messages": ({**body(), "messages": {}}, "messages: Input should be a valid list"),
    "a message without content": (body({"role": "user"}), "messages.0: Input should be an object"),
    "content of numbers": (
        body({"role": "user", "content": 1}),
        "messages.0.content: Input should be a valid",
    ),
    "blocks without a type": (body(user({"text": "x"})), "list of content blocks"),
    "no max_tokens": ({k: v for k, v in body().items() if k != "max_tokens"}, "max_tokens: Field required"),
    "max_tokens of zero": (body(max_tokens=0), "greater than or equal to 1"),
    "an unknown model": (body(model="claude-nope"), "404 not_found_error: model: claude-nope"),
    "temperature": (body(temperature=0.5), "`temperature`"),
    "top_p": (body(top_p=0.5), "`top_p`"),
    "top_k": (body(top_k=5), "`top_k`"),
    "an unknown field": (body(colour="red"), "colour: Extra inputs are not permitted"),
    "a field of a beta not asked for": (body(context_management={}), "context_management: Extra inputs"),
    "thinking by budget": (
        body(thinking={"type": "enabled", "budget_tokens": 1024}),
        "thinking.type.enabled",
    ),
    "thinking off": (body(thinking={"type": "disabled"}), "thinking.type.disabled"),
    "an unknown form of thinking": (body(thinking={"type": "hard"}), "Input tag 'hard'"),
    "an older tool": (
        body(tools=[{"type": "computer_20251124", "name": "computer"}]),
        "'claude-opus-5-5' does not support tool types: computer_20251124.",
    ),
    "the oldest tool": (
        body(model="claude-haiku-5-5", tools=[{"type": "computer_20250124", "name": "computer"}]),
        "'claude-haiku-5-5' does not support tool types: computer_20250124.",
    ),
    "the toolset on an old model": (
        body(model="claude-opus-4-7"),
        "does not support tool types: computer_toolset",
    ),
    "configs of unknown members": (
        body(tools=[{**TOOLSET, "configs": {"click": {}}}]),
        "configs.click: Extra",
    ),
    "unknown switches": (
        body(tools=[{**TOOLSET, "configs": {"zoom": {"on": True}}}]),
        "configs.zoom.on: Extra",
    ),
    "everything disabled": (
        body(tools=[{**TOOLSET, "configs": {m: {"enabled": False} for m in MEMBER_KEYS}}]),
        "at least one member must be enabled",
    ),
    "mixed defer_loading": (
        body(tools=[{**TOOLSET, "configs": {"zoom": {"defer_loading": True}}}]),
        "`defer_loading` must be the same",
    ),
    "a second toolset": (body(tools=[TOOLSET, TOOLSET]), "Tool names must be unique: computer"),
    "another tool named computer": (
        body(tools=[TOOLSET, {"name": "computer", "input_schema": {}}]),
        "Tool names must be unique: computer",
    ),
    "a forced choice": (body(tool_choice={"type": "any"}), 'type "any" is not supported'),
    "a forced toolset": (
        body(model="claude-opus-5", tool_choice={"type": "tool", "name": "computer"}),
        "cannot be forced",
    ),
    "five markers": (
        body(
            user({**text(), **MARK}, {**text(), **MARK}),
            system=[{**text(), **MARK}],
            tools=[{**TOOLSET, **MARK}],
            **MARK,
        ),
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    "a trailing assistant message": (body(user(text()), assistant(text())), "must end with a user message"),
    "a system message on a model without": (
        body(*TURN, user(result()), system(), model="claude-sonnet-5"),
        "'system' messages are not supported",
    ),
    "no messages": ({**body(), "messages": []}, "at least one message is required"),
    "an unknown role": (body({"role": "tool", "content": "x"}), "messages.0.role"),
    "an assistant first": (body(assistant(text()), user(text())), "first message must use"),
    "an empty message": (
        body(*TURN[:1], assistant(), user(text())),
        "messages.1: all messages must have non-empty",
    ),
    "an empty text": (body(user(text(""))), "text content blocks must be non-empty"),
    "a system message first": (body(system(), user(text())), "first message"),
    "a system message between call and result": (
        body(*TURN, system(), user(result())),
        "`tool_use` ids were found without `tool_result` blocks",
    ),
    "a system message before a user message": (
        body(user(text()), system(), user(text())),
        "must be last or be followed by an 'assistant'",
    ),
    "two system messages": (body(user(text()), system(), system()), "must be last or be followed"),
    "an unanswered call": (
        body(*TURN, user(text())),
        "`tool_use` ids were found without `tool_result` blocks immediately after: toolu_1.",
    ),
    "half the results": (
        body(user(text()), assistant(use("a"), use("b")), user(result("a"))),
        "immediately after: b.",
    ),
    "a stray result": (
        body(user(result())),
        "unexpected `tool_use_id` found in `tool_result` blocks: toolu_1",
    ),
    "a result twice": (body(*TURN, user(result(), result())), "unexpected `tool_use_id`"),
    "a result by the assistant": (
        body(user(text()), assistant(use("a")), user(result("a")), assistant(result("a")), user(text())),
        "can only be in `user` messages",
    ),
    "an id twice": (
        body(*TURN, user(result()), assistant(use()), user(result())),
        "`tool_use` ids must be unique",
    ),
    "text before a result": (body(*TURN, user(text(), result())), "must come first in the content"),
    "text between results": (
        body(user(text()), assistant(use("a"), use("b")), user(result("a"), text(), result("b"))),
        "must come first",
    ),
    "no toolset name": (body(*TURN, user(result(toolset_name=None))), "expected 'computer', got None"),
    "another toolset's name": (body(*TURN, user(result(toolset_name="browser"))), "got 'browser'"),
    "an error with a picture": (
        body(*TURN, user(result(is_error=True, content=[text(), image(10, 10)]))),
        'all content must be type "text"',
    ),
    "an empty error": (body(*TURN, user(result(is_error=True, content=[]))), "content cannot be empty"),
    "an error of no words": (body(*TURN, user(result(is_error=True, content=""))), "content cannot be empty"),
    "a document in a result": (
        body(*TURN, user(result(content=[{"type": "document"}]))),
        "Input tag 'document'",
    ),
    "no picture at all": (
        body(user({"type": "image", "source": {"type": "base64", "data": "AAAA"}})),
        "Could not process image",
    ),
    "a picture of 10 MB": (body(user(image(10, 10, 8 * 2**20))), "image exceeds 10 MB maximum"),
    "601 pictures": (body(user(*[image(128, 80)] * 601)), "too many images: 601 > 600"),
    "too long an edge": (body(*TURN, user(result(content=[image(2577, 100)]))), "maximum of 2576 pixels"),
    "too many tokens": (
        body(*TURN, user(result(content=[image(2560, 1460)]))),
        "maximum of 4784 visual tokens",
    ),
    "21 pictures, one too large": (
        body(user(*[image(1280, 800)] * 20, image(2001, 10))),
        "many-image requests: 2000 pixels",
    ),
    **{
        f"{key} on the toolset": (
            body(tools=[{**TOOLSET, key: value}]),
            f".{key}: Extra inputs are not permitted",
        )
        for key, value in {
            "name": "computer",
            "display_width_px": 1280,
            "display_number": 1,
            "enable_zoom": True,
            "strict": True,
            "input_examples": [],
            "defer_loading": True,
        }.items()
    },
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_it_accepts(case: str) -> None:
    assert refusal(ACCEPTED[case]) == ""


@pytest.mark.parametrize("case", REFUSED)
def test_it_refuses(case: str) -> None:
    request, wording = REFUSED[case]
    answer = refusal(request)
    assert wording in answer
    assert answer.startswith(("400 invalid_request_error", "404 not_found_error"))


def test_a_request_names_the_version_and_is_not_too_large() -> None:
    nameless = msgspec.structs.replace(asking(body()), headers={})
    assert str(refuse(nameless, SECRET)) == "anthropic-version: header is required"
    assert refusal(body(), size_bytes=32 * 2**20) == ""
    assert refusal(body(), size_bytes=32 * 2**20 + 1).startswith("413 request_too_large")


def test_a_beta_field_is_taken_with_its_header() -> None:
    headers = {
        "Anthropic-Version": "2026-10-21",
        "anthropic-beta": "files-api-2025-04-14, context-management-2025-06-27",
    }
    asked = msgspec.structs.replace(asking(body(context_management={"edits": []})), headers=headers)
    assert refuse(asked, SECRET) is None


def with_thinking(turns: int) -> Json:
    """A history in which each answer began with thinking that was signed for what came before it."""
    request = body(user(text("task")), system=[text("You drive.")])
    for turn in range(turns):
        thought = {"type": "thinking", "thinking": f"hm {turn}", "signature": sign_next(request, SECRET)}
        request["messages"].append(assistant(thought, use(f"t{turn}")))
        request["messages"].append(user(result(f"t{turn}")))
    return request


def edited(change: str) -> Json:
    request = with_thinking(3)
    messages = request["messages"]
    match change:
        case "system":
            request["system"] = [text("You drive fast.")]
        case "tools":
            request["tools"] = [{**TOOLSET, "configs": {"zoom": {"enabled": False}}}]
        case "an old result":
            messages[2]["content"][0]["content"] = "shortened"
        case "a removed turn":
            del messages[1:3]
        case "a removed middle thought":
            del messages[3]["content"][0]
        case "a foreign signature":
            messages[1]["content"][0]["signature"] = base64.b64encode(b"other").decode()
        case "no signature":
            messages[1]["content"][0]["signature"] = "%%%"
        case "all thoughts removed":
            for message in messages[1::2]:
                del message["content"][0]
        case "the first thought removed":
            del messages[1]["content"][0]
        case "the last thought removed":
            del messages[5]["content"][0]
        case "markers moved":
            messages[0]["content"][0].update(MARK)
            request["system"][0].update(MARK)
        case "merged messages":
            messages[2]["content"].append(text("and more"))
            thought = {
                "type": "thinking",
                "thinking": "",
                "signature": sign_next({**request, "messages": messages[:3]}, SECRET),
            }
            del messages[3:]
            messages += [assistant(thought, text()), user(text())]
        case "more settings":
            request |= {"max_tokens": 5, "output_config": {"effort": "low"}, "tool_choice": {"type": "auto"}}
    return request


@pytest.mark.parametrize(
    "change",
    [
        "nothing",
        "all thoughts removed",
        "the first thought removed",
        "the last thought removed",
        "markers moved",
        "merged messages",
        "more settings",
    ],
)
def test_thinking_stays_valid_after(change: str) -> None:
    assert refusal(edited(change)) == ""


@pytest.mark.parametrize(
    "change",
    [
        "system",
        "tools",
        "an old result",
        "a removed turn",
        "a removed middle thought",
        "a foreign signature",
        "no signature",
    ],
)
def test_thinking_is_void_after(change: str) -> None:
    assert "Invalid `signature` in `thinking` block" in refusal(edited(change))
