"""Starting an engine from a terminal that it will outlive. Nothing here runs in the engine itself.

The engine gets its spec on standard input, keys by inherited environment, and says `Started` or `NotStarted`
on an inherited pipe: a start-up error is one sentence and leaves no run behind (design §7).
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec

from pilothouse.engine.spec import NotStarted, RunSpec, Started
from pilothouse.errors import StartFailed, UsageError
from pilothouse.paths import make_private, runs_dir, state_dir
from pilothouse.safety import clean_line, redact, secrets_from_environment

if TYPE_CHECKING:
    from pathlib import Path

LOG_TAIL_BYTES = 20_000

_answer: msgspec.json.Decoder[Started | NotStarted] = msgspec.json.Decoder(Started | NotStarted)


def launch(spec: RunSpec, within: tuple[str, ...] = ()) -> Started:
    """Start a detached engine and wait until its journal and socket are there.

    Args:
        spec: What the run is.
        within: Words of a command that starts the engine's, with all that it inherits.

    Raises:
        UsageError: A real model would drive a root user's local browser without leave.
        StateDirError: The state directory can't be used.
        PilothouseError: What the engine reports; its exit code is 2.
    """
    _check_root(spec)
    make_private(state_dir())
    make_private(runs_dir())
    read_end, write_end = os.pipe()
    path = state_dir() / "engine.log"
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    said_before = os.fstat(log).st_size
    try:
        engine = subprocess.Popen(
            [*within, sys.executable, "-P", "-m", "pilothouse.engine", "--ready-fd", str(write_end)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            pass_fds=(write_end,),
            start_new_session=True,
            cwd="/",
        )
    finally:
        os.close(log)
        os.close(write_end)
    with os.fdopen(read_end, "rb") as ready:
        _send_spec(engine, spec)
        said = ready.read()  # ends when the engine closes it, or dies
    # The engine lives on after us; it is init's child then, and not ours to wait for.
    engine.returncode = 0
    return _judge(said, path, said_before)


def _check_root(spec: RunSpec) -> None:
    """Refuse a real model at the wheel of a root user's local browser, unless the person says so."""
    if os.geteuid() == 0 and spec.browser == "local" and spec.model_api != "scripted" and not spec.allow_root:
        raise UsageError(
            "a browser on this machine is not given to a real model as root",
            "--browser local",
            "run as another user, or add --allow-root",
        )


def _send_spec(engine: subprocess.Popen[bytes], spec: RunSpec) -> None:
    if engine.stdin is None:
        raise AssertionError("stdin is a pipe")
    try:
        with engine.stdin as stdin:
            stdin.write(msgspec.json.encode(spec))
    except BrokenPipeError:
        pass  # it died: the ready pipe says so


def _judge(said: bytes, log: Path, said_before: int) -> Started:
    try:
        answer = _answer.decode(said)
    except msgspec.MsgspecError:
        last = _last_line(log, said_before)
        what = f"the engine ended while starting: {last}" if last else "the engine ended while starting"
        raise StartFailed(what, way_out=f"{log} has the whole story") from None
    if isinstance(answer, NotStarted):
        raise StartFailed(answer.what, answer.where, answer.way_out)
    return answer


def _last_line(log: Path, said_before: int) -> str:
    """Read the last line that came since, safe to show; empty if there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(said_before, file.seek(0, os.SEEK_END) - LOG_TAIL_BYTES))
            lines = file.read().decode("utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    return clean_line(redact(lines[-1], secrets_from_environment())) if lines else ""
