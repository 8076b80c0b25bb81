"""What changes a history on the way, or the model it is for: the strict server takes what comes after."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pilothouse import events as ev
from pilothouse.commands import Ack
from pilothouse.engine.mailbox import Mailbox
from pilothouse.engine.requester import Dropped, Requester
from pilothouse.engine.spec import BrowserOptions, ModelOptions
from pilothouse.events import Hold, Outcome, RunPhase
from pilothouse.model.bounds import Bounds
from pilothouse.model.catalogue import Tokens
from pilothouse.model.faults import TurnFault
from pilothouse.model.stream import Answer
from tests.engine.rig import Rig, rigged
from tests.engine.test_run import CLICK, OUTSIDE, TYPE, scenario

pytestmark = pytest.mark.usefixtures("quick")

APPEND_ONLY, CHANGEABLE = "claude-opus-5-5", "claude-opus-5"
TOO_LONG = TurnFault("prompt_too_long", "the prompt is too long", may_pass=False, status=400)
OVERLOADED = TurnFault("overloaded_error", "overloaded", may_pass=True, status=529)
INLINE = ModelOptions(upload="inline")


def turns(count: int) -> str:
    return f'[[turn]]\nthinking = "where next"\ntext = "On."\ncalls = [{CLICK}]\nrepeat = {count}\n'


def refused(rig: Rig) -> list[object]:
    return [summary["refused"] for summary in rig.model.log.summaries() if summary["refused"]]


def cleared(rig: Rig) -> list[str]:
    return [event.what for event in rig.events if isinstance(event, ev.ContextCleared)]


def finished(turn: int) -> Any:
    return lambda event: isinstance(event, ev.TurnFinished) and event.turn == turn


def idles(event: ev.Event) -> bool:
    return isinstance(event, ev.StateChanged) and event.phase is RunPhase.IDLE


def answering(monkeypatch: pytest.MonkeyPatch, instead: Any) -> None:
    """Have the requester do something else first; what it raises stands for the service's answer."""
    ask = Requester.ask

    async def other(
        self: Requester, turn: int, attempt: int, extra: dict[str, Any], max_tokens: int = 0
    ) -> Answer:
        await instead(self, turn, attempt, extra)
        return await ask(self, turn, attempt, extra, max_tokens)

    monkeypatch.setattr(Requester, "ask", other)


async def test_a_task_worded_anew_after_a_system_message_extends_it(state_dir: Path) -> None:
    refusal = 'text = "no"\nfault = [{ kind = "refusal", times = 1 }]'
    script = scenario(f"calls = [{CLICK}, {TYPE}]", refusal, 'text = "Done."')
    async with rigged(state_dir, script, headless=False, idle_s=1.0, speed=1e6) as rig:
        rig.pause()
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.FrameCaptured))
        rig.step()
        await rig.until(lambda event: isinstance(event, ev.ActionFinished))
        rig.say("careful")
        rig.resume()
        await rig.until(idles)
        rig.say("only look at it")
        assert await driving is Outcome.COMPLETED
        await rig.until(lambda event: isinstance(event, ev.RunEnded))
        assert refused(rig) == []
    delivered = [event for event in rig.events if isinstance(event, ev.MessageDelivered)]
    assert [(event.text, event.role) for event in delivered] == [
        ("careful", "system"),
        ("only look at it", "system"),
    ]


async def test_a_pruned_history_goes_over_to_an_append_only_model_without_its_thinking(
    state_dir: Path,
) -> None:
    options = ModelOptions(upload="inline", history_max_images=10)
    async with rigged(state_dir, turns(16), speed=1e6, model_name=CHANGEABLE, options=options) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.ContextCleared))
        assert isinstance(rig.set_model(APPEND_ONLY), Ack)
        assert await driving is Outcome.COMPLETED
        await rig.until(lambda event: isinstance(event, ev.RunEnded))
        assert refused(rig) == []
    assert cleared(rig)[:2] == ["images", "thinking"]


async def test_a_file_that_is_gone_costs_the_thinking_not_the_run(state_dir: Path) -> None:
    async with rigged(state_dir, turns(10), speed=1e6, options=ModelOptions(upload="files")) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(finished(5))
        uploaded = next(event for event in rig.events if isinstance(event, ev.PictureUploaded))
        rig.model.files.delete(uploaded.file)
        assert await driving is Outcome.COMPLETED
        await rig.until(lambda event: isinstance(event, ev.RunEnded))
        assert len(refused(rig)) == 1  # the one that named the file
    assert cleared(rig) == ["thinking"]


async def test_a_summary_that_fails_for_now_is_asked_for_again(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    met: list[str] = []

    async def instead(_: Requester, turn: int, attempt: int, extra: dict[str, Any]) -> None:
        if "compaction" in extra:
            met.append("summary")
            if len(met) == 2:
                raise OVERLOADED
        elif turn == 6 and "summary" not in met[2:]:
            met.append("turn")
            raise TOO_LONG

    answering(monkeypatch, instead)
    async with rigged(state_dir, turns(8), speed=1e6, options=INLINE) as rig:
        assert await rig.finish() is Outcome.COMPLETED
        assert refused(rig) == []
    assert met == ["turn", "summary", "turn", "summary"]
    assert cleared(rig) == ["compaction"]


async def test_a_summary_that_is_dropped_is_asked_for_again(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    met: list[str] = []

    async def instead(_: Requester, turn: int, attempt: int, extra: dict[str, Any]) -> None:
        if "compaction" in extra:
            met.append("summary")
            if len(met) == 2:
                raise Dropped("frozen")
        elif turn == 6 and "summary" not in met[2:]:
            met.append("turn")
            raise TOO_LONG

    answering(monkeypatch, instead)
    async with rigged(state_dir, turns(8), speed=1e6, options=INLINE) as rig:
        assert await rig.finish() is Outcome.COMPLETED
    assert met == ["turn", "summary", "turn", "summary"]


async def test_a_summary_that_is_refused_gives_way_to_pruning(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def instead(requester: Requester, turn: int, attempt: int, extra: dict[str, Any]) -> None:
        if turn >= 6 and requester._conversation.history.pictures > 3:
            raise TOO_LONG

    answering(monkeypatch, instead)
    async with rigged(state_dir, turns(7), speed=1e6, options=INLINE) as rig:
        assert await rig.finish() is Outcome.COMPLETED
        assert refused(rig) == []
    assert cleared(rig)[:2] == ["thinking", "images"]


async def test_a_summary_without_a_word_gives_way_to_pruning(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, full = Requester.ask, [True]

    async def empty(
        self: Requester, turn: int, attempt: int, extra: dict[str, Any], max_tokens: int = 0
    ) -> Answer:
        if "compaction" in extra:
            content: list[dict[str, Any]] = [{"type": "compaction", "content": ""}]
            return Answer(content=content, stop_reason="compaction", tokens=Tokens())
        if turn == 6 and full:
            full.clear()
            raise TOO_LONG
        return await ask(self, turn, attempt, extra, max_tokens)

    monkeypatch.setattr(Requester, "ask", empty)
    async with rigged(state_dir, turns(7), speed=1e6, options=INLINE) as rig:
        assert await rig.finish() is Outcome.COMPLETED
        assert refused(rig) == []
    assert cleared(rig) == ["thinking", "images"]
    warned = [event.what for event in rig.events if isinstance(event, ev.Warned)]
    assert warned == ["the model API made no summary of the conversation"]


async def test_an_answer_that_filled_the_context_is_asked_for_again_after_a_summary(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, once = Requester.ask, [True]

    async def full(
        self: Requester, turn: int, attempt: int, extra: dict[str, Any], max_tokens: int = 0
    ) -> Answer:
        answer = await ask(self, turn, attempt, extra, max_tokens)
        if turn == 5 and once:
            once.clear()
            return msgspec.structs.replace(answer, stop_reason="model_context_window_exceeded")
        return answer

    monkeypatch.setattr(Requester, "ask", full)
    async with rigged(state_dir, turns(5), speed=1e6, options=INLINE) as rig:
        assert await rig.finish() is Outcome.COMPLETED
        assert refused(rig) == []
    assert cleared(rig) == ["compaction"]
    assert [event.kind for event in rig.events if isinstance(event, ev.TurnDiscarded)] == [
        "model_context_window_exceeded"
    ]
    assert len(rig.kernel.performed) == 5  # what the full answer asked for was not done twice, nor at once


@pytest.mark.parametrize("model", [APPEND_ONLY, CHANGEABLE])
async def test_a_request_that_would_overflow_is_counted_and_made_smaller_before_it_is_sent(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    """The estimate is near enough to ask, and what is counted is too much until something is gone."""
    async with rigged(state_dir, turns(8), model_name=model, speed=1e6, options=INLINE) as rig:
        monkeypatch.setattr(Bounds, "must_count", lambda self, tokens: len(rig.of(ev.TurnFinished)) == 6)
        monkeypatch.setattr(Bounds, "overflows", lambda self, tokens: not rig.of(ev.ContextCleared))
        assert await rig.finish() is Outcome.COMPLETED
        assert refused(rig) == []
        counts = [one for one in rig.model.log.summaries() if str(one["path"]).endswith("/count_tokens")]
    assert len(counts) >= 1
    assert cleared(rig)[0] == ("compaction" if model == APPEND_ONLY else "images")
    shrunk = next(n for n, event in enumerate(rig.events) if isinstance(event, ev.ContextCleared))
    begun = [event.turn for event in rig.events[:shrunk] if isinstance(event, ev.TurnStarted)]
    assert begun == [1, 2, 3, 4, 5, 6]  # the seventh was not asked before


async def test_a_freeze_while_tokens_are_counted_holds_the_request(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting, counted = asyncio.Event(), asyncio.Event()
    passed: list[tuple[Hold, ...]] = []

    async def count(_: Requester, extra: dict[str, Any]) -> int:
        counting.set()
        await counted.wait()
        return 1

    async def instead(*_: object) -> None:
        passed.append(rig.run.gate.holding)

    monkeypatch.setattr(Bounds, "must_count", lambda self, tokens: tokens > 0 and not counted.is_set())
    monkeypatch.setattr(Requester, "count", count)
    answering(monkeypatch, instead)
    script = scenario(f"calls = [{CLICK}]", 'text = "Done."')
    async with rigged(state_dir, script, speed=1e6) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await counting.wait()
        rig.pause(freeze=True)
        counted.set()
        for _ in range(20):
            await asyncio.sleep(0)
        rig.resume()
        assert await driving is Outcome.COMPLETED
    assert set(passed) == {()}


async def test_a_model_chosen_while_a_fault_holds_the_run_is_asked_next(state_dir: Path) -> None:
    script = scenario(f'calls = [{CLICK}]\nfault = [{{ kind = "status", times = 99, status = 529 }}]')
    options = ModelOptions(retry_budget_s=0.2)
    async with rigged(state_dir, script, headless=False, speed=1e6, options=options) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.RetryScheduled) and event.asks)
        asked = len(rig.bodies)
        assert isinstance(rig.set_model("claude-sonnet-5-5"), Ack)
        rig.resume()
        await rig.until(lambda event: isinstance(event, ev.ModelChanged))
        discarded = len(rig.of(ev.TurnDiscarded))
        await rig.until(lambda _: len(rig.of(ev.TurnDiscarded)) > discarded)
        rig.abort()
        await driving
    assert {json.loads(body)["model"] for body in rig.bodies[asked:]} == {"claude-sonnet-5-5"}


async def test_a_wide_display_is_scaled_for_the_pictures_that_may_come(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.engine.kernel_stub.WIDTH_PX", 2400)
    monkeypatch.setattr("tests.engine.kernel_stub.HEIGHT_PX", 1000)
    wide = BrowserOptions(width_px=2400, height_px=1000)
    options = ModelOptions(upload="inline", history_max_images=20)
    async with rigged(state_dir, turns(24), speed=1e6, options=options, browser_options=wide) as rig:
        assert await rig.finish() is Outcome.COMPLETED
        assert refused(rig) == []


async def test_a_paused_idle_run_does_not_end_by_itself(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[bool] = []
    waits_again = asyncio.Event()
    wait = Mailbox.wait

    async def counted(mailbox: Mailbox) -> None:
        waits.append(bool(rig.run.gate.holding))
        if len(waits) > 1:
            waits_again.set()
        await wait(mailbox)

    monkeypatch.setattr(Mailbox, "wait", counted)
    async with rigged(state_dir, scenario('text = "Done."'), headless=False, speed=1e6, idle_s=0.3) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(idles)
        rig.pause()
        again = asyncio.create_task(waits_again.wait())
        await asyncio.wait({driving, again}, return_when=asyncio.FIRST_COMPLETED)
        again.cancel()
        assert not driving.done()
        rig.resume()
        assert await driving is Outcome.COMPLETED
    assert waits[:2] == [False, True]


async def test_a_picture_that_only_people_see_is_not_uploaded(state_dir: Path) -> None:
    script = scenario(f"calls = [{CLICK}, {OUTSIDE}]", 'text = "Done."')
    async with rigged(state_dir, script, speed=1e6, options=ModelOptions(upload="files")) as rig:
        assert await rig.finish() is Outcome.COMPLETED
    frames = [event.source for event in rig.events if isinstance(event, ev.FrameCaptured)]
    assert "settled" in frames
    assert rig.of(ev.PictureUploaded) == []
