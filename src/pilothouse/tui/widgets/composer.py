"""Where a person writes to the agent. Knows how to write and when to send, not where to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message
from textual.widgets import TextArea

from pilothouse.safety import clean

if TYPE_CHECKING:
    from textual import events

TEXT_MAX = 16_000
"""Characters of one message."""


class Composer(TextArea):
    """A few lines of text; enter sends."""

    class Said(Message):
        """The person sent what was written."""

        def __init__(self, text: str, when: str) -> None:
            super().__init__()
            self.text = text
            self.when = when
            """`now`, `after` or `end`."""

    class Left(Message):
        """The person left without sending."""

    def __init__(self, name: str = "composer") -> None:
        super().__init__(id=name, soft_wrap=True, compact=True, highlight_cursor_line=False)
        self.cursor_blink = False  # repaints by itself, for nothing

    async def _on_key(self, event: events.Key) -> None:
        match event.key:
            case "enter":
                self._send("after")
            case "alt+enter" | "ctrl+s":
                self._send("now")
            case "ctrl+l":
                self._send("end")
            case "ctrl+j" | "shift+enter":
                self.insert("\n")
            case "escape":
                self.post_message(self.Left())
            case _:
                await super()._on_key(event)
                return
        event.stop()
        event.prevent_default()

    async def _on_paste(self, event: events.Paste) -> None:
        """Take pasted text as text, cleaned: it may come from a page."""
        event.prevent_default()
        event.stop()
        self.insert(clean(event.text, limit=TEXT_MAX))

    def restore(self, text: str) -> None:
        """Put a message back that did not get through, unless another has been begun."""
        if not self.text:
            self.text = text
            self.move_cursor(self.document.end)

    def _send(self, when: str) -> None:
        text = self.text.strip()[:TEXT_MAX]
        if not text:
            self.post_message(self.Left())
            return
        self.clear()
        self.post_message(self.Said(text, when))
