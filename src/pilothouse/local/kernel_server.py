"""The Kernel-compatible server as a process: start, the ready line, the end. No routes here.

`python -m pilothouse.local.kernel_server --with-parent` prints one JSON line, `{"base_url", "token",
"backend"}`, and ends when its standard input does; `pilothouse local` calls `serve`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from pilothouse.errors import ChromiumUnavailable, PilothouseError
from pilothouse.local import chromium as chromiums
from pilothouse.local.backend import choose_backend, no_display
from pilothouse.local.browsers import Browsers
from pilothouse.local.desktop import Desktop, DesktopPlan
from pilothouse.local.kernel_options import Options, add_options, options_from
from pilothouse.local.kernel_pools import Pools
from pilothouse.local.kernel_replays import Replays
from pilothouse.local.kernel_routes import KernelRoutes
from pilothouse.local.loopback import ending, listening
from pilothouse.local.rigs import Rigs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from pilothouse.children import Identity
    from pilothouse.local.browsers import OpenDesktop
    from pilothouse.local.kernel_params import CreateParams

    StartDesktop = Callable[[DesktopPlan], Awaitable[Desktop]]

TOKEN_VARIABLE = "PILOTHOUSE_LOCAL_TOKEN"


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller needs to know: the SDK's `base_url` and its key."""

    base_url: str
    token: str
    backend: str


@asynccontextmanager
async def running(
    options: Options, token: str | None = None, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[Ready]:
    """Serve while the context lasts; browsers are ended with it.

    Raises:
        ChromiumUnavailable: There is no Chromium here, or no display to put it on.
        PortTaken: The port named is in use.
    """
    token = token or os.environ.pop(TOKEN_VARIABLE, None) or secrets.token_hex(16)
    chromium = chromiums.find_chromium()
    if chromium is None:
        raise ChromiumUnavailable(chromiums.why_none(), "", chromiums.how_to_get())
    backend = choose_backend(options.backend)
    async with AsyncExitStack() as stack:
        rigs = stack.enter_context(Rigs())
        opener = _opener(options, backend, chromium, rigs.root)
        browsers = Browsers(opener, rigs, clock, options.sessions_max)
        replays = Replays(rigs)
        stack.push_async_callback(replays.close)
        stack.push_async_callback(browsers.close)
        browsers.before_end(replays.end)
        pools = Pools(browsers, replays.forget)
        stack.push_async_callback(pools.close)
        watch = asyncio.create_task(browsers.keep_watch())
        stack.callback(watch.cancel)
        app = KernelRoutes(browsers, replays, pools, token, direct=options.direct).application()
        # Keys are let go of, sleeps end (kernel-api §2).
        base_url = await stack.enter_async_context(listening(app, options.port, cancel_on_hangup=True))
        yield Ready(base_url=base_url, token=token, backend=backend)


def _opener(options: Options, backend: str, chromium: chromiums.Chromium, root: Path) -> OpenDesktop:
    missing = no_display() if options.backend == "auto" else None
    start = _x11_starter(root) if backend == "x11" else _headless_starter(missing)

    async def open_desktop(params: CreateParams, directory: Path, identity: Identity | None) -> Desktop:
        plan = DesktopPlan(
            chromium=chromium,
            directory=directory,
            screen=params.viewport.screen,
            identity=identity,
            start_url=params.start_url,
            kiosk=params.kiosk_mode,
            offline=options.offline,
            allowed_hosts=params.network.allowed_hosts,
            allow_no_sandbox=options.allow_no_sandbox,
            strict_kernel=options.strict_kernel,
        )
        return await start(plan)

    return open_desktop


def _x11_starter(root: Path) -> StartDesktop:
    from pilothouse.local.x11_desktop import X11Desktop
    from pilothouse.local.x11_display import Authority

    authority = Authority(root / "Xauthority")

    async def start(plan: DesktopPlan) -> Desktop:
        desktop = X11Desktop(plan, authority)
        await desktop.start()
        return desktop

    return start


def _headless_starter(missing: str | None) -> StartDesktop:
    """Start headless ones; `missing` is why, if nobody asked for that."""
    from pilothouse.local.headless_desktop import HeadlessDesktop

    async def start(plan: DesktopPlan) -> Desktop:
        desktop = HeadlessDesktop(plan)
        await desktop.start()
        if missing:
            desktop.warnings = (*desktop.warnings, f"headless, because {missing}")
        return desktop

    return start


async def serve(options: Options, ready: Callable[[Ready], None] | None = None) -> None:
    """Serve until SIGTERM, SIGINT or, with a parent, the end of standard input.

    Args:
        options: How.
        ready: Told once, when the server answers; prints the ready line if not given.

    Raises:
        PilothouseError: It can't start.
    """
    async with ending(with_parent=options.with_parent) as told, running(options) as where:
        (ready or _say)(where)
        await told.wait()


def _say(ready: Ready) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(ready) + b"\n")
    sys.stdout.buffer.flush()


def parse(argv: list[str] | None) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m pilothouse.local.kernel_server", description=__doc__)
    add_options(parser)
    parser.add_argument("--with-parent", action="store_true", help="end when standard input does")
    given = parser.parse_args(argv)
    return options_from(given, with_parent=given.with_parent)


def main(argv: list[str] | None = None) -> int:
    """Run the server as a program."""
    os.umask(0o077)
    try:
        asyncio.run(serve(parse(argv)))
    except PilothouseError as error:
        sys.stderr.write(f"pilothouse: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
