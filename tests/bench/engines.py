"""Starts engines quickly: each is a process of its own, forked from this one, which has loaded the libraries.

`python -m tests.bench.engines` reads specs, one JSON line each, and answers each with what the engine says on
its ready pipe. What runs in the fork is what runs in a detached engine, from its first line of work on.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import sys

import msgspec

from pilothouse.engine.__main__ import ReadyPipe, serve
from pilothouse.engine.spec import RunSpec

LIBRARIES = ("pilothouse.engine.agent", "pilothouse.engine.berth", "pilothouse.engine.watch")


def engine(spec: RunSpec) -> bytes:
    """Fork an engine; gives what it says once it listens."""
    read_end, write_end = os.pipe()
    if os.fork() == 0:
        os.close(read_end)
        os.setsid()
        os.umask(0o077)
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(2, 1)  # what is printed here is read as an answer
        try:
            code = asyncio.run(serve(spec, ReadyPipe(write_end)))
        except BaseException as error:
            print(f"the engine failed: {error!r}", file=sys.stderr)
            code = 1
        os._exit(code)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as ready:
        return ready.read()


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended engines need nobody
    for name in LIBRARIES:
        importlib.import_module(name)
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(engine(msgspec.json.decode(line, type=RunSpec)) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
