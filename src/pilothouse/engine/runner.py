"""One run from its first event to its last: what must be there, in what order, and its undoing."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import gc
import importlib
import itertools
import logging
import os
import time
from typing import TYPE_CHECKING, Any

from pilothouse import __version__
from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.bus import Bus
from pilothouse.engine.allowance import Allowance
from pilothouse.engine.approvals import Approvals
from pilothouse.engine.choices import checked_shape, doubts_about
from pilothouse.engine.gate import Gate
from pilothouse.engine.lease import Lease
from pilothouse.engine.limits import limits_of
from pilothouse.engine.mailbox import Mailbox
from pilothouse.engine.notify import Notifier
from pilothouse.engine.policy import Mode
from pilothouse.engine.presence import Presence, wait_attended
from pilothouse.engine.recorder import Recorder
from pilothouse.engine.roles import DRIVE
from pilothouse.engine.rulebook import rules_of
from pilothouse.engine.server import ControlServer
from pilothouse.engine.steering import Steering
from pilothouse.errors import LimitHit, NeedsPerson, PilothouseError, RecorderFailed
from pilothouse.events import Outcome, RunPhase
from pilothouse.paths import socket_path

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from pilothouse.browser.computer import Computer
    from pilothouse.engine.backends import Backends
    from pilothouse.engine.berth import Berth
    from pilothouse.engine.loop import Loop
    from pilothouse.engine.spec import RunSpec
    from pilothouse.journal.blobs import BlobStore
    from pilothouse.journal.writer import JournalWriter

INSIST_S = 0.5
CLIENT_CLOSE_S = 0.5
_log = logging.getLogger("pilothouse")


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
        numbers = itertools.count(1)
        self.approvals = _approvals(spec, self.recorder, self.gate, numbers)
        self.allowance = Allowance(
            self.recorder,
            self.gate,
            numbers.__next__,
            limits_of(spec.limits),
            unattended=spec.headless,
        )
        self.lease = Lease(self.recorder, self.gate, self.approvals)
        self.steering = Steering(
            self.recorder, self.gate, self.mailbox, self.approvals, self.allowance, self.lease
        )
        self.recorder.on_failure = self._break
        self.steering.phase = self._phase
        self.steering.on_abort = self.abort
        self.steering.on_freeze = self._drop_answer
        if spec.browser == "local":
            self.steering.why_not_keep = "a local browser ends with its run, and can't be kept"
            self.steering.why_no_live_view = "a local browser has no live view: take it over in the bridge"
        self._notifier = Notifier(spec.notify_command, self.recorder)
        self.presence = Presence(self.recorder.publish, lambda: self.recorder.state.ended)
        if not spec.headless:
            self.approvals.patience = self._patience
        self._server = ControlServer(socket_path(spec.run), spec.run, self._begin, self._bus, self.presence)
        self._server.synced = self.recorder.synced
        self._server.on_arrived, self._server.on_departed = self.lease.arrived, self.lease.departed
        self._loop: Loop | None = None
        self._work: asyncio.Task[None] | None = None
        self._computer: Computer | None = None
        self._berth: Berth | None = None
        self._forget: Callable[[], Awaitable[None]] = _nothing
        self._closers: list[Callable[[], Awaitable[None]]] = []
        self._aborted = ""
        self._broken: PilothouseError | None = None
        self._hurry = asyncio.Event()
        self._keep_browser = False
        self._began = time.monotonic()

    async def open(self) -> None:
        """Begin the recording and listen for commands.

        Raises:
            StateDirError: The socket can't be made.
            UsageError: The model can't be asked in the way that was chosen.
        """
        spec, size = self._spec, self._spec.browser_options
        shape = checked_shape(spec)
        await self._server.open()
        self.recorder.publish(
            ev.RunStarted(
                run=spec.run,
                task=spec.task,
                model=spec.model,
                browser=spec.browser,
                display_width_px=size.width_px,
                display_height_px=size.height_px,
                approve=self.approvals.mode.value,
                headless=spec.headless,
                limits=spec.limits,
                effort=spec.model_options.effort,
                system=shape.system,
                toolset=shape.generation.type,
                version=__version__,
                demo=os.path.basename(spec.scenario),  # noqa: PTH119 - a name, not a path
            ),
            durable=True,
        )
        for doubt in doubts_about(spec, shape.model, datetime.date.today()):
            self.recorder.publish(ev.Warned(what=doubt))
        self.gate.enter(RunPhase.STARTING)

    def _begin(self, command: cmd.Command, role: str = DRIVE) -> asyncio.Future[cmd.Ack | cmd.Refused]:
        """Apply a command that came by the socket, which waits for the disk before it answers."""
        with self.recorder.deferred():
            return self.steering.begin(command, role)

    def abort(self, why: str, keep_browser: bool = False) -> None:
        """End the run: cancel what is in flight; everything else follows from that."""
        self._hurry.set()
        if self._aborted or self._broken is not None:
            return
        self._aborted = why
        self._keep_browser = keep_browser
        self._stop()

    def _phase(self) -> RunPhase:
        """Give the run's phase; one that is being stopped is ending, though its work may take a moment."""
        phase = self.recorder.state.phase
        is_stopped = bool(self._aborted) or self._broken is not None
        return RunPhase.ENDING if is_stopped and phase is not RunPhase.ENDED else phase

    def _break(self, error: PilothouseError) -> None:
        """End the run because of what nobody can help.

        The disk refused an event, and nothing may be done that is not recorded; or there is no browser, or no
        model, any more.
        """
        if self._broken is None and not self._aborted:
            self._broken = error
        self._stop()

    def _lost(self) -> None:
        self.approvals.withdraw("the browser it was meant for is gone")
        self.lease.lost()

    def _stop(self) -> None:
        """Cancel the work, and again every half second: a library may have swallowed it."""
        self.lease.halt()
        if self._work is not None and not self._work.done():
            self._work.cancel()
            asyncio.get_running_loop().call_later(INSIST_S, self._stop)

    async def _patience(self, answer: asyncio.Future[Any], timeout_s: float) -> None:
        """Wait for an answer to what an attended run asks: no time counts while somebody is there."""
        if timeout_s:
            await wait_attended(answer, timeout_s, self.presence, self.gate)
        else:
            await asyncio.wait({answer})

    def _drop_answer(self, why: str) -> None:
        if self._loop is not None:
            self._loop.drop_answer(why)

    async def follow(self) -> AsyncIterator[ev.Event]:
        """Give the events of the run as they are published, from now on."""
        async for event in self._bus.subscribe().events():
            yield event

    async def drive(self) -> Outcome:
        """Run to the end, and undo everything on the way out; returns the outcome.

        The work is a task of its own, so that nothing that stops it, however often, cuts the undoing short.
        """
        syncing = asyncio.create_task(self._writer.sync_forever())
        syncing.add_done_callback(self._syncing_ended)
        self._work = asyncio.create_task(self._work_through())
        try:
            if self._aborted:
                self._stop()
            await asyncio.wait({self._work})
            outcome, why = self._outcome(self._work)
            await self._close()
            syncing.cancel()
            self._end(outcome, why)
        finally:
            await self._server.close()
            await self._notifier.close()
            self._bus.close()
        return outcome

    def _syncing_ended(self, syncing: asyncio.Task[None]) -> None:
        error = None if syncing.cancelled() else syncing.exception()
        if isinstance(error, RecorderFailed):
            self._break(error)

    def _outcome(self, work: asyncio.Task[None]) -> tuple[Outcome, str]:
        error = None if work.cancelled() else work.exception()
        if self._aborted:
            return Outcome.ABORTED, self._aborted
        if self._broken is not None:
            return Outcome.FAILED, str(self._broken)
        if work.cancelled():
            return Outcome.ABORTED, "the engine was told to end"
        if error is None:
            return Outcome.COMPLETED, ""
        if isinstance(error, LimitHit):
            return Outcome.LIMIT, str(error)
        if isinstance(error, NeedsPerson):
            return Outcome.NEEDS_PERSON, str(error)
        if isinstance(error, PilothouseError):
            return Outcome.FAILED, str(error)
        _log.error("the run met a defect", exc_info=error)
        return Outcome.FAILED, f"the engine met a defect ({type(error).__name__}); engine.log says where"

    async def _close(self) -> None:
        """Delete the browser and let go of both clients; never raises.

        Takes 5 s at most when the run was aborted; else a video is waited for.
        """
        with contextlib.suppress(RecorderFailed):
            self.gate.enter(RunPhase.ENDING)
        await self.lease.close("the run ended")
        closing = (self._close_browser(), self._forget(), self.approvals.rules.close())
        await asyncio.gather(*closing, return_exceptions=True)
        for close in reversed(self._closers):
            with contextlib.suppress(Exception):
                async with asyncio.timeout(CLIENT_CLOSE_S):
                    await close()

    async def _close_browser(self) -> None:
        if self._keep_browser and self._computer is not None:
            await self._computer.let_go(everything=True)  # whoever uses it next finds no key held
        if self._berth is not None:
            why = "aborted" if self._aborted else "the run ended"
            well = not self._aborted and self._broken is None
            await self._berth.close(why, keep=self._keep_browser, reuse=well, hurry=self._hurry)

    def _end(self, outcome: Outcome, why: str) -> None:
        """Write how the run ended, as far as the disk still takes it."""
        ended = ev.RunEnded(
            outcome=outcome,
            why=why,
            turns=self._loop.turns if self._loop else 0,
            actions=self.recorder.state.finished,
            cost_usd=self._loop.cost_usd if self._loop else None,
            duration_s=round(time.monotonic() - self._began, 3),
        )
        try:
            for message in self.mailbox.take_all():
                self.recorder.publish(ev.MessageReturned(id=message.id, why="the run ended first"))
            self.recorder.publish(ended, durable=True)
            self._writer.seal(self._blobs.count)
        except RecorderFailed as error:
            _log.error("the end of the run (%s: %s) could not be recorded: %s", outcome, why, error)

    async def _work_through(self) -> None:
        """Open the browser and drive the loop; `_close` undoes it."""
        # The SDKs take 2.5 s to import: in a thread, the second one while the browser is being created.
        await asyncio.to_thread(_load_browser_side)
        from pilothouse.browser.session import make_client
        from pilothouse.engine.berth import Berth
        from pilothouse.engine.watch import Watch

        endpoint, spec = self._backends.browser, self._spec
        # In a thread, for a client reads the certificates it trusts: 20 ms.
        client = await asyncio.to_thread(make_client, endpoint.key, endpoint.base_url)
        self._closers.append(client.close)
        importing = asyncio.create_task(asyncio.to_thread(_load_agent))
        berth = Berth(
            spec, client, self._backends.start_url, self._blobs.root.parent, self.recorder.publish, self.gate
        )
        self._berth = berth
        self.steering.live_view = lambda: berth.session.live_view_url if berth.session.session else None
        berth.on_fatal = self._break
        berth.on_lost = self._lost
        watch = Watch(self._backends, berth, client, spec, self.recorder.publish, self._break)
        self._closers.append(watch.close)
        watch.start()
        await berth.open()
        await importing
        from pilothouse.engine.agent import assemble

        gc.freeze()  # what is loaded now stays: later collections need not walk it
        agent = await asyncio.to_thread(assemble, spec, self._backends.model, client, berth, self)
        self._closers.append(agent.client.close)
        self._forget = agent.pictures.close
        self._loop, self._computer = agent.loop, agent.computer
        self.steering.on_model = agent.plan
        await agent.hands.first_frame()
        self.lease.wheel = agent.wheel
        self._server.on_look = agent.live.look
        self._closers.append(agent.live.close)
        await agent.loop.run(spec.task)


def _approvals(spec: RunSpec, recorder: Recorder, gate: Gate, numbers: Iterator[int]) -> Approvals:
    """Read the rules of a run; what was chosen at its start wins over the mode they name."""
    policy, keep_in = rules_of(spec.rules)
    return Approvals(
        recorder,
        gate,
        numbers.__next__,
        policy=policy,
        keep_in=keep_in,
        mode=Mode(spec.approve) if spec.approve else policy.mode or Mode.ASK_RISKY,
        allow_hosts=spec.browser_options.allow_hosts,
        on_unattended=spec.on_unattended or ("abort" if spec.headless else "wait"),
        timeout_s=spec.approval_timeout_s,
    )


def _load_agent() -> None:
    """Import the model's side, and let it do beside the loop what it does at first use."""
    with _uncollected():
        importlib.import_module("pilothouse.engine.agent").prepare()


def _load_browser_side() -> None:
    with _uncollected():
        importlib.import_module("pilothouse.engine.berth")
        importlib.import_module("pilothouse.engine.watch")
        importlib.import_module("pilothouse.browser.warmup").warm_up()


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Let no collection run while so much is loaded: each would stop the loop for 100 ms."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


async def _nothing() -> None:
    """Do nothing: there is nothing to undo yet."""
