"""When the bridge calls a person, and how: the bell, the title, a desktop notification. Once for each need.

What a need is, is `engine.needs`; the bytes are the terminal's. Nothing here knows a screen.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from pilothouse.engine.needs import Need, need_of
from pilothouse.safety import clean_line
from pilothouse.terminal import notify

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pilothouse.settings.resolve import Settings
    from pilothouse.state import RunState
    from pilothouse.terminal.probe import Capabilities

TITLE_MARK: Final = "● needs you: "


class Wishes(msgspec.Struct, frozen=True):
    """How a person wants to be called."""

    bell: bool = True
    title: bool = True
    notify: str = "auto"

    @classmethod
    def of(cls, settings: Settings) -> Wishes:
        """Take them from the settings."""
        return cls(bell=settings["bell"], title=settings["window-title"], notify=settings["notify"])


class Call(msgspec.Struct, frozen=True):
    """What is to be done now."""

    bell: bool = False
    title: str | None = None
    """None to leave it as it is."""
    desktop: str = ""
    """What is notified."""


class Attention:
    """Watches one run, and says when to call.

    Args:
        wishes: How the person wants to be called.
        since_wall: What came up before this time, ISO UTC, is not news: it is only said in the title.
    """

    def __init__(self, wishes: Wishes, since_wall: str = "") -> None:
        self._wishes = wishes
        self._since_wall = since_wall
        self._key = ""
        self._title = ""

    def look(self, state: RunState, *, live: bool) -> Call:
        """Say what is to be done for this state, which is the newest one; a recording needs nobody."""
        need = need_of(state) if live else None
        key = need.key if need is not None else ""
        news = bool(key) and key != self._key
        self._key = key
        title = self._retitled(need, state.run)
        if need is None or not news or (state.wall and state.wall < self._since_wall):
            return Call(title=title)
        asks = need.text if self._wishes.notify != notify.OFF else ""
        return Call(bell=self._wishes.bell, title=title, desktop=asks)

    def _retitled(self, need: Need | None, run: str) -> str | None:
        if not self._wishes.title:
            return None
        title = f"{TITLE_MARK}{need.text}" if need is not None else f"pilothouse {clean_line(run, 20)}"
        if title == self._title:
            return None
        self._title = title
        return title


def utc_now() -> str:
    """Say what time it is, as events do."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def way_of(capabilities: Capabilities, wishes: Wishes, environ: Mapping[str, str] | None = None) -> str:
    """Choose how the terminal is asked for a notification."""
    environ = os.environ if environ is None else environ
    return notify.way_of(environ, capabilities.multiplexer, wishes.notify)
