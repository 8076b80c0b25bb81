"""The engine's process: `python -m pilothouse.engine --ready-fd N`, its spec on standard input.

Started by `engine.launch` in a session of its own, its stdio off the terminal. Nothing here knows a viewer.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import faulthandler
import logging
import os
import shutil
import signal
import sys
from typing import TYPE_CHECKING

import msgspec

from pilothouse.browser.wishes import check
from pilothouse.engine.backends import Backends
from pilothouse.engine.runner import Run
from pilothouse.engine.spec import NotStarted, RunSpec, Started
from pilothouse.errors import PilothouseError, StartFailed, StateDirError
from pilothouse.events import EXIT_CODES
from pilothouse.journal.blobs import BlobStore
from pilothouse.journal.writer import JournalWriter
from pilothouse.paths import make_private, run_dir, runs_dir, state_dir
from pilothouse.safety import redact, secrets_from_environment

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger("pilothouse")
_KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "KERNEL_API_KEY")
_POLITE = (signal.SIGTERM, signal.SIGINT)
_SDK_LOGS = ("ANTHROPIC_LOG", "KERNEL_LOG")
"""Would have the SDKs log all that is said, addresses with tokens among it."""


class RedactingFormatter(logging.Formatter):
    """Takes secrets out of whole log entries, traces included."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """Word an entry, its secrets masked."""
        return redact(super().format(record), self._secrets)


class ReadyPipe:
    """Says once how the start went."""

    def __init__(self, fd: int) -> None:
        os.set_inheritable(fd, False)
        self._fd: int | None = fd

    @property
    def unanswered(self) -> bool:
        """Say whether whoever started us still waits."""
        return self._fd is not None

    def say(self, answer: Started | NotStarted) -> None:
        """Answer and close; later answers have no reader and are dropped."""
        if self._fd is None:
            return
        with contextlib.suppress(BrokenPipeError):  # whoever started us is gone; the run goes on
            os.write(self._fd, msgspec.json.encode(answer))
        os.close(self._fd)
        self._fd = None


async def serve(spec: RunSpec, ready: ReadyPipe) -> int:
    """Run one run from start to end; returns the exit code of its outcome."""
    check(spec.browser_options, spec.browser)
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    if task is not None:
        for signum in _POLITE:  # until there is a run that can be aborted
            loop.add_signal_handler(signum, task.cancel)
    make_private(runs_dir())
    directory = run_dir(spec.run)
    try:
        directory.mkdir(mode=0o700)
    except OSError as error:
        raise StateDirError(f"can't be made: {error.strerror}", str(directory), "free some space") from error
    try:
        return await _serve_in(directory, spec, ready)
    except BaseException as error:
        if ready.unanswered:
            shutil.rmtree(directory, ignore_errors=True)  # a start-up error leaves no run behind
            ready.say(_not_started(error))
        raise


def _not_started(error: BaseException) -> NotStarted:
    if isinstance(error, PilothouseError):
        return NotStarted(what=error.what, where=error.where, way_out=error.way_out)
    if isinstance(error, asyncio.CancelledError):
        return NotStarted(what="the engine was told to end while it was starting")
    what = f"the engine met a defect while starting ({type(error).__name__})"
    return NotStarted(what=what, where=str(state_dir() / "engine.log"), way_out="please report it")


async def _serve_in(directory: Path, spec: RunSpec, ready: ReadyPipe) -> int:
    # The journal comes first: whoever lists runs meanwhile finds one that starts, not a broken one.
    writer = JournalWriter.create(directory, spec.run)
    try:
        backends = Backends(spec, directory)
        for key in _KEYS:
            os.environ.pop(key, None)  # read once; children and core dumps must not find it
        async with backends:
            run = Run(spec, writer, BlobStore(directory), backends)
            await run.open()
            loop = asyncio.get_running_loop()
            for signum in _POLITE:
                loop.add_signal_handler(signum, run.abort, "the engine was told to end")
            ready.say(Started(run=spec.run, pid=os.getpid()))
            return EXIT_CODES[await run.drive()]
    finally:
        writer.close()


def main() -> int:
    """Read the spec, run it, and exit with its outcome's code."""
    os.umask(0o077)
    for variable in _SDK_LOGS:
        os.environ.pop(variable, None)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    faulthandler.enable()
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter(secrets_from_environment()))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    parser = argparse.ArgumentParser(prog="python -m pilothouse.engine")
    parser.add_argument("--ready-fd", type=int, required=True)
    ready = ReadyPipe(parser.parse_args().ready_fd)
    try:
        spec = msgspec.json.decode(sys.stdin.buffer.read(), type=RunSpec)
        return asyncio.run(serve(spec, ready))
    except PilothouseError as error:
        _log.error("%s", error)
        ready.say(_not_started(error))  # what was refused before there was a directory
        return error.exit_code
    except asyncio.CancelledError:
        return StartFailed.exit_code
    except Exception as error:
        _log.exception("the engine met a defect")
        ready.say(_not_started(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
