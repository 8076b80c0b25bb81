"""Strays found, and deleted on request, in a process of its own: `python -m pilothouse.engine.reaping`.

A viewer loads no SDK, so that `pilothouse reap` asks this. It writes the strays as one JSON line, reads one
line with the ids to delete, and writes what became of each; the key is in its environment, never on argv.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from typing import TYPE_CHECKING

import msgspec

from pilothouse.browser import reaper
from pilothouse.browser.session import make_client
from pilothouse.engine.fates import driven, fate_of
from pilothouse.errors import BrowserError, PilothouseError

if TYPE_CHECKING:
    from kernel import AsyncKernel


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
            strays = await reaper.find(client, fate_of, driven)
        except BrowserError as error:
            _say(Failed(why=str(error)))
            return BrowserError.exit_code
        _say(Found(strays=strays))
        chosen = msgspec.json.decode(await asyncio.to_thread(sys.stdin.readline) or "[]", type=list[str])
        doomed = [stray for stray in strays if stray.session in chosen]
        in_use = await asyncio.to_thread(driven) if doomed else frozenset()  # a person may have taken a while
        problems = {stray.session: await _delete(client, stray, in_use) for stray in doomed}
        _say(problems)
    return 0


async def _delete(client: AsyncKernel, stray: reaper.Stray, in_use: frozenset[str]) -> str:
    """Delete one; returns why it may still be there, if it may."""
    if reaper.is_driven(stray, in_use):
        return "a live run drives it now"
    try:
        await reaper.delete(client, stray)
    except PilothouseError as error:
        return str(error)
    return ""


def _say(what: Found | Failed | dict[str, str]) -> None:
    with contextlib.suppress(BrokenPipeError):  # whoever asked has left; nothing may be said to a terminal
        os.write(sys.stdout.fileno(), msgspec.json.encode(what) + b"\n")


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
