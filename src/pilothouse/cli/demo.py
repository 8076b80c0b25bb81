"""`pilothouse demo`: a scripted model drives a real browser through a shop, all on this machine.

The engine, the bridge and the SDKs are the ordinary ones; only the two ends are `pilothouse.local`. Settings
of the run are not read: it is the same everywhere. Without a Chromium the bundled recording is shown instead.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pilothouse.cli import options as kinds
from pilothouse.cli import show
from pilothouse.cli.options import add_settings
from pilothouse.errors import ChromiumUnavailable
from pilothouse.settings.table import BRIDGE

if TYPE_CHECKING:
    import argparse

    from pilothouse.engine.spec import RunSpec

SCENARIO = Path(__file__).parents[1] / "local" / "scenarios" / "demo.toml"
RECORDING = "demo"
SPEED_VARIABLE = "PILOTHOUSE_SCENARIO_SPEED"
"""Read by the scripted model's server, which inherits it through the engine."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("--headless", action="store_true", help="no bridge: ends when the agent does")
    show.add_manner(parser)
    parser.add_argument(
        "--speed",
        type=kinds.factor,
        default=0.0,
        metavar="N",
        help="let the scripted model think N times faster",
    )
    add_settings(parser, BRIDGE, presets=False)


def run(options: argparse.Namespace) -> int:
    """Run the demo, or replay it where there is no Chromium."""
    from pilothouse.cli.run import start
    from pilothouse.engine.preflight import require_chromium

    chosen, bridge = show.manner(options), show.bridge(options)
    show.require(chosen)
    try:
        require_chromium()
    except ChromiumUnavailable as unavailable:
        return _replay(chosen, unavailable, bridge)
    if options.speed:
        os.environ[SPEED_VARIABLE] = str(options.speed)
    return start(spec(headless=chosen is not show.Manner.BRIDGE), chosen, bridge=bridge)


def spec(*, headless: bool) -> RunSpec:
    """Describe the demo's run."""
    from pilothouse.engine.spec import RunSpec
    from pilothouse.ids import new_run_id
    from pilothouse.local import scenario
    from pilothouse.local.backend import choose_backend

    return RunSpec(
        run=new_run_id(),
        task=scenario.load(SCENARIO).task,
        model_api="scripted",
        scenario=str(SCENARIO),
        browser="local",
        local_backend=choose_backend("auto"),  # the scripted model has to know what the screen shows
        shop=True,
        approve="auto",
        headless=headless,
    )


def _replay(chosen: show.Manner, unavailable: ChromiumUnavailable, bridge: dict[str, Any]) -> int:
    from pilothouse import paths
    from pilothouse.runs.files import FileRuns

    recording = paths.bundled("recordings") / RECORDING
    if not paths.journal_path(recording).is_file():
        raise unavailable
    show.narrate(f"{unavailable}; this is a recording of the demo")
    view, run_id = FileRuns.for_path(recording)
    return show.show(view, run_id, chosen, live=False, bridge=bridge)
