"""The drawer at the foot of the screen: one pane that asks a person something is open in it, or none.

While one is, it holds on to the keys: a key meant for what is asked never steers the run behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.containers import Container

from pilothouse.tui.actions import (
    ABORT_KEYS,
    ALWAYS_KEYS,
    APPROVAL_KEYS,
    COMPOSER_KEYS,
    DECISION_KEYS,
    EDIT_KEYS,
    FIND_KEYS,
    GOTO_KEYS,
    LIMIT_KEYS,
    MESSAGE_KEYS,
    PALETTE_KEYS,
    QUEUE_KEYS,
    SIFT_KEYS,
    WHEEL_KEYS,
)
from pilothouse.tui.widgets.always import AlwaysForm
from pilothouse.tui.widgets.approval import ApprovalPane, DecisionForm
from pilothouse.tui.widgets.composer import Composer
from pilothouse.tui.widgets.finders import Find, Sift
from pilothouse.tui.widgets.lines import FactLine
from pilothouse.tui.widgets.palette import PalettePane
from pilothouse.tui.widgets.prompts import AbortPane, GoTo, LimitLine
from pilothouse.tui.widgets.queue import MessageEditor, QueuePane
from pilothouse.tui.widgets.wheel import WheelPane

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events
    from textual.app import ComposeResult
    from textual.widget import Widget

    from pilothouse.tui.actions import LocalKey

_KEYS: Final = {
    "": (),
    "composer": COMPOSER_KEYS,
    "abort": ABORT_KEYS,
    "goto": GOTO_KEYS,
    "limits": LIMIT_KEYS,
    "queue": QUEUE_KEYS,
    "message": MESSAGE_KEYS,
    "find": FIND_KEYS,
    "sift": SIFT_KEYS,
    "approval": APPROVAL_KEYS,
    "reject": DECISION_KEYS,
    "edit": EDIT_KEYS,
    "always": ALWAYS_KEYS,
    "wheel": WHEEL_KEYS,
    "palette": PALETTE_KEYS,
}
DECIDING: Final = frozenset({"approval", "reject", "edit", "always"})
"""The panes in which a decision is taken."""


class Drawer(Container):
    """Holds the composer, the abort pane, the prompts, and what waits for a decision.

    The approval pane is shown as soon as something waits and nothing else is open, without the keys.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(id="drawer")
        self._now = now
        self.opened = ""
        """The id of the pane that has the keys; empty for none."""
        self._is_offering = False

    def compose(self) -> ComposeResult:
        """Lay out what may be asked; only the open one is shown."""
        yield Composer()
        yield AbortPane()
        yield GoTo()
        yield FactLine(id="limits-now")
        yield LimitLine()
        yield QueuePane()
        yield MessageEditor()
        yield Find()
        yield Sift()
        yield PalettePane()
        yield ApprovalPane(self._now)
        yield DecisionForm("reject", self._now, "why not? the agent reads it")
        yield DecisionForm("edit", self._now, "the input as JSON")
        yield AlwaysForm(self._now)
        yield WheelPane()

    @property
    def keys(self) -> tuple[LocalKey, ...]:
        """The keys of what is open."""
        return self.query_one(WheelPane).standing.keys if self.opened == "wheel" else _KEYS[self.opened]

    def open(self, name: str) -> None:
        """Open a pane and give it the keys."""
        self.opened = name
        self._lay_out()
        self._take_keys()

    def offer(self, *, offering: bool) -> None:
        """Show the approval pane while nothing is open, or not; the keys stay where they are."""
        if offering != self._is_offering:
            self._is_offering = offering
            self._lay_out()

    def close(self) -> None:
        """Close what is open; what was written stays."""
        self.opened = ""
        self._lay_out()

    def _lay_out(self) -> None:
        shown = self.opened or ("approval" if self._is_offering else "")
        self.set_classes(f"-{shown}" if shown else "")
        self.query_one(ApprovalPane).take(keys=self.opened == "approval")

    def keep_focus(self, event: events.DescendantFocus) -> None:
        """Take the keys back from a widget elsewhere, which a click gave them to."""
        if self.opened and self not in event.widget.ancestors:
            self._take_keys()

    def _take_keys(self) -> None:
        # At once: `Widget.focus` only asks for it, and keys that are already waiting would miss it.
        self.screen.set_focus(self._pane)

    @property
    def _pane(self) -> Widget:
        pane = self.query_one(f"#{self.opened}")
        return pane.line if isinstance(pane, PalettePane) else pane
