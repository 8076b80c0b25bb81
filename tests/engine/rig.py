"""A run in this process: the real loop and SDKs against loopback servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.engine.backends import Backends, Endpoint
from pilothouse.engine.runner import Run
from pilothouse.engine.spec import DEFAULT_MODEL, BrowserOptions, ModelOptions, RunSpec
from pilothouse.events import Outcome
from pilothouse.ids import new_command_id, new_run_id
from pilothouse.journal.blobs import BlobStore
from pilothouse.journal.disk import Disk
from pilothouse.journal.writer import JournalWriter
from pilothouse.local.loopback import listening
from pilothouse.local.messages_server import ScriptedMessages
from pilothouse.local.scenario import load
from tests.engine.kernel_stub import KernelStub

E = TypeVar("E", bound=ev.Event)
PLAIN = BrowserOptions()
KEY = "scripted-key-of-the-tests"


@dataclass
class Rig:
    """One run and what it talks to."""

    run: Run
    model: ScriptedMessages
    kernel: KernelStub
    directory: Path
    events: list[ev.Event] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    """Each request's body exactly as the model's server got it."""
    _grew: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def run_id(self) -> str:
        return self.run.recorder.state.run

    async def collect(self) -> None:
        """Follow the bus."""
        subscription = self.run._bus.subscribe()
        async for event in subscription.events():
            async with self._grew:
                self.events.append(event)
                self._grew.notify_all()

    async def until(self, wanted: Callable[[ev.Event], bool], timeout_s: float = 30.0) -> ev.Event:
        """Wait for an event, past or future."""
        async with asyncio.timeout(timeout_s), self._grew:
            while True:
                for event in self.events:
                    if wanted(event):
                        return event
                await self._grew.wait()

    async def until_one(self, kind: type[E]) -> E:
        """Wait for an event of a kind, past or future; gives the first."""
        await self.until(lambda event: isinstance(event, kind))
        return self.of(kind)[0]

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def do(self, command: cmd.Command) -> cmd.Ack | cmd.Refused:
        return self.run._begin(command).result()

    def command_pause(self, *, freeze: bool = False) -> cmd.Pause:
        return cmd.Pause(id=new_command_id(), actor="anna", freeze=freeze)

    def pause(self, *, freeze: bool = False) -> cmd.Ack | cmd.Refused:
        return self.do(self.command_pause(freeze=freeze))

    def step(self, n: int = 1) -> cmd.Ack | cmd.Refused:
        return self.do(cmd.Step(id=new_command_id(), actor="anna", n=n))

    def resume(self) -> cmd.Ack | cmd.Refused:
        return self.do(cmd.Resume(id=new_command_id(), actor="anna"))

    def say(self, text: str, when: str = "after") -> cmd.Ack | cmd.Refused:
        return self.do(cmd.Say(id=new_command_id(), actor="anna", text=text, when=when))

    def set_model(self, model: str = "", effort: str = "") -> cmd.Ack | cmd.Refused:
        return self.do(cmd.SetModel(id=new_command_id(), actor="anna", model=model, effort=effort))

    def take_over(self, actor: str = "anna") -> cmd.Ack | cmd.Refused:
        return self.do(cmd.TakeOver(id=new_command_id(), actor=actor))

    def release(self, actor: str = "anna") -> cmd.Ack | cmd.Refused:
        return self.do(cmd.Release(id=new_command_id(), actor=actor))

    async def act(
        self, member: str, *, actor: str = "anna", secret: bool = False, **given: Any
    ) -> cmd.Ack | cmd.Refused:
        act = cmd.Act(id=new_command_id(), actor=actor, member=member, input=given, secret=secret)
        return await self.run.steering.begin(act)

    def abort(self) -> cmd.Ack | cmd.Refused:
        return self.do(cmd.Abort(id=new_command_id(), actor="anna"))

    async def finish(self) -> Outcome:
        """Drive the run to its end."""
        outcome = await self.run.drive()
        await self.until(lambda event: isinstance(event, ev.RunEnded))
        return outcome


def _keeping(bodies: list[bytes]) -> Any:
    @web.middleware
    async def keep(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.method == "POST" and request.path == "/v1/messages":
            bodies.append(await request.read())
        return await handler(request)

    return keep


@asynccontextmanager
async def rigged(
    directory: Path,
    scenario: str,
    *,
    headless: bool = True,
    speed: float = 50.0,
    model_name: str = DEFAULT_MODEL,
    options: ModelOptions = ModelOptions(),  # noqa: B008 - frozen
    browser_options: BrowserOptions = PLAIN,
    idle_s: float = 5.0,
    approve: str = "auto",
    disk: Disk | None = None,
    devtools: bool = False,
    **more: Any,
) -> AsyncIterator[Rig]:
    """Set a run up around a scenario given as text."""
    run_id = new_run_id()
    script = directory / "scenario.toml"
    script.write_text(scenario)
    model = ScriptedMessages(load(script), key=KEY, speed=speed)
    kernel = KernelStub()
    spec = RunSpec(
        run=run_id,
        task="look at the page",
        browser="kernel",
        headless=headless,
        idle_s=idle_s,
        model=model_name,
        model_options=options,
        browser_options=browser_options,
        approve=approve,
        **more,
    )
    run_directory = directory / "runs" / run_id
    async with AsyncExitStack() as stack:
        bodies: list[bytes] = []
        app = model.app()
        app.middlewares.insert(0, _keeping(bodies))
        model_url = await stack.enter_async_context(listening(app))
        kernel_url = await stack.enter_async_context(listening(kernel.app()))
        if devtools:
            kernel.devtools_url = f"{kernel_url.replace('http', 'ws')}/devtools"
        backends = Backends(spec, directory)
        backends.model = Endpoint(base_url=model_url, key=KEY)
        backends.browser = Endpoint(base_url=kernel_url, key="kernel-key-of-the-tests")
        writer = JournalWriter.create(run_directory, run_id, disk=disk)
        stack.callback(writer.close)
        run = Run(spec, writer, BlobStore(run_directory), backends)
        rig = Rig(run=run, model=model, kernel=kernel, directory=run_directory, bodies=bodies)
        following = asyncio.create_task(rig.collect())
        await asyncio.sleep(0)
        await run.open()
        try:
            yield rig
        finally:
            following.cancel()
