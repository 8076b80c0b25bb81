"""`pilothouse local` as its page says: programs in the public style run unchanged; ctrl+c ends all of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.processes import mentioning

pytestmark = [pytest.mark.browser, pytest.mark.timeout(60)]

SYNC = """
from kernel import Kernel

client = Kernel()
browser = client.browsers.create(stealth=True, timeout_seconds=120)
print(browser.session_id)
client.browsers.computer.move_mouse(browser.session_id, x=100, y=200)
client.browsers.computer.click_mouse(browser.session_id, x=100, y=200, button="left", num_clicks=2)
client.browsers.computer.type_text(browser.session_id, text="Hello, World!")
client.browsers.computer.press_key(browser.session_id, keys=["Return"])
client.browsers.computer.scroll(browser.session_id, x=300, y=400, delta_x=0, delta_y=5)
position = client.browsers.computer.get_mouse_position(browser.session_id)
with open("screenshot.png", "wb") as f:
    f.write(client.browsers.computer.capture_screenshot(browser.session_id).read())
print(position.x, position.y)
"""
ASYNC = """
import asyncio
from kernel import AsyncKernel

async def main():
    client = AsyncKernel()
    browser = await client.browsers.create(viewport={"width": 1280, "height": 800})
    print(browser.session_id)
    await client.browsers.computer.drag_mouse(browser.session_id, path=[[100, 200], [300, 400]])
    await client.browsers.computer.batch(browser.session_id, actions=[
        {"type": "click_mouse", "click_mouse": {"x": 100, "y": 200}},
        {"type": "sleep", "sleep": {"duration_ms": 100}},
        {"type": "move_mouse", "move_mouse": {"x": 300, "y": 400}},
    ])
    position = await client.browsers.computer.get_mouse_position(browser.session_id)
    shot = await client.browsers.computer.capture_screenshot(browser.session_id)
    await shot.write_to_file("screenshot.png")
    print(position.x, position.y)

asyncio.run(main())
"""


@contextmanager
def verb(*options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Run `pilothouse local`; gives what it prints."""
    command = [sys.executable, "-m", "pilothouse", "local", *options]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as server:
        try:
            assert server.stdout is not None
            yield server, dict(server.stdout.readline().strip().split("=", 1) for _ in range(2))
        finally:
            server.terminate()


@pytest.mark.parametrize("program", [SYNC, ASYNC], ids=["sync", "async"])
def test_a_program_runs_unchanged_and_ctrl_c_ends_the_browser_it_forgot(
    temporary: Path, program: str
) -> None:
    with verb("--offline-hosts") as (server, told):
        assert set(told) == {"KERNEL_BASE_URL", "KERNEL_API_KEY"}
        ran = subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | told,
            cwd=temporary,
            capture_output=True,
            text=True,
        )
        assert ran.stderr == ""
        position = ran.stdout.splitlines()[-1]
        assert position == "300 400"
        assert (temporary / "screenshot.png").stat().st_size > 1000
        (directory,) = temporary.glob("pilothouse-local-*")
        assert mentioning(f"{directory}/")
        os.killpg(server.pid, signal.SIGINT)  # as a terminal does
        assert server.wait(20) == 0
        assert mentioning(f"{directory}/") == []
        assert not directory.exists()
