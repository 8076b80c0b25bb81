"""The history is append-only and exact, and every call has its result."""

from typing import Any

import pytest

from pilothouse.errors import ModelError
from pilothouse.model.conversation import Conversation, image_block, text_result, with_block
from pilothouse.model.generations import Toolset

CLICK: dict[str, Any] = {
    "type": "tool_use",
    "id": "toolu_1",
    "name": "left_click",
    "toolset_name": "computer",
    "input": {"coordinate": [1, 2]},
}


def asked(*, system_messages: bool = True) -> Conversation:
    conversation = Conversation(system_messages=system_messages, read_call=Toolset().read)
    conversation.add_instruction("buy nothing")
    return conversation


def test_blocks_are_kept_verbatim() -> None:
    conversation = asked()
    content = [{"type": "thinking", "thinking": "hm", "signature": "sig=="}, CLICK]
    calls = conversation.add_answer(content)
    assert conversation.messages[-1] == {"role": "assistant", "content": content}
    assert [(call.id, call.member, call.toolset) for call in calls] == [("toolu_1", "left_click", "computer")]


def test_nothing_may_come_before_the_results() -> None:
    conversation = asked()
    conversation.add_answer([CLICK])
    with pytest.raises(ModelError, match="no result"):
        conversation.add_message("wait")


def test_results_must_answer_the_calls() -> None:
    conversation = asked()
    conversation.add_answer([CLICK])
    with pytest.raises(ModelError, match="differ"):
        conversation.add_results([])


def test_results_echo_the_toolset_and_errors_carry_text() -> None:
    conversation = asked()
    (call,) = conversation.add_answer([CLICK])
    assert text_result(call, "no", error=True) == {
        "type": "tool_result",
        "tool_use_id": "toolu_1",
        "toolset_name": "computer",
        "is_error": True,
        "content": [{"type": "text", "text": "no"}],
    }


def test_a_message_follows_all_results_as_a_system_message() -> None:
    conversation = asked()
    (call,) = conversation.add_answer([CLICK])
    conversation.add_results([text_result(call, "Clicked.")])
    assert conversation.add_message("use the blue one") == "system"
    assert conversation.add_message("and hurry") == "system"
    roles = [message["role"] for message in conversation.messages]
    assert roles == ["user", "assistant", "user", "system"]
    assert len(conversation.messages[-1]["content"]) == 2


def test_a_model_without_system_messages_gets_user_text_after_all_results() -> None:
    conversation = asked(system_messages=False)
    (call,) = conversation.add_answer([CLICK])
    conversation.add_results([text_result(call, "Clicked.")])
    assert conversation.add_message("use the blue one") == "user"
    kinds = [block["type"] for block in conversation.messages[-1]["content"]]
    assert kinds == ["tool_result", "text"]


def test_an_empty_answer_is_not_added() -> None:
    conversation = asked()
    assert conversation.add_answer([]) == ()
    assert len(conversation.messages) == 1


def test_a_picture_keeps_its_bytes_and_comes_last() -> None:
    conversation = asked()
    (call,) = conversation.add_answer([CLICK])
    result = with_block(text_result(call, "Clicked."), image_block(b"\x89PNG", "image/png"))
    assert [block["type"] for block in result["content"]] == ["text", "image"]
    assert result["content"][1]["source"]["data"] == "iVBORw=="
