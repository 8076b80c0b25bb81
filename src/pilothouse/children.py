"""Child processes that never outlive us: started through a shim, without our keys, ended as a group.

Nothing here knows what a child does. Two nets catch a parent that dies without a word: Linux kills the child
(`child_shim`), and a child of ours ends when its standard input does. The request is bound to the *thread*
that forked, so that children are only ever started from the main thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pilothouse.errors import StartFailed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SHIM = Path(__file__).with_name("child_shim.py")
STDOUT_LIMIT_BYTES = 1 << 20
"""The longest line a child may say."""

# fmt: off
_ALLOWED = frozenset([
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TMP", "TEMP",
    "TERM", "VIRTUAL_ENV", "FONTCONFIG_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "LD_LIBRARY_PATH",
    "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
])
# fmt: on
_ALLOWED_PREFIXES = ("LC_", "XDG_", "PYTHON", "PILOTHOUSE_")
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH", re.IGNORECASE)


class Identity(msgspec.Struct, frozen=True):
    """Who a child runs as, when we are root."""

    uid: int
    gid: int


def scrubbed(environment: Mapping[str, str]) -> dict[str, str]:
    """Keep what a child needs to run; keys and tokens are never inherited (terminal-and-journal §4.5)."""
    return {
        name: value
        for name, value in environment.items()
        if (name in _ALLOWED or name.startswith(_ALLOWED_PREFIXES)) and not _SECRET_NAME.search(name)
    }


class Child:
    """A running child: its pipes, its end, and the way to end it with all that it started."""

    def __init__(self, process: asyncio.subprocess.Process, name: str, *, group: bool) -> None:
        self._process = process
        self._group = group
        self.name = name
        self.pid = process.pid

    @property
    def stdout(self) -> asyncio.StreamReader:
        """What it says."""
        if self._process.stdout is None:
            raise AssertionError(f"{self.name} was started without a pipe for its output")
        return self._process.stdout

    @property
    def stdin(self) -> asyncio.StreamWriter:
        """What it hears; its end tells a child of ours to end."""
        if self._process.stdin is None:
            raise AssertionError(f"{self.name} was started without a pipe for its input")
        return self._process.stdin

    @property
    def returncode(self) -> int | None:
        """How it ended: its exit code, or the negative of a signal; None while it runs."""
        return self._process.returncode

    async def wait(self) -> int:
        """Wait until it has ended; gives its exit code."""
        return await self._process.wait()

    async def close(self, grace_s: float = 3.0) -> None:
        """Close its input, and end it the harder way if that was not enough."""
        if self._process.stdin is not None:
            self._process.stdin.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace_s):
                    await self.wait()
        await self.terminate(grace_s)

    async def terminate(self, grace_s: float = 3.0) -> None:
        """Ask it to end (SIGTERM), then make it (SIGKILL); returns when it has ended, its group with it."""
        if self.returncode is None:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace_s):
                    await self.wait()
        await self.kill()

    async def kill(self) -> None:
        """End it and its group at once."""
        self._signal(signal.SIGKILL)
        await self.wait()

    def _signal(self, number: signal.Signals) -> None:
        """Signal the group: it may still have members after its leader has ended."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self._group:
                os.killpg(self.pid, number)
            elif self.returncode is None:
                os.kill(self.pid, number)


async def spawn(
    argv: Sequence[str | os.PathLike[str]],
    *,
    env: Mapping[str, str] | None = None,
    stdin: int | None = asyncio.subprocess.PIPE,
    stdout: int | None = asyncio.subprocess.PIPE,
    stderr: Path | int | None = asyncio.subprocess.DEVNULL,
    descriptors: Mapping[int, int] | None = None,
    identity: Identity | None = None,
    cwd: Path | None = None,
    group: bool = True,
) -> Child:
    """Start a child that ends when we do.

    Args:
        argv: The command; never put a secret here, everybody can read it.
        env: Added to the scrubbed environment; the one way for a secret to reach a child.
        stdin: As in `asyncio.create_subprocess_exec`.
        stdout: As in `asyncio.create_subprocess_exec`.
        stderr: The same, or a file to append to.
        descriptors: Ours to the child's numbers; the others are closed.
        identity: Who it runs as, when we are root.
        cwd: Where it starts; ours if not given.
        group: Give it a process group of its own, which is then ended as one.

    Raises:
        StartFailed: There is no such program, or it could not be started.
    """
    if threading.current_thread() is not threading.main_thread():
        raise AssertionError("the parent-death signal belongs to the thread that forks: use the main one")
    passed = dict(descriptors or {})
    command = [os.fspath(part) for part in argv]
    command[0] = _found(command[0])
    log = _opened(stderr)
    try:
        process = await asyncio.create_subprocess_exec(
            *_shimmed(command, passed, identity),
            stdin=stdin,
            stdout=stdout,
            stderr=log,
            env=scrubbed(os.environ) | dict(env or {}),
            pass_fds=tuple(passed),
            cwd=cwd,
            limit=STDOUT_LIMIT_BYTES,
            process_group=0 if group else None,
        )
    except OSError as error:
        raise StartFailed(f"can't be started: {error.strerror}", command[0]) from error
    finally:
        if isinstance(stderr, Path) and log is not None:
            os.close(log)
    return Child(process, Path(command[0]).name, group=group)


def _found(program: str) -> str:
    """Resolve a program as we see it: the identity it runs as may see less."""
    path = shutil.which(program)
    if path is None:
        raise StartFailed("is not installed, or can't be run", program)
    return path


def _shimmed(command: list[str], passed: Mapping[int, int], identity: Identity | None) -> list[str]:
    places = ",".join(f"{ours}={theirs}" for ours, theirs in passed.items()) or "-"
    who = f"{identity.uid}:{identity.gid}" if identity else "-"
    return [sys.executable, "-I", "-S", str(SHIM), str(os.getpid()), who, places, *command]


def _opened(stderr: Path | int | None) -> int | None:
    if not isinstance(stderr, Path):
        return stderr
    try:
        return os.open(stderr, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StartFailed(f"can't be written: {error.strerror}", str(stderr)) from error
