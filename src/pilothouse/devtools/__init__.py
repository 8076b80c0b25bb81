"""What a browser's DevTools tell of its pages, near or far: when nothing more will change them.

The local server asks over a pipe, the engine over a browser's websocket; the questions and the rule are here,
once. How a browser is started or acted in is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

Event = dict[str, Any]


class DevToolsFailed(Exception):
    """The browser refuses, has hung up, or did not answer in time."""


class DevTools(Protocol):
    """A conversation with one browser."""

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Hear every event from now on; a listener must not wait."""

    async def call(
        self, method: str, session: str | None = None, *, timeout_s: float = ..., **params: Any
    ) -> Event:
        """Call a method; gives its result.

        Raises:
            DevToolsFailed: It came to nothing.
        """
