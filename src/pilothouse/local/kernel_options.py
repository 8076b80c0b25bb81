"""What the Kernel-compatible server can be told, for its own command line and for `pilothouse local`.

Nothing here serves, or imports what serving needs: the help of a command must not wait for that.
"""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

import msgspec

from pilothouse.local.backend import BACKENDS
from pilothouse.local.browsers import SESSIONS_MAX

if TYPE_CHECKING:
    from collections.abc import Callable

NO_SANDBOX_VARIABLE = "PILOTHOUSE_ALLOW_NO_SANDBOX"
"""Says the same as `--allow-no-sandbox`, also to a server that a run starts."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How to serve."""

    port: int = 0
    backend: str = "auto"
    with_parent: bool = False
    """End at the end of standard input."""
    offline: bool = False
    """Loopback pages only."""
    strict_kernel: bool = False
    direct: bool = True
    allow_no_sandbox: bool = False
    sessions_max: int = SESSIONS_MAX


def add_options(parser: argparse.ArgumentParser, port: Callable[[str], object] = int) -> None:
    """Add the options to a parser; `port` reads a port."""
    parser.add_argument("--port", type=port, default=0, help="on 127.0.0.1; 0, the default, takes any")
    parser.add_argument("--backend", choices=BACKENDS, default="auto", help="default: auto")
    parser.add_argument("--offline-hosts", action="store_true", help="no host but this one can be reached")
    parser.add_argument("--strict-kernel", action="store_true", help="ignore unknown keys, as Kernel does")
    parser.add_argument("--plain-routing", action="store_true", help="don't tell the SDK the direct way")
    parser.add_argument("--allow-no-sandbox", action="store_true", help="accept one without its sandbox")
    parser.add_argument(
        "--max-browsers",
        type=_count,
        default=SESSIONS_MAX,
        help=f"how many may be alive; default: {SESSIONS_MAX}",
    )


def options_from(given: argparse.Namespace, *, with_parent: bool = False) -> Options:
    """Turn parsed options, and the environment, into ours."""
    return Options(
        port=given.port,
        backend=given.backend,
        with_parent=with_parent,
        offline=given.offline_hosts,
        strict_kernel=given.strict_kernel,
        direct=not given.plain_routing,
        allow_no_sandbox=given.allow_no_sandbox or os.environ.get(NO_SANDBOX_VARIABLE) == "1",
        sessions_max=given.max_browsers,
    )


def arguments(options: Options) -> list[str]:
    """Write options as a command line."""
    flags = {
        "--with-parent": options.with_parent,
        "--offline-hosts": options.offline,
        "--strict-kernel": options.strict_kernel,
        "--plain-routing": not options.direct,
        "--allow-no-sandbox": options.allow_no_sandbox,
    }
    values = ["--port", options.port, "--backend", options.backend, "--max-browsers", options.sessions_max]
    return [*(str(value) for value in values), *(flag for flag, given in flags.items() if given)]


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of browsers: give 1 to 100")
    return int(text)
