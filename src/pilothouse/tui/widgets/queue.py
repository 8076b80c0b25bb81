"""Messages that wait, and what became of the last ones. It shows and asks; the screen acts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from pilothouse.safety import clean, clean_line
from pilothouse.tui.widgets.composer import TEXT_MAX, Composer
from pilothouse.tui.wrap import cut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

    from pilothouse.state import QueuedMessage

WHEN: Final = {"now": "now", "after": "after this batch", "end": "when it has finished"}
_NEXT: Final = {"after": "end", "end": "now", "now": "after"}


class QueuePane(Widget, can_focus=True):
    """The queue, in the order in which it is read."""

    ALLOW_SELECT = False

    class Moved(Message):
        """The person puts a message before another one; `end` for behind all."""

        def __init__(self, message_id: str, before: str) -> None:
            super().__init__()
            self.message_id = message_id
            self.before = before

    class Rewording(Message):
        """The person wants to change a message's words."""

        def __init__(self, queued: QueuedMessage) -> None:
            super().__init__()
            self.queued = queued

    class Timed(Message):
        """The person wants a message read at another boundary."""

        def __init__(self, message_id: str, when: str) -> None:
            super().__init__()
            self.message_id = message_id
            self.when = when

    class TakenBack(Message):
        """The person takes a message back."""

        def __init__(self, message_id: str) -> None:
            super().__init__()
            self.message_id = message_id

    class Left(Message):
        """The person leaves it as it is."""

    def __init__(self) -> None:
        super().__init__(id="queue")
        self._waiting: tuple[QueuedMessage, ...] = ()
        self._settled: tuple[tuple[str, str], ...] = ()
        self._chosen = ""

    @property
    def at(self) -> int:
        """Where the chosen message stands; -1 when none waits. The choice goes along with its message."""
        ids = [message.id for message in self._waiting]
        return ids.index(self._chosen) if self._chosen in ids else min(0, len(ids) - 1)

    def put(self, waiting: tuple[QueuedMessage, ...], settled: Sequence[tuple[str, str]]) -> None:
        """Show what waits, and what became of the last ones."""
        if (waiting, tuple(settled)) == (self._waiting, self._settled):
            return
        before, at = self._waiting, self.at
        self._waiting, self._settled = waiting, tuple(settled)
        if before and waiting and self._chosen not in [message.id for message in waiting]:
            self._chosen = waiting[min(at, len(waiting) - 1)].id  # its neighbour, now that it is gone
        self.refresh(layout=True)

    def render(self) -> Content:
        """Show one line for each."""
        width = max(self.size.width, 20)
        parts: list[tuple[str, str]] = [("Messages that wait", "bold $foreground")]
        if not self._waiting:
            parts.append(("  none", "$text-muted"))
        for number, message in enumerate(self._waiting):
            chosen = number == self.at
            head = f"\n {'●' if chosen else '○'} {WHEN.get(message.when, clean_line(message.when, 20))}: "
            style = "bold $foreground" if chosen else "$text-muted"
            parts.append((cut(head + clean_line(message.text, 400), width + 1), style))
        for said, text in self._settled:
            style = "$text-success" if said.startswith("✓") else "$text-warning"
            parts.append((f"\n   {said}", style))
            parts.append((f"  {cut(clean_line(text, 200), max(width - len(said) - 6, 8))}", "$text-disabled"))
        return Content.assemble(*parts)

    async def _on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        match event.key:
            case "escape":
                self.post_message(self.Left())
            case "up" | "k":
                self._choose(-1)
            case "down" | "j":
                self._choose(1)
            case _ if self._waiting:
                self._change(event.key)

    def _choose(self, by: Literal[-1, 1]) -> None:
        if self._waiting:
            self._chosen = self._waiting[min(max(self.at + by, 0), len(self._waiting) - 1)].id
            self.refresh()

    def _change(self, key: str) -> None:
        at, message = self.at, self._waiting[self.at]
        self._chosen = message.id
        match key:
            case "shift+up" | "K" | "upper_k" if at > 0:
                self.post_message(self.Moved(message.id, self._waiting[at - 1].id))
            case "shift+down" | "J" | "upper_j" if at < len(self._waiting) - 1:
                behind = self._waiting[at + 2].id if at + 2 < len(self._waiting) else "end"
                self.post_message(self.Moved(message.id, behind))
            case "e" | "enter":
                self.post_message(self.Rewording(message))
            case "w":
                self.post_message(self.Timed(message.id, _NEXT.get(message.when, "after")))
            case "delete" | "backspace":
                self.post_message(self.TakenBack(message.id))


class MessageEditor(Composer):
    """Changes the words of a message that waits."""

    class Reworded(Message):
        """The person changed it; without a `when` its boundary stays."""

        def __init__(self, message_id: str, text: str, when: str) -> None:
            super().__init__()
            self.message_id = message_id
            self.text = text
            self.when = when

    class Kept(Message):
        """The person left no words: it stays as it is."""

    def __init__(self) -> None:
        super().__init__("message")
        self.editing: QueuedMessage | None = None

    def begin(self, queued: QueuedMessage) -> None:
        """Begin with the words that it has."""
        self.editing = queued
        self.text = clean(queued.text, limit=TEXT_MAX)
        self.move_cursor(self.document.end)

    def _send(self, when: str) -> None:
        text = self.text.strip()[:TEXT_MAX]
        if self.editing is None or not text:
            self.post_message(self.Kept())
        else:
            self.post_message(self.Reworded(self.editing.id, text, "" if when == "after" else when))
