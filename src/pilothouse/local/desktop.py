"""What a browser's routes need of a desktop, whatever is behind it: X11, or DevTools. No HTTP here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from pilothouse.children import Identity
from pilothouse.devtools import DevToolsFailed
from pilothouse.local.chromium import Chromium
from pilothouse.local.kernel_actions import Screen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pilothouse.local.devtools import DevTools
    from pilothouse.local.kernel_actions import Action, Region
    from pilothouse.local.settle import Settled


class DesktopFailed(DevToolsFailed):
    """The desktop could not do it: answered as a 500 with this text. Most of it is asked of DevTools."""


class DesktopPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a desktop is made from."""

    chromium: Chromium
    directory: Path
    screen: Screen
    identity: Identity | None
    start_url: str
    kiosk: bool
    offline: bool
    allowed_hosts: tuple[str, ...]
    allow_no_sandbox: bool
    strict_kernel: bool


class Desktop(Protocol):
    """One Chromium on a screen of its own. Its caller lets one call in at a time, as Kernel's mutex does."""

    screen: Screen
    warnings: tuple[str, ...]

    @property
    def display(self) -> Mapping[str, str] | None:
        """What a program of ours needs in its environment to film the screen; None for no screen."""

    @property
    def devtools(self) -> DevTools:
        """The conversation with its browser, for who only listens."""

    async def perform(self, action: Action) -> None:
        """Do one action; cancelled, it lets go of keys and buttons.

        Raises:
            Refused: It can't be done here, or a key has no such name.
            DesktopFailed: It went wrong.
        """

    async def screenshot(self, region: Region | None) -> bytes:
        """Take a PNG of the screen, or of a region of it."""

    async def settled(self) -> Settled:
        """Take a picture once the screen has come to rest after the last action, or after three seconds."""

    async def mouse_position(self) -> tuple[int, int]:
        """Say where the pointer is."""

    async def read_clipboard(self) -> str:
        """Read the clipboard; empty if it holds no text."""

    async def write_clipboard(self, text: str) -> None:
        """Put a text on the clipboard."""

    async def navigate(self, url: str) -> None:
        """Open an address in the page in front."""

    async def shown(self, at_most_s: float | None = None) -> tuple[str, str]:
        """Say the address and the title of the page in front; both come from the page.

        Args:
            at_most_s: Of a browser too busy to answer by then, what it last said is taken.
        """

    async def ended(self) -> int:
        """Wait until the browser is no more; gives its exit code, or the negative of a signal."""

    async def close(self) -> None:
        """End the browser and all that belongs to it; never raises."""
