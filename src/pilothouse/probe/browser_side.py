"""The probe's way to Kernel: browsers named and tagged before they are asked for, deleted whatever happens.

No check is here. Every call is made once.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import TYPE_CHECKING, Any

import kernel

from pilothouse.probe import pictures
from pilothouse.probe.checks import Unmet
from pilothouse.probe.plan import Remains

if TYPE_CHECKING:
    from pilothouse.probe.checks import Sleep
    from pilothouse.probe.purse import Purse

APP = "pilothouse-probe"
"""Not the app of runs: whoever sweeps those leaves a probe alone."""
WIDTH_PX, HEIGHT_PX = 1280, 800
USD_S = {False: 0.0001333336, True: 0.0000166667}
"""With a screen, and without (kernel-api §1.7)."""
CREATE_S = 40.0
LONGEST_S = 130.0
DEAD_MAN_S = 300
"""Kernel deletes what a killed probe left after so long; it sleeps for free meanwhile."""


class BrowserSide:
    """Asks Kernel.

    Args:
        client: Without retries of its own.
        purse: Pays.
        sleep: Waits.
    """

    def __init__(self, client: kernel.AsyncKernel, purse: Purse, sleep: Sleep) -> None:
        self.client = client
        self.sleep = sleep
        self.probe = f"probe-{secrets.token_hex(4)}"
        self.tags = {"app": APP, "probe": self.probe}
        self.made = 0
        self.browser: Any = None
        """The one that most checks use."""
        self.top_px = 0
        """Where the page begins on its screen."""
        self._purse = purse
        self._alive: dict[str, tuple[float, float, bool]] = {}
        self._unconfirmed: set[str] = set()
        """Browsers asked for whose creation nobody has confirmed."""

    def name(self, suffix: str) -> str:
        """Name a browser."""
        return f"{self.probe}-{suffix}"

    async def create(self, suffix: str, *, headless: bool, **params: Any) -> Any:
        """Create a browser; its money is reserved for as long as a probe may last.

        Raises:
            PurseEmpty: It could cost too much.
            kernel.APIError: It was refused, or there was no answer.
        """
        name = params.pop("name", self.name(suffix))
        params.setdefault("tags", self.tags)
        params.setdefault("timeout_seconds", DEAD_MAN_S)
        reserved = self._purse.reserve(LONGEST_S * USD_S[headless])
        self._alive[name] = (time.monotonic(), reserved, headless)
        self._unconfirmed.add(name)
        try:
            made = await self.client.browsers.create(name=name, headless=headless, timeout=CREATE_S, **params)
        except kernel.APIStatusError as error:
            if error.status_code < 500:  # a plain no: there is nothing to delete
                self._settle(name, 0.0)
            raise
        self._unconfirmed.discard(name)
        self.made += 1
        return made

    async def delete(self, name: str) -> bool:
        """Delete a browser by its name; says whether it is gone."""
        for _ in range(3):
            try:
                async with asyncio.timeout(5):
                    await self.client.browsers.delete_by_id(name)
            except kernel.NotFoundError:
                pass
            except (kernel.APIError, TimeoutError):
                continue
            self._settle(name)
            return True
        return False

    def _settle(self, name: str, usd: float | None = None) -> None:
        if name not in self._alive:
            return
        began, reserved, headless = self._alive.pop(name)
        self._purse.settle(reserved, (time.monotonic() - began) * USD_S[headless] if usd is None else usd)

    @property
    def id(self) -> str:
        """Give the id of the browser in use.

        Raises:
            Unmet: There is none.
        """
        self.require_browser()
        return str(self.browser.session_id)

    def require_browser(self) -> None:
        """See that there is a browser in use.

        Raises:
            Unmet: There is none.
        """
        if self.browser is None:
            raise Unmet("there is no browser to try it on")

    @property
    def computer(self) -> Any:
        """Give the computer calls."""
        return self.client.browsers.computer

    async def shot(self, **region: int) -> bytes:
        """Take a screenshot, or a part of one."""
        wanted = {"region": region} if region else {}
        response = await self.computer.capture_screenshot(self.id, **wanted)
        return bytes(await response.read())

    async def open_page(self) -> tuple[int, int]:
        """Open the page with the stripes, once; says where it begins and how far it is scrolled.

        Raises:
            Unmet: It did not appear.
        """
        if self.top_px:
            return self.top_px, 0
        await self.computer.write_clipboard(self.id, text=pictures.PAGE)
        for keys in (["ctrl+l"], ["ctrl+v"], ["Return"]):
            await self.computer.press_key(self.id, keys=keys)
            await self.sleep(0.4)
        for _ in range(6):
            if found := pictures.page_top(await self.shot()):
                self.top_px = found[0]
                return found
            await self.sleep(0.5)
        raise Unmet("the page for measuring did not appear")

    async def typed_back(self) -> str:
        """Read the field of the page, by way of the clipboard, and empty it."""
        await self.computer.press_key(self.id, keys=["ctrl+a"])
        await self.computer.press_key(self.id, keys=["ctrl+c"])
        await self.sleep(0.3)
        clipboard = await self.computer.read_clipboard(self.id)
        await self.computer.press_key(self.id, keys=["BackSpace"])
        return str(clipboard.text)

    async def clean_up(self) -> Remains:
        """Delete every browser of this probe, known or found by its tag; gives what is left.

        Left is only what is seen to be there. One whose creation was called off may never have been made.
        """
        failed = {name for name in list(self._alive) if not await self.delete(name)}
        try:
            async with asyncio.timeout(10):
                listed = self.client.browsers.list(tags={"probe": self.probe}, limit=100)
                there = [found.name or found.session_id async for found in listed]
        except (kernel.APIError, TimeoutError):
            return Remains(unsure=("browser",) * len(failed))
        left = [name for name in there if name in failed or not await self.delete(name)]
        unsure = (failed & self._unconfirmed).difference(there)
        return Remains(left=("browser",) * len(left), unsure=("browser",) * len(unsure))
