"""A Chromium process with its own profile and a DevTools pipe, watched by the web guard. No input here."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from pilothouse.children import Child, spawn
from pilothouse.errors import ChromiumUnavailable
from pilothouse.local.chromium import VARIABLE, Start, switches
from pilothouse.local.desktop import DesktopFailed
from pilothouse.local.devtools import DevTools, DevToolsPipe
from pilothouse.local.kernel_options import NO_SANDBOX_VARIABLE
from pilothouse.local.profile import hand_over, write_profile
from pilothouse.local.web_guard import WebGuard

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pilothouse.local.desktop import DesktopPlan

NO_SANDBOX = "Chromium runs without its sandbox: this machine lets no ordinary user have one"
START_TIMEOUT_S = 30.0
"""A first start from a slow disk takes more than ten."""
ENDING_S = 0.5
"""Its pipe closes a moment before it has ended."""
_TEMPORARY = "tmp"
_WORDS_MAX_CHARS = 300
_LOG_TAIL_BYTES = 64 << 10


class BrowserProcess:
    """A running Chromium."""

    def __init__(self, child: Child, devtools: DevTools, program: Path, log: Path) -> None:
        self._child = child
        self._program = program
        self._log = log
        self.devtools = devtools
        self.guard = WebGuard(devtools)
        self.warnings: tuple[str, ...] = ()

    @classmethod
    async def start(
        cls, plan: DesktopPlan, environment: Mapping[str, str], *, headless: bool
    ) -> BrowserProcess:
        """Start a Chromium that answers.

        Raises:
            ChromiumUnavailable: It ended while starting; the sentence says why and what to do.
        """
        try:
            return await cls._start(plan, environment, headless=headless, sandbox=True)
        except ChromiumUnavailable as failure:
            if "sandbox" not in failure.what.lower():
                raise
            # Without a network there is nobody to keep out.
            if not plan.offline and not plan.allow_no_sandbox:
                raise ChromiumUnavailable(
                    "Chromium can't have its sandbox here",
                    str(plan.chromium.path),
                    f"allow user namespaces, or accept the risk with {NO_SANDBOX_VARIABLE}=1",
                ) from failure
        browser = await cls._start(plan, environment, headless=headless, sandbox=False)
        browser.warnings = (*browser.warnings, NO_SANDBOX)
        return browser

    @classmethod
    async def _start(
        cls, plan: DesktopPlan, environment: Mapping[str, str], *, headless: bool, sandbox: bool
    ) -> BrowserProcess:
        profile = plan.directory / ("profile" if sandbox else "profile-2")
        _make_profile(profile, plan)
        start = Start(
            profile=profile,
            width_px=plan.screen.width_px,
            height_px=plan.screen.height_px,
            start_url=plan.start_url,
            kiosk=plan.kiosk,
            headless=headless,
            sandbox=sandbox,
            offline=plan.offline,
            allowed_hosts=plan.allowed_hosts,
        )
        log = plan.directory / f"{profile.name}.log"
        pipe = DevToolsPipe()
        try:
            child = await spawn(
                [plan.chromium.path, *switches(start)],
                env=dict(environment) | _own_places(profile),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=log,
                descriptors=pipe.descriptors,
                identity=plan.identity,
                cwd=plan.directory,
            )
        except BaseException:
            pipe.close()
            raise
        finally:
            pipe.close_child_ends()
        browser = cls(child, await pipe.connect(), plan.chromium.path, log)
        try:
            await browser.devtools.call("Browser.getVersion", timeout_s=START_TIMEOUT_S)
            await browser.guard.start()
        except DesktopFailed as error:
            failure = await browser.failure("does not answer")
            await browser.close()
            raise failure from error
        except BaseException:
            await browser.close()
            raise
        return browser

    @property
    def returncode(self) -> int | None:
        """How it ended; None while it runs."""
        return self._child.returncode

    async def failure(self, otherwise: str) -> ChromiumUnavailable:
        """Say why it can't be used: how it ended and its last words, or what is wrong though it runs."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ENDING_S):
                await self._child.wait()
        what = _ending(self.returncode) or otherwise
        words = self._last_words()
        return ChromiumUnavailable(
            f"{what}: {words}" if words else what,
            str(self._program),
            f"start it by itself to see more, or name another in {VARIABLE}",
        )

    def _last_words(self) -> str:
        """Give the line of its log that says why it ended, if there is one."""
        try:
            text = self._log.read_bytes()[-_LOG_TAIL_BYTES:].decode("utf-8", errors="replace")
        except OSError:
            return ""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        fatal = [line for line in lines if ":FATAL:" in line or "sandbox" in line.lower()]
        plain = [line for line in lines if not line.startswith("[")]  # the loader's, a script's
        return next(reversed(fatal or plain), "").rpartition("] ")[2][:_WORDS_MAX_CHARS]

    async def navigate(self, url: str) -> None:
        """Open an address in the page in front.

        Raises:
            DesktopFailed: There is no page.
        """
        if self.guard.front is None:
            raise DesktopFailed("the browser has no page")
        await self.guard.navigate(self.guard.front, url)

    async def shown(self) -> tuple[str, str]:
        """Say the address and the title of the page in front."""
        return await self.guard.shown()

    async def ended(self) -> int:
        """Wait until it has ended; gives its exit code."""
        return await self._child.wait()

    async def close(self) -> None:
        """End it, all its processes with it; not gently, for its profile goes with it."""
        await self.guard.close()
        await self._child.kill()
        await self.devtools.close()


def _ending(returncode: int | None) -> str:
    if returncode is None:
        return ""
    how = f"signal {-returncode}" if returncode < 0 else f"exit code {returncode}"
    return f"ended while starting, with {how}"


def _make_profile(profile: Path, plan: DesktopPlan) -> None:
    """Make a profile, and a directory for temporary files beside it: each level more costs socket paths."""
    temporary = plan.directory / _TEMPORARY
    temporary.mkdir(mode=0o700, exist_ok=True)
    profile.mkdir(mode=0o700)
    write_profile(profile)
    if plan.identity:
        hand_over(profile, plan.identity.uid, plan.identity.gid)
        hand_over(temporary, plan.identity.uid, plan.identity.gid)


def _own_places(profile: Path) -> dict[str, str]:
    """Point all that a program may write to into its own directory: nothing of a home is touched."""
    place = str(profile)
    return {
        "HOME": place,
        "TMPDIR": str(profile.with_name(_TEMPORARY)),
        "XDG_CONFIG_HOME": place,
        "XDG_CACHE_HOME": place,
        "XDG_DATA_HOME": place,
        "XDG_RUNTIME_DIR": place,
        "DBUS_SESSION_BUS_ADDRESS": "disabled:",
        "DBUS_SYSTEM_BUS_ADDRESS": "disabled:",
        "NO_AT_BRIDGE": "1",
    }
