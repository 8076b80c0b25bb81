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
from pilothouse.tui.stylesheets import read_late
from pilothouse.tui.widgets.late import Late

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events
    from textual.widget import Widget

    from pilothouse.tui.actions import LocalKey
    from pilothouse.tui.widgets.always import AlwaysForm
    from pilothouse.tui.widgets.approval import ApprovalPane, DecisionForm
    from pilothouse.tui.widgets.composer import Composer
    from pilothouse.tui.widgets.finders import Find, Sift
    from pilothouse.tui.widgets.lines import FactLine
    from pilothouse.tui.widgets.palette import PalettePane
    from pilothouse.tui.widgets.prompts import AbortPane, GoTo, LimitLine
    from pilothouse.tui.widgets.queue import MessageEditor, QueuePane
    from pilothouse.tui.widgets.wheel import WheelPane

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


def _composer(_drawer: Drawer) -> Composer:
    from pilothouse.tui.widgets.composer import Composer

    return Composer()


def _abort(_drawer: Drawer) -> AbortPane:
    from pilothouse.tui.widgets.prompts import AbortPane

    return AbortPane()


def _goto(_drawer: Drawer) -> GoTo:
    from pilothouse.tui.widgets.prompts import GoTo

    return GoTo()


def _limits_now(_drawer: Drawer) -> FactLine:
    from pilothouse.tui.widgets.lines import FactLine

    return FactLine(id="limits-now")


def _limits(_drawer: Drawer) -> LimitLine:
    from pilothouse.tui.widgets.prompts import LimitLine

    return LimitLine()


def _queue(_drawer: Drawer) -> QueuePane:
    from pilothouse.tui.widgets.queue import QueuePane

    return QueuePane()


def _message(_drawer: Drawer) -> MessageEditor:
    from pilothouse.tui.widgets.queue import MessageEditor

    return MessageEditor()


def _find(_drawer: Drawer) -> Find:
    from pilothouse.tui.widgets.finders import Find

    return Find()


def _sift(_drawer: Drawer) -> Sift:
    from pilothouse.tui.widgets.finders import Sift

    return Sift()


def _palette(_drawer: Drawer) -> PalettePane:
    from pilothouse.tui.widgets.palette import PalettePane

    return PalettePane()


def _approval(drawer: Drawer) -> ApprovalPane:
    from pilothouse.tui.widgets.approval import ApprovalPane

    return ApprovalPane(drawer.now)


def _reject(drawer: Drawer) -> DecisionForm:
    from pilothouse.tui.widgets.approval import DecisionForm

    return DecisionForm("reject", drawer.now, "why not? the agent reads it")


def _edit(drawer: Drawer) -> DecisionForm:
    from pilothouse.tui.widgets.approval import DecisionForm

    return DecisionForm("edit", drawer.now, "the input as JSON")


def _always(drawer: Drawer) -> AlwaysForm:
    from pilothouse.tui.widgets.always import AlwaysForm

    return AlwaysForm(drawer.now)


def _wheel(_drawer: Drawer) -> WheelPane:
    from pilothouse.tui.widgets.wheel import WheelPane

    return WheelPane()


class Drawer(Container):
    """Holds the composer, the abort pane, the prompts, and what waits for a decision.

    The approval pane is shown as soon as something waits and nothing else is open, without the keys.
    """

    composer = Late(_composer)
    abort = Late(_abort)
    goto = Late(_goto)
    limits_now = Late(_limits_now)
    limits = Late(_limits)
    queue = Late(_queue)
    message = Late(_message)
    find = Late(_find)
    sift = Late(_sift)
    palette = Late(_palette)
    approval = Late(_approval)
    reject = Late(_reject)
    edit = Late(_edit)
    always = Late(_always)
    wheel = Late(_wheel)

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(id="drawer")
        self.now = now
        self.opened = ""
        """The id of the pane that has the keys; empty for none."""
        self._is_offering = False

    def take_in(self, pane: Widget) -> None:
        """Mount a pane, at the first of them with how they all look."""
        read_late(self.app, "screens/drawer.tcss")
        self.mount(pane)

    @property
    def keys(self) -> tuple[LocalKey, ...]:
        """The keys of what is open."""
        return self.wheel.standing.keys if self.opened == "wheel" else _KEYS[self.opened]

    def open(self, name: str) -> None:
        """Open a pane and give it the keys."""
        self.opened = name
        self._pane  # noqa: B018 - it is mounted before it is laid out
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
        if (approval := Drawer.approval.found(self)) is not None:
            approval.take(keys=self.opened == "approval")

    def keep_focus(self, event: events.DescendantFocus) -> None:
        """Take the keys back from a widget elsewhere, which a click gave them to."""
        if self.opened and self not in event.widget.ancestors:
            self._take_keys()

    def _take_keys(self) -> None:
        # At once: `Widget.focus` only asks for it, and keys that are already waiting would miss it.
        self.screen.set_focus(self._pane)

    @property
    def _pane(self) -> Widget:
        pane: Widget = getattr(self, self.opened)
        return self.palette.line if self.opened == "palette" else pane
