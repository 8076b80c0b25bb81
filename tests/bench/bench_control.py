"""How soon a command takes effect: from before its bytes are written to what it brings about, from outside.

The engine is a process of its own behind its real socket, with the real SDKs and journal. The model and the
page are served here and take no time, and so is the journal followed: what that costs is in the figures.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import logging
import os
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from statistics import median
from unittest import mock

import aiohttp
import msgspec
from aiohttp import web
from PIL import Image

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.browser.camera import SETTLES_HEADER
from pilothouse.engine.spec import ModelOptions, RunSpec
from pilothouse.events import Hold
from pilothouse.ids import new_run_id
from pilothouse.local.loopback import listening
from pilothouse.paths import socket_path
from pilothouse.runs.files import FileRuns
from tests.bench import Figures, Measured, bench, percentile
from tests.bench.quick_servers import Json, QuickModel, say
from tests.engine.kernel_stub import HEIGHT_PX, WIDTH_PX, KernelStub

SAMPLES = 120
QUIET_S = 0.02
"""Long enough for a request that was to be sent anyway to arrive: a turn takes less."""
WAIT_S = 20.0
KEY = "bench-key-of-nobody"
ACTIONS = frozenset({"click_mouse", "move_mouse", "type", "press_key"})


class Traffic:
    """What came in at either server, and when."""

    def __init__(self) -> None:
        self.ended = 0.0
        """When the latest request began, ended, or was hung up on; what cleans up is not counted."""
        self.begun = 0.0
        """When the latest action or question to the model began."""
        self.holding = ""
        """What is not answered until whoever asked hangs up: `model`, or an action."""
        self.held = asyncio.Event()
        """Something is not."""
        self._waiting: list[tuple[Callable[[str, bytes], bool], asyncio.Future[float]]] = []

    def came(self, what: str, body: bytes, at: float) -> None:
        if what == "model" or what in ACTIONS:
            self.begun = max(self.begun, at)
        for wanted, arrived in list(self._waiting):
            if not arrived.done() and wanted(what, body):
                arrived.set_result(at)
        self._waiting = [one for one in self._waiting if not one[1].done()]

    def next(self, wanted: Callable[[str, bytes], bool]) -> asyncio.Future[float]:
        """Give the time at which the next such request comes in."""
        arrived: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting.append((wanted, arrived))
        return arrived

    @web.middleware
    async def count(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.method == "DELETE":
            return await handler(request)
        self.ended = time.perf_counter()
        at = self.ended
        try:
            what = "model" if request.path == "/v1/messages" else request.match_info.get("call", "")
            self.came(what, await request.read(), at)
            if what == self.holding == "click_mouse":
                await self.hang(request)
            return await handler(request)
        finally:
            self.ended = time.perf_counter()

    async def hang(self, request: web.Request) -> None:
        """Let a request wait until it is given up."""
        self.held.set()
        # Nothing tells of it but the transport itself.
        while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


class Model(QuickModel):
    """Answers at once; or stops in the middle of an answer."""

    def __init__(self, traffic: Traffic) -> None:
        super().__init__(10**9)
        self._traffic = traffic

    async def _stream(self, request: web.Request, blocks: list[Json], stop: str) -> web.StreamResponse:
        if self._traffic.holding != "model":
            return await super()._stream(request, blocks, stop)
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        usage = {"input_tokens": 100, "output_tokens": 1}
        start = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": []}
        await say(response, "message_start", message={**start, "stop_reason": None, "usage": usage})
        await self._traffic.hang(request)
        return response


class Still(KernelStub):
    """A browser that is at rest at once, and says so as the local one does; an action changes its picture."""

    async def _computer(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["call"] not in ("screenshot", "settled"):
            return await super()._computer(request)
        self._find(request)
        headers = {SETTLES_HEADER: "1", "x-settled-by": "signals"}
        return web.Response(body=self._picture(), content_type="image/png", headers=headers)

    def _picture(self) -> bytes:
        if self._drawn[0] != len(self.performed):
            out = io.BytesIO()
            shade = len(self.performed) % 251
            Image.new("L", (WIDTH_PX, HEIGHT_PX), shade).save(out, "PNG", compress_level=1)
            self._drawn = (len(self.performed), out.getvalue())
        return self._drawn[1]


class Helm:
    """One engine at work, and the hand on its socket."""

    def __init__(self, run: str, traffic: Traffic, reader: asyncio.StreamReader) -> None:
        self.run = run
        self.traffic = traffic
        self._reader = reader
        self._numbers = itertools.count(1)
        self.writer: asyncio.StreamWriter
        self.events: asyncio.Queue[tuple[float, ev.Event]] = asyncio.Queue()

    async def follow(self) -> None:
        async for event in FileRuns().events(self.run):
            self.events.put_nowait((time.perf_counter(), event))

    async def until(self, wanted: Callable[[ev.Event], bool]) -> tuple[float, ev.Event]:
        """Wait for an event that was not looked at yet; says when it was seen."""
        async with asyncio.timeout(WAIT_S):
            while True:
                at, event = await self.events.get()
                if wanted(event):
                    return at, event

    def send(self, kind: type[cmd.Command], **fields: object) -> float:
        """Write a command, and give the time before that."""
        command = kind(id=f"c{next(self._numbers)}", actor="bench", **fields)  # type: ignore[arg-type]
        frame = cmd.encode(command) + b"\n"
        at = time.perf_counter()
        self.writer.write(frame)
        return at

    async def answered(self) -> None:
        """Wait for the answer to the command that was sent."""
        async with asyncio.timeout(WAIT_S):
            while line := await self._reader.readline():
                match cmd.from_engine().decode(line):
                    case cmd.Ack():
                        return
                    case cmd.Refused(why=why):
                        raise AssertionError(f"refused: {why}")

    async def do(self, kind: type[cmd.Command], **fields: object) -> None:
        self.send(kind, **fields)
        await self.answered()

    async def action(self) -> float:
        async with asyncio.timeout(WAIT_S):
            return await self.traffic.next(lambda what, _: what in ACTIONS)


class Yard:
    """Where engines come from: the servers they talk to, and the process they are forked from."""

    def __init__(self, maker: asyncio.subprocess.Process, traffic: Traffic) -> None:
        self._maker = maker
        self.traffic = traffic

    @asynccontextmanager
    async def helm(self, approve: str = "auto") -> AsyncIterator[Helm]:
        """Have an engine that is at work; it is aborted at the end, if it was not."""
        options = ModelOptions(upload="inline", history_max_images=8)
        spec = RunSpec(run=new_run_id(), task="click", approve=approve, model_options=options)
        assert self._maker.stdin is not None
        assert self._maker.stdout is not None
        self._maker.stdin.write(msgspec.json.encode(spec) + b"\n")
        said = await self._maker.stdout.readline()
        assert b"Started" in said, said
        path = socket_path(spec.run)
        reader, writer = await asyncio.open_unix_connection(str(path), limit=cmd.FRAME_MAX_BYTES)
        helm = Helm(spec.run, self.traffic, reader)
        helm.writer = writer
        writer.write(cmd.encode(cmd.Hello(actor="bench", client="bench")) + b"\n")
        following = asyncio.create_task(helm.follow())
        try:
            yield helm
            with contextlib.suppress(AssertionError, OSError):
                await helm.do(cmd.Abort)
            await asyncio.wait({following}, timeout=WAIT_S)
        finally:
            following.cancel()
            writer.close()


@asynccontextmanager
async def yard() -> AsyncIterator[Yard]:
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="ph-"))
        traffic, kernel = Traffic(), Still()
        model = Model(traffic)
        urls = []
        for app in (model.app(), kernel.app()):
            app.middlewares.insert(0, traffic.count)
            urls.append(await stack.enter_async_context(listening(app)))
        environment = {
            "PILOTHOUSE_STATE_DIR": directory,
            "PILOTHOUSE_CONFIG_DIR": directory,
            "ANTHROPIC_BASE_URL": urls[0],
            "ANTHROPIC_API_KEY": KEY,
            "KERNEL_BASE_URL": urls[1],
            "KERNEL_API_KEY": KEY,
        }
        stack.enter_context(mock.patch.dict(os.environ, environment))
        maker = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.bench.engines",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            yield Yard(maker, traffic)
        finally:
            assert maker.stdin is not None
            maker.stdin.close()
            await maker.wait()


# --- what is measured ----------------------------------------------------------------------------------


def _is_hold(hold: Hold, *, on: bool = True) -> Callable[[ev.Event], bool]:
    return lambda event: isinstance(event, ev.StateChanged) and (hold in event.holding) is on


async def _any_moment(chance: random.Random) -> None:
    await asyncio.sleep(chance.uniform(0.005, 0.04))


async def pauses(yard: Yard, chance: random.Random) -> list[float]:
    """Until the run is seen to hold, and nothing more is asked of the model or done with the page."""
    took = []
    async with yard.helm() as helm:
        for _ in range(SAMPLES):
            await helm.action()
            await _any_moment(chance)
            sent = helm.send(cmd.Pause)
            held, _ = await helm.until(_is_hold(Hold.PAUSE))
            await helm.answered()
            await asyncio.sleep(QUIET_S)
            took.append(max(held, helm.traffic.begun) - sent)
            await helm.do(cmd.Resume)
    return took


def _carrying(words: str) -> Callable[[str, bytes], bool]:
    return lambda what, body: what == "model" and words.encode() in body


async def messages(yard: Yard, chance: random.Random) -> list[float]:
    """Until the model is asked with the message; said now and after the batch by turns."""
    took = []
    async with yard.helm() as helm:
        for number in range(SAMPLES):
            await helm.action()
            await _any_moment(chance)
            words = f"message number {number}."
            arrived = helm.traffic.next(_carrying(words))
            sent = helm.send(cmd.Say, text=words, when=("now", "after")[number % 2])
            async with asyncio.timeout(WAIT_S):
                took.append(await arrived - sent)
            await helm.answered()
    return took


async def approvals(yard: Yard, chance: random.Random) -> list[float]:
    """Until the action that waited arrives at the browser."""
    took = []
    async with yard.helm("ask-all") as helm:
        for _ in range(SAMPLES):
            _, asked = await helm.until(lambda event: isinstance(event, ev.ApprovalRequested))
            assert isinstance(asked, ev.ApprovalRequested)
            await _any_moment(chance)
            arrived = helm.traffic.next(lambda what, _: what == "click_mouse")
            expect = cmd.Expect(
                request=asked.request, frame_sha256=asked.frame_sha256, args_sha256=asked.args_sha256
            )
            sent = helm.send(cmd.Approve, expect=expect)
            async with asyncio.timeout(WAIT_S):
                took.append(await arrived - sent)
            await helm.answered()
    return took


async def clicks(yard: Yard, chance: random.Random) -> list[float]:
    """Until a click of the person who drives arrives at the browser."""
    took = []
    async with yard.helm() as helm:
        await helm.action()
        await helm.do(cmd.TakeOver)
        await helm.until(_is_hold(Hold.TAKEOVER))
        for number in range(SAMPLES):
            await _any_moment(chance)
            arrived = helm.traffic.next(lambda what, _: what == "click_mouse")
            sent = helm.send(cmd.Act, member="left_click", input={"coordinate": [number, 9]})
            async with asyncio.timeout(WAIT_S):
                took.append(await arrived - sent)
            await helm.answered()
    return took


async def aborts(yard: Yard, chance: random.Random) -> list[float]:
    """Until no request is under way and none follows, but for those that delete the browser; a run each.

    By turns at any moment, in the middle of an answer, and in the middle of an action.
    """
    took = []
    for number in range(SAMPLES):
        async with yard.helm() as helm:
            await helm.action()
            await _any_moment(chance)
            yard.traffic.holding = ("", "model", "click_mouse")[number % 3]
            if yard.traffic.holding:
                yard.traffic.held.clear()
                async with asyncio.timeout(WAIT_S):
                    await yard.traffic.held.wait()
            sent = helm.send(cmd.Abort)
            await helm.until(lambda event: isinstance(event, ev.RunEnded))
            await asyncio.sleep(QUIET_S)
            took.append(max(helm.traffic.ended - sent, 0.0))
            yard.traffic.holding = ""
    return took


async def _bare(yard: Yard) -> list[float]:
    """One request over loopback, with nothing between: what the rest is measured against."""
    took = []
    async with aiohttp.ClientSession() as session:
        url = os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages/count_tokens"
        for _ in range(SAMPLES):
            began = time.perf_counter()
            async with session.post(url, json={}) as answer:
                await answer.read()
            took.append(time.perf_counter() - began)
    return took


PAIRS = {"pause": pauses, "inject": messages, "approve": approvals, "abort": aborts, "takeover": clicks}


async def _measure() -> tuple[dict[str, list[float]], list[float]]:
    chance = random.Random(7)
    async with yard() as made:
        found = {name: await measure(made, chance) for name, measure in PAIRS.items()}
        return found, await _bare(made)


@bench("control_latency", unit="ms", at_most={"median_ms": 50, "p99_ms": 150})
def control_latency() -> Measured:
    """Median and 99th percentile of every command's effect, 120 of each; the two pooled are of the worst."""
    # An abort hangs up in the middle of a request: the server need not tell of it.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    found, bare = asyncio.run(_measure())
    figures: Figures = {}
    for name, took in found.items():
        figures |= {f"{name}_median_ms": median(took) * 1e3, f"{name}_p99_ms": percentile(took, 0.99) * 1e3}
    worst = {f"{kind}_ms": max(figures[f"{name}_{kind}_ms"] for name in found) for kind in ("median", "p99")}
    baseline = {"median_ms": median(bare) * 1e3, "p99_ms": percentile(bare, 0.99) * 1e3}
    return Measured(worst | figures, baseline, worst["median_ms"] / baseline["median_ms"])
