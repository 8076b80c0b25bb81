"""What came before is recognised by its bytes: a long run costs the server little per request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pilothouse.local import messages_prompt
from pilothouse.local.messages_prompt import Reader, canonical, know
from pilothouse.local.messages_strict import judge
from pilothouse.local.scenario import parse
from pilothouse.local.scenario_play import choose
from tests.local.messages.bodies import SECRET, asking, assistant, body, image, result, text, use, user

Json = dict[str, Any]


def history(turns: int) -> list[Json]:
    messages = [user(text("task"))]
    for n in range(turns):
        messages.append(assistant(text(f"turn {n}"), use(f"t{n}")))
        messages.append(user(result(f"t{n}", content=[image(64, 40, n)])))
    return messages


def test_each_message_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    worked: list[Any] = []

    def counted(value: Any) -> bytes:
        worked.append(value)
        return canonical(value)

    monkeypatch.setattr(messages_prompt, "canonical", counted)
    reader = Reader()
    for turns in range(1, 51):
        read, known = reader.read(json.dumps(body(*history(turns))).encode())
        assert read == body(*history(turns))
        assert [one.message for one in known] == read["messages"]
    assert len(worked) == 1 + 50 * 3, "one for each block, however often it came"


def test_what_is_known_of_a_message_is_what_it_says() -> None:
    reader = Reader()
    raw = json.dumps(body(*history(3))).encode()
    reader.read(raw)
    _, known = reader.read(raw)
    fresh = [know(message) for message in history(3)]
    assert [one.digests for one in known] == [one.digests for one in fresh]


def test_old_messages_are_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages_prompt, "_KNOWN_MAX_BYTES", 5_000)
    reader = Reader()
    for turns in range(1, 40):
        read, _ = reader.read(json.dumps(body(*history(turns))).encode())
        assert read["messages"] == history(turns)
    assert sum(one.size_bytes for one in reader._known.values()) <= 5_000


@pytest.mark.parametrize(
    "raw", [b"[]", b'{"messages": 5}', b'{"messages": [5]}', b'{"messages": [{"role": "user"}]}']
)
def test_what_is_no_request_is_left_to_the_rules(raw: bytes) -> None:
    read, _ = Reader().read(raw)
    assert read == json.loads(raw)


def test_a_request_that_was_read_is_judged_like_one_that_was_not() -> None:
    request = body(*history(5))
    read, known = Reader().read(json.dumps(request).encode())
    assert judge(asking(read, records=known), SECRET).refusal is None
    request["messages"][4]["content"][0]["toolset_name"] = "browser"
    read, known = Reader().read(json.dumps(request).encode())
    refused = judge(asking(read, records=known), SECRET).refusal
    assert str(refused) == str(judge(asking(request), SECRET).refusal) != "None"


def test_a_turn_repeated_three_hundred_times_is_found_at_its_place() -> None:
    scenario = parse({"turn": [{"text": "walk", "repeat": 300}, {"text": "end"}]}, "x")
    assert choose(scenario, history(299)).turn.text == "walk"
    assert choose(scenario, history(300)).turn.text == "end"
    assert len(scenario.turn) == 301
