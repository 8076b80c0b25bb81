"""Only what differs is sent, and what the terminal shows is the same as if all had been."""

from __future__ import annotations

import io
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.color import Color
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from pilothouse.terminal.shadow import Shadow
from tests.terminal.screen import Cell, Look, Screen

CONSOLE = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor")
STYLES = [
    Style(color=Color.from_rgb(200, 10, 10), bgcolor=Color.from_rgb(0, 0, 0)),
    Style(color=Color.from_rgb(200, 10, 10), bgcolor=Color.from_rgb(9, 9, 90)),
    Style(color=Color.from_rgb(1, 2, 3), bgcolor=Color.from_rgb(9, 9, 90), bold=True),
    Style(bgcolor=Color.from_ansi(4), underline=True),
    Style.null(),
]
WIDTH = 40
texts = st.text(st.sampled_from("ab  ▌é漢"), min_size=1, max_size=30)
lines = st.lists(st.tuples(texts, st.sampled_from(STYLES)), min_size=1, max_size=4)
frames = st.lists(st.tuples(st.integers(0, 2), lines), min_size=1, max_size=12)


def strip_of(parts: list[tuple[str, Style]]) -> Strip:
    return Strip([Segment(text, style) for text, style in parts]).adjust_cell_length(WIDTH, STYLES[0])


def seen(screen: Screen) -> list[list[Cell]]:
    """Give what can be seen: of a blank without attributes that is its background."""
    return [
        [replace(cell, look=Look(back=cell.look.back)) if _is_blank(cell) else cell for cell in row]
        for row in screen.cells
    ]


def _is_blank(cell: Cell) -> bool:
    return cell.text == " " and not cell.look.others


@settings(max_examples=150, deadline=None)
@given(frames)
def test_the_screen_shows_what_a_whole_repaint_would(
    frames: list[tuple[int, list[tuple[str, Style]]]],
) -> None:
    shadow, ours, theirs = Shadow(), Screen(WIDTH, 3), Screen(WIDTH, 3)
    for y, parts in frames:
        strip = strip_of(parts)
        ours.feed(shadow.line(0, y, strip, CONSOLE).encode())
        theirs.feed(f"\x1b[{y + 1};1H{strip.render(CONSOLE)}".encode())
        assert seen(ours) == seen(theirs)
    assert ours.strange == []


def test_what_is_shown_already_is_not_sent_again() -> None:
    shadow = Shadow()
    line = strip_of([("the kettle is red", STYLES[0])])
    shadow.line(0, 0, line, CONSOLE)
    assert shadow.line(0, 0, line, CONSOLE) == ""
    changed = strip_of([("the kettle is new", STYLES[0])])
    shadow.written = []
    assert shadow.line(0, 0, changed, CONSOLE) == "\x1b[1;15H\x1b[38;2;200;10;10;48;2;0;0;0mnew\x1b[m"
    assert shadow.written == [(14, 0, 3)]
    shadow.forget()
    assert len(shadow.line(0, 0, changed, CONSOLE)) > 40


def test_blanks_are_erased_except_where_that_takes_no_colour() -> None:
    blank = Strip([Segment(" " * WIDTH, STYLES[0])])
    assert "\x1b[40X" in Shadow().line(0, 0, blank, CONSOLE)
    assert " " * WIDTH in Shadow(erases=False).line(0, 0, blank, CONSOLE)


def test_links_and_controls_are_sent_as_they_are() -> None:
    shadow = Shadow()
    linked = Strip([Segment("here", Style(link="https://shop.example/"))], 4)
    assert shadow.line(0, 0, linked, CONSOLE) == f"\x1b[1;1H{linked.render(CONSOLE)}"
    assert shadow.line(0, 0, linked, CONSOLE) == f"\x1b[1;1H{linked.render(CONSOLE)}"
