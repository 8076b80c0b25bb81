"""What must not happen, happening: a defect, a full disk, a library that trips, a crash at start."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from pilothouse import events as ev
from pilothouse.commands import Ack, Refused
from pilothouse.engine.__main__ import RedactingFormatter
from pilothouse.engine.launch import launch
from pilothouse.engine.spec import ModelOptions, RunSpec
from pilothouse.errors import StartFailed
from pilothouse.events import Hold, Outcome, RunPhase
from pilothouse.ids import new_run_id
from pilothouse.journal.disk import Disk
from pilothouse.model.prompt import INTERRUPTED
from pilothouse.paths import runs_dir
from pilothouse.paths import state_dir as where_state_is
from tests.engine.kernel_stub import KernelStub
from tests.engine.rig import KEY, Rig, rigged

pytestmark = pytest.mark.faults

CLICK = '{ do = "left_click", at = [100, 100] }'
TYPE = '{ do = "type", text = "hello" }'
TWO = f'[[turn]]\ncalls = [{CLICK}, {TYPE}]\n[[turn]]\ntext = "Done."\n'
SLOW = "[pace]\nbefore_s = 0.0\nper_delta_s = 0.05\ndelta_chars = 4\n"


def last(rig: Rig) -> ev.RunEnded:
    ended = rig.events[-1]
    assert isinstance(ended, ev.RunEnded)
    return ended


def answers(rig: Rig) -> list[ev.TurnAnswered]:
    return [event for event in rig.events if isinstance(event, ev.TurnAnswered)]


@pytest.mark.parametrize("where", ["engine.batch.Hands._glance", "engine.asking.Asker._accepted"])
async def test_a_defect_ends_the_run_with_one_sentence_and_no_browser(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    async def broken(*_: Any) -> None:
        raise ZeroDivisionError(f"with {KEY} in it")

    monkeypatch.setattr(f"pilothouse.{where}", broken if "glance" in where else lambda *_: 1 / 0)
    async with rigged(state_dir, TWO) as rig:
        assert await rig.finish() is Outcome.FAILED
        assert rig.kernel.browsers == {}
    assert last(rig).why == "the engine met a defect (ZeroDivisionError); engine.log says where"
    if "glance" in where:  # the turn's calls are answered all the same
        assert len(answers(rig)[0].results) == 2
    (record,) = [record for record in caplog.records if record.exc_info]
    written = RedactingFormatter((KEY,)).format(record)
    assert "Traceback" in written
    assert KEY not in written


class FullDisk(Disk):
    """Has room until it is told that it is full; then for `more` bytes a write at most."""

    def __init__(self, more: int) -> None:
        self.is_full = False
        self._more = more

    def write(self, fd: int, data: bytes) -> int:
        if self.is_full and len(data) > self._more:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(fd, data)


@pytest.mark.parametrize("more", [0, 400])
async def test_a_full_disk_ends_the_run_and_its_browser(state_dir: Path, more: int) -> None:
    async with rigged(state_dir, TWO) as rig:
        disk = FullDisk(more)
        rig.run._writer._disk = disk
        rig.pause()
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.FrameCaptured))
        disk.is_full = True
        performed = len(rig.kernel.performed)
        rig.resume() if more else rig.say("is there room?")
        async with asyncio.timeout(5):
            assert await driving is Outcome.FAILED
        assert rig.kernel.browsers == {}
        assert len(rig.kernel.performed) == performed
        assert not rig.of(ev.ActionStarted)
        if more:  # room for how it ended
            await rig.until(lambda event: isinstance(event, ev.RunEnded))
            assert "no space" in last(rig).why


async def test_a_command_on_a_full_disk_is_refused_with_its_reason(state_dir: Path) -> None:
    async with rigged(state_dir, TWO) as rig:
        disk = FullDisk(0)
        rig.run._writer._disk = disk
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.BrowserOpened))
        disk.is_full = True
        answer = rig.abort()
        assert isinstance(answer, Refused)
        assert "no space" in answer.why
        await driving
        assert rig.kernel.browsers == {}


async def test_a_sync_that_fails_while_nothing_happens_ends_the_run(state_dir: Path) -> None:
    class Sick(Disk):
        sick = False

        def sync(self, fd: int) -> None:
            if self.sick:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            super().sync(fd)

    async with rigged(state_dir, '[[turn]]\ntext = "Done."', headless=False) as rig:
        disk = Sick()
        rig.run._writer._disk = disk
        rig.pause()
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.FrameCaptured))
        disk.sick = True
        rig.run.recorder.publish(ev.Warned(what="something to sync"))
        async with asyncio.timeout(5):
            assert await driving is Outcome.FAILED
        assert rig.kernel.browsers == {}


async def test_an_answer_that_trips_the_sdk_is_a_fault_and_not_a_defect(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rigged(state_dir, '[[turn]]\ntext = "Done."') as rig:

        def garbled(*_: Any) -> bytes:
            monkeypatch.undo()
            return b'event: message_start\ndata: {"type": "message_start", "mess\n\n'

        monkeypatch.setattr("pilothouse.local.messages_reply.encode", garbled)
        assert await rig.finish() is Outcome.COMPLETED
    (discarded,) = [event for event in rig.events if isinstance(event, ev.TurnDiscarded)]
    assert discarded.kind == "unreadable"


@pytest.mark.parametrize("body", [b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(300_000)])
async def test_a_browser_that_sends_no_picture_ends_the_run_in_words(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    monkeypatch.setattr(KernelStub, "_picture", lambda _stub: body)
    async with rigged(state_dir, TWO) as rig:
        assert await rig.finish() is Outcome.FAILED
        assert rig.kernel.browsers == {}
    assert "picture" in last(rig).why


async def test_a_create_answered_with_nonsense_ends_the_run_in_words(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nonsense(_stub: KernelStub, _request: web.Request) -> web.StreamResponse:
        return web.Response(text="{", content_type="application/json")

    monkeypatch.setattr(KernelStub, "_create", nonsense)
    async with rigged(state_dir, TWO) as rig:
        assert await rig.finish() is Outcome.FAILED
    assert last(rig).why.startswith("no browser could be had")


async def test_an_unknown_member_and_a_plain_tool_are_answered(state_dir: Path) -> None:
    for call in ('{ do = "teleport", input = {} }', '{ do = "left_click", toolset = "other", input = {} }'):
        script = f'[[turn]]\ncalls = [{call}, {TYPE}]\n[[turn]]\ntext = "Done."'
        async with rigged(state_dir, script) as rig:
            assert await rig.finish() is Outcome.COMPLETED, call
            assert rig.kernel.performed == []
        assert [result["is_error"] for result in answers(rig)[0].results] == [True, True]


# --- crossings of commands -----------------------------------------------------------------------------


async def test_said_now_while_the_model_answers_keeps_the_answer_and_runs_nothing_of_it(
    state_dir: Path,
) -> None:
    script = SLOW + f'[[turn]]\ntext = "I click there."\ncalls = [{CLICK}, {TYPE}]\n[[turn]]\ntext = "ok"'
    async with rigged(state_dir, script, speed=1.0) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.TextStreamed))
        rig.say("no, wait", when="now")
        await rig.until(lambda event: isinstance(event, ev.TurnAnswered))
        assert rig.kernel.performed == []
        await rig.until(lambda event: isinstance(event, ev.MessageDelivered))
        rig.abort()
        await driving
    assert not [e for e in rig.events if isinstance(e, ev.TurnDiscarded) and e.turn == 1]
    texts = [result["content"][0]["text"] for result in answers(rig)[0].results]
    assert texts == [INTERRUPTED, INTERRUPTED]


async def test_a_message_said_now_uses_up_no_step(state_dir: Path) -> None:
    async with rigged(state_dir, TWO) as rig:
        rig.pause()
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.FrameCaptured))
        rig.say("look out", when="now")  # goes with the first request
        rig.step()
        await rig.until(lambda event: isinstance(event, ev.StateChanged) and Hold.STEP in event.holding)
        assert len(rig.kernel.performed) == 1
        rig.say("stop there", when="now")
        rig.step()
        await rig.until(lambda event: isinstance(event, ev.TurnFinished) and event.turn == 2)
        held = [e for e in rig.events if isinstance(e, ev.StateChanged) and Hold.STEP in e.holding]
        await rig.until(
            lambda e: isinstance(e, ev.StateChanged) and Hold.STEP in e.holding and e.seq > held[-1].seq
        )
        assert len(rig.kernel.performed) == 2
        rig.abort()
        await driving


async def test_what_is_said_while_held_goes_with_the_next_request(state_dir: Path) -> None:
    for hold in ("pause", "freeze", "retry"):
        directory = state_dir / hold
        directory.mkdir()
        fault = '\nfault = [{ kind = "status", status = 529, retry_after_s = 0.3 }]'
        fault = fault if hold == "retry" else ""
        script = SLOW + f'[[turn]]\ntext = "a long, long story"{fault}'
        async with rigged(directory, script, speed=1.0) as rig:
            if hold == "pause":
                rig.pause()
            driving = asyncio.create_task(rig.run.drive())
            if hold == "freeze":
                await rig.until(lambda event: isinstance(event, ev.TextStreamed))
                rig.pause(freeze=True)
                await rig.until(lambda event: isinstance(event, ev.TurnDiscarded))
            elif hold == "retry":
                await rig.until(lambda event: isinstance(event, ev.RetryScheduled))
            else:
                await rig.until(lambda event: isinstance(event, ev.FrameCaptured))
            rig.say("in English, please")
            rig.resume()
            assert await driving is Outcome.COMPLETED
            newest = rig.model.log.summaries()[-1]
        assert "in English, please" in str(newest["new_text"]), hold
        assert newest["refused"] == ""
        assert len(rig.of(ev.TurnFinished)) == 1


async def test_what_is_said_during_the_last_answer_keeps_the_leg_going(state_dir: Path) -> None:
    script = SLOW + '[[turn]]\ntext = "a long, long story"\n[[turn]]\ntext = "right"'
    async with rigged(state_dir, script, speed=1.0) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.TextStreamed))
        rig.say("and then?")
        assert await driving is Outcome.COMPLETED
    assert len(rig.of(ev.MessageDelivered)) == 1
    assert not rig.of(ev.MessageReturned)


async def test_what_was_not_delivered_is_returned(state_dir: Path) -> None:
    async with rigged(state_dir, TWO) as rig:
        rig.pause()
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.FrameCaptured))
        rig.say("too late")
        rig.abort()
        assert isinstance(rig.say("even later"), Ack | Refused)
        await driving
    assert len(rig.of(ev.MessageReturned)) == len(rig.of(ev.MessageQueued))


async def test_a_pause_shows_at_once_and_nothing_of_the_answer_is_done(state_dir: Path) -> None:
    script = SLOW + f'[[turn]]\ntext = "I will click there."\ncalls = [{CLICK}]\n[[turn]]\ntext = "ok"'
    async with rigged(state_dir, script, speed=1.0) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.TextStreamed))
        rig.pause()
        assert rig.run.recorder.state.phase is RunPhase.HOLDING
        await rig.until(lambda event: isinstance(event, ev.ActionProposed))
        for _ in range(20):
            await asyncio.sleep(0)
        assert rig.kernel.performed == []
        assert not rig.of(ev.ActionStarted)
        rig.resume()
        assert await driving is Outcome.COMPLETED


async def test_a_pause_right_after_a_resume_holds(state_dir: Path) -> None:
    async with rigged(state_dir, TWO) as rig:
        rig.pause()
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.FrameCaptured))
        for _ in range(5):  # until the loop waits at the gate
            await asyncio.sleep(0)
        rig.resume()
        rig.pause()
        for _ in range(50):
            await asyncio.sleep(0)
        assert not rig.of(ev.TurnStarted)
        rig.abort()
        await driving


async def test_a_long_hold_does_not_use_up_the_patience_with_faults(state_dir: Path) -> None:
    fault = '\nfault = [{ kind = "status", status = 529, retry_after_s = 0.01 }]'
    patience = ModelOptions(retry_budget_s=0.4)
    async with rigged(state_dir, f'[[turn]]\ntext = "Done."{fault}', options=patience) as rig:
        rig.pause()
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.FrameCaptured))
        await asyncio.sleep(0.5)  # the hold itself
        rig.resume()
        assert await driving is Outcome.COMPLETED


# --- the process ---------------------------------------------------------------------------------------


def engine_spec(scenario: Path) -> RunSpec:
    return RunSpec(
        run=new_run_id(), task="look", model_api="scripted", scenario=str(scenario), browser="local"
    )


def test_a_crash_before_ready_is_one_sentence_with_the_logs_last_line(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (state_dir / "sitecustomize.py").write_text("raise SystemExit('the library is\\x1b[2J broken')")
    monkeypatch.setenv("PYTHONPATH", str(state_dir))
    (where_state_is() / "engine.log").write_text("an older engine's last words\n")
    with pytest.raises(StartFailed, match="broken") as failure:
        launch(engine_spec(state_dir / "none.toml"))
    assert "\x1b" not in str(failure.value)
    assert "an older engine" not in str(failure.value)
    assert "\n" not in str(failure.value)


def test_a_signal_before_ready_leaves_no_run(state_dir: Path) -> None:
    script = state_dir / "scenario.toml"
    script.write_text(TWO)
    runs_dir().mkdir(parents=True, exist_ok=True)
    read_end, write_end = os.pipe()
    engine = subprocess.Popen(
        [sys.executable, "-m", "pilothouse.engine", "--ready-fd", str(write_end)],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=(write_end,),
        start_new_session=True,
    )
    os.close(write_end)
    spec = engine_spec(script)
    assert engine.stdin is not None
    engine.stdin.write(msgspec.json.encode(spec))
    engine.stdin.close()
    while not (runs_dir() / spec.run).exists():  # it is starting its servers
        assert engine.poll() is None
    for signum in (signal.SIGTERM, signal.SIGTERM):
        engine.send_signal(signum)
    with os.fdopen(read_end, "rb") as ready:
        said = ready.read()
    assert engine.wait(10) != 0
    assert engine.stderr is not None
    engine.stderr.close()
    assert b"told to end" in said
    assert not (runs_dir() / spec.run).exists()
