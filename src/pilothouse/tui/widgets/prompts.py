"""The small panes that open at the foot of the screen:

ending a run, going to a place, setting a limit. They ask; the screen acts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

import msgspec
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Input

from pilothouse.safety import clean_line

if TYPE_CHECKING:
    from textual import events


class AbortPane(Widget, can_focus=True):
    """Asks whether to end the run, and what becomes of its browser; only ctrl+y commits."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,down,k,j", "turn", show=False),
        Binding("ctrl+y", "commit", show=False),
        Binding("escape", "leave", show=False),
    ]
    ALLOW_SELECT = False
    keep: reactive[bool] = reactive(False)

    class Committed(Message):
        """The person wants the run ended."""

        def __init__(self, keep_browser: bool) -> None:
            super().__init__()
            self.keep_browser = keep_browser

    class Left(Message):
        """The person thought better of it."""

    def __init__(self) -> None:
        super().__init__(id="abort")

    def render(self) -> Content:
        """Show the question and the choice; the keys are in the footer."""
        parts: list[tuple[str, str]] = [
            ("End this run?", "bold $error"),
            ("  What is in flight is cancelled.", "$text-muted"),
        ]
        for keep, text in ((False, "close its browser"), (True, "keep its browser open")):
            chosen = keep == self.keep
            parts.append(
                (f"\n {'●' if chosen else '○'} {text}", "bold $foreground" if chosen else "$text-muted")
            )
        return Content.assemble(*parts)

    def action_turn(self) -> None:
        """Choose the other fate of the browser."""
        self.keep = not self.keep

    def action_commit(self) -> None:
        """Ask for the end."""
        self.post_message(self.Committed(self.keep))

    def action_leave(self) -> None:
        """Change nothing."""
        self.post_message(self.Left())


class Place(msgspec.Struct, frozen=True):
    """Where to go: exactly one is given."""

    step: int | None = None
    seconds: float | None = None
    part: float | None = None
    """From 0 to 1."""


_TIME = re.compile(r"(?:(\d+):)?(\d+):(\d\d)")


def parse_place(text: str) -> Place | None:
    """Read `12` as a step, `1:30` as a time, `50%` as a part; None for anything else."""
    text = text.strip()
    if text.isdecimal() and text.isascii() and len(text) < 10:
        return Place(step=int(text))
    if match := _TIME.fullmatch(text):
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return Place(seconds=hours * 3600 + minutes * 60 + seconds)
    if text.endswith("%") and text[:-1].isdecimal() and len(text) <= 4:
        return Place(part=min(int(text[:-1]), 100) / 100)
    return None


class Line(Input):
    """Asks for a line of text; what is pasted into it is cleaned."""

    def __init__(self, name: str, placeholder: str, max_length: int) -> None:
        super().__init__(id=name, placeholder=placeholder, compact=True, max_length=max_length)
        self.cursor_blink = False

    class Given(Message):
        """The person gave a line."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """The person changes nothing."""

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            event.prevent_default()
            self.post_message(self.Left())
            return
        await super()._on_key(event)

    def _on_paste(self, event: events.Paste) -> None:
        """Take pasted text as text, cleaned."""
        event.stop()
        event.prevent_default()
        self.insert_text_at_cursor(clean_line(event.text, self.max_length or 20))

    async def action_submit(self) -> None:
        """Give what was written to the screen."""
        text, self.value = self.value, ""
        self.post_message(self.Given(text))


class GoTo(Line):
    """Asks for a step, a time or a part."""

    class Given(Line.Given):
        """The person named a place, or something that is none."""

    class Left(Line.Left):
        """The person stays."""

    def __init__(self) -> None:
        super().__init__("goto", "step 12, time 1:30 or part 50%", 20)


class LimitLine(Line):
    """Asks for a limit and its value, to go on once past those that hold, or for another model or effort."""

    class Given(Line.Given):
        """The person named a limit, or something that is none."""

    class Left(Line.Left):
        """The person changes nothing."""

    def __init__(self) -> None:
        hint = "steps 50, steps off, once, model NAME [EFFORT], or effort LEVEL"
        super().__init__("limits", hint, 120)


def parse_limit(text: str) -> tuple[str, float | None] | None:
    """Read `steps 50`, or `steps off` as no limit; None for anything else. Knows no limits."""
    match text.lower().replace("=", " ").split():
        case [name, "off"]:
            return name, None
        case [name, value]:
            try:
                return name, float(value)
            except ValueError:
                return None
        case _:
            return None


def parse_model(text: str) -> tuple[str, str] | None:
    """Read `model NAME`, `model NAME EFFORT` or `effort LEVEL`; None for anything else. Knows no models."""
    match text.replace("=", " ").split():
        case ["model", name]:
            return name, ""
        case ["model", name, effort]:
            return name, effort
        case ["effort", effort]:
            return "", effort
        case _:
            return None
