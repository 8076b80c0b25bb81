"""The two panes that are lists: the transcript and the tool-call log. Each is a head and its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from pilothouse.tui.stylesheets import read_late
from pilothouse.tui.widgets.late import Late
from pilothouse.tui.widgets.lines import PaneHead
from pilothouse.tui.widgets.rows import Rows

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widget import Widget

    from pilothouse.tui.rowlist import RowSource


class NewBelow(Static):
    """Says that rows came below what is in view; a click goes there."""

    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__(Content(""), classes="new-below")
        self._count = 0

    def tell(self, count: int) -> None:
        """Show a number of rows, or nothing for none."""
        if count != self._count:
            self._count = count
            self.set_class(count > 0, "-some")
            self.update(Content(f"↓ {count} new below · F" if count else ""))

    async def on_click(self) -> None:
        """Follow the latest."""
        await self.run_action("screen.do('follow')")


class ListPane(Vertical):
    """A numbered pane around a list of rows."""

    ALLOW_MAXIMIZE = False
    pill = Late(lambda _pane: NewBelow())

    def __init__(self, number: int, source: RowSource, id: str, *, is_here: bool = False) -> None:  # noqa: A002
        super().__init__(id=id, classes="pane -here" if is_here else "pane")
        self._head = PaneHead(number)
        self._head.stand_out(is_here)
        self.rows = Rows(source, id=f"{id}-rows")

    def compose(self) -> ComposeResult:
        """Lay out head and rows."""
        yield self._head
        yield self.rows

    def take_in(self, pane: Widget) -> None:
        """Mount what says that rows came below."""
        read_late(self.app, "screens/late.tcss")
        self.mount(pane)

    def tell_new(self, count: int) -> None:
        """Say how many rows came below, while one looks at others."""
        pill = self.pill if count else ListPane.pill.found(self)
        if pill is not None:
            pill.tell(count)

    def say(self, *right: str) -> None:
        """Set what is said at the right of the head."""
        self._head.say(*right)
