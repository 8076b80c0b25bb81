"""A scenario's calls in the form of the tool that the request declares."""

from __future__ import annotations

from typing import Any

import pytest

from pilothouse.local.messages_calls import call_blocks
from pilothouse.local.messages_models import TOOLSET
from pilothouse.local.scenario import parse
from tests.local.messages.talking import TASK, answered, talking

Json = dict[str, Any]
BETA = "computer-use-2025-11-24"
CALLS: list[Json] = [
    {"do": "screenshot"},
    {"do": "zoom", "region": [0, 0, 10, 10]},
    {"do": "left_click", "at": "there", "text": "shift"},
    {"do": "left_click_drag", "from": "there", "at": [5, 6]},
    {"do": "scroll", "scroll_direction": "down", "scroll_amount": 3, "at": [1, 2]},
    {"do": "key", "text": "Tab", "repeat": 3},
    {"do": "wait", "duration": 2},
]
MEMBERS: list[tuple[str, Json]] = [
    ("screenshot", {}),
    ("zoom", {"region": [0, 0, 10, 10]}),
    ("left_click", {"coordinate": [1, 2], "text": "shift"}),
    ("left_click_drag", {"start_coordinate": [1, 2], "coordinate": [5, 6]}),
    ("scroll", {"scroll_direction": "down", "scroll_amount": 3, "coordinate": [1, 2]}),
    ("key", {"text": "Tab", "repeat": 3}),
    ("wait", {"duration": 2}),
]
SCENARIO = parse({"targets": {"there": [1, 2]}}, "x")


def single(kind: str, **more: Any) -> Json:
    return {"type": kind, "name": "computer", "display_width_px": 1280, "display_height_px": 800, **more}


def emitted(tool: Json, **more: Any) -> list[Json]:
    return call_blocks(SCENARIO, CALLS, {"tools": [tool], **more})


def test_members_of_the_toolset() -> None:
    blocks = emitted({"type": TOOLSET})
    assert [(block["name"], block["input"]) for block in blocks] == MEMBERS
    assert {block["toolset_name"] for block in blocks} == {"computer"}


def test_a_toolset_without_zoom_is_not_asked_for_it() -> None:
    blocks = emitted({"type": TOOLSET, "configs": {"zoom": {"enabled": False}}})
    assert [block["name"] for block in blocks[:2]] == ["screenshot", "screenshot"]


@pytest.mark.parametrize("zooms", [True, False])
def test_actions_of_the_single_tool(zooms: bool) -> None:
    blocks = emitted(single("computer_20251124", enable_zoom=zooms))
    wanted = [{"action": name, **given} for name, given in MEMBERS]
    wanted[5] = {"action": "key", "text": "Tab Tab Tab"}  # there is no repeat
    if not zooms:
        wanted[1] = {"action": "screenshot"}
    assert [block["input"] for block in blocks] == wanted
    assert {block["name"] for block in blocks} == {"computer"}
    assert not any("toolset_name" in block for block in blocks)


def test_the_first_generation_knows_fewer_actions() -> None:
    blocks = emitted(single("computer_20241022"))
    assert [block["input"] for block in blocks] == [
        {"action": "screenshot"},
        {"action": "screenshot"},
        {"action": "left_click", "coordinate": [1, 2]},
        {"action": "left_click_drag", "coordinate": [5, 6]},
        {"action": "key", "text": "Page_Down"},
        {"action": "key", "text": "Tab Tab Tab"},
        {"action": "screenshot"},
    ]


def test_a_raw_call_is_left_as_it_is() -> None:
    raw: list[Json] = [{"do": "zoom", "input": {"a": 1}}, {"do": "odd", "input": {}, "toolset": ""}]
    blocks = call_blocks(SCENARIO, raw, {"tools": [single("computer_20250124")]})
    assert [(block["name"], block["input"], block.get("toolset_name")) for block in blocks] == [
        ("computer", {"action": "zoom", "a": 1}, None),
        ("odd", {}, None),
    ]


async def test_the_single_tool_through_the_sdk() -> None:
    turn: Json = {"text": "I look.", "calls": [{"do": "left_click", "at": [1, 2]}]}
    shape: Json = {
        "model": "claude-opus-4-6",
        "tools": [single("computer_20251124")],
        "betas": [BETA],
    }
    async with talking(turn, {"text": "Done."}) as client:
        history, (first,) = await client.run(1, **shape)
        second, _ = await client.ask(history, **shape)
    call = first.content[-1]
    assert (call.name, call.input, call.toolset_name) == (
        "computer",
        {"action": "left_click", "coordinate": [1, 2]},
        None,
    )
    assert second.content[-1].text == "Done."


async def test_one_call_at_a_time_makes_them_all_in_the_end() -> None:
    calls = [{"do": "type", "text": said} for said in ("a", "b", "c")]
    alone: Json = {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}
    async with talking({"text": "I type.", "calls": calls}, {"text": "Done."}) as client:
        history = [TASK]
        typed, stops = [], []
        for _ in range(4):
            message, _ = await client.ask(history, **alone)
            stops.append(message.stop_reason)
            typed += [block.input["text"] for block in message.content if block.type == "tool_use"]
            history += answered(message)
        assert typed == ["a", "b", "c"]
        assert stops == ["tool_use", "tool_use", "tool_use", "end_turn"]
