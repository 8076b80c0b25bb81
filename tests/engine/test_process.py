"""The engine as a process: detached, it outlives its terminal, ends on its own, and leaves nothing."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.engine.launch import launch
from pilothouse.engine.spec import RunSpec, Started
from pilothouse.errors import PilothouseError, UsageError
from pilothouse.events import Outcome
from pilothouse.ids import new_command_id, new_run_id
from pilothouse.paths import runs_dir
from pilothouse.runs.files import FileRuns
from tests.processes import descendants, gone

pytestmark = pytest.mark.browser
SCENARIO = """
[pace]
before_s = 0.0
per_delta_s = 0.0
[[turn]]
thinking = "A click, then a word."
calls = [{ do = "left_click", at = [640, 300] }, { do = "type", text = "tea" }]
[[turn]]
text = "Done."
"""
LONG = "[pace]\nbefore_s = 0.0\nper_delta_s = 0.0\n" + 60 * (
    '[[turn]]\ncalls = [{ do = "mouse_move", at = [300, 300] }]\n'
)


def start(directory: Path, scenario: str = SCENARIO, *, headless: bool = True) -> Started:
    script = directory / "scenario.toml"
    script.write_text(scenario)
    spec = RunSpec(
        run=new_run_id(),
        task="look",
        approve="auto",
        model_api="scripted",
        scenario=str(script),
        browser="local",
        shop=True,
        headless=headless,
    )
    return launch(spec)


async def follow(run: str, until: Callable[[ev.Event], bool]) -> list[ev.Event]:
    """Read a run's events from its files until one is wanted, or the run is over."""
    seen: list[ev.Event] = []
    async with asyncio.timeout(60):
        async for event in FileRuns(runs_dir()).events(run):
            seen.append(event)
            if until(event):
                break
    return seen


def never(_event: ev.Event) -> bool:
    return False


async def test_a_detached_run_drives_a_real_browser_and_leaves_nothing(state_dir: Path) -> None:
    started = start(state_dir)
    assert os.getsid(started.pid) == started.pid
    assert os.getsid(started.pid) != os.getsid(0)
    await follow(started.run, lambda event: isinstance(event, ev.BrowserOpened))
    below = descendants(started.pid)
    assert len(below) > 5
    seen = await follow(started.run, never)
    last = seen[-1]
    assert isinstance(last, ev.RunEnded)
    assert (last.outcome, last.actions) == (Outcome.COMPLETED, 2)
    assert await gone(below | {started.pid})
    frames = [event for event in seen if isinstance(event, ev.FrameCaptured)]
    picture = await FileRuns(runs_dir()).blob(started.run, frames[-1].blob.sha256)
    assert len(picture) == frames[-1].blob.size


async def test_a_hangup_does_not_disturb_a_run(state_dir: Path) -> None:
    started = start(state_dir)
    os.kill(started.pid, signal.SIGHUP)
    seen = await follow(started.run, never)
    last = seen[-1]
    assert isinstance(last, ev.RunEnded)
    assert last.outcome is Outcome.COMPLETED


async def test_an_abort_leaves_no_chromium_within_five_seconds(state_dir: Path) -> None:
    started = start(state_dir, LONG, headless=False)
    await follow(started.run, lambda event: isinstance(event, ev.ActionFinished))
    below = descendants(started.pid)
    began = asyncio.get_running_loop().time()
    abort = cmd.Abort(id=new_command_id(), actor="anna")
    await FileRuns(runs_dir()).control(started.run, abort)
    seen = await follow(started.run, never)
    assert asyncio.get_running_loop().time() - began < 5.0
    last = seen[-1]
    assert isinstance(last, ev.RunEnded)
    assert last.outcome is Outcome.ABORTED
    assert await gone(below | {started.pid})


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
async def test_a_polite_signal_ends_a_run_as_an_abort_does(state_dir: Path, signum: signal.Signals) -> None:
    started = start(state_dir, LONG)
    await follow(started.run, lambda event: isinstance(event, ev.ActionFinished))
    below = descendants(started.pid)
    driven = signum is signal.SIGTERM  # as well as while the agent does
    if driven:
        await FileRuns(runs_dir()).control(started.run, cmd.TakeOver(id=new_command_id(), actor="anna"))
    os.kill(started.pid, signum)
    seen = await follow(started.run, never)
    last = seen[-1]
    assert isinstance(last, ev.RunEnded)
    assert last.outcome is Outcome.ABORTED
    assert [event.why for event in seen if isinstance(event, ev.TakeoverEnded)] == driven * ["the run ended"]
    assert await gone(below | {started.pid})


async def test_a_killed_engine_takes_its_browser_along_and_its_recording_opens(state_dir: Path) -> None:
    started = start(state_dir, LONG)
    before = await follow(
        started.run, lambda event: isinstance(event, ev.ActionFinished) and event.action == 3
    )
    below = descendants(started.pid)
    os.kill(started.pid, signal.SIGKILL)
    assert await gone(below | {started.pid})
    after = await follow(started.run, never)
    assert after[: len(before)] == before
    assert not any(isinstance(event, ev.RunEnded) for event in after)
    statuses = [status async for status in FileRuns(runs_dir()).roster()]
    assert [(status.run, status.live, status.torn) for status in statuses] == [(started.run, False, True)]


def test_a_start_that_fails_is_one_sentence_and_leaves_no_run(state_dir: Path) -> None:
    spec = RunSpec(
        run=new_run_id(),
        task="look",
        approve="auto",
        model_api="scripted",
        scenario=str(state_dir / "no-such.toml"),
        browser="local",
    )
    with pytest.raises(PilothouseError, match=r"no-such\.toml") as failure:
        launch(spec)
    assert failure.value.exit_code == 2
    assert list(runs_dir().iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is refused")
def test_root_must_say_so_to_let_a_real_model_drive_a_local_browser(state_dir: Path) -> None:
    with pytest.raises(UsageError, match="root"):
        launch(RunSpec(run=new_run_id(), task="look", browser="local"))
