"""`pilothouse local`: the Kernel-compatible server, standing alone. The server is in `pilothouse.local`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, NoReturn

from pilothouse.cli import options as kinds
from pilothouse.cli import show
from pilothouse.local import kernel_options

if TYPE_CHECKING:
    import argparse
    from types import FrameType

STOP_WAIT_S = 10.0
"""The server deletes its browsers on the way out."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    kernel_options.add_options(parser, kinds.port)
    parser.add_argument("--json", action="store_true", help="say where it listens as one JSON object")


def run(options: argparse.Namespace) -> int:
    """Serve until ctrl+c; the server is a child that ends with this process."""
    wanted = kernel_options.options_from(options, with_parent=True)
    # Its standard input is a pipe of ours: however this process dies, the server sees that pipe end.
    server = subprocess.Popen(
        [sys.executable, "-P", "-m", "pilothouse.local.kernel_server", *kernel_options.arguments(wanted)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    signal.signal(signal.SIGTERM, _leave)
    try:
        ready = server.stdout.readline() if server.stdout else ""
        if ready:
            _announce(ready, as_json=options.json)
        return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        _stop(server)


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _stop(server: subprocess.Popen[str]) -> None:
    server.terminate()
    try:
        server.wait(STOP_WAIT_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _announce(ready: str, *, as_json: bool) -> None:
    if as_json:
        print(ready, end="", flush=True)
        return
    where = json.loads(ready)
    print(f"KERNEL_BASE_URL={where['base_url']}")
    print(f"KERNEL_API_KEY={where['token']}", flush=True)
    show.narrate("programs that use the kernel SDK find it by these two; ctrl+c ends it and its browsers")
