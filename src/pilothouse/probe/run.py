"""A probe from start to end: both sides at once, within time and money, cleaned up whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from pilothouse import __version__
from pilothouse.probe import browser_checks, model_answers, model_checks
from pilothouse.probe.browser_side import BrowserSide
from pilothouse.probe.checks import Check, Sleep, perform
from pilothouse.probe.model_side import ModelSide
from pilothouse.probe.plan import Finding, Plan, Progress, Remains, Report
from pilothouse.probe.purse import Purse

if TYPE_CHECKING:
    from collections.abc import Callable

    import anthropic
    import kernel

Side = TypeVar("Side")
MODEL_AT_ONCE = 4
CLEAN_UP_S = 30.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Probe:
    """Makes the checks of a plan.

    Args:
        plan: What to probe.
        tell: Told of each finding as it comes.
        model: A client of the model's API; None if that side is not wanted.
        browser: A client of Kernel's; None if that side is not wanted.
        secrets: What no finding may hold.
        sleep: Waits; another one for tests, which have less time.
    """

    def __init__(
        self,
        plan: Plan,
        tell: Callable[[Progress], None],
        *,
        model: anthropic.AsyncAnthropic | None,
        browser: kernel.AsyncKernel | None,
        secrets: tuple[str, ...],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._plan = plan
        self._tell = tell
        self._secrets = secrets
        self._purse = Purse(plan.limit_usd)
        self._model = ModelSide(model, self._purse, plan.model, sleep) if model else None
        self._browser = BrowserSide(browser, self._purse, sleep) if browser else None
        self._loopback = any(
            urlsplit(str(client.base_url)).hostname in _LOOPBACK for client in (model, browser) if client
        )
        self._began = time.monotonic()
        self._findings: dict[str, Finding] = {}
        self._order = [f"{group}:{check.id}" for group, check in _all(plan.only)]

    async def run(self) -> Report:
        """Make the checks, delete what they made, and report; cancelled, it still does the last two."""
        remains = Remains()
        work = asyncio.create_task(self._work())
        try:
            await asyncio.wait({work})
            work.result()
        except asyncio.CancelledError:  # told to end: what was found so far is the report
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
        finally:
            remains = await self._clean_up()
        return self._report(remains)

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            if self._model:
                group.create_task(self._ask_model(self._model))
            if self._browser:
                group.create_task(self._ask_browser(self._browser))
                for check in browser_checks.apart():
                    group.create_task(self._make(check, self._browser, "browser"))

    async def _ask_model(self, side: ModelSide) -> None:
        room = asyncio.Semaphore(MODEL_AT_ONCE)

        async def within(check: Check[ModelSide]) -> None:
            async with room:
                await self._make(check, side, "model")

        async with asyncio.TaskGroup() as group:
            for check in (*model_answers.checks(), *model_checks.checks()):
                group.create_task(within(check))

    async def _ask_browser(self, side: BrowserSide) -> None:
        for check in browser_checks.checks():
            await self._make(check, side, "browser")

    async def _make(self, check: Check[Side], side: Side, group: str) -> None:
        left_s = self._plan.limit_s - (time.monotonic() - self._began)
        finding = await perform(check, side, group, left_s, self._secrets)
        self._findings[f"{group}:{check.id}"] = finding
        self._tell(Progress(finding=finding, done=len(self._findings), total=len(self._order)))

    async def _clean_up(self) -> Remains:
        """Delete what was made; a second word to end does not cut it short."""
        sides = [side for side in (self._model, self._browser) if side is not None]
        cleaning = asyncio.gather(*(side.clean_up() for side in sides))
        try:
            async with asyncio.timeout(CLEAN_UP_S):
                found = await asyncio.shield(cleaning)
        except TimeoutError:
            cleaning.cancel()
            return Remains(unsure=("unknown: the services did not answer in time",))
        return Remains(
            left=tuple(kind for remains in found for kind in remains.left),
            unsure=tuple(kind for remains in found for kind in remains.unsure),
        )

    def _report(self, remains: Remains) -> Report:
        made = sum(side.made for side in (self._model, self._browser) if side is not None)
        return Report(
            version=__version__,
            sdks={name: version(name) for name in ("anthropic", "kernel")},
            date=datetime.datetime.now(datetime.UTC).date().isoformat(),
            model=self._plan.model,
            loopback=self._loopback,
            findings=tuple(self._findings[key] for key in self._order if key in self._findings),
            cost_usd=round(self._purse.spent_usd, 4),
            limit_usd=self._plan.limit_usd,
            took_s=round(time.monotonic() - self._began, 1),
            made=made,
            left=remains.left,
            unsure=remains.unsure,
        )


def _all(only: str) -> list[tuple[str, Check[ModelSide] | Check[BrowserSide]]]:
    """List all checks of a plan in the order of the report."""
    listed: list[tuple[str, Check[ModelSide] | Check[BrowserSide]]] = []
    if only in ("", "model"):
        listed += [("model", check) for check in (*model_answers.checks(), *model_checks.checks())]
    if only in ("", "browser"):
        listed += [("browser", check) for check in (*browser_checks.checks(), *browser_checks.apart())]
    return listed
