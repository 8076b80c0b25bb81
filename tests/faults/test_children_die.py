"""What a run stands on is killed under it: its Chromium, the server of that, the scripted model."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.engine.berth import LOST
from pilothouse.events import Hold, Outcome
from pilothouse.ids import new_command_id
from pilothouse.paths import runs_dir
from pilothouse.runs.files import FileRuns
from tests.engine.test_process import LONG, follow, never, start
from tests.processes import command_of, descendants, gone

pytestmark = [
    pytest.mark.faults,
    pytest.mark.browser,
]
SERVER, MODEL, CHROMIUM = (
    "pilothouse.local.kernel_server",
    "pilothouse.local.messages_server",
    "user-data-dir",
)


def kill(engine: int, mark: str) -> None:
    """Kill the topmost process below an engine whose command line has a mark."""
    for pid in sorted(descendants(engine)):
        command = command_of(pid)
        if mark in command and "--type=" not in command and "child_shim" not in command:
            os.kill(pid, signal.SIGKILL)
            return
    raise AssertionError(f"no {mark!r} below {engine}")


def acted(event: ev.Event) -> bool:
    return isinstance(event, ev.ActionFinished) and event.action >= 2


@pytest.mark.parametrize(
    ("mark", "sentence"),
    [
        (CHROMIUM, "the browser is gone"),
        (SERVER, "the local browser's server was killed by signal 9"),
        (MODEL, "the scripted model's server was killed by signal 9"),
    ],
)
async def test_a_headless_run_ends_with_one_sentence(state_dir: Path, mark: str, sentence: str) -> None:
    started = start(state_dir, LONG)
    await follow(started.run, acted)
    below = descendants(started.pid)
    kill(started.pid, mark)
    seen = await follow(started.run, never)
    last = seen[-1]
    assert isinstance(last, ev.RunEnded)
    assert last.outcome is Outcome.FAILED
    assert last.why.startswith(sentence)
    asked = [event.turn for event in seen if isinstance(event, ev.TurnFinished)]
    answered = [event.turn for event in seen if isinstance(event, ev.TurnAnswered)]
    assert asked == answered
    assert not any(isinstance(event, ev.DeletePending) for event in seen)
    assert await gone(below | {started.pid})


def until_vanished(times: int) -> Callable[[ev.Event], bool]:
    left = [times]

    def vanished(event: ev.Event) -> bool:
        left[0] -= isinstance(event, ev.BrowserVanished)
        return left[0] == 0

    return vanished


async def lose_and_resume(run: str, engine: int, mark: str, ordinal: int) -> None:
    """Kill what the browser stands on, resume, and wait until the agent acts in the next browser."""
    kill(engine, mark)
    since = (await follow(run, until_vanished(ordinal - 1)))[-1].seq
    await follow(
        run, lambda e: e.seq > since and isinstance(e, ev.StateChanged) and Hold.BROWSER_LOST in e.holding
    )
    await FileRuns(runs_dir()).control(run, cmd.Resume(id=new_command_id(), actor="anna"))
    name = f"{run}-b{ordinal}"
    opened = await follow(run, lambda e: isinstance(e, ev.BrowserOpened) and e.name == name)
    since = opened[-1].seq
    told = await follow(
        run, lambda e: e.seq > since and isinstance(e, ev.TurnAnswered) and LOST in str(e.results)
    )
    since = told[-1].seq
    await follow(run, lambda e: e.seq > since and isinstance(e, ev.ActionFinished) and e.ok)


async def test_an_attended_run_holds_and_goes_on_with_another(state_dir: Path) -> None:
    started = start(state_dir, LONG, headless=False)
    await follow(started.run, acted)
    await lose_and_resume(started.run, started.pid, CHROMIUM, 2)
    await lose_and_resume(started.run, started.pid, SERVER, 3)
    below = descendants(started.pid)
    await FileRuns(runs_dir()).control(started.run, cmd.Abort(id=new_command_id(), actor="anna"))
    seen = await follow(started.run, never)
    last = seen[-1]
    assert isinstance(last, ev.RunEnded)
    assert last.outcome is Outcome.ABORTED
    assert await gone(below | {started.pid})
