"""The pane of an action that waits for a decision, and its forms. They ask; the screen acts.

Nothing is decided by accident: the pane takes no keys until a person goes to it, it arms a while after it is
shown and after any key, and only ctrl+y commits, twice for what is risky. What is pasted is never a key.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from pilothouse.frames.describe import describe
from pilothouse.safety import clean_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events

    from pilothouse.events import ApprovalRequested

ARM_S: Final = 0.6
COMMIT: Final = "ctrl+y"
TEXT_MAX: Final = 4_000
_FORMS: Final = {"r": "reject", "e": "edit", "A": "always"}


class Arming:
    """Says when a key may commit: a while after it was shown and after the last key, and how often.

    Args:
        now: A monotonic clock, in seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._since = float("inf")
        self._wanted = self._left = 1

    def begin(self, presses: int = 1) -> None:
        """Begin anew: so many presses commit."""
        self._wanted = self._left = presses
        self._since = self._now()

    def touch(self) -> None:
        """Count a key that does not commit: waiting and pressing begin anew."""
        self.begin(self._wanted)

    @property
    def is_armed(self) -> bool:
        """Say whether the next press counts."""
        return self._now() - self._since >= ARM_S

    @property
    def is_half(self) -> bool:
        """Say whether it was pressed and must be pressed again."""
        return self._left < self._wanted

    def press(self) -> bool:
        """Take a press of the key that commits; says whether that was the last one wanted."""
        if not self.is_armed:
            self.touch()
            return False
        self._since = self._now()
        self._left -= 1
        return self._left == 0


class ApprovalPane(Widget, can_focus=False):
    """Shows what waits, why, and what is risky about it."""

    ALLOW_SELECT = False

    class Approved(Message):
        """The person lets it happen."""

        def __init__(self, asked: ApprovalRequested) -> None:
            super().__init__()
            self.asked = asked

    class Wanted(Message):
        """The person wants a form: `reject`, `edit` or `always`."""

        def __init__(self, form: str) -> None:
            super().__init__()
            self.form = form

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(id="approval")
        self.asked: ApprovalRequested | None = None
        self.arming = Arming(now)

    def put(self, asked: ApprovalRequested | None) -> None:
        """Show a request; another one than before begins anew."""
        if asked == self.asked:
            return
        self.asked = asked
        self.begin()
        self.refresh(layout=True)

    def begin(self) -> None:
        """Wait for keys from now on."""
        self.arming.begin(2 if self.asked is not None and self.asked.risks else 1)
        self._repaint()

    def touch(self) -> None:
        """Take note of a key that is not for this pane."""
        self.arming.touch()
        self._repaint()

    def take(self, *, keys: bool) -> None:
        """Take the keys, or give them up: until then none of them means anything here."""
        self.can_focus = keys
        self.begin()

    def _repaint(self) -> None:
        if self.is_mounted:
            self.refresh()
            self.set_timer(ARM_S + 0.05, self.refresh)

    def render(self) -> Content:
        """Show the question, the reasons, and what ctrl+y would do now."""
        asked = self.asked
        if asked is None:
            return Content("")
        rule = f" (rule {clean_line(asked.rule, 60)})" if asked.rule else ""
        parts: list[tuple[str, str]] = [
            ("Let this happen?  ", "bold $warning"),
            (describe(asked.member, asked.input), "bold $foreground"),
        ]
        risks = "; ".join(asked.risks)
        if asked.why != f"risky: {risks}":  # the mode's own words: said once
            parts.append((f"\n {clean_line(asked.why, 300)}{rule}", "$text-muted"))
        if risks:
            parts.append((f"\n risky: {clean_line(risks, 400)}", "$text-error"))
        parts.append((f"\n {self._hint()}", "$text-muted"))
        return Content.assemble(*parts)

    def _hint(self) -> str:
        if not self.can_focus:
            return "press n to decide"
        if not self.arming.is_armed:
            return "…"
        return "ctrl+y once more: it is risky" if self.arming.is_half else "ctrl+y lets it happen"

    async def _on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        if not self.can_focus or self.asked is None:
            return
        match event.key:
            case "ctrl+y":
                done = self.arming.press()
                self._repaint()
                if done:
                    self.post_message(self.Approved(self.asked))
            case "r" | "e" | "A":
                self.touch()
                self.post_message(self.Wanted(_FORMS[event.key]))
            case _:
                self.touch()


class DecisionForm(Input):
    """Asks for the reason of a rejection, or for another input; only ctrl+y commits."""

    class Given(Message):
        """The person committed what is written."""

        def __init__(self, form: str, asked: ApprovalRequested, text: str) -> None:
            super().__init__()
            self.form = form
            self.asked = asked
            self.text = text

    def __init__(self, form: str, now: Callable[[], float], placeholder: str) -> None:
        super().__init__(id=form, placeholder=placeholder, compact=True, max_length=TEXT_MAX)
        self.cursor_blink = False
        self._form = form
        self.asked: ApprovalRequested | None = None
        self.arming = Arming(now)

    def ask(self, asked: ApprovalRequested) -> None:
        """Begin on a request: an edit begins with what the action has."""
        self.asked = asked
        is_edit = self._form == "edit"
        self.value = _written(asked.input) if is_edit else ""
        self.cursor_position = len(self.value)
        self.arming.begin(2 if is_edit and asked.risks else 1)

    def rewrite(self, given: dict[str, Any]) -> None:
        """Write an input that was pointed at; as with any key, what follows at once is no decision."""
        self.value = _written(given)
        self.cursor_position = len(self.value)
        self.arming.touch()

    async def _on_key(self, event: events.Key) -> None:
        if event.key != COMMIT:
            self.arming.touch()
            await super()._on_key(event)
            return
        event.stop()
        event.prevent_default()
        if self.arming.press() and self.asked is not None:
            self.post_message(self.Given(self._form, self.asked, self.value.strip()))

    def _on_paste(self, event: events.Paste) -> None:
        """Take pasted text as text, cleaned; what follows it at once is no decision."""
        event.stop()
        event.prevent_default()
        self.arming.touch()
        self.insert_text_at_cursor(clean_line(event.text, TEXT_MAX))

    async def action_submit(self) -> None:
        """Do nothing: enter decides nothing."""


def _written(given: dict[str, Any]) -> str:
    """Write an input so that what is left alone stays as it is: what can't be shown is escaped."""
    text = json.dumps(given, ensure_ascii=False)
    return text if clean_line(text, len(text) + 1) == text else json.dumps(given)
