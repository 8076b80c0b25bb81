"""The notify command: once for each need, detached, without keys, for a limited time, and no shell."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import msgspec
import pytest

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.engine import notify
from pilothouse.engine.needs import Need
from pilothouse.events import Hold, Outcome
from pilothouse.ids import new_command_id
from pilothouse.state import RunState
from tests.engine.rig import Rig, rigged

DONE = '[[turn]]\ntext = "Done."'
CLICK = '[[turn]]\ncalls = [{ do = "left_click", at = [100, 100] }]\n'
TELL = """
import json, os, sys
told = json.load(sys.stdin)
told["environment"] = dict(os.environ)
told["argv"] = sys.argv[2:]
told["session"] = os.getsid(0)
with open(sys.argv[1] + "." + told["need"] + ".part", "w") as file:
    json.dump(told, file)
os.rename(file.name, sys.argv[1] + "." + told["need"])
"""


@pytest.fixture
def hook(state_dir: Path) -> str:
    """A command that writes down what it is told."""
    script = state_dir / "tell.py"
    script.write_text(TELL)
    return f"'{sys.executable}' '{script}' '{state_dir / 'told'}' '$(touch x)' '; rm -rf /'"


async def come(path: Path) -> None:
    async with asyncio.timeout(30):
        await asyncio.to_thread(_watch, path)


def _watch(path: Path) -> None:
    while not path.exists():
        time.sleep(0.01)


async def told(state_dir: Path, need: str) -> dict[str, object]:
    path = state_dir / f"told.{need}"
    await come(path)
    found: dict[str, object] = msgspec.json.decode(path.read_bytes())
    return found


def ours(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith("PILOTHOUSE_")}


async def test_each_need_is_told_once_with_what_it_is_about(
    state_dir: Path, hook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-of-the-tests")
    async with rigged(state_dir, CLICK + DONE, headless=False, approve="ask-all", notify_command=hook) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.ApprovalRequested))
        asked = await told(state_dir, "approval")
        expect = cmd.Expect(request="a1")
        rig.do(cmd.Approve(id=new_command_id(), actor="ann", expect=expect))
        await told(state_dir, "idle")
        rig.abort()
        assert await driving is Outcome.ABORTED
        await told(state_dir, "ended")
    environment = asked.pop("environment")
    assert isinstance(environment, dict)
    assert ours(environment) == ours(dict(os.environ)) | {
        "PILOTHOUSE_RUN": rig.run.recorder.state.run,
        "PILOTHOUSE_NEED": "approval",
        "PILOTHOUSE_TEXT": "left_click waits for an approval (the mode is ask-all)",
    }
    assert "sk-ant-of-the-tests" not in str(asked) + str(environment)
    assert asked.pop("session") != os.getsid(0)
    assert asked == {
        "run": rig.run.recorder.state.run,
        "need": "approval",
        "text": "left_click waits for an approval (the mode is ask-all)",
        "task": "look at the page",
        "phase": "running",
        "holding": [],
        "outcome": None,
        "turn": 1,
        "actions": 0,
        "cost_usd": asked["cost_usd"],
        "argv": ["$(touch x)", "; rm -rf /"],
    }
    assert warnings(rig) == []


def warnings(rig: Rig) -> list[str]:
    return [event.what for event in rig.events if isinstance(event, ev.Warned) and "notify" in event.what]


@pytest.mark.parametrize(
    ("command", "how"),
    [
        ("/no/such/program", "can't be run: there is no such program"),
        ("sh -c 'exit 3'", "ended with exit code 3"),
        ("sleep 60", "took longer than 1 s, and was ended"),
    ],
)
async def test_a_command_that_fails_is_one_warning(
    state_dir: Path, command: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify.Notifier.__init__, "__defaults__", (1,))
    async with rigged(state_dir, DONE, headless=False, notify_command=command) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.Warned) and "notify" in event.what)
        rig.say("again", "end")
        await rig.until(lambda event: isinstance(event, ev.LegStarted) and event.leg == 2)
        rig.abort()
        await driving
    assert warnings(rig) == [f"the notify command {how}"]


async def test_what_is_started_as_the_run_ends_is_not_waited_for(state_dir: Path) -> None:
    pid = state_dir / "pid"
    command = f"sh -c 'echo $$ > {pid}.part; mv {pid}.part {pid}; exec sleep 60'"
    async with rigged(state_dir, DONE, notify_command=command) as rig:
        assert await rig.finish() is Outcome.COMPLETED
        await come(pid)
        os.kill(int(pid.read_bytes()), signal.SIGKILL)  # it is still there, and its time is not over


async def test_a_full_disk_is_a_need_that_is_told_again_when_it_is_back(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []

    async with rigged(state_dir, DONE, notify_command="true") as rig:

        async def run(need: Need, state: RunState) -> None:
            started.append(f"{need.key} of {state.run}")

        monkeypatch.setattr(rig.run._notifier, "_run", run)
        for _ in range(2):
            rig.run.gate.hold(Hold.DISK)
            rig.run.recorder.publish(ev.Warned(what="still full"))
            rig.run.gate.let_go(Hold.DISK)
        await asyncio.sleep(0)
        assert started == [f"disk of {rig.run.recorder.state.run}"] * 2
        await rig.finish()
