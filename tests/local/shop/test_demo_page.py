"""The demo's coordinates, driven against the real page in a real Chromium."""

from __future__ import annotations

from pathlib import Path

import pytest
from rig import PARTS, browsing

import pilothouse.local
from pilothouse.local.scenario import load, resolve_call
from pilothouse.local.shop import serve

SCENARIOS = Path(pilothouse.local.__file__).parent / "scenarios"
TITLE_AFTER_TURN = {
    2: "Search: storm kettle",
    3: "Storm Kettle",
    8: "Your cart",
    9: "Check out",
    13: "Order T-1001 confirmed",
}


@pytest.mark.browser
@pytest.mark.skipif(not all(PARTS), reason="needs Chromium, Xvfb and xdotool")
async def test_the_demo_buys_the_kettle_at_the_places_it_names(tmp_path: Path) -> None:
    scenario = load(SCENARIOS / "demo.toml")
    async with serve() as url, browsing(url, tmp_path / "profile") as rig:
        await rig.shows("Tidewater Goods")
        await rig.settled()
        for number, turn in enumerate(scenario.turn, start=1):
            for member, given in (resolve_call(call, scenario) for call in turn.calls):
                if given.get("coordinate") == [1500, 527]:
                    break  # the toolset refuses this one, and the rest of its batch is not done
                await rig.act(member, given)
                await rig.settled()
            if number in TITLE_AFTER_TURN:
                await rig.shows(TITLE_AFTER_TURN[number])
                await rig.settled()
            await rig.picture(tmp_path / f"{number:02}.png")  # for whoever looks into a failure
