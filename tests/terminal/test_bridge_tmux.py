"""A run in the bridge, in a real terminal with a real browser: seen, paused, told, aborted; hostile pages."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from pilothouse import events as ev
from pilothouse.local.loopback import listening
from pilothouse.local.messages_server import ScriptedMessages
from pilothouse.local.scenario import load
from pilothouse.runs.files import FileRuns
from tests.processes import command_of, descendants, engines_in, gone
from tests.terminal.tmux_server import Tmux

pytestmark = [
    pytest.mark.terminal,
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]
WORK = "[pace]\nbefore_s = 0.1\nper_delta_s = 0.0\n" + 60 * (
    '[[turn]]\ntext = "On I go."\ncalls = [{ do = "mouse_move", at = [300, 300] }]\n'
)
KEY = "sk-test-" + secrets.token_hex(12)


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    server = Tmux()
    yield server
    server("kill-server")


@asynccontextmanager
async def model(script: Path) -> Any:
    """A scripted model in this process, whose requests can be looked at."""
    server = ScriptedMessages(load(script), key=KEY, speed=1.0)
    async with listening(server.app()) as url:
        yield server, url


class Bridge:
    """The bridge of one run, under tmux."""

    def __init__(self, tmux: Tmux, state: Path, url: str, task: str = "move about", *options: str) -> None:
        self._tmux = tmux
        self._runs = FileRuns(state / "runs")
        program = [sys.executable, "-m", "pilothouse", "run", task, "--browser", "local"]
        tmux.start(
            [
                "env",
                f"PILOTHOUSE_STATE_DIR={state}",
                f"ANTHROPIC_BASE_URL={url}",
                f"ANTHROPIC_API_KEY={KEY}",
                *program,
                "--allow-root",
                *options,
            ]
        )

    async def shows(self, text: str) -> str:
        return await asyncio.to_thread(self._tmux.wait_for, text)

    async def left_saying(self, text: str) -> None:
        """Wait for the last words; tmux scrolls them away to make room for its own about the dead pane."""
        await asyncio.to_thread(self._tmux.wait_for, text, history=True)

    def press(self, *keys: str) -> None:
        self._tmux("send-keys", *keys)

    async def run(self) -> str:
        async with asyncio.timeout(30):
            while True:
                async for status in self._runs.roster():
                    if status.events:
                        return status.run
                await asyncio.sleep(0.05)  # there is no run yet that could tell

    async def until(self, wanted: Any, from_seq: int = 0) -> ev.Event:
        async with asyncio.timeout(60):
            async for event in self._runs.events(await self.run(), from_seq):
                if wanted(event):
                    return event
        raise AssertionError("the run ended first")

    async def settled_actions(self) -> int:
        """Count the actions of a held run: what is frozen is shown by time passing."""
        await asyncio.sleep(1.0)
        count = await self.actions()
        await asyncio.sleep(1.5)
        assert await self.actions() == count
        return count

    async def actions(self) -> int:
        return self._runs.status(await self.run()).actions


async def test_a_run_is_seen_paused_told_and_aborted(tmux: Tmux, state_dir: Path) -> None:
    script = state_dir / "scenario.toml"
    script.write_text(WORK)
    async with model(script) as (server, url):
        bridge = Bridge(tmux, state_dir, url)
        await bridge.until(lambda event: isinstance(event, ev.ActionFinished))
        for pane in ("Transcript", "Tool calls", "Browser"):
            await bridge.shows(pane)
        engine = next(engines_in(state_dir))
        below = descendants(engine)
        assert any("chrom" in name for name in map(command_of, below))

        bridge.press("Space")
        await bridge.until(
            lambda event: isinstance(event, ev.StateChanged) and ev.Hold.PAUSE in event.holding
        )
        await bridge.shows("pause")
        asked = len(server.log.summaries())
        count = await bridge.settled_actions()

        bridge.press(".")
        await bridge.until(lambda event: isinstance(event, ev.StateChanged) and ev.Hold.STEP in event.holding)
        assert await bridge.actions() == count + 1

        bridge.press("i")
        bridge.press("-l", "only the blue one")
        bridge.press("Enter")
        await bridge.until(lambda event: isinstance(event, ev.MessageQueued))
        bridge.press("Escape")
        bridge.press("Space")
        said = await bridge.until(lambda event: isinstance(event, ev.MessageDelivered))
        await bridge.until(lambda event: isinstance(event, ev.TurnFinished), said.seq)
        carrying = [s for s in server.log.summaries()[asked:] if "only the blue one" in str(s["new_text"])]
        assert len(carrying) == 1

        bridge.press("x")
        await bridge.shows("End this run?")
        bridge.press("C-y")
        ended = await bridge.until(lambda event: isinstance(event, ev.RunEnded))
        assert isinstance(ended, ev.RunEnded)
        assert ended.outcome is ev.Outcome.ABORTED
        assert await gone(below | {engine})


async def test_quitting_and_killing_the_bridge_leave_the_run_going(tmux: Tmux, state_dir: Path) -> None:
    script = state_dir / "scenario.toml"
    script.write_text(WORK)
    async with model(script) as (_, url):
        bridge = Bridge(tmux, state_dir, url)
        await bridge.until(lambda event: isinstance(event, ev.ActionFinished))
        await bridge.shows("Transcript")
        bridge.press("q")
        run = await bridge.run()
        await bridge.left_saying(f"pilothouse attach {run}")
        count = await bridge.actions()
        await bridge.until(lambda event: isinstance(event, ev.ActionFinished) and event.action > count + 1)
        attach = [sys.executable, "-m", "pilothouse", "attach", run]
        tmux("respawn-pane", "-k", "env", f"PILOTHOUSE_STATE_DIR={state_dir}", *attach)
        await bridge.shows("Transcript")
        tmux("kill-server")
        count = await bridge.actions()
        await bridge.until(lambda event: isinstance(event, ev.ActionFinished) and event.action > count + 1)
        engine = next(engines_in(state_dir))
        abort = [sys.executable, "-m", "pilothouse", "abort", run]
        process = await asyncio.create_subprocess_exec(
            *abort, env={"PATH": "/usr/bin:/bin", "PILOTHOUSE_STATE_DIR": str(state_dir)}
        )
        assert await process.wait() == 0
        assert await gone({engine})


HOSTILE = r"\u001b]52;c;cHduZWQ=\u0007 \u001b]0;pwned\u0007 \u001b[>q \u001b]4;1;?\u0007 \u009b>q \u202e x"


async def hostile_page(_request: web.Request) -> web.Response:
    title = HOSTILE.encode().decode("unicode_escape")
    return web.Response(text=f"<title>TITLE {title}</title><p>hello", content_type="text/html")


async def test_a_hostile_page_writes_nothing_and_presses_nothing(tmux: Tmux, state_dir: Path) -> None:
    script = state_dir / "scenario.toml"
    said = f'thinking = "{HOSTILE}"\ntext = "{HOSTILE}"\ncalls = [{{ do = "type", text = "{HOSTILE}" }}]\n'
    pace = "[pace]\nbefore_s = 0.1\nper_delta_s = 0.0\n"
    script.write_text(pace + 3 * f"[[turn]]\n{said}" + '[[turn]]\ntext = "SHOWN"\n')
    site = web.Application()
    site.router.add_get("/", hostile_page)
    async with model(script) as (_, url), listening(site) as page:
        task = "look at [b]this[/x] \x1b]0;pwned\x07"
        bridge = Bridge(tmux, state_dir, url, task, "--start-url", page)
        await bridge.shows("SHOWN")
        await bridge.shows("TITLE")
        await bridge.until(lambda event: isinstance(event, ev.StateChanged) and event.phase == "idle")
        assert tmux("list-buffers") == ""
        assert "pwned" not in tmux("display-message", "-p", "#{pane_title}")
        run = await bridge.run()
        seen = [event async for event in FileRuns(state_dir / "runs").events(run, follow=False)]
        assert not any(isinstance(event, ev.CommandReceived) for event in seen)
        bridge.press("x")
        await bridge.shows("End this run?")
        bridge.press("C-y")
        await bridge.until(lambda event: isinstance(event, ev.RunEnded))
