"""The lines at the foot of the roster: a search, a name, tags; and the question before a run is deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from pilothouse.safety import clean_line
from pilothouse.tui.wrap import cut

if TYPE_CHECKING:
    from textual import events

LINE_MAX = 200


class FootLine(Input):
    """Asks for a line of text; what is pasted into it is cleaned."""

    class Given(Message):
        """The person gave a line."""

        def __init__(self, line: FootLine, text: str) -> None:
            super().__init__()
            self.line = line
            self.text = text

    class Left(Message):
        """The person thought better of it."""

        def __init__(self, line: FootLine) -> None:
            super().__init__()
            self.line = line

    def __init__(self, name: str, placeholder: str) -> None:
        super().__init__(id=name, placeholder=placeholder, compact=True, max_length=LINE_MAX)
        self.cursor_blink = False  # repaints by itself, for nothing

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            event.prevent_default()
            self.post_message(self.Left(self))
            return
        await super()._on_key(event)

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.insert_text_at_cursor(clean_line(event.text, LINE_MAX))

    async def action_submit(self) -> None:
        """Give what was written to the screen."""
        self.post_message(self.Given(self, self.value))


class DeletePane(Widget, can_focus=True):
    """Asks whether to move a run to the trash; only ctrl+y commits."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+y", "commit", show=False),
        Binding("escape", "leave", show=False),
    ]
    ALLOW_SELECT = False

    class Committed(Message):
        """The person wants the run deleted."""

        def __init__(self, run: str) -> None:
            super().__init__()
            self.run = run

    class Left(Message):
        """The person keeps it."""

    def __init__(self) -> None:
        super().__init__(id="delete")
        self._run = ""
        self._called = ""

    def ask(self, run: str, called: str) -> None:
        """Ask about a run."""
        self._run, self._called = run, called
        self.refresh()

    def render(self) -> Content:
        """Show the question; the keys are in the footer."""
        return Content.assemble(
            ("Move to the trash?", "bold $text-warning"),
            (f"  {cut(self._called, max(self.size.width - 34, 8))}\n", "$foreground"),
            (f"`pilothouse trash --restore {self._run}` puts it back.", "$text-muted"),
        )

    def action_commit(self) -> None:
        """Ask for it."""
        self.post_message(self.Committed(self._run))

    def action_leave(self) -> None:
        """Change nothing."""
        self.post_message(self.Left())
