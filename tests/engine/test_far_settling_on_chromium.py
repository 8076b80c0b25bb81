"""Pictures of a far Chromium show its page's last change because the pages said so, not because of delays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from kernel import AsyncKernel

from pilothouse import events as ev
from pilothouse.browser import camera as cameras
from pilothouse.browser.camera import Camera, Shot
from pilothouse.browser.far_pages import FarPages
from pilothouse.browser.inputs import read_input
from pilothouse.browser.members import Members
from pilothouse.engine.backends import Endpoint
from pilothouse.events import Outcome
from pilothouse.local.chromium import find_chromium
from pilothouse.local.loopback import listening
from pilothouse.probe import browser_checks
from pilothouse.probe.plan import Outcome as ProbeOutcome
from tests.engine.far_kernel import FarKernel, far_kernel
from tests.engine.rig import rigged
from tests.engine.test_run import scenario
from tests.local.kernel.test_settle import RESTLESS, TICKER, Pages, differ

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(60),
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine: docs/local.md"),
]
WIDTH, HEIGHT = 1024, 768
MIDDLE = (WIDTH // 2, HEIGHT // 2)
NEVER_S = 60.0
"""A delay that nobody waits for: a picture that comes by it comes too late for the test."""


@dataclass
class Settling:
    """A camera before a far browser, with the pages and the hands to change them."""

    far: FarKernel
    kernel: AsyncKernel
    browser: str
    site: Pages
    camera: Camera
    members: Members

    async def open(self, name: str) -> None:
        self.site.events.clear()
        await self.kernel.browsers.update(self.browser, start_url=f"{self.site.url}/page/{name}")
        await self.site.one("load", path=f"/page/{name}")
        await self.camera.settled("screenshot")

    async def click(self) -> Shot:
        given = {"coordinate": list(MIDDLE)}
        await self.members.perform("left_click", read_input("left_click", given))
        return await self.camera.settled("left_click", given)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def settling() -> AsyncIterator[Settling]:
    site = Pages()
    app = web.Application()
    app.add_routes([web.post("/event", site.event), web.get("/{path:.*}", site.page)])
    async with (
        far_kernel() as far,
        listening(app) as site.url,
        AsyncKernel(api_key=far.key, base_url=far.url, max_retries=0) as kernel,
    ):
        made = await kernel.browsers.create(viewport={"width": WIDTH, "height": HEIGHT})
        pages = FarPages()
        pages.move_to(made.cdp_ws_url)
        camera = Camera(kernel, made.session_id, WIDTH, HEIGHT, pages=pages)
        members = Members(kernel, made.session_id, camera)
        await camera.settled("start")
        await far.talking.wait()
        yield Settling(far, kernel, made.session_id, site, camera, members)
        await pages.close()


@pytest.fixture(autouse=True)
def no_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cameras, "FIRST_GRAB_S", {"start": 0.0, "wait": 0.0})
    monkeypatch.setattr(cameras, "FIRST_GRAB_DEFAULT_S", NEVER_S)


@pytest.mark.parametrize(
    "name", ["at-once", "timer", "timers", "fetch", "transition", "frames", "picture", "inner", "link"]
)
async def test_the_picture_shows_the_last_change(settling: Settling, name: str) -> None:
    await settling.open(name)
    shot = await settling.click()
    assert shot.settled_by == "signals"
    await settling.site.one("done")
    await settling.camera.settled("screenshot")
    assert differ(shot.data, (await settling.camera.shoot()).data) is None


@pytest.mark.parametrize(("name", "mask"), [("spinner", RESTLESS), ("ticker", TICKER)])
async def test_what_never_rests_is_not_waited_for(
    settling: Settling, name: str, mask: tuple[int, int, int, int]
) -> None:
    await settling.open(name)
    shot = await settling.click()
    await settling.site.one("done")
    assert shot.settled_by == "signals"
    assert differ(shot.data, (await settling.camera.shoot()).data, mask) is None


async def test_a_question_of_the_page_is_in_the_picture(settling: Settling) -> None:
    await settling.open("question")
    before = (await settling.camera.shoot()).data
    shot = await settling.click()
    assert shot.settled_by == "quiet"
    assert differ(shot.data, before) is not None
    await settling.kernel.browsers.computer.press_key(settling.browser, keys=["Return"])
    await settling.site.one("done")


async def test_a_new_window_runs_at_once_and_is_waited_for(settling: Settling) -> None:
    await settling.open("window")
    shot = await settling.click()
    assert shot.settled_by == "signals"
    await settling.site.one("done", path="/page/arrival")
    assert differ(shot.data, (await settling.camera.settled("screenshot")).data) is None
    await settling.kernel.browsers.computer.press_key(settling.browser, keys=["ctrl+w"])


async def test_after_its_connection_was_lost_the_same_page_is_asked_again(settling: Settling) -> None:
    await settling.open("timers")
    settling.far.talking.clear()
    await settling.far.cut()
    await settling.far.talking.wait()
    shot = await settling.click()
    assert shot.settled_by == "signals"
    await settling.site.one("done")
    assert differ(shot.data, (await settling.camera.shoot()).data) is None


async def test_the_probe_finds_that_pages_can_be_asked(settling: Settling) -> None:
    await settling.open("nothing")
    shown = await settling.kernel.browsers.retrieve(settling.browser)

    async def shot() -> bytes:
        return (await settling.camera.shoot()).data

    side: Any = SimpleNamespace(browser=shown, require_browser=lambda: None, sleep=asyncio.sleep, shot=shot)
    verdict = await browser_checks.pages_at_rest(side)
    assert verdict.outcome is ProbeOutcome.YES
    assert verdict.evidence.startswith("signals; ")
    assert settling.far.token not in verdict.evidence


async def test_a_run_on_kernel_sees_the_late_change_by_the_pages_alone(
    settling: Settling, state_dir: Path
) -> None:
    """The whole engine, in a browser of its own."""
    far, site = settling.far, settling.site
    click = f'{{ do = "left_click", at = [{MIDDLE[0]}, {MIDDLE[1]}] }}'
    look = '{ do = "wait", duration = 1 }'
    turns = scenario(f"calls = [{click}]", f"calls = [{look}]", 'text = "Done."')
    async with rigged(state_dir, turns, headless=False, idle_s=0.01) as rig:
        rig.run._backends.browser = Endpoint(base_url=far.url, key=far.key)
        rig.run._backends.start_url = f"{site.url}/page/timer"
        site.events.clear()
        far.talking.clear()
        rig.pause()
        driving = asyncio.create_task(rig.finish())
        await rig.until_one(ev.FrameCaptured)
        await site.one("load", path="/page/timer")
        await far.talking.wait()
        rig.resume()
        assert await driving is Outcome.COMPLETED
        start, clicked, waited = rig.of(ev.FrameCaptured)
    assert (clicked.settled_by, waited.settled_by) == ("signals", "delay")
    assert start.blob.sha256 != clicked.blob.sha256 == waited.blob.sha256
