"""The probe's process: `python -m pilothouse.probe`, its plan as the first line of standard input.

It says `Progress` and at last a `Report`, a JSON line each, on standard output. It ends early, and cleans up,
on SIGINT, SIGTERM or the end of its input: whoever started it is gone then. Keys come by the environment.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from typing import TYPE_CHECKING

import anthropic
import httpx
import httpx2
import kernel
import msgspec

from pilothouse.local.loopback import ending
from pilothouse.probe.plan import Plan, Progress, Report
from pilothouse.probe.run import Probe
from pilothouse.safety import secrets_from_environment

if TYPE_CHECKING:
    from collections.abc import Callable

CALL_S = 25.0


def model_client() -> anthropic.AsyncAnthropic:
    """Make a client that sends nothing twice."""
    timeout = httpx2.Timeout(CALL_S, connect=5.0)
    return anthropic.AsyncAnthropic(max_retries=0, timeout=timeout)


def browser_client() -> kernel.AsyncKernel:
    """Make a client that sends nothing twice."""
    return kernel.AsyncKernel(max_retries=0, timeout=httpx.Timeout(CALL_S, connect=5.0))


async def probe(plan: Plan, tell: Callable[[Progress | Report], None]) -> None:
    """Make the checks of a plan, and tell."""
    model = model_client() if plan.only in ("", "model") else None
    browser = browser_client() if plan.only in ("", "browser") else None
    try:
        async with ending(with_parent=True) as told:
            running = asyncio.create_task(
                Probe(plan, tell, model=model, browser=browser, secrets=secrets_from_environment()).run()
            )
            ended = asyncio.create_task(told.wait())
            await asyncio.wait({running, ended}, return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
            if not running.done():
                running.cancel()
            tell(await running)
    finally:
        if model is not None:
            await model.close()
        if browser is not None:
            await browser.close()


def _say(line: Progress | Report) -> None:
    with contextlib.suppress(BrokenPipeError):  # nobody reads any more: there is still something to delete
        sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
        sys.stdout.buffer.flush()


def main() -> int:
    """Run one probe."""
    os.umask(0o077)
    # At INFO the HTTP clients log whole URLs, which carry credentials.
    for name in ("anthropic", "httpx", "httpx2", "httpcore", "kernel"):
        logging.getLogger(name).setLevel(logging.ERROR)
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(0, 1)):  # unbuffered: the rest is watched for its end
        line += byte
    asyncio.run(probe(msgspec.json.decode(line, type=Plan), _say))
    return 0


if __name__ == "__main__":
    sys.exit(main())
