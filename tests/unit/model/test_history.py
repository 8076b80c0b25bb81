"""The history: what is sent is what was said, sizes are exact, and pruning leaves the newest."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from pilothouse.model.bounds import Bounds
from pilothouse.model.conversation import image_block
from pilothouse.model.history import PRUNED, History, Message
from pilothouse.model.wire import CHUNK_BYTES, Body


def result(number: int, size: int = 300) -> dict[str, Any]:
    picture = image_block(bytes([number]) * size, "image/png")
    return {"type": "tool_result", "tool_use_id": f"t{number}", "content": [picture]}


def grown(turns: int) -> History:
    history = History()
    history.append("user", [{"type": "text", "text": "go ∎"}])
    for number in range(turns):
        history.append("assistant", [{"type": "thinking", "thinking": "hm", "signature": "s"}])
        history.append("user", [result(number)])
    return history


def sent(history: History) -> list[Any]:
    return [json.loads(message) for message in history.wire()]


def bounds(**changes: Any) -> Bounds:
    given = {"max_bytes": 10**6, "max_pictures": 6, "context_tokens": 10**6, **changes}
    return Bounds(append_only=False, edits=True, compacts=True, **given)


def test_what_is_sent_is_what_was_said() -> None:
    history = grown(3)
    history.extend({"type": "text", "text": "look left"})
    assert sent(history) == history.as_json()
    assert history.size_bytes == sum(len(message) + 1 for message in history.wire())
    assert history.pictures == 3


def test_pruning_takes_the_oldest_many_at_a_time() -> None:
    history = grown(7)
    limits = bounds()
    assert limits.exceeded(history)
    assert limits.prune(history) == 3
    assert not limits.exceeded(history)
    shown = [message["content"][0]["content"][0]["type"] for message in sent(history)[2::2]]
    assert shown == ["text"] * 3 + ["image"] * 4
    assert sent(history)[2]["content"][0]["content"][0] == {"type": "text", "text": PRUNED}
    assert history.size_bytes == sum(len(message) + 1 for message in history.wire())


def test_pruning_for_bytes_keeps_the_newest_picture() -> None:
    history = grown(9)
    limits = bounds(max_bytes=3_600, max_pictures=60)
    assert limits.exceeded(history)
    assert limits.prune(history) == 8
    assert not limits.exceeded(history)
    last = sent(history)[-1]["content"][0]["content"][0]
    assert base64.b64decode(last["source"]["data"]) == bytes([8]) * 300


def test_few_pictures_are_kept_where_a_person_wants_few() -> None:
    history, limits = grown(14), bounds(max_pictures=60, newest_pictures=4)
    assert not limits.exceeded(history)
    history.append("user", [result(14)])
    assert limits.exceeded(history)
    assert limits.prune(history) == 11


def test_thinking_can_be_dropped_whole() -> None:
    history = grown(2)
    assert history.drop_thinking() == 2
    assert "thinking" not in str(sent(history))
    assert all(message["content"] for message in sent(history))


async def test_a_body_is_given_in_small_parts_and_whole() -> None:
    body = Body((b"{" * 10, b"x" * (3 * CHUNK_BYTES + 7), b"y", b"z" * CHUNK_BYTES, b"}"))
    parts = [part async for part in body.chunks()]
    assert b"".join(parts) == b"".join(body.pieces)
    assert max(map(len, parts)) <= CHUNK_BYTES
    assert body.size == sum(map(len, parts))


def test_a_message_of_many_pictures_is_encoded_once_when_they_go(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[Message] = []
    encode = Message.encode

    def noted(message: Message) -> None:
        encoded.append(message)
        encode(message)

    history = History()
    history.append("user", [result(number) for number in range(30)])
    monkeypatch.setattr(Message, "encode", noted)
    assert history.prune(10, 10**6) == 20
    assert len(encoded) == 1
    assert history.pictures == 10
    assert history.prune(10, history.size_bytes - 1) == 1  # one less is small enough
    assert history.size_bytes == sum(len(message) + 1 for message in history.wire())


async def test_others_run_between_the_messages_whose_pictures_are_rewritten() -> None:
    history = grown(9)
    sizes: list[int] = []

    async def watch() -> None:
        while True:
            sizes.append(history.size_bytes)
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    named = {"type": "image", "source": {"type": "file", "file_id": "file_1"}}
    assert await history.rewrite_pictures(lambda _: named) == 9
    watching.cancel()
    assert len(set(sizes)) >= 9
    assert history.files() == {"file_1"}
