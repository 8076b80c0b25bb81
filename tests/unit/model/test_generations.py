"""Every generation of the computer tool: its declaration, its calls, and who may have it."""

from typing import Any

import pytest

from pilothouse.errors import SettingError
from pilothouse.model.catalogue import lookup
from pilothouse.model.conversation import Call, Conversation, text_result
from pilothouse.model.generations import GENERATIONS, choose

SIZE = {"display_width_px": 1280, "display_height_px": 800}


@pytest.mark.parametrize(
    ("kind", "betas", "entry"),
    [
        ("computer_toolset_20260801", (), {}),
        (
            "computer_20251124",
            ("computer-use-2025-11-24",),
            {"name": "computer", **SIZE, "enable_zoom": True},
        ),
        ("computer_20250124", ("computer-use-2025-01-24",), {"name": "computer", **SIZE}),
        ("computer_20241022", ("computer-use-2024-10-22",), {"name": "computer", **SIZE}),
    ],
)
def test_each_is_declared_in_its_own_way(kind: str, betas: tuple[str, ...], entry: dict[str, Any]) -> None:
    generation = GENERATIONS[kind]
    assert generation.declare(1280, 800) == {"type": kind, **entry}
    assert generation.betas == betas


def test_the_older_the_fewer_actions() -> None:
    counts = {kind: len(generation.members) for kind, generation in GENERATIONS.items()}
    assert counts == {
        "computer_toolset_20260801": 17,
        "computer_20251124": 17,
        "computer_20250124": 16,
        "computer_20241022": 10,
    }


def test_a_call_of_the_toolset_is_its_member() -> None:
    block = {
        "type": "tool_use",
        "id": "t",
        "name": "wait",
        "toolset_name": "computer",
        "input": {"duration": 1},
    }
    call = GENERATIONS["computer_toolset_20260801"].read(block)
    assert call == Call(id="t", member="wait", input={"duration": 1}, toolset="computer")
    assert not GENERATIONS["computer_toolset_20260801"].read({**block, "toolset_name": None}).offered


@pytest.mark.parametrize("kind", ["computer_20251124", "computer_20250124", "computer_20241022"])
def test_a_call_of_a_single_tool_is_its_action(kind: str) -> None:
    given = {"action": "left_click", "coordinate": [1, 2]}
    block = {"type": "tool_use", "id": "t", "name": "computer", "input": given}
    read = GENERATIONS[kind].read
    assert read(block) == Call(id="t", member="left_click", input={"coordinate": [1, 2]})
    assert read({**block, "input": {"action": 7}}).member == "no action"
    assert not read({**block, "name": "bash"}).offered
    assert not read({**block, "toolset_name": "computer"}).offered


def test_results_of_a_single_tool_echo_no_toolset() -> None:
    conversation = Conversation(system_messages=False, read_call=GENERATIONS["computer_20251124"].read)
    conversation.add_instruction("look")
    given = {"action": "screenshot"}
    block = {"type": "tool_use", "id": "t", "name": "computer", "input": given}
    (call,) = conversation.add_answer([block])
    assert conversation.messages[-1]["content"] == [block]
    assert text_result(call, "Clicked.") == {
        "type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "Clicked."}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("model", "asked", "provider", "chosen"),
    [
        ("claude-opus-5-5", "", "anthropic", "computer_toolset_20260801"),
        ("claude-opus-5", "", "anthropic", "computer_toolset_20260801"),
        ("claude-opus-5", "computer_20251124", "anthropic", "computer_20251124"),
        ("claude-opus-5", "", "bedrock", "computer_20251124"),
        ("claude-opus-4-7", "", "anthropic", "computer_20251124"),
        ("claude-haiku-4-5-20251001", "", "vertex", "computer_20250124"),
        ("claude-3-5-sonnet-20241022", "", "anthropic", "computer_20241022"),
        ("claude-next-9", "", "anthropic", "computer_toolset_20260801"),
        ("claude-next-9", "computer_20250124", "anthropic", "computer_20250124"),
    ],
)
def test_a_model_gets_the_newest_it_takes_or_the_one_asked_for(
    model: str, asked: str, provider: str, chosen: str
) -> None:
    toolsets = provider == "anthropic"
    assert choose(lookup(model), asked, toolsets=toolsets, provider=provider).type == chosen


@pytest.mark.parametrize(
    ("model", "asked", "toolsets", "sentence"),
    [
        ("claude-opus-5-5", "computer_20251124", True, "claude-opus-5-5 does not take it"),
        ("claude-haiku-4-5", "computer_toolset_20260801", True, "it takes computer_20250124"),
        ("claude-opus-5", "computer_20251142", True, "did you mean computer_20251124?"),
        ("claude-opus-5-5", "", False, "bedrock has no computer_toolset_20260801"),
        ("claude-opus-5", "computer_toolset_20260801", False, "bedrock has no"),
    ],
)
def test_what_the_table_forbids_is_refused_in_one_sentence(
    model: str, asked: str, toolsets: bool, sentence: str
) -> None:
    with pytest.raises(SettingError) as refused:
        choose(lookup(model), asked, toolsets=toolsets, provider="bedrock")
    assert sentence in str(refused.value)
