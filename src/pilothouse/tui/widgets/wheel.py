"""The pane of who drives: it asks before the wheel is taken, and holds the keyboard while a person has it.

It says how things stand and passes every key on; what they mean is the screen's affair (`screens.driving`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from pilothouse.safety import clean_line
from pilothouse.tui import words
from pilothouse.tui.grip import Grip, Standing

if TYPE_CHECKING:
    from textual import events


class WheelPane(Widget, can_focus=True):
    """Says who drives, and takes every key."""

    ALLOW_SELECT = False

    class Pressed(Message):
        """A key was pressed."""

        def __init__(self, key: str, character: str | None) -> None:
            super().__init__()
            self.key = key
            self.character = character

    class Pasted(Message):
        """Text was pasted."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self) -> None:
        super().__init__(id="wheel")
        self.standing = Standing()

    def put(self, standing: Standing) -> None:
        """Show how things stand."""
        if standing != self.standing:
            self.standing = standing
            self.refresh()

    def render(self) -> Content:
        """Say it in two lines."""
        now = self.standing
        match now.grip:
            case Grip.ASK if now.other:
                first = [(f"{clean_line(now.other, 40)} drives.", "bold $warning")]
                second = "ctrl+y asks for the wheel: whoever drives is told"
            case Grip.ASK:
                first = [
                    ("Take the wheel?", "bold $warning"),
                    ("  The agent holds meanwhile.", "$text-muted"),
                ]
                second = "ctrl+y takes it: mouse and keys then go to the page"
            case Grip.DRIVING:
                return _driving(now)
            case Grip.LOST:
                first = [
                    ("You drive no longer", "bold $error"),
                    (f": {clean_line(now.why, 120)}", "$foreground"),
                ]
                second = "esc closes this; until then no key means anything"
            case _:
                doing = "giving the wheel back…" if now.grip is Grip.GIVING else "asking for the wheel…"
                first, second = (
                    [(doing, "italic $text-warning")],
                    "until then no key means anything",
                )
        return Content.assemble(*first, (f"\n {second}", "$text-muted"))

    async def _on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        self.post_message(self.Pressed(event.key, event.character))

    def _on_paste(self, event: events.Paste) -> None:
        """Take pasted text as text: it never acts as keys."""
        event.stop()
        event.prevent_default()
        self.post_message(self.Pasted(event.text))


def _driving(now: Standing) -> Content:
    parts: list[tuple[str, str]] = [
        ("You drive", "bold $warning"),
        ("  esc esc or ctrl+t gives it back", "$foreground"),
        (f"  {words.clock(now.left_s)} left", "$text-error" if now.left_s < 60 else "$text-muted"),
    ]
    if now.asked_by:
        parts.append((f"  {clean_line(now.asked_by, 40)} would like to drive", "bold $text-warning"))
    if now.waiting > 1:
        parts.append((f"  {now.waiting} on their way", "$text-warning"))
    if now.secret:
        said = "nothing is recorded" if now.concealed else "hiding…"
        parts.append((f"\n SECRET: {said}, what you type is masked; ctrl+k ends it", "bold $text-error"))
    elif now.aiming:
        parts.append((f"\n aiming at {now.aiming}", "$text-primary"))
    else:
        parts.append(("\n mouse and keys go to the page", "$text-muted"))
    if now.echo:
        parts.append((f"  typed: {now.echo}", "$text-muted"))
    return Content.assemble(*parts)
