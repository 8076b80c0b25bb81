"""The action of the Kernel app, invoked as Kernel invokes it, against loopback servers."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import kernel
import pytest
from aiohttp import web

from pilothouse import app as deployed
from pilothouse import events as ev
from pilothouse.commands import Pause
from pilothouse.engine.backends import Backends, Endpoint
from pilothouse.engine.spec import BrowserOptions, ModelOptions, RunSpec
from pilothouse.errors import PilothouseError
from pilothouse.events import Hold, Outcome, RunPhase
from pilothouse.ids import new_command_id
from pilothouse.local.loopback import listening
from pilothouse.local.messages_server import ScriptedMessages
from pilothouse.local.scenario import load
from pilothouse.runs.files import FileRuns
from tests.engine.kernel_stub import KernelStub

CLICK = '[[turn]]\ncalls = [{ do = "left_click", at = [100, 100] }]\n'
DONE = '[[turn]]\ntext = "A kettle is bought."\n'


@dataclass
class Services:
    model: ScriptedMessages
    kernel: KernelStub


@pytest.fixture(autouse=True)
def afresh() -> None:
    deployed._made_a_state_directory.cache_clear()


@asynccontextmanager
async def services(
    directory: Path, scenario: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Services]:
    script = directory / "scenario.toml"
    script.write_text(scenario)
    both = Services(ScriptedMessages(load(script), key="scripted-key", speed=50.0), KernelStub())
    async with AsyncExitStack() as stack:
        model_url = await stack.enter_async_context(listening(both.model.app()))
        kernel_url = await stack.enter_async_context(listening(both.kernel.app()))
        monkeypatch.setenv("ANTHROPIC_BASE_URL", model_url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "scripted-key")
        monkeypatch.setenv("KERNEL_BASE_URL", kernel_url)
        monkeypatch.setenv("KERNEL_API_KEY", "kernel-key-of-the-tests")
        yield both


def names(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


async def invoke(payload: object) -> dict[str, Any]:
    action = deployed.app.actions["run"]
    return dict(await action.handler(kernel.KernelContext(invocation_id="inv_1"), payload))


async def test_an_invocation_runs_the_query_and_answers_with_what_came_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PILOTHOUSE_STATE_DIR")
    async with services(tmp_path, CLICK + DONE, monkeypatch) as both:
        answer = await invoke({"query": "Buy a kettle.", "options": {"effort": "low"}})
        body = both.model.log.body(both.model.log.summaries()[0]["number"]) or {}
    made = Path(os.environ["PILOTHOUSE_STATE_DIR"])
    assert names(made / "runs") == []  # nobody asked for the recording
    assert body["output_config"] == {"effort": "low"}
    assert both.kernel.deleted == [answer["run"]]
    assert answer.pop("duration_s") > 0
    assert answer.pop("cost_usd") > 0
    assert answer == {
        "result": "A kettle is bought.",
        "outcome": "completed",
        "run": answer["run"],
        "why": "",
        "turns": 2,
        "actions": 1,
        "browser": answer["run"],
        "replay": "",
        "replay_url": "",
    }


async def test_a_recording_is_kept_where_the_deployment_asks_for_it(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with services(state_dir, DONE, monkeypatch):
        answer = await invoke({"query": "Look."})
    events = [event async for event in FileRuns().events(answer["run"], 0, False)]
    assert isinstance(events[-1], ev.RunEnded)


async def test_a_run_that_would_wait_for_a_person_ends_instead(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with services(state_dir, CLICK + DONE, monkeypatch) as both:
        both.kernel.faults["click_mouse"] = ["hang"]
        invocation = asyncio.create_task(invoke({"query": "Look."}))
        await asyncio.wait_for(both.kernel.hanging.wait(), 30)
        run = next(iter(both.kernel.browsers))
        await FileRuns().control(run, Pause(id=new_command_id(), actor="anna"))
        answer = await invocation
    assert (answer["outcome"], answer["why"]) == (Outcome.ABORTED, "nobody is there to answer (pause)")
    assert both.kernel.deleted == [run]


class Held:
    """A run as the app sees it: it tells what holds it, and may be aborted."""

    def __init__(self, *holds: tuple[Hold, ...]) -> None:
        self._holds = holds
        self.aborted: list[str] = []

    async def follow(self) -> AsyncIterator[ev.Event]:
        for holding in self._holds:
            yield ev.StateChanged(phase=RunPhase.HOLDING, holding=holding)

    def abort(self, why: str) -> None:
        self.aborted.append(why)


async def test_a_run_that_waits_for_a_retry_alone_is_left_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "call_later", lambda delay_s, call, *given: call(*given))  # time flies
    waits, asks = Held((Hold.RETRY,)), Held((Hold.RETRY,), (Hold.PAUSE, Hold.RETRY))
    for run in (waits, asks):
        await deployed._never_hold(cast("Any", run))  # it has all that is used of one
    assert (waits.aborted, asks.aborted) == ([], ["nobody is there to answer (pause, retry)"])


async def test_a_cancelled_invocation_leaves_no_browser(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with services(state_dir, CLICK + DONE, monkeypatch) as both:
        both.kernel.faults["click_mouse"] = ["hang"]
        invocation = asyncio.create_task(invoke({"query": "Look."}))
        await asyncio.wait_for(both.kernel.hanging.wait(), 30)
        invocation.cancel()
        with pytest.raises(asyncio.CancelledError):
            await invocation
    assert both.kernel.browsers == {}


def test_a_payload_becomes_a_spec_with_the_invocation_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PILOTHOUSE_MAX_TOKENS", "9000")
    monkeypatch.setenv("PILOTHOUSE_BROWSER", "local")
    options = {"model": "m", "replay_video": True, "allow-host": ["a.com"], "viewport": "800x600"}
    spec = deployed.read_payload({"query": " Look. ", "options": options}, "inv_7")
    assert spec == RunSpec(
        run=spec.run,
        task="Look.",
        model="m",
        approve="auto",
        headless=True,
        model_options=ModelOptions(max_tokens=9000),
        browser_options=BrowserOptions(
            width_px=800, height_px=600, replay_video=True, allow_hosts=("a.com",), invocation="inv_7"
        ),
    )


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        (None, 'payload: is no object (send {"query": "what to do"})'),
        ({"task": "x"}, "payload: there is no 'task' (it has query and options)"),
        ({"query": " "}, "payload: query: says nothing to do (send text)"),
        ({"query": "x", "options": []}, ""),
        ({"query": "x", "options": "fast"}, "payload: options: is no object"),
        ({"query": "x", "options": {"modle": "m"}}, "modle: there is no such setting (did you mean model?)"),
        ({"query": "x", "options": {"effort": 3}}, "payload: options: effort: 3 is no text"),
        ({"query": "x", "options": {"browser": "local"}}, "the browser is Kernel's"),
        ({"query": "x", "options": {"system-prompt": "/etc/passwd"}}, "there are no files"),
        ({"query": "x", "options": {"save-profile": True}}, "there is no profile to save"),
    ],
    ids=str,
)  # fmt: skip
def test_a_payload_that_cannot_be_used_is_one_sentence(payload: object, sentence: str) -> None:
    if not sentence:
        assert deployed.read_payload(payload, "inv_1").task == "x"
        return
    with pytest.raises(PilothouseError) as caught:
        deployed.read_payload(payload, "inv_1")
    assert sentence in str(caught.value)


async def test_a_missing_key_is_said_before_anything_begins(state_dir: Path) -> None:
    with pytest.raises(PilothouseError, match="KERNEL_API_KEY is not set"):
        await invoke({"query": "Look."})
    assert names(state_dir) == []


async def test_the_link_of_the_video_is_asked_for_and_its_absence_harms_nothing(state_dir: Path) -> None:
    async def replays(request: web.Request) -> web.Response:
        if request.match_info["id"] != "sess_1":
            raise web.HTTPNotFound
        return web.json_response([{"replay_id": "rep_1", "replay_view_url": "https://view/rep_1?jwt=x"}])

    server = web.Application()
    server.router.add_get("/browsers/{id}/replays", replays)
    found = []
    async with listening(server) as url:
        backends = Backends(RunSpec(run="r", task="t"), state_dir)
        backends.browser = Endpoint(base_url=url, key="k")
        for session, video in (("sess_1", "rep_1"), ("sess_1", "rep_2"), ("gone", "rep_1")):
            events = [
                ev.BrowserOpened(name="r", session=session, width_px=1, height_px=1),
                ev.VideoStarted(video=video, name="r"),
            ]
            found.append(await deployed._replay_url(events, backends))
    assert found == ["https://view/rep_1?jwt=x", "", ""]


def test_the_app_is_imported_without_a_ui() -> None:
    code = (
        "import sys\n"
        "for name in ('textual', 'textual_image', 'PIL'):\n    sys.modules[name] = None\n"  # as if not there
        "import pilothouse.app\n"
        "print([name for name in sys.modules if name.startswith(('pilothouse.cli', 'pilothouse.tui'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stderr
