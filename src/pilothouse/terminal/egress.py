"""The egress guard: no control, bidi or invisible code point of a widget's text leaves for the terminal.

Text is cleaned at its door by `pilothouse.safety`; this is the net behind it, for whatever slipped (Textual
8.2.8 hands ESC, C1 and bidi characters of a widget's text to the terminal as they are). See docs/safety.md.
"""

from __future__ import annotations

import os
import unicodedata
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.filter import LineFilter
from textual.strip import Strip

from pilothouse.errors import PilothouseError
from pilothouse.regex import lazily
from pilothouse.safety import REPLACEMENT, UNSAFE_IN_SEGMENT, clean_line

if TYPE_CHECKING:
    import re

    from textual.color import Color

PLACEHOLDER: Final = "\U0010eeee"
"""Kitty's Unicode placeholder: a cell of a picture that was sent before."""

TITLE_LIMIT: Final = 120

# The mark can't come from markup or from a recording: its value is drawn anew in every process.
_MARK_KEY: Final = "pilothouse.painted"
_MARK: Final = os.urandom(16).hex()
_PAINTED: Final = Style(meta={_MARK_KEY: _MARK})
_PRINTABLE_TARGET: Final = lazily(r"https?://[\x21-\x7e]{1,2000}")


class UncleanSegment(PilothouseError):
    """A strict guard met text that `safety.clean` should have seen; `where` is that text, escaped."""


def painted(strip: Strip) -> Strip:
    """Mark a painter's own strip so that the guard lets its placeholders and control segments through.

    Use it in `Widget.render_line`; only for strips that carry no text from outside.
    """
    return Strip(
        [Segment(text, (style or Style.null()) + _PAINTED, control) for text, style, control in strip],
        strip.cell_length,
    )


def safe_title(text: str) -> str:
    """Return outside text fit for a terminal title or a desktop notification: one clean line."""
    return clean_line(text, TITLE_LIMIT)


class EgressGuard(LineFilter):
    """Replaces, in every segment of every line, what a terminal would obey; cell widths stay as laid out.

    One instance per app: Textual caches filtered strips by it. Zero-width offenders vanish and others become
    U+FFFD, because Textual has already counted the cells.

    Args:
        strict: Raise `UncleanSegment` instead; for tests, where every such text is a missing `clean`.
    """

    def __init__(self, *, strict: bool = False) -> None:
        super().__init__()
        self.strict = strict

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return `segments` as they are when all are harmless (the usual case), else mended."""
        if not any(_is_suspect(segment) for segment in segments):
            return segments
        return [self._guard(segment) if _is_suspect(segment) else segment for segment in segments]

    def _guard(self, segment: Segment) -> Segment:
        text, style, control = segment
        if _is_painted(style) and (control or _is_picture(text)):
            return segment
        if self.strict:
            raise UncleanSegment(
                "uncleaned text reached the screen", ascii(text), "pass it through safety.clean"
            )
        if control:
            return Segment("", style)
        if style is not None and style.link and not _PRINTABLE_TARGET.fullmatch(style.link):
            style = style.update_link(None)
        return Segment(UNSAFE_IN_SEGMENT.sub(_same_width, text), style)


def _is_suspect(segment: Segment) -> bool:
    text, style, control = segment
    if control or (not (text.isascii() and text.isprintable()) and UNSAFE_IN_SEGMENT.search(text)):
        return True
    return bool(style and style.link and not _PRINTABLE_TARGET.fullmatch(style.link))


def _is_painted(style: Style | None) -> bool:
    return style is not None and style.meta.get(_MARK_KEY) == _MARK


def _is_picture(text: str) -> bool:
    return all(character in PLACEHOLDER + " " or unicodedata.combining(character) for character in text)


def _same_width(match: re.Match[str]) -> str:
    return REPLACEMENT * cell_len(match[0])
