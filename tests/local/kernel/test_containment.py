"""What keeps a local browser in (hosts, downloads, credentials), and what a hang-up lets go of."""

# ruff: noqa: ASYNC110 - nothing else runs in these loops, and a file's arrival has no event
from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import aiohttp
import kernel
import pytest

from tests.local.kernel.conftest import Rig, server
from tests.local.kernel.pages import lab

pytestmark = [
    pytest.mark.browser,
    pytest.mark.display,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(60),
]

LINK = (50, 87 + 230)
DRAG = (50, 87 + 150)


@pytest.fixture(autouse=True)
def forget(rig: Rig) -> None:
    rig.lab.events.clear()


async def test_only_allowed_hosts_are_reached() -> None:
    async with server(offline=False) as up, lab() as page, up.client() as k:
        made = await k.browsers.create(network={"allowed_hosts": ["localhost"]})
        port = page.url.rpartition(":")[2]
        # An answer means that the page, or Chromium's own page about its failure, is there.
        await k.browsers.update(made.session_id, start_url=f"http://127.0.0.1:{port}/forbidden")
        await k.browsers.update(made.session_id, start_url=f"http://localhost:{port}/allowed")
        await page.one("load", path="/allowed")
        assert [e["path"] for e in page.events if e["kind"] == "load"] == ["/allowed"]
        assert "/forbidden" not in page.asked


FOLDER = "pilothouse-local-*/*/profile*/downloads/goods.bin"
"""A browser's own; named whole, for a walk would meet what Chromium removes at that moment."""


async def test_a_download_lands_in_the_browsers_own_folder_and_asks_nothing(rig: Rig) -> None:
    await rig.open("/downloading")
    await rig.kernel.browsers.computer.click_mouse(rig.id, x=LINK[0], y=LINK[1])
    async with asyncio.timeout(15):
        while not (found := list(rig.server.temporary.glob(FOLDER))):
            await asyncio.sleep(0.02)
    (file,) = found
    assert file.parts[-2:] == ("downloads", "goods.bin")
    assert file.parts[-3].startswith("profile")  # a second one, where the first had no sandbox
    rig.lab.events.clear()
    await rig.kernel.browsers.computer.click_mouse(rig.id, x=200, y=600)
    assert (await rig.lab.one("click"))["trusted"] is True, "no dialog is in the way"


async def _hang_up(rig: Rig, call: Coroutine[Any, Any, Any], begun: str, over: str) -> None:
    task = asyncio.create_task(call)
    await rig.lab.one(begun)
    assert not any(event["kind"] == over for event in rig.lab.events)
    task.cancel()
    await rig.lab.one(over)
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_hang_up_lets_go_of_keys(rig: Rig) -> None:
    await rig.open("/keys")
    computer = rig.kernel.browsers.computer
    await _hang_up(rig, computer.press_key(rig.id, keys=["a"], duration=30_000), "keydown", "keyup")


async def test_a_hang_up_lets_go_of_buttons_and_of_keys_held_with_them(rig: Rig) -> None:
    computer = rig.kernel.browsers.computer
    await rig.open("/buttons")
    path = [list(DRAG), [400, 500]]
    drag = computer.drag_mouse(rig.id, path=path, delay=30_000, hold_keys=["shift"])
    await _hang_up(rig, drag, "mousedown", "mouseup")
    await rig.lab.one("keyup", key="Shift")


async def test_a_wrong_credential_or_a_foreign_name_does_nothing(rig: Rig) -> None:
    made = await rig.kernel.browsers.retrieve(rig.id)
    jwt = made.cdp_ws_url.rpartition("jwt=")[2]
    await rig.kernel.browsers.computer.move_mouse(rig.id, x=50, y=60)
    api = f"{rig.server.ready.base_url}/browsers/{rig.id}/computer/move_mouse"
    direct = f"{made.base_url}/computer/move_mouse"
    key = {"Authorization": f"Bearer {rig.server.ready.token}"}
    async with aiohttp.ClientSession() as web:
        for url, headers, status in (
            (api, {}, 401),
            (api, {"Authorization": "Bearer wrong"}, 401),
            (api, {**key, "Host": "evil.example"}, 403),
            (api, {**key, "Origin": "http://evil.example"}, 403),
            (direct, {}, 401),
            (direct, key, 401),
            (f"{direct}?jwt=wrong", key, 401),
            (f"{direct}?jwt={jwt}", {"Host": "evil.example:80"}, 403),
            (f"{direct}?jwt={jwt}", {"Origin": "http://evil.example"}, 403),
        ):
            async with web.post(url, headers=headers, json={"x": 1, "y": 2}) as answer:
                assert answer.status == status, (url, headers)
        position = await rig.kernel.browsers.computer.get_mouse_position(rig.id)
        assert (position.x, position.y) == (50, 60)
        async with web.post(f"{direct}?jwt={jwt}", json={"x": 1, "y": 2}) as answer:
            assert answer.status == 200


async def test_one_browsers_credential_does_not_open_another() -> None:
    async with server("--backend", "headless") as up, up.client() as k, aiohttp.ClientSession() as web:
        one, other = await asyncio.gather(k.browsers.create(), k.browsers.create())
        jwt = one.cdp_ws_url.rpartition("jwt=")[2]
        async with web.post(f"{other.base_url}/computer/get_mouse_position?jwt={jwt}") as answer:
            assert answer.status == 401
        async with kernel.AsyncKernel(api_key=jwt, base_url=up.ready.base_url, max_retries=0) as foreign:
            with pytest.raises(kernel.AuthenticationError):
                await foreign.browsers.retrieve(one.session_id)
