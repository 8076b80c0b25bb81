"""The drawer at the foot of the screen: one pane that asks a person something is open in it, or none.

While one is, it holds on to the keys: a key meant for what is asked never steers the run behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.containers import Container

from pilothouse.tui.actions import ABORT_KEYS, COMPOSER_KEYS, GOTO_KEYS
from pilothouse.tui.widgets.composer import Composer
from pilothouse.tui.widgets.prompts import AbortPane, GoTo

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult
    from textual.widget import Widget

    from pilothouse.tui.actions import LocalKey

_KEYS: Final = {"": (), "composer": COMPOSER_KEYS, "abort": ABORT_KEYS, "goto": GOTO_KEYS}


class Drawer(Container):
    """Holds the composer, the abort pane and the place prompt."""

    def __init__(self) -> None:
        super().__init__(id="drawer")
        self.opened = ""
        """The id of the open pane; empty for none."""

    def compose(self) -> ComposeResult:
        """Lay out what may be asked; only the open one is shown."""
        yield Composer()
        yield AbortPane()
        yield GoTo()

    @property
    def keys(self) -> tuple[LocalKey, ...]:
        """The keys of what is open."""
        return _KEYS[self.opened]

    def open(self, name: str) -> None:
        """Open a pane and give it the keys."""
        self.opened = name
        self.set_classes(f"-{name}")
        self._take_keys()

    def close(self) -> None:
        """Close what is open; what was written stays."""
        self.opened = ""
        self.set_classes("")

    def keep_focus(self, event: events.DescendantFocus) -> None:
        """Take the keys back from a widget elsewhere, which a click gave them to."""
        if self.opened and self not in event.widget.ancestors:
            self._take_keys()

    def _take_keys(self) -> None:
        # At once: `Widget.focus` only asks for it, and keys that are already waiting would miss it.
        self.screen.set_focus(self._pane)

    @property
    def _pane(self) -> Widget:
        return self.query_one(f"#{self.opened}")
