"""Strays found, and deleted on request, in a process of its own: `python -m pilothouse.engine.reaping`.

A viewer loads no SDK, so that `pilothouse reap` asks this. It writes the strays as one JSON line, reads one
line with the ids to delete, and writes what became of each; the key is in its environment, never on argv.
"""

from __future__ import annotations

import asyncio
import os
import sys

import msgspec

from pilothouse.browser import reaper
from pilothouse.browser.session import make_client
from pilothouse.engine.fates import fate_of
from pilothouse.errors import BrowserError, PilothouseError


class Found(msgspec.Struct, frozen=True, kw_only=True, tag="found"):
    """Every living browser with our tag."""

    strays: list[reaper.Stray]


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """They could not be listed."""

    why: str


async def main() -> int:
    """List, read which to delete, delete."""
    async with make_client(os.environ.get("KERNEL_API_KEY", ""), os.environ.get("KERNEL_BASE_URL")) as client:
        try:
            strays = await reaper.find(client, fate_of)
        except BrowserError as error:
            _say(Failed(why=str(error)))
            return BrowserError.exit_code
        _say(Found(strays=strays))
        chosen = msgspec.json.decode(await asyncio.to_thread(sys.stdin.readline) or "[]", type=list[str])
        problems: dict[str, str] = {}
        for stray in strays:
            if stray.session in chosen:
                problems[stray.session] = ""
                try:
                    await reaper.delete(client, stray)
                except PilothouseError as error:
                    problems[stray.session] = str(error)
        _say(problems)
    return 0


def _say(what: Found | Failed | dict[str, str]) -> None:
    sys.stdout.write(msgspec.json.encode(what).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
