"""The two panes that are lists: the transcript and the tool-call log. Each is a head and its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Vertical

from pilothouse.tui.widgets.lines import PaneHead
from pilothouse.tui.widgets.rows import Rows

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from pilothouse.tui.rowlist import RowSource


class ListPane(Vertical):
    """A numbered pane around a list of rows."""

    ALLOW_MAXIMIZE = False

    def __init__(self, number: int, source: RowSource, id: str) -> None:  # noqa: A002
        super().__init__(id=id, classes="pane")
        self._head = PaneHead(number)
        self.rows = Rows(source, id=f"{id}-rows")

    def compose(self) -> ComposeResult:
        """Lay out head and rows."""
        yield self._head
        yield self.rows

    def say(self, *right: str) -> None:
        """Set what is said at the right of the head."""
        self._head.say(*right)
