"""A message's Markdown laid out in lines of spans. Nothing in it acts: a link is its words and its address.

The parser is loaded with the first message that is opened; nothing here knows styles, only tones.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from pilothouse.safety import clean, clean_line
from pilothouse.tui.wrap import cells, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it import MarkdownIt
    from markdown_it.token import Token

    from pilothouse.tui.rowlist import Line, Span

MOST: Final = 20_000
"""Characters laid out as Markdown; the rest of a longer message follows as it is."""
_KEPT: Final = 32
_TABLE_CELL: Final = 40


@lru_cache(maxsize=_KEPT)
def render(text: str, width: int) -> list[Line]:
    """Lay cleaned Markdown out in lines of at most `width` cells; never empty."""
    lines = list(_Page(max(width, 4)).blocks(_parser().parse(text[:MOST])))
    while lines and not lines[-1]:
        lines.pop()
    lines += [((line, "text"),) for line in wrap(text[MOST:], max(width, 4))] if len(text) > MOST else []
    return lines or [(("", "text"),)]


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False, "maxNesting": 12}).enable("table")


class _Page:
    """One pass over the parser's tokens."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._marks: list[str] = []
        """What stands before a line at this depth: quote bars, the indent of lists."""
        self._bullet = ""
        self._numbers: list[int] = []
        self._tone = "text"
        self._cells: list[str] = []
        self._in_table = False

    def blocks(self, tokens: list[Token]) -> Iterator[Line]:
        for token in tokens:
            match token.type:
                case "inline" if self._in_table:
                    self._cells.append(clean_line(token.content, _TABLE_CELL))
                case "inline":
                    yield from self._flow(_spans(token.children or [], self._tone))
                case "fence" | "code_block":
                    yield from self._code(token.content)
                case "hr":
                    yield (("─" * self._room, "dim"),)
                    yield ()
                case "tr_close":
                    yield from self._flow([("  │  ".join(self._cells), self._tone)])
                    self._cells = []
                case _:
                    if self._turn(token):
                        yield ()

    def _turn(self, token: Token) -> bool:
        """Go into a block or out of one; says whether a blank line follows."""
        match token.type:
            case "heading_open":
                self._tone = "heading"
            case "heading_close":
                self._tone = "text"
                return True
            case "paragraph_close":
                return not token.hidden and not self._numbers
            case "table_open" | "table_close":
                self._in_table = token.nesting > 0
                return token.nesting < 0
            case "blockquote_open":
                self._marks.append("│ ")
                self._tone = "quote"
            case "blockquote_close":
                self._leave()
                self._tone = "quote" if "│ " in self._marks else "text"
            case "bullet_list_open" | "ordered_list_open":
                start = token.attrGet("start")
                self._numbers.append(int(start or 1) if token.type.startswith("ordered") else -1)
            case "bullet_list_close" | "ordered_list_close":
                self._numbers.pop()
                return not self._numbers
            case "list_item_open":
                self._bullet = self._next_bullet()
                self._marks.append(" " * len(self._bullet))
            case "list_item_close":
                self._bullet = ""
                self._leave()
            case _:
                pass
        return False

    def _leave(self) -> None:
        self._marks = self._marks[:-1]

    def _next_bullet(self) -> str:
        number = self._numbers[-1] if self._numbers else -1
        if number < 0:
            return "• "
        self._numbers[-1] += 1
        return f"{str(number)[:9]}. "

    @property
    def _room(self) -> int:
        return max(self._width - sum(map(len, self._marks)), 4)

    def _lead(self) -> list[Span]:
        """Give what stands before a line; a list's bullet on its first line only."""
        marks = list(self._marks)
        if self._bullet and marks:
            marks[-1], self._bullet = self._bullet, ""
        lead = "".join(marks)
        return [(lead, "dim")] if lead and sum(map(len, marks)) + 4 <= self._width else []

    def _flow(self, spans: list[Span]) -> Iterator[Line]:
        for line in _wrapped(spans, self._room):
            yield (*self._lead(), *line)

    def _code(self, text: str) -> Iterator[Line]:
        for line in wrap(text.rstrip("\n"), max(self._room - 2, 2)):
            yield (*self._lead(), ("  ", "dim"), (line, "code"))
        yield ()


def _spans(tokens: list[Token], tone: str) -> list[Span]:
    """Give the words of a paragraph with their tones."""
    spans: list[Span] = []
    tones = [tone]
    address = ""
    for token in tokens:
        match token.type:
            case "strong_open" | "em_open":
                tones.append("strong")
            case "link_open":
                tones.append("link")
                address = clean_line(str(token.attrGet("href") or ""), 500)
            case "strong_close" | "em_close":
                tones = tones[:-1] or [tone]
            case "link_close":
                tones = tones[:-1] or [tone]
                said = spans[-1][0] if spans else ""
                spans += [(f" ({address})", "dim")] if address and address != said else []
            case "code_inline":
                spans.append((token.content, "code"))
            case "softbreak":
                spans.append((" ", tones[-1]))
            case "hardbreak":
                spans.append(("\n", tones[-1]))
            case _:
                spans.append((token.content, tones[-1]))
    # Cleaned once more: an entity may have become any character only now.
    return [(clean(text).replace("\t", " "), tone) for text, tone in spans if text]


def _wrapped(spans: list[Span], width: int) -> Iterator[Line]:
    """Break spans at spaces, then anywhere."""
    line: list[Span] = []
    used = 0
    for text, tone in spans:
        for n, piece in enumerate(text.split("\n")):
            if n:
                yield tuple(line)
                line, used = [], 0
            for word in _words(piece):
                for part in wrap(word, width) if cells(word) > width else [word]:
                    if used + cells(part.rstrip()) > width:
                        yield tuple(line)
                        line, used = [], 0
                    part = part if line or part.strip() else ""
                    part = part.rstrip() if used + cells(part) > width else part
                    if part:
                        line.append((part, tone))
                        used += cells(part)
    if line:
        yield tuple(line)


def _words(text: str) -> list[str]:
    """Cut text behind its spaces."""
    parts = text.split(" ")
    return [word for word in (*(part + " " for part in parts[:-1]), parts[-1]) if word]
