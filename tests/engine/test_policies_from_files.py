"""A policy by its file: from the option through the settings and the spec to what the browser gets."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse import paths
from pilothouse.cli import ctl
from pilothouse.errors import SettingError
from pilothouse.events import Hold, Outcome
from pilothouse.ids import new_command_id
from pilothouse.settings.file import SettingsFile
from pilothouse.settings.resolve import resolve
from pilothouse.settings.specs import run_spec
from tests.engine.rig import rigged
from tests.engine.test_approvals import asked, decisions, done, meaning, results
from tests.engine.test_run import CLICK, KEY, TYPE, scenario

pytestmark = pytest.mark.usefixtures("quick")
INSPECT = """
approvers:
  - name: human
    tools: ["computer(action='left_click'"]
  - name: auto
    tools: ["computer(action='type'", "computer(action='screenshot'"]
"""
RULES = '[[rule]]\nname = "no typing"\neffect = "deny"\nwhy = "Nothing is typed here."\nmembers = ["type"]\n'


def rules_of_a_run(*options: str) -> str:
    given = dict(zip(options[::2], options[1::2], strict=True))
    settings = resolve(given, None, SettingsFile(path=""))
    return run_spec(settings, run="r", task="t", headless=False).rules


async def test_a_policy_in_inspects_form_asks_lets_and_rejects(state_dir: Path) -> None:
    file = state_dir / "policy.yaml"
    file.write_text(INSPECT)
    rules = rules_of_a_run("rules", str(file))
    script = scenario(f"calls = [{CLICK}]", f"calls = [{TYPE}]", f"calls = [{KEY}]", 'text = "Done."')
    async with rigged(state_dir, script, headless=False, approve="", idle_s=0.01, rules=rules) as rig:
        finishing = asyncio.create_task(rig.finish())
        request = await asked(rig)
        assert (request.member, request.rule) == ("left_click", "1 human")
        rig.do(cmd.Approve(**meaning("a1")))
        assert await finishing is Outcome.COMPLETED
    assert done(rig) == ["click_mouse", "type"]
    assert decisions(rig) == [("a1", "approve", "anna")]
    assert results(rig, 3) == [
        "Not executed: this action is not allowed here (no rule of the policy speaks of it)."
    ]


def test_rules_beside_the_settings_are_those_of_a_run_that_names_none(state_dir: Path) -> None:
    assert rules_of_a_run() == ""
    usual, other = paths.rules_path(), state_dir / "other.toml"
    usual.parent.mkdir()
    usual.write_text(RULES)
    other.write_text(RULES)
    assert rules_of_a_run() == str(usual)
    assert rules_of_a_run("rules", str(other)) == str(other)
    usual.write_text("[[rule]]\n")
    with pytest.raises(SettingError, match=r"rules\.toml:1: rule 1 has no name"):
        rules_of_a_run()


async def test_three_steps_are_three_actions_and_then_it_holds(state_dir: Path) -> None:
    script = scenario(f"calls = [{CLICK}, {TYPE}]", f"calls = [{CLICK}, {TYPE}]", 'text = "Done."')
    async with rigged(state_dir, script, headless=False, idle_s=0.01) as rig:
        rig.pause()
        finishing = asyncio.create_task(rig.finish())
        await rig.until(lambda e: isinstance(e, ev.FrameCaptured))
        run = rig.run.recorder.state.run
        await ctl.deliver(run, cmd.Step(id=new_command_id(), actor="cron", n=3))
        held = await rig.until(lambda e: isinstance(e, ev.StateChanged) and e.holding == (Hold.STEP,))
        assert done(rig) == ["click_mouse", "type", "click_mouse"]
        state = rig.run.recorder.state
        assert (state.held_since_t, len(state.upcoming)) == (held.t, 1)
        rig.resume()
        assert await finishing is Outcome.COMPLETED
    assert done(rig) == ["click_mouse", "type"] * 2
