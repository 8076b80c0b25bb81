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
from pilothouse.tui.keymap import Keymap

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.app import ComposeResult

    from pilothouse.tui.actions import Action, Situation
    from pilothouse.tui.roster_actions import Choice

_KEYS_CELLS = 18

RUN_PANES = {"Writing to the agent": COMPOSER_KEYS, "The abort pane": ABORT_KEYS}


class HelpPane(VerticalScroll):
    """Lies where the panes are; scrolls."""

    ALLOW_MAXIMIZE = False

    def __init__(
        self,
        actions: Sequence[Action] = ACTIONS,
        panes: Mapping[str, tuple[LocalKey, ...]] | None = None,
    ) -> None:
        super().__init__(id="help")
        self._text = Static(Content(""), id="help-text")
        self._actions = actions
        self._panes = RUN_PANES if panes is None else panes

    def compose(self) -> ComposeResult:
        """Lay out the one text."""
        yield self._text

    def tell(self, situation: Situation | Choice, keymap: Keymap | None = None) -> None:
        """Write the page for what can be done now."""
        keymap = keymap or Keymap()
        parts: list[Content] = []
        for group, actions in groupby(self._actions, key=lambda action: action.group):
            parts.append(Content.styled(f"{group}\n", "bold $text-accent"))
            parts += [_line(action, situation, keymap) for action in actions]
            parts.append(Content("\n"))
        for title, keys in self._panes.items():
            parts += _local(title, keys)
        self._text.update(Content("").join(parts))
        self.scroll_home(animate=False)


def _line(action: Action, situation: Situation | Choice, keymap: Keymap) -> Content:
    keys = " ".join(key_name(key) for key in keymap.keys(action)) or "palette"
    keys = keys.ljust(_KEYS_CELLS)
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
    return [Content.styled(f"{title}\n", "bold $text-accent"), *lines, Content("\n")]
