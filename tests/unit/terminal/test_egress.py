"""The egress guard, segment by segment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import ControlType, Segment
from rich.style import Style
from textual.color import Color
from textual.strip import Strip

from pilothouse.safety import UNSAFE_IN_SEGMENT
from pilothouse.terminal.egress import PLACEHOLDER, EgressGuard, UncleanSegment, painted, safe_title

BACKGROUND = Color(0, 0, 0)


def through(strip: Strip, guard: EgressGuard | None = None) -> list[Segment]:
    return (guard or EgressGuard()).apply(list(strip), BACKGROUND)


@given(st.text(st.characters(exclude_categories=[]), max_size=30))
def test_no_text_passes_with_anything_a_terminal_obeys(text: str) -> None:
    [segment] = through(Strip([Segment(text)]))
    assert not UNSAFE_IN_SEGMENT.search(segment.text)


def test_harmless_segments_are_the_same_objects() -> None:
    segments = [Segment("plain"), Segment("漢字 👍🏽", Style(bold=True))]
    assert EgressGuard().apply(segments, BACKGROUND) is segments


def test_the_width_laid_out_stays() -> None:
    for text in ("a\x1b[2Jb", "a\x9bb", "x\u202ey", f"{PLACEHOLDER}{PLACEHOLDER}"):
        [segment] = through(Strip([Segment(text)]))
        assert cell_len(segment.text) == cell_len(text)


def test_a_link_that_is_no_plain_web_address_is_dropped() -> None:
    for target in ("http://x/\x1b\\", "file:///etc/passwd", "javascript:1", "http://x/\u202e", "http://a b"):
        [segment] = through(Strip([Segment("link", Style(link=target))]))
        assert segment.style is not None and segment.style.link is None
    [segment] = through(Strip([Segment("link", Style(link="https://x/y?z=1"))]))
    assert segment.style is not None and segment.style.link == "https://x/y?z=1"


def test_a_painter_s_placeholders_pass_and_a_page_s_do_not() -> None:
    picture = Strip([Segment(f"{PLACEHOLDER}\u0305\u030d{PLACEHOLDER}\u0305\u030e", Style(color="#010203"))])
    assert through(picture)[0].text == "\ufffd\u0305\u030d\ufffd\u0305\u030e"
    assert through(painted(picture))[0].text == picture.text
    cropped = painted(picture).crop(0, 1).apply_style(Style(bold=True))
    assert PLACEHOLDER in through(cropped)[0].text


def test_a_painted_mark_does_not_let_text_through() -> None:
    assert through(painted(Strip([Segment("\x1b[2J")])))[0].text == "[2J"


def test_control_segments_pass_only_from_a_painter() -> None:
    control = Strip([Segment("\x1b[5C", None, [(ControlType.CURSOR_FORWARD, 5)])])
    assert through(control)[0].text == ""
    assert through(painted(control))[0].text == "\x1b[5C"


def test_the_mark_can_t_be_made_by_hand() -> None:
    forged = Strip([Segment(PLACEHOLDER, Style(meta={"pilothouse.painted": "1"}))])
    assert through(forged)[0].text == "\ufffd"


def test_strict_names_the_text() -> None:
    with pytest.raises(UncleanSegment, match=r"x1b"):
        through(Strip([Segment("\x1b[2J")]), EgressGuard(strict=True))


def test_a_title_is_one_short_clean_line() -> None:
    assert safe_title("shop\n\x1b]0;x\x07") == "shop␊␛]0;x␇"
    assert len(safe_title("x" * 500)) == 120
