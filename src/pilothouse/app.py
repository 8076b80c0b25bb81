"""The engine as an action of a Kernel app: a query in, a result out, nobody watching. No loop of its own.

Deploy a file that says `from pilothouse.app import app` (docs/kernel-app.md). The run is an ordinary one in
this process: journal first, browser named by the run, deleted whatever happens.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import shutil
import tempfile
from typing import TYPE_CHECKING, Any

import kernel
import msgspec

from pilothouse import events as ev
from pilothouse.engine.backends import Backends
from pilothouse.engine.runner import Run
from pilothouse.errors import KeyMissing, UsageError
from pilothouse.events import Hold, RunPhase
from pilothouse.ids import new_run_id
from pilothouse.journal.blobs import BlobStore
from pilothouse.journal.reader import JournalReader
from pilothouse.journal.writer import JournalWriter
from pilothouse.paths import journal_path, make_private, run_dir, runs_dir
from pilothouse.settings.file import SettingsFile
from pilothouse.settings.given import Given, Source, taking
from pilothouse.settings.resolve import Settings, harmonised, nearest_setting, resolve
from pilothouse.settings.specs import run_spec
from pilothouse.settings.table import BY_NAME

if TYPE_CHECKING:
    from pathlib import Path

    from pilothouse.engine.spec import RunSpec

QUERY_MAX_CHARS = 100_000
LINK_WAIT_S = 10.0
NOT_HERE = {
    "approve": "nobody is there to approve anything",
    "bell": "nobody watches",
    "browser": "the browser is Kernel's",
    "approval-timeout": "nobody is there to approve anything",
    "idle": "the run ends with its task",
    "invocation": "it is the invocation that runs it",
    "notify": "nobody watches",
    "notify-command": "there are no programs",
    "on-unattended": "nobody is there to approve anything",
    "rules": "there are no files",
    "system-prompt": "there are no files: use system-suffix",
    "window-title": "nobody watches",
}
"""Settings that a payload can't choose, and why."""
STATE_VARIABLE = "PILOTHOUSE_STATE_DIR"

app = kernel.App("pilothouse")


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What an invocation answers."""

    result: str
    """The agent's last words."""
    outcome: str
    run: str
    why: str = ""
    """Why it did not complete."""
    turns: int = 0
    actions: int = 0
    cost_usd: float | None = None
    duration_s: float = 0.0
    browser: str = ""
    """The browser's name; it is deleted by now."""
    replay: str = ""
    """The id of the video, when one was asked for."""
    replay_url: str = ""
    """Where Kernel shows the video. Whoever has it can watch: it is in this answer, and never recorded."""


@app.action("run")
async def run(ctx: kernel.KernelContext, payload: Any = None) -> dict[str, Any]:
    """Give an agent the payload's `query`; `options` are the settings of docs/settings.md by name.

    Raises:
        UsageError: The payload can't be used.
        KeyMissing: The deployment lacks a key.
    """
    spec = read_payload(payload, ctx.invocation_id)
    _require_keys(spec)
    return dict(msgspec.to_builtins(await perform(spec, keep=not _made_a_state_directory())))


def read_payload(payload: object, invocation: str) -> RunSpec:
    """Turn a payload into the spec of a run.

    Raises:
        UsageError: It can't be used; the sentence names the key.
    """
    if not isinstance(payload, dict):
        raise UsageError("is no object", "payload", 'send {"query": "what to do"}')
    if unknown := [key for key in payload if key not in ("query", "options")]:
        raise UsageError(f"there is no {unknown[0]!r}", "payload", "it has query and options")
    query = payload.get("query")
    if not isinstance(query, str) or not query.strip() or "\0" in query:
        raise UsageError("says nothing to do", "payload: query", "send text")
    if len(query) > QUERY_MAX_CHARS:
        raise UsageError(f"has more than {QUERY_MAX_CHARS} characters", "payload: query", "say it shorter")
    options = payload.get("options") or {}
    if not isinstance(options, dict):
        raise UsageError("is no object", "payload: options", 'send {"model": "…"}, for example')
    settings = _settings(options, invocation)
    return run_spec(settings, run=new_run_id(), task=query.strip(), headless=True)


def _settings(options: dict[str, Any], invocation: str) -> Settings:
    # The deployment's environment holds too; a settings file does not: there is no person it could be of.
    settings = resolve({}, None, SettingsFile(path=""))
    chosen = {}
    for key, value in options.items():
        name, where = str(key).replace("_", "-"), f"payload: options: {key}"
        if name in NOT_HERE:
            raise UsageError(f"can't be chosen here: {NOT_HERE[name]}", where)
        if name not in BY_NAME:
            raise UsageError("there is no such setting", where, nearest_setting(name))
        chosen[name] = taking(BY_NAME[name].kind.convert, value, Source.OPTION, where)
    given = {**settings.given, **chosen}
    ours = {"browser": "kernel", "approve": "auto"}
    if "existing-browser" not in given and "pool" not in given:
        ours["invocation"] = invocation
    given |= {name: Given(value, Source.OPTION, "the app") for name, value in ours.items()}
    return harmonised(msgspec.structs.replace(settings, given=given))


def _require_keys(spec: RunSpec) -> None:
    ours = ("KERNEL_API_KEY", "ANTHROPIC_API_KEY")
    for variable in ours if spec.model_options.provider == "anthropic" else ours[:1]:
        if not os.environ.get(variable, "").strip():
            raise KeyMissing(f"{variable} is not set", way_out="deploy the app with it in its environment")


@functools.cache
def _made_a_state_directory() -> bool:
    """Give recordings a place for as long as this process lives, unless the deployment named one."""
    if os.environ.get(STATE_VARIABLE):
        return False
    os.environ[STATE_VARIABLE] = tempfile.mkdtemp(prefix="ph-")
    return True


async def perform(spec: RunSpec, *, keep: bool) -> Result:
    """Run a run in this process, from start to end, and say what came of it.

    Args:
        spec: The run.
        keep: Leave the recording where it is; one that nobody asked for would only fill the disk.

    Raises:
        PilothouseError: It could not begin.
    """
    make_private(runs_dir())
    directory = run_dir(spec.run)
    directory.mkdir(mode=0o700)
    try:
        writer = JournalWriter.create(directory, spec.run)
        try:
            async with Backends(spec, directory) as backends:
                await _drive(Run(spec, writer, BlobStore(directory), backends))
                events = _read(journal_path(directory))
                return summed_up(spec.run, events, await _replay_url(events, backends))
        finally:
            writer.close()
    finally:
        if not keep:
            await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)


async def _drive(run: Run) -> None:
    await run.open()
    watching = asyncio.create_task(_never_hold(run))
    driving = asyncio.create_task(run.drive())
    try:
        await asyncio.shield(driving)
    except asyncio.CancelledError:
        run.abort("the invocation was cancelled")
        await asyncio.wait({driving})
        raise
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


async def _never_hold(run: Run) -> None:
    """Abort a run that waits for a person: there is none, and the invocation costs money while it waits.

    A retry is no such wait, however long the service asks for: it lets go of itself, or the run fails.
    """
    async for event in run.follow():
        if not isinstance(event, ev.StateChanged) or event.phase is not RunPhase.HOLDING:
            continue
        if set(event.holding) != {Hold.RETRY}:
            run.abort(f"nobody is there to answer ({', '.join(event.holding)})")


def _read(journal: Path) -> list[ev.Event]:
    with JournalReader(journal) as reader:
        return list(reader.read_all())


def summed_up(run: str, events: list[ev.Event], replay_url: str = "") -> Result:
    """Sum a finished run up."""
    ended = next(event for event in reversed(events) if isinstance(event, ev.RunEnded))
    opened = [event for event in events if isinstance(event, ev.BrowserOpened)]
    videos = [event for event in events if isinstance(event, ev.VideoStarted)]
    return Result(
        result=_last_words(events),
        outcome=ended.outcome,
        run=run,
        why=ended.why,
        turns=ended.turns,
        actions=ended.actions,
        cost_usd=ended.cost_usd,
        duration_s=ended.duration_s,
        browser=opened[-1].name if opened else "",
        replay=videos[-1].video if videos else "",
        replay_url=replay_url,
    )


def _last_words(events: list[ev.Event]) -> str:
    for event in reversed(events):
        if isinstance(event, ev.TurnFinished):
            said = [block["text"] for block in event.content if block.get("type") == "text"]
            if said:
                return "\n\n".join(said)
    return ""


async def _replay_url(events: list[ev.Event], backends: Backends) -> str:
    """Ask Kernel where the video is; empty when there is none, or it does not say."""
    video = next((event.video for event in reversed(events) if isinstance(event, ev.VideoStarted)), "")
    session = next((event.session for event in reversed(events) if isinstance(event, ev.BrowserOpened)), "")
    if not video or not session:
        return ""
    endpoint = backends.browser
    try:
        async with (
            asyncio.timeout(LINK_WAIT_S),
            kernel.AsyncKernel(api_key=endpoint.key, base_url=endpoint.base_url) as client,
        ):
            replays = await client.browsers.replays.list(session)
    except (kernel.APIError, TimeoutError):
        return ""
    return next((one.replay_view_url or "" for one in replays if one.replay_id == video), "")
