"""The help pane:

every action of the registry, whether it works now, and why not. Holds no keys of its own.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from pilothouse.tui.actions import ABORT_KEYS, ACTIONS, COMPOSER_KEYS, LocalKey, key_name

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from pilothouse.tui.actions import Action, Situation

_KEYS_CELLS = 16


class HelpPane(VerticalScroll):
    """Lies where the panes are; scrolls."""

    ALLOW_MAXIMIZE = False

    def __init__(self) -> None:
        super().__init__(id="help")

    def compose(self) -> ComposeResult:
        """Lay out the one text."""
        yield Static(Content(""), id="help-text")

    def tell(self, situation: Situation) -> None:
        """Write the page for what can be done now."""
        parts: list[Content] = []
        for group, actions in groupby(ACTIONS, key=lambda action: action.group):
            parts.append(Content.styled(f"{group}\n", "bold $accent"))
            parts += [_line(action, situation) for action in actions]
            parts.append(Content("\n"))
        parts += _local("Writing to the agent", COMPOSER_KEYS) + _local("The abort pane", ABORT_KEYS)
        self.query_one("#help-text", Static).update(Content("").join(parts))
        self.scroll_home(animate=False)


def _line(action: Action, situation: Situation) -> Content:
    keys = " ".join(key_name(key) for key in action.keys).ljust(_KEYS_CELLS)
    why_not = action.why_not(situation)
    if why_not:
        return Content.assemble(
            (keys, "$text-disabled"), (action.does, "$text-disabled"), (f"  {why_not}\n", "$text-warning")
        )
    return Content.assemble((keys, "bold $foreground"), (f"{action.does}\n", "$text-muted"))


def _local(title: str, keys: tuple[LocalKey, ...]) -> list[Content]:
    lines = [
        Content.assemble((key.keys.ljust(_KEYS_CELLS), "bold $foreground"), (f"{key.does}\n", "$text-muted"))
        for key in keys
    ]
    return [Content.styled(f"{title}\n", "bold $accent"), *lines, Content("\n")]
