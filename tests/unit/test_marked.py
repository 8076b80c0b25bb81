"""Markdown in lines: what it says is kept, nothing is too wide, nothing in it acts."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.safety import clean, is_clean
from pilothouse.tui.marked import MOST, render
from pilothouse.tui.wrap import cells


def plain(text: str, width: int = 40) -> list[str]:
    return ["".join(part for part, _ in line).rstrip() for line in render(text, width)]


def test_headings_lists_quotes_and_code_are_laid_out() -> None:
    text = "# Kettles\n\nThe **red** one:\n\n1. costs €34\n2. holds 1.7 l\n\n> in stock\n\n```\na = 1\n```"
    assert plain(text) == [
        "Kettles", "", "The red one:", "", "1. costs €34", "2. holds 1.7 l", "", "│ in stock", "", "  a = 1",
    ]  # fmt: skip
    tones = {tone for line in render(text, 40) for _, tone in line}
    assert {"heading", "strong", "quote", "code"} <= tones


def test_a_list_in_a_list_is_indented_and_long_items_hang() -> None:
    assert plain("- one two three four\n  - five\n- six", 12) == [
        "• one two", "  three four", "  • five", "• six",
    ]  # fmt: skip


def test_a_link_is_its_words_and_its_address() -> None:
    assert plain("[pay here](http://evil.example/x) now", 60) == ["pay here (http://evil.example/x) now"]
    assert plain("<http://a.example>", 60) == ["http://a.example"]


def test_html_and_markup_are_text() -> None:
    assert plain("<b>x</b> [@click=app.leave]y[/]") == ["<b>x</b> [@click=app.leave]y[/]"]


def test_a_character_that_an_entity_stands_for_is_cleaned_too() -> None:
    (line,) = plain("a&#27;]52;c;ZXZpbA==&#7;b&#x202e;c `&#27;` &#x9b;31m", 80)
    assert is_clean(line)
    assert "\x1b" not in line


def test_a_table_keeps_its_cells_apart() -> None:
    assert plain("| a | b |\n|---|---|\n| 1 | 2 |") == ["a  │  b", "1  │  2"]


def test_what_is_longer_than_the_budget_follows_as_it_is() -> None:
    text = "word " * (MOST // 5) + "**end**"
    assert plain(text)[-1].endswith("**end**")


@given(st.text(st.sampled_from("ab 漢*_`#>-1.[]()|\n\\<!~\t"), max_size=120), st.integers(4, 50))
@settings(max_examples=150, deadline=None)
def test_no_line_is_wider_than_the_room(text: str, width: int) -> None:
    for line in render(clean(text), width):
        assert sum(cells(part) for part, _ in line) <= width
