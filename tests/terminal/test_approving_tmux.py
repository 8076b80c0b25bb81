"""Approving in a real terminal with real keys: not by typing ahead, by a paste, or by a page's title."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from pilothouse import events as ev
from pilothouse.local.chromium import find_chromium
from pilothouse.local.loopback import listening
from pilothouse.runs.files import FileRuns
from pilothouse.tui.widgets.approval import ARM_S
from tests.terminal.test_bridge_tmux import Bridge, model
from tests.terminal.tmux_server import Tmux

pytestmark = [
    pytest.mark.terminal,
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine: docs/local.md"),
]
PACE = "[pace]\nbefore_s = 0.1\nper_delta_s = 0.0\n"
CLICKS = PACE + 9 * '[[turn]]\ntext = "On."\ncalls = [{ do = "left_click", at = [300, 300] }]\n'
PRESSES = PACE + 3 * '[[turn]]\ntext = "On."\ncalls = [{ do = "key", text = "Return" }]\n'
QUERIES = r"\x1b[6n\x1b[c\x1b[>q\x1b]11;?\x07\x1bP+q544e\x1b\\\x1b[21t\x9b6n\x9bc\x19\x19n\x19"
AHEAD = "n\x19\x19\x19nn\x19"
"""Keys in one write: go to the pane, and ctrl+y as often as anyone might hit it."""


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    server = Tmux()
    yield server
    server("kill-server")


def write(tmux: Tmux, keys: str) -> None:
    """Send keys as bytes of one write."""
    tmux("send-keys", "-H", *(f"{byte:02x}" for byte in keys.encode()))


async def events(bridge: Bridge, state: Path) -> list[ev.Event]:
    return [e async for e in FileRuns(state / "runs").events(await bridge.run(), follow=False)]


async def decisions(bridge: Bridge, state: Path) -> list[tuple[str, str]]:
    seen = await events(bridge, state)
    return [(e.request, e.decision) for e in seen if isinstance(e, ev.ApprovalDecided)]


async def asked(bridge: Bridge, number: int) -> ev.Event:
    return await bridge.until(
        lambda event: isinstance(event, ev.ApprovalRequested) and event.request == f"a{number}"
    )


async def answered(bridge: Bridge, tmux: Tmux) -> None:
    """Wait until every key written before has been read: this one shows, and is taken back."""
    write(tmux, "\x1b")
    await asyncio.sleep(0.3)  # a lone escape is told from a sequence by time
    write(tmux, "?")
    await bridge.shows("Moving through it")
    write(tmux, "?")


@asynccontextmanager
async def running(tmux: Tmux, state: Path, script: str, *options: str) -> AsyncIterator[Bridge]:
    path = state / "scenario.toml"
    path.write_text(script)
    async with model(path) as (_, url):
        bridge = Bridge(tmux, state, url, "click about", *options)
        yield bridge
        write(tmux, "\x1b")
        await asyncio.sleep(0.3)
        write(tmux, "x")
        await bridge.shows("End this run?")
        write(tmux, "\x19")
        await bridge.until(lambda event: isinstance(event, ev.RunEnded))


async def hostile_page(_request: web.Request) -> web.Response:
    """Answer with a page whose title asks the terminal things."""
    title = QUERIES.encode().decode("unicode_escape")
    return web.Response(text=f"<title>TITLE {title}</title><p>hello", content_type="text/html")


async def test_nothing_is_approved_by_accident_and_a_careful_person_can(tmux: Tmux, state_dir: Path) -> None:
    site = web.Application()
    site.router.add_get("/", hostile_page)
    async with (
        listening(site) as url,
        running(tmux, state_dir, CLICKS, "--approve", "ask-all", "--start-url", url) as bridge,
    ):
        await bridge.shows("Transcript")
        write(tmux, AHEAD)  # before there is anything to decide on
        await asked(bridge, 1)
        write(tmux, AHEAD)  # as it comes up
        await bridge.shows("Let this happen?")
        write(tmux, AHEAD)  # as it is seen
        await asyncio.sleep(ARM_S / 3)
        write(tmux, "\x19")  # too soon after the last key
        await answered(bridge, tmux)
        assert await decisions(bridge, state_dir) == []
        write(tmux, "n")
        await bridge.shows("ctrl+y lets it happen")
        write(tmux, "\x19")
        await asked(bridge, 2)
        assert await decisions(bridge, state_dir) == [("a1", "approve")]

        # Shown anew the pane has no keys, and a paste is none; a title that asks the terminal for replies
        # types nothing into it, though it waits with the keys, armed.
        await bridge.shows("TITLE")
        write(tmux, "\x19\x19\x1b[200~n\x19\x19\x1b[201~")
        await answered(bridge, tmux)
        write(tmux, "n")
        await bridge.shows("ctrl+y lets it happen")
        await asyncio.sleep(ARM_S + 0.2)
        write(tmux, "\x1b[200~\x19\x19yes\x19\n\x19\x1b[201~")
        await bridge.shows("ctrl+y lets it happen")
        seen = await events(bridge, state_dir)
        assert [e.command for e in seen if isinstance(e, ev.CommandReceived)] == ["Approve"]

        write(tmux, "A\x19\x19")
        assert "A person said always." in await bridge.shows('members = ["left_click"]')
        await asyncio.sleep(ARM_S + 0.2)
        assert await decisions(bridge, state_dir) == [("a1", "approve")]
        write(tmux, "\x19")
        await bridge.until(lambda event: isinstance(event, ev.RuleAdded))
        await bridge.until(lambda event: isinstance(event, ev.ActionFinished) and event.action == 3)
        assert await decisions(bridge, state_dir) == [("a1", "approve"), ("a2", "approve")]


async def test_what_is_risky_takes_ctrl_y_twice_with_a_moment_between(tmux: Tmux, state_dir: Path) -> None:
    async with running(tmux, state_dir, PRESSES) as bridge:
        await asked(bridge, 1)
        await bridge.shows("risky: the key submits")
        write(tmux, "n")
        await bridge.shows("ctrl+y lets it happen")
        write(tmux, "\x19\x19\x19")  # the second one, too soon, has it all begin anew
        await asyncio.sleep(ARM_S + 0.4)
        assert await decisions(bridge, state_dir) == []
        write(tmux, "\x19")
        await bridge.shows("ctrl+y once more: it is risky")
        assert await decisions(bridge, state_dir) == []
        write(tmux, "\x19")
        await bridge.until(lambda event: isinstance(event, ev.ActionFinished))
        assert await decisions(bridge, state_dir) == [("a1", "approve")]
