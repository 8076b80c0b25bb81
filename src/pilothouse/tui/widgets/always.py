"""The form of *always*: the rule that would let such actions happen from now on, shown before it is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.widgets import TextArea

from pilothouse.safety import clean
from pilothouse.tui.widgets.approval import COMMIT, Arming, DecisionForm

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events

    from pilothouse.events import ApprovalRequested

RULE_MAX: Final = 8_000


class AlwaysForm(TextArea):
    """Holds the rule as TOML, to be edited; only ctrl+y commits, twice for what is risky."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(id="always", soft_wrap=True, compact=True, highlight_cursor_line=False)
        self.cursor_blink = False
        self.asked: ApprovalRequested | None = None
        self.arming = Arming(now)

    def ask(self, asked: ApprovalRequested) -> None:
        """Begin on a request, with the narrowest rule that fits it."""
        self.asked = asked
        # What can't be shown is escaped in it already: a rule is printable (`engine.policy.always`).
        self.text = clean(asked.always, limit=RULE_MAX)
        self.move_cursor((0, 0))
        self.arming.begin(2 if asked.risks else 1)

    async def _on_key(self, event: events.Key) -> None:
        if event.key != COMMIT:
            self.arming.touch()
            await super()._on_key(event)
            return
        event.stop()
        event.prevent_default()
        if self.arming.press() and self.asked is not None:
            self.post_message(DecisionForm.Given("always", self.asked, self.text.strip()))

    async def _on_paste(self, event: events.Paste) -> None:
        """Take pasted text as text, cleaned; what follows it at once is no decision."""
        event.stop()
        event.prevent_default()
        self.arming.touch()
        self.insert(clean(event.text, limit=RULE_MAX))
