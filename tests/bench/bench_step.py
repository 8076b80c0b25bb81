"""What a step costs, from the model's whole answer to the next request; the template's in the same run.

Eight actions (kernel-api §5.4) and a click with a look in the same turn, on each of six pages, one pair of
steps each: ours is the real engine on a local browser with a scripted model that thinks no time, the
template's a replay of its calls and sleeps. Both are clocked at the model's server. A frame is right if it
equals the page once everything on it has ended, and what never rests is masked. Steps with a wrong frame are
named on stderr; `STEP_DETAILS=1` names all of them, and `STEP_PICTURES=DIR` keeps the pictures of those that
are wrong.
"""

from __future__ import annotations

import asyncio
import base64
import io
import os
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web
from kernel import AsyncKernel
from PIL import Image, ImageChops

from pilothouse import events as ev
from pilothouse.children import spawn
from pilothouse.engine.backends import Backends, Endpoint
from pilothouse.engine.runner import Run
from pilothouse.engine.spec import RunSpec
from pilothouse.events import Outcome
from pilothouse.ids import browser_name, new_run_id
from pilothouse.journal.blobs import BlobStore
from pilothouse.journal.writer import JournalWriter
from pilothouse.local.kernel_options import NO_SANDBOX_VARIABLE
from pilothouse.local.kernel_server import Ready
from pilothouse.local.loopback import listening
from pilothouse.local.messages_server import ScriptedMessages
from pilothouse.local.scenario import Pace, Scenario, Turn
from tests.bench import Figures, Measured, bench, percentile
from tests.bench import step_pages as pages
from tests.bench.bench_loop import KEEPS_TO, Course, watch_loop
from tests.bench.step_pages import PAGES, Site, site
from tests.bench.step_template import Template

FINAL_S = 2.0
"""By then everything on the pages has ended: the longest of it, a slow page, takes 1.0 s."""
REST_S = 0.8
"""A page freshly loaded is at rest by then."""
LANES = 3
"""So many templates run side by side, for they sleep nearly all the time; ours run alone."""
TEXT = "twenty characters ok"
VIEWPORT: Any = {"width": 1280, "height": 800}

Json = dict[str, Any]


@dataclass(frozen=True)
class Action:
    """One of the nine: what page it starts on, and what the model asks for."""

    name: str
    calls: list[Json]
    spins: bool = False
    """The page it is done on spins for ever, whichever it is."""
    leaves: bool = False
    """It ends on a page without anything that spins."""


def actions_on(page: str, url: str) -> list[Action]:
    """List the eight actions of kernel-api §5.4 on a page, and a click with a look in the same turn."""
    click = {"do": "left_click"}
    address = f"{url.removeprefix('http://')}/page/{page}"
    return [
        Action("click", [click | {"at": list(pages.BUTTON)}]),
        Action("type", [{"do": "type", "text": TEXT}]),
        Action(
            "scroll",
            [{"do": "scroll", "at": list(pages.GROUND), "scroll_direction": "down", "scroll_amount": 5}],
        ),
        Action("late link", [click | {"at": list(pages.LATE)}], leaves=True),
        Action("slow link", [click | {"at": list(pages.SLOW)}], leaves=True),
        Action(
            "address",
            [
                {"do": "key", "text": "ctrl+l"},
                {"do": "type", "text": address},
                {"do": "key", "text": "Return"},
            ],
        ),
        Action("type, spinning", [{"do": "type", "text": TEXT}], spins=True),
        Action("no-op key", [{"do": "key", "text": "F8"}]),
        Action("click, look", [click | {"at": list(pages.BUTTON)}, {"do": "screenshot"}]),
    ]


@dataclass(frozen=True)
class Step:
    page: str
    action: str
    total_ms: float
    settle_ms: float
    settled_by: str
    wrong: str
    """Where the frame differs from the final one; empty if it does not."""
    span: tuple[float, float]
    """From the model's whole answer to the next request."""


@dataclass(frozen=True)
class Seen:
    """What the model was shown."""

    data: bytes
    mime: str = "image/png"
    settle_ms: float = 0.0
    settled_by: str = ""


@dataclass
class Stage:
    """Stands between two turns: judges the step that has just been made, and sets the next page up."""

    page: str
    kernel: AsyncKernel
    browser: str
    site: Site
    seen: Callable[[Json], Seen]
    steps: list[Step] = field(default_factory=list)
    _answered: float = 0.0
    _turn: int = 0

    @property
    def actions(self) -> list[Action]:
        return actions_on(self.page, self.site.url)

    def scenario(self) -> Scenario:
        turns = [Turn(calls=action.calls) for action in self.actions]
        return Scenario(turn=[*turns, Turn(text="Done.")], pace=Pace(before_s=0, per_delta_s=0))

    @web.middleware
    async def clocked(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.path != "/v1/messages":
            return await handler(request)
        body = await request.read()
        arrived = time.perf_counter()
        await self._between(arrived, body)
        response: web.StreamResponse = await handler(request)
        self._answered = time.perf_counter()
        return response

    async def _between(self, arrived: float, body: bytes) -> None:
        actions = self.actions
        if 0 < self._turn <= len(actions):
            await self._judge(actions[self._turn - 1], arrived, body)
        if self._turn < len(actions):
            await self._set(actions[self._turn])
        self._turn += 1

    async def _judge(self, action: Action, arrived: float, body: bytes) -> None:
        seen = self.seen(msgspec.json.decode(body))
        await asyncio.sleep(max(0.3, self._answered + FINAL_S - time.perf_counter()))
        final = await (await self.kernel.browsers.computer.capture_screenshot(self.browser)).read()
        masks = masks_of(self.page, action)
        wrong = await asyncio.to_thread(difference, seen.data, final, masks)
        total_ms = (arrived - self._answered) * 1e3
        span = (self._answered, arrived)
        self.steps.append(
            Step(self.page, action.name, total_ms, seen.settle_ms, seen.settled_by, wrong, span)
        )
        if wrong and (where := os.environ.get("STEP_PICTURES")):
            keep(Path(where), f"{self.page}-{action.name}", seen.data, final)

    async def _set(self, action: Action) -> None:
        """Open the page afresh, with the pointer out of the way, and let it come to rest."""
        await self.kernel.browsers.computer.move_mouse(self.browser, x=900, y=700)
        self.site.ready.clear()
        query = "?spin=1" if action.spins else ""
        address = f"{self.site.url}/page/{self.page}{query}"
        await self.kernel.browsers.update(self.browser, start_url=address)
        await asyncio.wait_for(self.site.ready.wait(), 10)
        await asyncio.sleep(REST_S)


def masks_of(page: str, action: Action) -> list[tuple[int, int, int, int]]:
    """Say what never rests on the page that an action ends on."""
    if action.leaves:
        return []
    spins = page == "spinner" or action.spins
    return [pages.SPINNER] * spins + [pages.PULSE] * (page == "animation")


def difference(one: bytes, other: bytes, masks: list[tuple[int, int, int, int]]) -> str:
    """Say where two pictures differ outside the masks."""
    images = []
    for data in (one, other):
        with Image.open(io.BytesIO(data)) as opened:
            image = opened.convert("RGB")
        for mask in masks:
            image.paste((0, 0, 0), mask)
        images.append(image)
    found = ImageChops.difference(*images).getbbox()
    return "" if found is None else str(found)


def keep(directory: Path, name: str, seen: bytes, final: bytes) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{name}-seen.png").write_bytes(seen)
    (directory / f"{name}-final.png").write_bytes(final)


# --- ours --------------------------------------------------------------------------------------------


@asynccontextmanager
async def local_server() -> AsyncIterator[Ready]:
    """Run the local browser server as the engine does, in a process of its own."""
    argv = [sys.executable, "-m", "pilothouse.local.kernel_server", "--with-parent", "--offline-hosts"]
    child = await spawn(argv, env={NO_SANDBOX_VARIABLE: "1"}, stderr=None)
    try:
        yield msgspec.json.decode(await child.stdout.readline(), type=Ready)
    finally:
        await child.close()


async def ours(ready: Ready, page: str, course: Course) -> list[Step]:
    """Let the engine do the nine actions on a page, and watch its loop."""
    run_id = new_run_id()
    frames: list[Seen] = []
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(site())
        kernel = await stack.enter_async_context(AsyncKernel(base_url=ready.base_url, api_key=ready.token))
        stage = Stage(page, kernel, browser_name(run_id), here, lambda body: frames[-1])
        model = ScriptedMessages(stage.scenario(), key=secrets.token_hex(8))
        app = model.app()
        app.middlewares.append(stage.clocked)
        url = await stack.enter_async_context(listening(app))
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ph-")))
        spec = RunSpec(run=run_id, approve="auto", task="Do it.", browser="kernel", headless=True, idle_s=0)
        backends = Backends(spec, directory)
        backends.model = Endpoint(base_url=url, key=model.key)
        backends.browser = Endpoint(base_url=ready.base_url, key=ready.token)
        writer = JournalWriter.create(directory / "runs" / run_id, run_id)
        stack.callback(writer.close)
        blobs = BlobStore(directory / "runs" / run_id)
        run = Run(spec, writer, blobs, backends)
        following = asyncio.create_task(follow(run, blobs, frames))
        stack.callback(following.cancel)
        stack.callback(asyncio.create_task(watch_loop(course)).cancel)
        await asyncio.sleep(0)
        await run.open()
        outcome = await run.drive()
    if outcome is not Outcome.COMPLETED:
        raise AssertionError(f"the run on {page} ended as {outcome}")
    return stage.steps


async def follow(run: Run, blobs: BlobStore, frames: list[Seen]) -> None:
    """Keep what the model is shown: a frame is journalled before it is sent."""
    async for event in run._bus.subscribe().events():
        if isinstance(event, ev.FrameCaptured) and event.source in ("settled", "screenshot"):
            path = blobs.root / event.blob.sha256[:2] / event.blob.sha256
            frames.append(Seen(path.read_bytes(), event.blob.mime, event.settle_ms, event.settled_by))


# --- the template's ----------------------------------------------------------------------------------


async def templates(ready: Ready, lane: list[str]) -> list[Step]:
    """Replay the template on pages, one after the other."""
    steps: list[Step] = []
    for page in lane:
        async with AsyncExitStack() as stack:
            here = await stack.enter_async_context(site())
            kernel = await stack.enter_async_context(
                AsyncKernel(base_url=ready.base_url, api_key=ready.token, max_retries=0)
            )
            browser = (await kernel.browsers.create(viewport=VIEWPORT)).session_id
            stage = Stage(page, kernel, browser, here, last_picture)
            model = ScriptedMessages(stage.scenario(), key=secrets.token_hex(8))
            app = model.app()
            app.middlewares.append(stage.clocked)
            url = await stack.enter_async_context(listening(app))
            template = Template(url, model.key, ready.base_url, ready.token, browser)
            await asyncio.to_thread(template.run, "Do it.")
            await kernel.browsers.delete_by_id(browser)
        steps += stage.steps
    return steps


def last_picture(body: Json) -> Seen:
    """Read the newest screenshot out of a request."""
    image = body["messages"][-1]["content"][-1]["content"][-1]
    return Seen(base64.b64decode(image["source"]["data"]))


# --- the figures -------------------------------------------------------------------------------------


@bench(
    "step_overhead",
    unit="ms",
    at_most={"ratio": 0.2, "overhead_ms": 50, **KEEPS_TO},
    at_least={"right_frames": 0.99},
)
def step_overhead() -> Measured:
    """Nine actions on six pages; the template's in the same run."""
    return asyncio.run(_measure())


async def _measure() -> Measured:
    course = Course()
    async with local_server() as ready:
        our_steps = [step for page in PAGES for step in await ours(ready, page, course)]
        lanes = [list(PAGES[number::LANES]) for number in range(LANES)]
        their_steps = [
            step
            for lane in await asyncio.gather(*(templates(ready, lane) for lane in lanes))
            for step in lane
        ]
    tell({"ours": our_steps, "the template's": their_steps})
    ours_, theirs = figures(our_steps), figures(their_steps)
    ours_["overhead_ms"] = median([step.total_ms - step.settle_ms for step in our_steps])
    ours_ |= loop_figures(course, our_steps)
    return Measured(ours_, theirs, ours_["median_ms"] / theirs["median_ms"])


def tell(sides: dict[str, list[Step]]) -> None:
    """Name on stderr the steps with a wrong frame, or all if somebody wants to know."""
    for who, steps in sides.items():
        for step in steps:
            if step.wrong:
                print(f"wrong frame, {who}: {step.action} on {step.page} at {step.wrong}", file=sys.stderr)
            if os.environ.get("STEP_DETAILS"):
                ms = f"{step.total_ms:7.1f} settle {step.settle_ms:7.1f} "
                ms += f"overhead {step.total_ms - step.settle_ms:6.1f}"
                line = f"{who}: {step.page:10} {step.action:15} {ms} {step.settled_by} {step.wrong}"
                print(line, file=sys.stderr)


def loop_figures(course: Course, steps: list[Step]) -> Figures:
    """Say how late the loop came within steps at worst, once all is loaded; the judge is between them."""
    return course.figures_within([step.span for step in steps[1:]])


def figures(steps: list[Step]) -> Figures:
    totals = [step.total_ms for step in steps]
    return {
        "median_ms": median(totals),
        "p95_ms": percentile(totals, 0.95),
        "right_frames": sum(not step.wrong for step in steps) / len(steps),
        "steps": len(steps),
    }


def median(values: list[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return (ordered[middle] + ordered[~middle]) / 2
