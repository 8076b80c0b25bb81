"""The palette: every action by its name, in a pane of the same screen. It finds and tells; the screen acts.

A pane, not Textual's modal screen: that one tints what lies behind it, and with it the colours that carry a
Kitty picture's identity, so the picture goes blank (tui-style §0.6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from pilothouse.safety import clean_line
from pilothouse.tui.wrap import cells, cut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.app import ComposeResult

MOST_ROWS = 10


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that may be chosen."""

    id: str
    title: str
    does: str
    key: str
    why_not: str = ""


def matching(entries: Sequence[Entry], query: str) -> list[Entry]:
    """Find the entries that hold every word; those that can be done and begin with it come first."""
    words = query.lower().split()

    def rank(entry: Entry) -> tuple[bool, bool, bool]:
        title = entry.title.lower()
        begins = bool(words) and title.startswith(words[0])
        return bool(entry.why_not), not begins, not all(word in title for word in words)

    found = [
        entry
        for entry in entries
        if all(word in f"{entry.title} {entry.does} {entry.id}".lower() for word in words)
    ]
    return sorted(found, key=rank)


class PaletteInput(Input):
    """Where the name is written; pasted text is cleaned."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("pageup", f"move({-MOST_ROWS})", show=False),
        Binding("pagedown", f"move({MOST_ROWS})", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(id="palette-input", placeholder="what to do", compact=True, max_length=60)
        self.cursor_blink = False

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.insert_text_at_cursor(clean_line(event.text, 60))

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            event.prevent_default()
            self.post_message(PalettePane.Left())
            return
        await super()._on_key(event)

    def action_move(self, by: int) -> None:
        """Choose another row."""
        for pane in self.ancestors:
            if isinstance(pane, PalettePane):
                pane.move(by)


class _Found(Widget):
    """The rows that were found, a window of them around the chosen one."""

    DEFAULT_CSS = "_Found { height: auto; }"
    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__(id="palette-found")
        self.rows: list[Entry] = []
        self.at = 0

    def render(self) -> Content:
        """Lay the rows out."""
        if not self.rows:
            return Content.styled("nothing of that name", "$text-muted")
        top = min(max(self.at - MOST_ROWS // 2, 0), max(len(self.rows) - MOST_ROWS, 0))
        lines = [
            self._line(entry, number == self.at)
            for number, entry in enumerate(self.rows[top : top + MOST_ROWS], top)
        ]
        return Content("\n").join(lines)

    def _line(self, entry: Entry, chosen: bool) -> Content:
        width = self.content_size.width or 1
        style = "$text-disabled" if entry.why_not else "$foreground"
        told = f"not now: {entry.why_not}" if entry.why_not else entry.does
        room = max(width - cells(entry.title) - cells(entry.key) - 6, 0)
        told = cut(told, room) if room > 3 else ""
        gap = " " * max(width - cells(entry.title) - cells(told) - cells(entry.key) - 4, 1)
        return Content.assemble(
            ("▎ " if chosen else "  ", "bold $text-accent"),
            (entry.title, f"bold {style}" if chosen else style),
            ("  ", ""),
            (told, "$text-disabled" if entry.why_not else "$text-muted"),
            (gap, ""),
            (entry.key, "$text-muted"),
        )

    def on_click(self, event: events.Click) -> None:
        """Choose the row under the pointer."""
        top = min(max(self.at - MOST_ROWS // 2, 0), max(len(self.rows) - MOST_ROWS, 0))
        if 0 <= (at := top + event.y) < len(self.rows):
            self.post_message(PalettePane.Chosen(self.rows[at].id))


class PalettePane(Vertical):
    """Finds an action by words of its name."""

    DEFAULT_CSS = "PalettePane { height: auto; }"

    class Chosen(Message):
        """The person chose an action."""

        def __init__(self, action: str) -> None:
            super().__init__()
            self.action = action

    class Left(Message):
        """The person chose none."""

    def __init__(self) -> None:
        super().__init__(id="palette")
        self.line = PaletteInput()
        """What has the keys while the palette is open."""
        self._list = _Found()
        self._entries: tuple[Entry, ...] = ()

    def compose(self) -> ComposeResult:
        """Lay out the line and what is found."""
        yield self.line
        yield self._list

    @property
    def found(self) -> list[Entry]:
        """What matches what is written."""
        return self._list.rows

    def offer(self, entries: Sequence[Entry]) -> None:
        """Begin anew with these entries."""
        self._entries = tuple(entries)
        self.line.value = ""
        self._find("")

    def _find(self, query: str) -> None:
        found = self._list
        found.rows, found.at = matching(self._entries, query), 0
        found.refresh(layout=True)

    @on(Input.Changed)
    def _changed(self, message: Input.Changed) -> None:
        message.stop()
        self._find(message.value)

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        message.stop()
        found = self._list
        if message.value != "" or found.rows:
            rows = matching(self._entries, message.value)  # what is typed ahead of the repaint counts
            at = min(found.at, len(rows) - 1) if rows == found.rows else 0
            self.post_message(self.Chosen(rows[at].id) if rows else self.Left())

    def move(self, by: int) -> None:
        """Choose another row, as far as there are some."""
        found = self._list
        found.at = min(max(found.at + by, 0), max(len(found.rows) - 1, 0))
        found.refresh()
