"""Whatever fails, and whatever people ask whenever: the conversation stays one that the API accepts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pilothouse import events as ev
from pilothouse.engine.requester import COUNTED
from pilothouse.engine.spec import ModelOptions
from pilothouse.events import RunPhase
from pilothouse.model.client import make_client
from tests.engine.rig import Rig, rigged
from tests.engine.test_run import CLICK, KEY, LOOK, OUTSIDE, TYPE

pytestmark = pytest.mark.usefixtures("quick", "kept_files")

FAULTS = {
    "": "",
    "overload": '{ kind = "status", status = 529 }',
    "rate": '{ kind = "status", status = 429, retry_after_s = 0.01 }',
    "drop": '{ kind = "drop", after_deltas = 1 }',
    "eof": '{ kind = "eof", after_deltas = 1 }',
    "error": '{ kind = "error_event", after_deltas = 1 }',
    "garbled": '{ kind = "garbled", after_deltas = 1 }',
    "odd": '{ kind = "unknown_event", after_deltas = 1 }',
    "cut": '{ kind = "max_tokens" }',
    "full": '{ kind = "context_exceeded" }',
    "pause": '{ kind = "pause_turn", times = 2 }',
    "empty": '{ kind = "empty" }',
    "refusal": '{ kind = "refusal" }',
    "strange": '{ kind = "stop" }',
}
BATCHES = ([CLICK], [TYPE, KEY], [LOOK], [CLICK, OUTSIDE, TYPE], [CLICK, CLICK, CLICK])
COMMANDS: dict[str, Callable[[Rig], object]] = {
    "pause": lambda rig: rig.pause(),
    "freeze": lambda rig: rig.pause(freeze=True),
    "step": lambda rig: rig.step(),
    "resume": lambda rig: rig.resume(),
    "say": lambda rig: rig.say("and look left"),
    "say now": lambda rig: rig.say("stop that", when="now"),
    "abort": lambda rig: rig.abort(),
}
turns = st.lists(st.tuples(st.sampled_from(BATCHES), st.sampled_from(sorted(FAULTS))), min_size=2, max_size=6)
asked = st.lists(st.tuples(st.integers(0, 12), st.sampled_from(sorted(COMMANDS))), max_size=10)
MODELS = st.sampled_from(["claude-opus-5-5", "claude-opus-5", "claude-sonnet-5"])


def script(chosen: list[tuple[list[str], str]]) -> str:
    parts = ["[pace]\nbefore_s = 0.0\nper_delta_s = 0.0\ndelta_chars = 3\n"]
    for batch, fault in chosen:
        due = f"fault = [{FAULTS[fault]}]\n" if fault else ""
        parts.append(f'[[turn]]\nthinking = "hm"\ntext = "On."\ncalls = [{", ".join(batch)}]\n{due}')
    return "".join(parts)


@settings(
    max_examples=20,
    deadline=None,
    database=None,
    phases=[Phase.generate],  # a run takes half a second: making a failure smaller would take minutes
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(chosen=turns, wanted=asked, model=MODELS, upload=st.sampled_from(["auto", "inline"]))
async def test_any_interleaving_leaves_a_conversation_that_the_api_accepts(
    state_dir: Path,
    chosen: list[tuple[list[str], str]],
    wanted: list[tuple[int, str]],
    model: str,
    upload: str,
) -> None:
    options = ModelOptions(upload=upload, history_max_images=3)
    async with rigged(
        state_dir, script(chosen), headless=False, speed=1e6, model_name=model, options=options
    ) as rig:
        async with asyncio.timeout(60):
            steering = asyncio.create_task(_steer(rig, list(wanted)))
            await rig.run.drive()
            await rig.until(lambda event: isinstance(event, ev.RunEnded))
        steering.cancel()
        assert [one["refused"] for one in rig.model.log.summaries() if one["refused"]] == []
        assert _answered_once(rig)
        await _accepted_still(rig)


@pytest.fixture
def kept_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the pictures in the account, so that the conversation can be looked at when the run is over."""

    async def keep(*_: object, **__: object) -> None:
        return

    monkeypatch.setattr("pilothouse.model.uploads.Pictures.forget", keep)


async def _steer(rig: Rig, wanted: list[tuple[int, str]]) -> None:
    """Ask for each thing once so many more events have come; then see to it that the run ends."""
    seen, due = 0, 0
    async for event in rig.run._bus.subscribe().events():
        seen += 1
        if isinstance(event, ev.CommandApplied | ev.CommandRefused | ev.CommandReceived):
            continue  # our own
        phase = rig.run.recorder.state.phase
        while wanted and seen >= due + wanted[0][0]:
            due = seen
            COMMANDS[wanted.pop(0)[1]](rig)
        if phase is RunPhase.IDLE:
            wanted.clear()
            rig.abort()
        elif rig.run.gate.holding and (not wanted or phase is RunPhase.HOLDING):
            # Nothing more happens while it holds: whoever holds it lets go.
            if wanted:
                due = seen
                COMMANDS[wanted.pop(0)[1]](rig)
            if rig.run.gate.holding:
                rig.resume()


def _answered_once(rig: Rig) -> bool:
    """Say whether every call of a finished turn has its one result in the journal, and nothing else has."""
    calls: dict[int, list[str]] = {}
    for event in rig.events:
        if isinstance(event, ev.TurnFinished):
            calls[event.turn] = [block["id"] for block in event.content if block["type"] == "tool_use"]
    answers = {
        event.turn: [result["tool_use_id"] for result in event.results]
        for event in rig.events
        if isinstance(event, ev.TurnAnswered)
    }
    return {turn: ids for turn, ids in calls.items() if ids} == answers


async def _accepted_still(rig: Rig) -> None:
    """Let the API count the conversation, which checks it; where the end cut it, the journal finishes it."""
    loop = rig.run._loop
    if loop is None or not len(loop._conversation.history):
        return
    conversation = loop._conversation
    if conversation.open_calls:
        last = [event for event in rig.events if isinstance(event, ev.TurnAnswered)][-1]
        conversation.add_results([_in_text(result) for result in last.results])
    if conversation.history.last.role == "assistant":
        conversation.add_instruction("and now?")
    request = loop._requester.shape.request(conversation.messages, loop._asker._shrinker.extra())
    endpoint = rig.run._backends.model
    async with make_client(endpoint.key, endpoint.base_url) as client:
        asked = {key: value for key, value in request.items() if key in COUNTED}
        counted = await client.beta.messages.count_tokens(**asked)
    assert counted.input_tokens > 0


def _in_text(result: dict[str, Any]) -> dict[str, Any]:
    content = [
        {"type": "text", "text": "(a picture)"} if block["type"] == "image" else block
        for block in result["content"]
    ]
    return {**result, "content": content}
