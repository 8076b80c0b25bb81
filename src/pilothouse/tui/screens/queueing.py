"""Messages that wait, and changing one's mind about them. What they look like is in `widgets.queue`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on

from pilothouse import commands as cmd
from pilothouse.tui.screens.deciding import DecidingScreen
from pilothouse.tui.widgets.queue import Correspondence, MessageEditor, QueuePane

if TYPE_CHECKING:
    from pilothouse.events import Event


class QueueingScreen(DecidingScreen):
    """Shows the queue in the drawer, and asks the engine for changes."""

    _letters: Correspondence | None = None

    def _take(self, arrived: list[Event]) -> None:
        super()._take(arrived)
        if self._letters is None:
            self._letters = Correspondence()
        for event in arrived:
            self._letters.take(event)

    def show_approval(self) -> None:
        """Show what waits, messages too."""
        super().show_approval()
        settled = self._letters.settled if self._letters is not None else ()
        self.query_one(QueuePane).put(self.record.head_state.messages, settled)

    def do_run_queue(self) -> None:
        """Open the queue."""
        self._open("queue")

    @on(QueuePane.Left)
    def _leave_queue(self) -> None:
        self._close()

    @on(QueuePane.Moved)
    def _move(self, message: QueuePane.Moved) -> None:
        self.send(cmd.Revise(**self._who(), message=message.message_id, before=message.before), "moving…")

    @on(QueuePane.Timed)
    def _time(self, message: QueuePane.Timed) -> None:
        self.send(cmd.Revise(**self._who(), message=message.message_id, when=message.when), "changing…")

    @on(QueuePane.TakenBack)
    def _take_back(self, message: QueuePane.TakenBack) -> None:
        self.send(cmd.Unsay(**self._who(), message=message.message_id), "taking it back…")

    @on(QueuePane.Rewording)
    def _reword(self, message: QueuePane.Rewording) -> None:
        self.query_one(MessageEditor).begin(message.queued)
        self._open("message")

    @on(MessageEditor.Kept)
    def _back_to_queue(self) -> None:
        self._open("queue")

    @on(MessageEditor.Reworded)
    def _reworded(self, message: MessageEditor.Reworded) -> None:
        self._open("queue")
        revised = cmd.Revise(**self._who(), message=message.message_id, text=message.text, when=message.when)
        self.send(revised, "changing…")
