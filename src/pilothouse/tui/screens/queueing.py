"""Messages that wait, and changing one's mind about them. What they look like is in `widgets.queue`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pilothouse import commands as cmd
from pilothouse.tui.correspondence import Correspondence
from pilothouse.tui.screens.deciding import DecidingScreen
from pilothouse.tui.widgets.drawer import Drawer

if TYPE_CHECKING:
    from pilothouse.events import Event
    from pilothouse.tui.widgets.queue import MessageEditor, QueuePane


class QueueingScreen(DecidingScreen, is_layer=True):
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
        if (pane := Drawer.queue.found(self.drawer)) is not None:
            self._show_queue(pane)

    def _show_queue(self, pane: QueuePane) -> None:
        settled = self._letters.settled if self._letters is not None else ()
        pane.put(self.record.head_state.messages, settled)

    def do_run_queue(self) -> None:
        """Open the queue."""
        self._show_queue(self.drawer.queue)
        self._open("queue")

    def on_queue_pane_left(self) -> None:
        """Leave the messages as they are."""
        self._close()

    def on_queue_pane_moved(self, message: QueuePane.Moved) -> None:
        """Put a message elsewhere in the queue."""
        self.send(cmd.Revise(**self._who(), message=message.message_id, before=message.before), "moving…")

    def on_queue_pane_timed(self, message: QueuePane.Timed) -> None:
        """Have a message read at another boundary."""
        self.send(cmd.Revise(**self._who(), message=message.message_id, when=message.when), "changing…")

    def on_queue_pane_taken_back(self, message: QueuePane.TakenBack) -> None:
        """Take a message back."""
        self.send(cmd.Unsay(**self._who(), message=message.message_id), "taking it back…")

    def on_queue_pane_rewording(self, message: QueuePane.Rewording) -> None:
        """Open a message's words."""
        self.drawer.message.begin(message.queued)
        self._open("message")

    def on_message_editor_kept(self) -> None:
        """Go back to the queue."""
        self._open("queue")

    def on_message_editor_reworded(self, message: MessageEditor.Reworded) -> None:
        """Have a message's words changed."""
        self._open("queue")
        revised = cmd.Revise(**self._who(), message=message.message_id, text=message.text, when=message.when)
        self.send(revised, "changing…")
