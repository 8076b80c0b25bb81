"""One run from its first event to its last: what must be there, in what order, and its undoing."""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import time
from typing import TYPE_CHECKING

from pilothouse import __version__
from pilothouse import events as ev
from pilothouse.bus import Bus
from pilothouse.engine.gate import Gate
from pilothouse.engine.mailbox import Mailbox
from pilothouse.engine.recorder import Recorder
from pilothouse.engine.server import ControlServer
from pilothouse.engine.steering import Steering
from pilothouse.errors import BrowserError, ModelError
from pilothouse.events import Outcome, RunPhase
from pilothouse.ids import browser_name
from pilothouse.model.prompt import system_prompt
from pilothouse.paths import socket_path

if TYPE_CHECKING:
    from kernel import AsyncKernel

    from pilothouse.browser.session import BrowserSession
    from pilothouse.engine.backends import Backends
    from pilothouse.engine.loop import Loop
    from pilothouse.engine.spec import RunSpec
    from pilothouse.journal.blobs import BlobStore
    from pilothouse.journal.writer import JournalWriter

TOOLSET = "computer_toolset_20260801"


class Run:
    """Owns a run: its journal, its socket, its browser and its loop.

    Args:
        spec: What the run was started with.
        writer: The journal, locked.
        blobs: The blob store beside it.
        backends: The services it talks to, already up.
    """

    def __init__(self, spec: RunSpec, writer: JournalWriter, blobs: BlobStore, backends: Backends) -> None:
        self._spec = spec
        self._writer = writer
        self._blobs = blobs
        self._backends = backends
        self._bus = Bus()
        self.recorder = Recorder(writer, blobs, self._bus, backends.secrets)
        self.gate = Gate(self.recorder.publish)
        self.mailbox = Mailbox()
        self.steering = Steering(self.recorder, self.gate, self.mailbox)
        self.steering.phase = lambda: self.recorder.state.phase
        self.steering.on_abort = self.abort
        self.steering.on_freeze = self._drop_answer
        self.mailbox.on_now = lambda: self._drop_answer("a message came")
        self._server = ControlServer(socket_path(spec.run), spec.run, self.steering.apply, self._bus)
        self._loop: Loop | None = None
        self._work: asyncio.Task[None] | None = None
        self._aborted = ""
        self._keep_browser = False
        self._began = time.monotonic()

    async def open(self) -> None:
        """Begin the recording and listen for commands.

        Raises:
            StateDirError: The socket can't be made.
        """
        await self._server.open()
        spec = self._spec
        self.recorder.publish(
            ev.RunStarted(
                run=spec.run,
                task=spec.task,
                model=spec.model,
                browser=spec.browser,
                display_width_px=spec.width_px,
                display_height_px=spec.height_px,
                approve=spec.approve,
                headless=spec.headless,
                effort=spec.effort,
                system=system_prompt(spec.width_px, spec.height_px),
                toolset=TOOLSET,
                version=__version__,
                demo=os.path.basename(spec.scenario),  # noqa: PTH119 - a name, not a path
            ),
            durable=True,
        )
        self.gate.enter(RunPhase.STARTING)

    def abort(self, why: str, keep_browser: bool = False) -> None:
        """End the run: cancel what is in flight; everything else follows from that."""
        if self._aborted:
            return
        self._aborted = why
        self._keep_browser = keep_browser
        if self._work is not None:
            self._work.cancel()

    def _drop_answer(self, why: str) -> None:
        if self._loop is not None:
            self._loop.drop_answer(why)

    async def drive(self) -> Outcome:
        """Run to the end, and undo everything on the way out; returns the outcome."""
        syncing = asyncio.create_task(self._writer.sync_forever())
        self._work = asyncio.create_task(self._work_through())
        outcome, why = await self._outcome(self._work)
        syncing.cancel()
        try:
            self._end(outcome, why)
        finally:
            await self._server.close()
            self._bus.close()
        return outcome

    async def _outcome(self, work: asyncio.Task[None]) -> tuple[Outcome, str]:
        try:
            if self._aborted:
                work.cancel()
            await work
        except asyncio.CancelledError:
            return Outcome.ABORTED, self._aborted or "the engine was told to end"
        except (ModelError, BrowserError) as error:
            return Outcome.FAILED, str(error)
        return Outcome.COMPLETED, ""

    def _end(self, outcome: Outcome, why: str) -> None:
        for message in self.mailbox.take_all():
            self.recorder.publish(ev.MessageReturned(id=message.id, why="the run ended first"))
        loop = self._loop
        self.recorder.publish(
            ev.RunEnded(
                outcome=outcome,
                why=why,
                turns=loop.turns if loop else 0,
                actions=self.recorder.state.finished,
                cost_usd=loop.cost_usd if loop else None,
                duration_s=round(time.monotonic() - self._began, 3),
            ),
            durable=True,
        )
        self._writer.seal(self._blobs.count)

    async def _work_through(self) -> None:
        """Open the browser, drive the loop, close the browser; an abort can't skip the last part."""
        # The SDKs take 2.5 s to import: in a thread, the second one while the browser is being created.
        await asyncio.to_thread(importlib.import_module, "pilothouse.browser.session")
        from pilothouse.browser.session import BrowserSession, make_client

        endpoint = self._backends.browser
        client = make_client(endpoint.key, endpoint.base_url)
        name = browser_name(self._spec.run)
        session = BrowserSession(client, name, self._spec.run, self.recorder.publish, self._spec.browser)
        try:
            await self._drive_agent(client, session)
        finally:
            self.gate.enter(RunPhase.ENDING)
            why = "aborted" if self._aborted else "the run ended"
            await asyncio.shield(session.close(why, keep=self._keep_browser))
            await asyncio.shield(client.close())

    async def _drive_agent(self, client: AsyncKernel, session: BrowserSession) -> None:
        spec = self._spec
        importing = asyncio.create_task(asyncio.to_thread(importlib.import_module, "pilothouse.engine.agent"))
        await session.open(spec.width_px, spec.height_px, self._backends.start_url, spec.allow_hosts)
        await importing
        from pilothouse.engine.agent import assemble

        gc.freeze()  # what is loaded now stays: later collections need not walk it
        agent = assemble(spec, self._backends.model, client, session, self)
        self._loop = agent.loop
        beating = asyncio.create_task(session.keep_alive(lambda: agent.hands.last_activity))
        try:
            await agent.hands.first_frame()
            await agent.loop.run(spec.task)
        finally:
            beating.cancel()
            await agent.client.close()
