"""Make the README's picture from the program itself: `python -m tests.make_picture`. Not a test.

The bridge over the bundled recording of the demo, at the moment when the right colour is chosen.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from pilothouse.paths import bundled
from pilothouse.runs.files import FileRuns
from pilothouse.terminal.probe import Capabilities
from pilothouse.tui.app import Bridge
from pilothouse.tui.panes.picture import PicturePane

PICTURE = Path(__file__).parents[1] / "docs" / "bridge.svg"
SIZE = (140, 40)
STEP = 13


async def picture() -> str:
    """Draw it."""
    view, run = FileRuns.for_path(bundled("recordings") / "demo")
    app = Bridge(view, run, replay=True, capabilities=Capabilities(), actor="you", graphics="blocks")
    async with app.run_test(size=SIZE) as pilot:
        while not app.run_screen.over:
            await pilot.pause(0.05)
        for _ in range(STEP):
            await pilot.press(".")
        pane = app.run_screen.query_one(PicturePane)
        await pilot.pause(0.2)
        while not pane.settled:
            await pilot.pause(0.05)
        await pilot.pause()
        return app.export_screenshot(title="pilothouse")


def main() -> None:
    """Write it."""
    PICTURE.write_text(asyncio.run(picture()), "utf-8")


if __name__ == "__main__":
    main()
