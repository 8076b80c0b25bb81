"""The two lines that look for rows: one searches, one filters. They ask; the screen acts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.suggester import Suggester

from pilothouse.tui.sieve import KINDS, OUTCOMES
from pilothouse.tui.widgets.prompts import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Find(Line):
    """Asks what to look for."""

    class Given(Line.Given):
        """The person said what."""

    class Left(Line.Left):
        """The person looks for nothing."""

    def __init__(self) -> None:
        super().__init__("find", "search in these rows", 200)


class LastWord(Suggester):
    """Completes the last word of a line."""

    def __init__(self, known: Callable[[], Iterable[str]]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._known = known

    async def get_suggestion(self, value: str) -> str | None:
        """Give the line with its last word whole."""
        before, _, word = value.rpartition(" ")
        head = f"{before} " if before or value.startswith(" ") else ""
        if not word:
            return None
        for known in self._known():
            if known.startswith(word) and known != word:
                return head + known
        return None


class Sift(Line):
    """Asks which rows to show; → completes a word."""

    class Given(Line.Given):
        """The person said which."""

    class Left(Line.Left):
        """The person leaves the rows as they are."""

    def __init__(self) -> None:
        super().__init__("sift", "error left_click failed text:kettle; nothing shows all", 200)
        self.suggester = LastWord(self._words)
        self.members: tuple[str, ...] = ()
        """Members that the run has used."""

    def _words(self) -> tuple[str, ...]:
        members = tuple(f"member:{member}" for member in self.members)
        sorts = tuple(f"kind:{kind}" for kind in KINDS) + tuple(f"outcome:{word}" for word in OUTCOMES)
        return (*KINDS, *OUTCOMES, *members, *sorts, "text:")
