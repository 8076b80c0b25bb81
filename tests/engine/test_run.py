"""One run in this process: what the model is sent, what the browser is told, what the journal holds."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pilothouse import events as ev
from pilothouse.commands import Ack, Refused
from pilothouse.engine.batch import Hands
from pilothouse.engine.spec import ModelOptions
from pilothouse.events import Hold, Outcome, RunPhase
from pilothouse.journal.reader import JournalReader
from pilothouse.model.prompt import HALTED, INTERRUPTED, UNCHANGED
from tests.engine.rig import Rig, rigged

CLICK = '{ do = "left_click", at = [100, 100] }'
TYPE = '{ do = "type", text = "hello" }'
KEY = '{ do = "key", text = "Return" }'
OUTSIDE = '{ do = "left_click", at = [9999, 5] }'
LOOK = '{ do = "screenshot" }'


def scenario(*turns: str) -> str:
    return "\n".join(f"[[turn]]\n{turn}" for turn in turns)


def requests(rig: Rig) -> list[dict[str, Any]]:
    """The bodies the model's server got, oldest first."""
    log = rig.model.log
    return [log.body(summary["number"]) or {} for summary in log.summaries()]


async def test_a_run_goes_from_start_to_completed(state_dir: Path) -> None:
    script = scenario(f'thinking = "look"\ntext = "I click."\ncalls = [{CLICK}, {TYPE}]', 'text = "Done."')
    async with rigged(state_dir, script) as rig:
        assert await rig.finish() is Outcome.COMPLETED
        assert [call for call, _ in rig.kernel.performed] == ["click_mouse", "type"]
        assert rig.kernel.deleted == [rig.run.recorder.state.run]
        with JournalReader(rig.directory / "journal.phj") as reader:
            on_disk = list(reader.read_all())
            assert reader.sealed
    assert on_disk == rig.events
    assert [event.seq for event in on_disk] == list(range(len(on_disk)))
    last = on_disk[-1]
    assert isinstance(last, ev.RunEnded)
    assert (last.turns, last.actions) == (2, 2)
    closed = next(i for i, event in enumerate(on_disk) if isinstance(event, ev.BrowserClosed))
    assert closed < len(on_disk) - 1
    streamed = "".join(event.text for event in on_disk if isinstance(event, ev.TextStreamed))
    assert "I click." in streamed


async def test_a_settled_picture_comes_with_the_last_result(state_dir: Path) -> None:
    look = f"calls = [{LOOK}]"
    script = scenario(look, f"calls = [{CLICK}, {TYPE}]", look, 'text = "Done."')
    async with rigged(state_dir, script, options=ModelOptions(upload="inline")) as rig:
        await rig.finish()
        answered = [event for event in rig.events if isinstance(event, ev.TurnAnswered)]
        blob = answered[1].results[-1]["content"][-1]["blob"]
        stored = await rig.run._blobs.read(blob["sha256"])
    kinds = [
        [[block["type"] for block in result["content"]] for result in event.results] for event in answered
    ]
    assert kinds == [[["image"]], [["text"], ["text", "image"]], [["text"]]]
    assert answered[2].results[0]["content"] == [{"type": "text", "text": UNCHANGED}]
    assert all(result["toolset_name"] == "computer" for event in answered for result in event.results)
    assert stored.startswith(b"\x89PNG")


async def test_the_same_picture_is_uploaded_once_and_named_twice(state_dir: Path) -> None:
    look = f"calls = [{LOOK}]"
    script = scenario(look, look, f"calls = [{CLICK}]", 'text = "Done."')
    async with rigged(state_dir, script) as rig:
        assert await rig.finish() is Outcome.COMPLETED
    uploaded = [event.file for event in rig.events if isinstance(event, ev.PictureUploaded)]
    assert len(uploaded) == 2
    assert [rig.bodies[-1].count(file.encode()) for file in uploaded] == [2, 1]
    assert b"base64" not in rig.bodies[-1]


async def test_a_client_that_takes_bodies_apart_gets_the_same_messages(state_dir: Path) -> None:
    script = scenario(f"calls = [{CLICK}]", f"calls = [{CLICK}]", 'text = "Done."')
    async with rigged(state_dir, script) as rig:
        rig.pause()
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.FrameCaptured))
        assert rig.run._loop is not None
        rig.run._loop._requester._splices = False
        rig.resume()
        assert await driving is Outcome.COMPLETED
        sent = requests(rig)[-1]["messages"]
        assert sent == rig.run._loop._conversation.messages[:-1]


async def test_a_batch_halts_at_its_first_failure(state_dir: Path) -> None:
    script = scenario(f"calls = [{CLICK}, {OUTSIDE}, {TYPE}, {KEY}]", 'text = "I see."')
    async with rigged(state_dir, script) as rig:
        assert await rig.finish() is Outcome.COMPLETED
    assert [call for call, _ in rig.kernel.performed] == ["click_mouse"]
    finished = [event for event in rig.events if isinstance(event, ev.ActionFinished)]
    assert [(event.ok, event.executed) for event in finished] == [
        (True, True),
        (False, True),
        (False, False),
        (False, False),
    ]
    (answered,) = [event for event in rig.events if isinstance(event, ev.TurnAnswered)]
    assert [block["type"] for block in answered.results[1]["content"]] == ["text"]
    assert answered.results[2]["content"] == [{"type": "text", "text": HALTED}]


async def test_a_pause_freezes_the_count_and_a_step_adds_one(state_dir: Path) -> None:
    script = scenario(f"calls = [{CLICK}, {TYPE}, {KEY}]", 'text = "Done."')
    async with rigged(state_dir, script) as rig:
        assert isinstance(rig.pause(), Ack)
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.FrameCaptured))
        assert rig.kernel.performed == []
        assert not rig.of(ev.TurnStarted)
        rig.step()
        await rig.until(lambda event: isinstance(event, ev.StateChanged) and Hold.STEP in event.holding)
        assert len(rig.kernel.performed) == 1
        rig.step()
        await rig.until(lambda event: isinstance(event, ev.ActionFinished) and event.action == 2)
        assert len(rig.kernel.performed) == 2
        rig.resume()
        assert await driving is Outcome.COMPLETED
    assert len(rig.kernel.performed) == 3


async def test_a_message_follows_all_results_of_its_turn(state_dir: Path) -> None:
    script = scenario(f"calls = [{CLICK}, {TYPE}]", 'text = "Done."')
    async with rigged(state_dir, script) as rig:
        rig.pause()
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.FrameCaptured))
        rig.step()
        await rig.until(lambda event: isinstance(event, ev.ActionFinished))
        rig.say("only the blue one")
        rig.resume()
        assert await driving is Outcome.COMPLETED
        second = requests(rig)[1]
    roles = [message["role"] for message in second["messages"]]
    assert roles == ["user", "assistant", "user", "system"]
    assert "only the blue one" in str(second["messages"][-1]["content"])
    (delivered,) = rig.of(ev.MessageDelivered)
    assert isinstance(delivered, ev.MessageDelivered)
    assert delivered.turn == 2


async def test_a_message_said_now_leaves_the_rest_of_the_batch(state_dir: Path) -> None:
    script = scenario(f"calls = [{CLICK}, {TYPE}, {KEY}]", 'text = "Done."')
    async with rigged(state_dir, script) as rig:
        rig.pause()
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.FrameCaptured))
        rig.step()
        await rig.until(lambda event: isinstance(event, ev.ActionFinished))
        rig.say("stop that", when="now")
        rig.resume()
        assert await driving is Outcome.COMPLETED
    # The scripted model makes the calls that the message cut off again, in a turn of their own.
    assert [call for call, _ in rig.kernel.performed] == ["click_mouse", "type", "press_key"]
    answered = next(event for event in rig.events if isinstance(event, ev.TurnAnswered))
    assert answered.results[1]["content"] == [{"type": "text", "text": INTERRUPTED}]
    assert answered.results[1]["is_error"] is True


async def test_a_frames_address_is_journalled_without_its_secrets(state_dir: Path) -> None:
    async with rigged(state_dir, scenario(f"calls = [{CLICK}]", 'text = "Done."')) as rig:
        rig.kernel.page_url = "https://anna:pw@shop.example/a?q=tea&access_token=SECRET#top"
        assert await rig.finish() is Outcome.COMPLETED
        assert b"SECRET" not in (rig.directory / "journal.phj").read_bytes()
    frames = [event for event in rig.events if isinstance(event, ev.FrameCaptured)]
    assert {frame.url.partition("&")[0] for frame in frames} == {"https://shop.example/a?q=tea"}


async def test_an_abort_answers_every_call_and_deletes_the_browser(state_dir: Path) -> None:
    script = scenario(f"calls = [{CLICK}, {TYPE}, {KEY}]", 'text = "Done."')
    async with rigged(state_dir, script) as rig:
        rig.kernel.faults["type"] = ["hang"]
        driving = asyncio.create_task(rig.run.drive())
        await rig.kernel.hanging.wait()
        began = asyncio.get_running_loop().time()
        assert isinstance(rig.abort(), Ack)
        assert await driving is Outcome.ABORTED
        assert asyncio.get_running_loop().time() - began < 5.0
        assert isinstance(rig.pause(), Refused)
        await rig.until(lambda event: isinstance(event, ev.RunEnded))
        assert rig.kernel.browsers == {}
    (answered,) = [event for event in rig.events if isinstance(event, ev.TurnAnswered)]
    texts = [result["content"] for result in answered.results]
    assert texts[1] == texts[2] == [{"type": "text", "text": INTERRUPTED}]
    (doubt,) = rig.of(ev.ActionInDoubt)
    assert isinstance(doubt, ev.ActionInDoubt)
    assert doubt.action == 2


async def test_an_action_that_was_done_is_journalled_as_done_however_soon_the_abort(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, real, waits = asyncio.Event(), Hands._glanced, iter(range(9))

    async def glanced(hands: Hands) -> None:
        if next(waits) == 1:
            waiting.set()
        await real(hands)

    monkeypatch.setattr(Hands, "_glanced", glanced)
    async with rigged(state_dir, scenario(f"calls = [{CLICK}, {TYPE}, {KEY}]")) as rig:
        rig.pause()
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.FrameCaptured))
        rig.kernel.faults["screenshot"] = [
            "hang"
        ]  # the glance after the click; the end of the typing waits for it
        rig.resume()
        await waiting.wait()
        rig.abort()
        assert await driving is Outcome.ABORTED
        await rig.until(lambda event: isinstance(event, ev.RunEnded))
    assert [call for call, _ in rig.kernel.performed] == ["click_mouse", "type"]
    finished = [event for event in rig.events if isinstance(event, ev.ActionFinished)]
    assert [(event.action, event.ok, event.executed) for event in finished] == [
        (1, True, True),
        (2, True, True),
        (3, False, False),
    ]
    (answered,) = [event for event in rig.events if isinstance(event, ev.TurnAnswered)]
    assert [bool(result.get("is_error")) for result in answered.results] == [False, False, True]


async def test_an_abort_while_the_model_answers_keeps_the_history_valid(state_dir: Path) -> None:
    script = "[pace]\nbefore_s = 0.0\nper_delta_s = 30.0\n" + scenario('text = "a long, long, long story"')
    async with rigged(state_dir, script, speed=1.0) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.TurnStarted))
        rig.abort()
        assert await driving is Outcome.ABORTED
        await rig.until(lambda event: isinstance(event, ev.RunEnded))
    (discarded,) = rig.of(ev.TurnDiscarded)
    assert isinstance(discarded, ev.TurnDiscarded)
    assert not rig.of(ev.TurnFinished)


async def test_a_lost_answer_is_in_doubt_and_the_click_is_sent_once(state_dir: Path) -> None:
    for fault in ("500", "drop"):
        script = scenario(f"calls = [{CLICK}, {TYPE}]", 'text = "Done."')
        async with rigged(state_dir, script) as rig:
            rig.kernel.faults["click_mouse"] = [fault]
            assert await rig.finish() is Outcome.COMPLETED
        assert [call for call, _ in rig.kernel.performed] == ["click_mouse"], fault
        (answered,) = [event for event in rig.events if isinstance(event, ev.TurnAnswered)]
        first, second = answered.results
        assert "is_error" not in first
        assert [block["type"] for block in first["content"]] == ["text", "image"]
        assert second["content"] == [{"type": "text", "text": HALTED}]


async def test_a_create_whose_reply_is_lost_is_adopted_and_deleted(state_dir: Path) -> None:
    async with rigged(state_dir, scenario('text = "Done."')) as rig:
        rig.kernel.faults["post"] = ["drop"]
        assert await rig.finish() is Outcome.COMPLETED
        assert rig.kernel.browsers == {}
        assert len(rig.kernel.deleted) == 1
    kinds = [type(event) for event in rig.events]
    assert kinds.index(ev.BrowserIntended) < kinds.index(ev.BrowserOpened)


async def test_faults_that_may_pass_are_retried_and_told(state_dir: Path) -> None:
    fault = '[[turn.fault]]\nkind = "status"\nstatus = 529\ntimes = 2\nretry_after_s = 0.01'
    script = scenario(f'text = "Done."\n{fault}')
    async with rigged(state_dir, script) as rig:
        assert await rig.finish() is Outcome.COMPLETED
    assert len(rig.of(ev.RetryScheduled)) == 2
    assert len(rig.of(ev.TurnDiscarded)) == 2


async def test_a_torn_answer_is_never_acted_on(state_dir: Path) -> None:
    for kind in ("eof", "drop", "error_event"):
        torn = f'[[turn.fault]]\nkind = "{kind}"\nafter_deltas = 1'
        script = scenario(f'text = "I will click there."\ncalls = [{CLICK}]\n{torn}', 'text = "Done."')
        async with rigged(state_dir, script) as rig:
            assert await rig.finish() is Outcome.COMPLETED, kind
        assert len(rig.kernel.performed) == 1, kind
        assert len(rig.of(ev.TurnDiscarded)) == 1, kind


async def test_a_truncated_or_refused_answer_ends_the_run_without_an_action(state_dir: Path) -> None:
    for kind, times in (("max_tokens", 2), ("refusal", 1), ("context_exceeded", 2)):
        script = scenario(f'calls = [{CLICK}]\n[[turn.fault]]\nkind = "{kind}"\ntimes = {times}')
        async with rigged(state_dir, script) as rig:
            assert await rig.finish() is Outcome.FAILED, kind
        assert rig.kernel.performed == [], kind
        assert len(rig.of(ev.TurnDiscarded)) == times, kind


async def test_an_idle_run_takes_a_message_as_its_next_leg(state_dir: Path) -> None:
    script = scenario('text = "Done."', 'text = "Done again."')
    async with rigged(state_dir, script, headless=False) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.StateChanged) and event.phase is RunPhase.IDLE)
        rig.say("once more")
        await rig.until(lambda event: isinstance(event, ev.LegStarted) and event.leg == 2)
        await rig.until(lambda event: isinstance(event, ev.TurnFinished) and event.turn == 2)
        rig.abort()
        assert await driving is Outcome.ABORTED


async def test_a_freeze_drops_the_answer_and_asks_again(state_dir: Path) -> None:
    script = "[pace]\nbefore_s = 0.0\nper_delta_s = 0.2\ndelta_chars = 2\n" + scenario('text = "a story"')
    async with rigged(state_dir, script, speed=1.0) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.TextStreamed))
        rig.pause(freeze=True)
        await rig.until(lambda event: isinstance(event, ev.TurnDiscarded))
        rig.resume()
        assert await driving is Outcome.COMPLETED
    assert [event.attempt for event in rig.events if isinstance(event, ev.TurnStarted)] == [1, 2]


async def test_the_same_command_is_applied_once(state_dir: Path) -> None:
    async with rigged(state_dir, scenario('text = "Done."')) as rig:
        command = rig.command_pause()
        assert rig.do(command) == rig.do(command)
        assert len(rig.of(ev.CommandReceived)) <= 1
        rig.resume()
        await rig.finish()


async def test_cache_and_cost_are_counted(state_dir: Path) -> None:
    script = scenario(*[f"calls = [{CLICK}]"] * 4, 'text = "Done."')
    async with rigged(state_dir, script) as rig:
        await rig.finish()
        state = rig.run.recorder.state
    assert state.usage.cost_usd > 0
    assert state.usage.priced
    assert state.usage.cache_read > state.usage.input


async def test_a_long_hold_keeps_the_browser_alive(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pilothouse.browser.session.HEARTBEAT_S", 0.2)
    async with rigged(state_dir, scenario('text = "Done."')) as rig:
        rig.pause()
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.BrowserKeptAlive))
        assert rig.kernel.beats >= 1
        rig.resume()
        assert await driving is Outcome.COMPLETED


async def test_a_lost_browser_ends_the_run_with_its_results_journalled(state_dir: Path) -> None:
    async with rigged(state_dir, scenario(f"calls = [{CLICK}, {TYPE}]", 'text = "Done."')) as rig:
        rig.pause()
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.FrameCaptured))
        rig.step()
        await rig.until(lambda event: isinstance(event, ev.StateChanged) and Hold.STEP in event.holding)
        rig.kernel.browsers.clear()
        rig.resume()
        assert await driving is Outcome.FAILED
    (answered,) = [event for event in rig.events if isinstance(event, ev.TurnAnswered)]
    assert len(answered.results) == 2
    last = rig.events[-1]
    assert isinstance(last, ev.RunEnded)
    assert "browser is gone" in last.why


async def test_a_refused_browser_is_not_said_to_be_open(state_dir: Path) -> None:
    async with rigged(state_dir, scenario('text = "Done."')) as rig:
        rig.kernel.faults["post"] = ["401"]
        assert await rig.finish() is Outcome.FAILED
    last = rig.events[-1]
    assert isinstance(last, ev.RunEnded)
    assert "refused the key" in last.why
    assert not rig.of(ev.DeletePending)
