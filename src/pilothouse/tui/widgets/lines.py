"""One-line widgets:

the status line, a pane's head, the footer. They lay out given facts; they know no events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from textual.content import Content
from textual.widget import Widget

from pilothouse.tui.wrap import cells, cut

if TYPE_CHECKING:
    from collections.abc import Sequence


class Fact(msgspec.Struct, frozen=True):
    """A short clean text, its style, and how early it gives way when there is no room."""

    text: str
    style: str = "$text-muted"
    rank: int = 0
    """The highest rank goes first; 0 stays."""


def fitting(facts: Sequence[Fact], width: int, gap: int = 2) -> list[Fact]:
    """Empty facts, highest rank first, until the rest fits a width in cells; at last cut the widest."""
    kept = list(facts)
    while (over := _cells(kept, gap) - width) > 0:
        at = max(range(len(kept)), key=lambda n: (bool(kept[n].text), kept[n].rank, cells(kept[n].text)))
        room = 0 if kept[at].rank else cells(kept[at].text) - over
        kept[at] = msgspec.structs.replace(kept[at], text=cut(kept[at].text, room) if room > 0 else "")
        if room > 0:
            break
    return kept


def _cells(facts: Sequence[Fact], gap: int) -> int:
    return sum(cells(fact.text) + gap for fact in facts if fact.text) - gap


def row(left: Sequence[Fact], right: Sequence[Fact], width: int, gap: int = 2) -> Content:
    """Set facts from the left and from the right edge of one line; both give way by rank."""
    fitted = fitting([*left, *right], width, gap)
    lefts = [fact for fact in fitted[: len(left)] if fact.text]
    rights = [fact for fact in fitted[len(left) :] if fact.text]
    kept = [*lefts, *rights]
    used = sum(cells(fact.text) for fact in kept) + gap * (max(len(lefts) - 1, 0) + max(len(rights) - 1, 0))
    parts = _spaced(lefts, gap)
    if rights:
        parts += [(" " * max(width - used, 0), ""), *_spaced(rights, gap)]
    return Content.assemble(*parts)


def _spaced(facts: Sequence[Fact], gap: int) -> list[tuple[str, str]]:
    parts: list[tuple[str, str]] = []
    for fact in facts:
        parts += [(" " * gap, "")] if parts else []
        parts.append((fact.text, fact.style))
    return parts


class FactLine(Widget):
    """A line of facts, left and right."""

    DEFAULT_CSS = "FactLine { height: 1; }"
    ALLOW_SELECT = False

    def __init__(self, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._left: tuple[Fact, ...] = ()
        self._right: tuple[Fact, ...] = ()

    def put(self, left: Sequence[Fact], right: Sequence[Fact] = ()) -> None:
        """Show these facts; repaints only when they differ."""
        if (tuple(left), tuple(right)) != (self._left, self._right):
            self._left, self._right = tuple(left), tuple(right)
            self.refresh()

    def render(self) -> Content:
        """Lay the facts out in the width there is."""
        return row(self._left, self._right, self.content_size.width)

    @property
    def plain(self) -> str:
        """What can be read on the line."""
        return self.render().plain


PANE_NAMES = ("Transcript", "Tool calls", "Browser")


class PaneHead(FactLine):
    """The head of a pane: its number and name, and what it holds; alone on screen, the other names too."""

    def __init__(self, number: int) -> None:
        super().__init__(classes="pane-head")
        self._number = number
        self._said: tuple[str, ...] = ()
        self._alone = False
        self._is_here = False
        self._put()

    def say(self, *right: str) -> None:
        """Set what is said at the right."""
        self._said = right
        self._put()

    def stand_out(self, is_here: bool) -> None:
        """Show whether the pane has the keys; by weight too, for a terminal without colours."""
        self._is_here = is_here
        self._put()

    def stand_alone(self, alone: bool) -> None:
        """Name the other panes too, because they are not to be seen."""
        self._alone = alone
        self._put()

    def _put(self) -> None:
        facts: list[Fact] = []
        for number, name in enumerate(PANE_NAMES, 1):
            if number == self._number:
                facts.append(Fact(f"{number} {name}", "bold $foreground" if self._is_here else "$text-muted"))
            elif self._alone:
                facts.append(Fact(f"{number} {name}", "$text-disabled", 9))
        self.put(facts, [Fact(text, "$text-muted", n + 1) for n, text in enumerate(self._said)])


class KeyBar(Widget):
    """The footer: keys with what they do now, as many as fit."""

    DEFAULT_CSS = "KeyBar { height: 1; }"
    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__(id="keys")
        self._keys: tuple[tuple[str, str, bool], ...] = ()

    def put(self, keys: Sequence[tuple[str, str, bool]]) -> None:
        """Show keys as (key, words, can be done now)."""
        if tuple(keys) != self._keys:
            self._keys = tuple(keys)
            self.refresh()

    def render(self) -> Content:
        """Lay the keys out; the last two (help, and how to leave) are kept, the ones before them give way."""
        keys = list(self._keys)
        width = self.content_size.width
        while len(keys) > 2 and sum(cells(key) + cells(title) + 3 for key, title, _ in keys) - 2 > width:
            del keys[-3]
        parts: list[tuple[str, str]] = []
        for key, title, can in keys:
            parts += [(key, "bold $accent" if can else "$text-disabled")]
            parts += [(f" {title}", "$text-muted" if can else "$text-disabled"), ("  ", "")]
        return Content.assemble(*parts[:-1])

    @property
    def plain(self) -> str:
        """What can be read in the footer."""
        return cut(self.render().plain, self.content_size.width or 1)
