"""What the SDK does at first use is done before: nothing is imported on the loop of a run."""

from __future__ import annotations

import json
import subprocess
import sys

LATE = """
import asyncio, contextlib, json, sys
from pilothouse.browser.warmup import warm_up

warm_up()
before = set(sys.modules)

async def use():
    from pilothouse.browser.session import make_client
    async with make_client("key", "http://127.0.0.1:9") as client:
        client.browsers.replays, client.browsers.telemetry, client.browser_pools
        for call in (
            client.browsers.create(name="one"),
            client.browsers.computer.capture_screenshot("one"),
            client.browsers.delete_by_id("one"),
        ):
            with contextlib.suppress(Exception):  # nobody listens there
                await call

asyncio.run(use())
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_a_first_call_imports_nothing_after_the_warm_up() -> None:
    done = subprocess.run([sys.executable, "-c", LATE], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
