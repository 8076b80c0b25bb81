"""Where the run stands is what the browser tells: off the list of hosts, in a new place, with a download."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.engine.spec import BrowserOptions
from pilothouse.events import Outcome
from tests.engine.rig import Rig, rigged
from tests.engine.test_approvals import asked, done, meaning, who
from tests.engine.test_run import CLICK, LOOK, TYPE, scenario

pytestmark = pytest.mark.usefixtures("quick")
SHOP, EVIL = "https://shop.example/cart", "https://evil.test/pay?token=abc"
LISTED = BrowserOptions(allow_hosts=("shop.example",))
CURSOR = '{ do = "cursor_position" }'
DOWN = '{ do = "left_mouse_down" }'


def modes(rig: Rig) -> list[tuple[str, str, str]]:
    return [(e.mode, e.actor, e.why) for e in rig.events if isinstance(e, ev.ModeChanged)]


def report(seq: int, kind: str, category: str, **data: Any) -> dict[str, Any]:
    event = {"type": kind, "category": category, "ts": seq, "source": {"kind": "cdp"}, "data": data}
    return {"seq": seq, "event": event}


def navigation(seq: int, url: str) -> dict[str, Any]:
    return report(seq, "page_navigation", "page", url=url, target_type="page")


RAISED = ("ask-all", "rule", "evil.test is off the list of hosts")


async def test_a_navigation_off_the_list_raises_the_mode_and_is_told_once(state_dir: Path) -> None:
    script = scenario(f"calls = [{CLICK}]", f"calls = [{TYPE}]", f"calls = [{CLICK}]", 'text = "Done."')
    async with rigged(
        state_dir, script, headless=False, approve="auto", idle_s=0.01, browser_options=LISTED
    ) as rig:
        rig.kernel.page_url = SHOP
        finishing = asyncio.create_task(rig.finish())
        await rig.until(lambda e: isinstance(e, ev.FrameCaptured))
        rig.kernel.page_url = EVIL
        request = await asked(rig)
        assert request.member == "type"
        assert rig.run.recorder.state.approve == "ask-all"
        assert rig.run.recorder.state.mode_why == RAISED[2]
        rig.do(cmd.Approve(**meaning("a1")))
        rig.kernel.page_url = SHOP
        assert (await asked(rig, 2)).member == "left_click"  # it stays raised until a person lowers it
        rig.do(cmd.SetMode(**who(), mode="auto"))
        assert rig.run.recorder.state.mode_why == ""
        rig.do(cmd.Approve(**meaning("a2")))
        assert await finishing is Outcome.COMPLETED
    assert modes(rig) == [RAISED, ("auto", "anna", "")]
    assert done(rig) == ["click_mouse", "type", "click_mouse"]


async def test_a_mode_that_a_person_lowered_stays_so_on_that_host_and_is_raised_by_the_next(
    state_dir: Path,
) -> None:
    async with rigged(state_dir, scenario('text = "Done."'), approve="auto", browser_options=LISTED) as rig:
        approvals = rig.run.approvals
        for url in (SHOP, EVIL, EVIL + "&x=1"):
            approvals.arrived(url)
        rig.do(cmd.SetMode(**who(), mode="auto"))
        approvals.arrived("https://evil.test/other")
        assert approvals.mode == "auto"
        approvals.arrived("https://worse.test/")
        rig.do(cmd.SetMode(**who(), mode="deny-all"))
        approvals.arrived(SHOP)
        approvals.arrived(EVIL)
        assert approvals.mode == "deny-all"
        told = (RAISED, ("auto", "anna", ""), ("ask-all", "rule", "worse.test is off the list of hosts"))
        assert await rig.finish() is Outcome.COMPLETED
    assert modes(rig) == [*told, ("deny-all", "anna", "")]
    warned = [event.what for event in rig.events if isinstance(event, ev.Warned)]
    assert warned == [
        "Kernel tells addresses only with telemetry: until then it alone keeps the list of hosts"
    ]


async def test_without_a_list_no_host_raises_the_mode(state_dir: Path) -> None:
    async with rigged(state_dir, scenario('text = "Done."'), approve="auto") as rig:
        rig.run.approvals.arrived(EVIL)
        assert await rig.finish() is Outcome.COMPLETED
    assert modes(rig) == []
    assert rig.of(ev.Warned) == []


async def test_what_a_browser_reports_moves_the_ground_though_its_pictures_tell_no_address(
    state_dir: Path,
) -> None:
    script = scenario(f"calls = [{CLICK}]", f"calls = [{TYPE}]", f"calls = [{CLICK}]", 'text = "Done."')
    options = BrowserOptions(telemetry=True)
    async with rigged(
        state_dir, script, headless=False, approve="", idle_s=0.01, browser_options=options
    ) as rig:
        rig.kernel.reports = [navigation(1, SHOP)]
        attached = {"content-disposition": "attachment; filename=x.zip"}
        download = report(3, "network_response", "network", status=200, headers=attached, url=EVIL)
        finishing = asyncio.create_task(rig.finish())
        rig.run.gate.pause()
        await rig.until(lambda e: isinstance(e, ev.PageReported))
        rig.resume()
        await rig.until(lambda e: isinstance(e, ev.ActionStarted))
        rig.run.gate.pause()
        rig.kernel.react(navigation(2, EVIL), download)
        await rig.until(lambda e: isinstance(e, ev.PageReported) and e.number == 3)
        rig.resume()
        request = await asked(rig)
        assert request.risks == (
            "nothing was done on evil.test before",
            "a download has begun in the browser",
        )
        rig.do(cmd.Approve(**meaning("a1")))
        assert await finishing is Outcome.COMPLETED
    assert done(rig) == ["click_mouse", "type", "click_mouse"]  # the person let it happen: no risk any more


async def test_where_the_cursor_is_said_to_be_is_where_a_button_goes_down(state_dir: Path) -> None:
    rules = state_dir / "mine.toml"
    rules.write_text(
        '[regions]\ncorner = [0, 0, 20, 20]\n[[rule]]\nname = "x"\neffect = "deny"\nwhy = "Not there."\n'
        'members = ["left_mouse_down"]\nregions = ["corner"]\n'
    )
    script = scenario(f"calls = [{CURSOR}]", f"calls = [{DOWN}, {LOOK}]", 'text = "Done."')
    async with rigged(state_dir, script, approve="auto", rules=str(rules)) as rig:
        assert await rig.finish() is Outcome.COMPLETED
        assert rig.run.approvals.ground.cursor == (7.0, 9.0)
    assert done(rig) == []
    assert [e.why for e in rig.events if isinstance(e, ev.ApprovalRequested)] == []


async def test_what_a_person_did_by_hand_is_known_ground(state_dir: Path) -> None:
    async with rigged(state_dir, scenario('text = "Done."'), approve="") as rig:
        rig.run.approvals.arrived(SHOP)
        rig.run.approvals.arrived(EVIL)
        before = rig.run.approvals.ground
        acted = ev.HumanActed(lease="l", member="left_click", input={"coordinate": [30, 40]})
        rig.run.recorder.publish(acted)
        ground = rig.run.approvals.ground
        rig.run.recorder.publish(ev.HumanActed(lease="l", member="left_click", input={}, ok=False))
        assert rig.run.approvals.ground == ground
        assert await rig.finish() is Outcome.COMPLETED
    assert (ground.cursor, ground.touched) == ((30, 40), ((30, 40),))
    assert ground.visited == ("shop.example", "evil.test")
    assert ground.tally == before.tally
