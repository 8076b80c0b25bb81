"""What is about to happen, on the picture."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

from pilothouse.frames.blocks import Blocks
from pilothouse.frames.geometry import Box, Extent, Point
from pilothouse.frames.overlay import Overlay, draw_overlay, label_cell, overlay_of

SCREEN = Extent(1280, 800)
SIZES = [Extent(1280, 800), Extent(640, 400), Extent(160, 50), Extent(76, 24)]
"""The whole picture, half of it, and block characters in a usual and in a small pane."""
CURSOR = Point(400, 300)
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "click": ("left_click", {"coordinate": [640, 400]}),
    "double click": ("double_click", {"coordinate": [640, 400]}),
    "triple click": ("triple_click", {"coordinate": [640, 400]}),
    "right click": ("right_click", {"coordinate": [640, 400]}),
    "middle click": ("middle_click", {"coordinate": [640, 400]}),
    "held click": ("left_click", {"coordinate": [640, 400], "text": "shift"}),
    "click at the cursor": ("left_click", {}),
    "drag": ("left_click_drag", {"start_coordinate": [200, 200], "coordinate": [640, 400]}),
    "drag back": ("left_click_drag", {"start_coordinate": [640, 400], "coordinate": [200, 200]}),
    "drag nowhere": ("left_click_drag", {"start_coordinate": [640, 400], "coordinate": [640, 400]}),
    "move": ("mouse_move", {"coordinate": [640, 400]}),
    "press": ("left_mouse_down", {}),
    "release": ("left_mouse_up", {}),
    "scroll down": ("scroll", {"coordinate": [640, 400], "scroll_direction": "down", "scroll_amount": 3}),
    "scroll up": ("scroll", {"coordinate": [640, 400], "scroll_direction": "up", "scroll_amount": 3}),
    "scroll left": ("scroll", {"coordinate": [640, 400], "scroll_direction": "left", "scroll_amount": 3}),
    "scroll right": ("scroll", {"coordinate": [640, 400], "scroll_direction": "right", "scroll_amount": 3}),
    "zoom": ("zoom", {"region": [400, 200, 900, 600]}),
    "type": ("type", {"text": "hello@example.com\n"}),
    "key": ("key", {"text": "ctrl+s"}),
}


def shown(kind: str, ground: Image.Image) -> Image.Image:
    overlay = overlay_of(*KINDS[kind], CURSOR)
    assert overlay is not None
    return draw_overlay(ground, overlay, SCREEN)


def changed(before: Image.Image, after: Image.Image) -> int:
    """Count the pixels that stand out from what was there."""
    gray = ImageChops.difference(before, after).convert("L")
    return sum(gray.histogram()[48:])


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_seen_at_every_size_and_no_two_are_alike(kind: str, size: Extent) -> None:
    ground = Image.new("RGB", size, (250, 250, 250))
    here = shown(kind, ground)
    assert changed(ground, here) >= 8
    same = {other for other in KINDS if shown(other, ground).tobytes() == here.tobytes()}
    # At two pixels per cell letters and the pointer have no room: those are in the words beside the picture.
    tiny = min(size) < 60
    alike = [{"click", "held click"}, {"type", "key"}, {"release", "click at the cursor"}] if tiny else []
    assert same == next((group for group in alike if kind in group), {kind})


colours = st.tuples(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))


@settings(max_examples=60)
@given(st.sampled_from(list(KINDS)), st.sampled_from(SIZES[1:]), colours)
def test_a_mark_is_seen_on_any_ground(kind: str, size: Extent, colour: tuple[int, int, int]) -> None:
    ground = Image.new("RGB", size, colour)
    assert changed(ground, shown(kind, ground)) >= 8


@pytest.mark.parametrize(
    "colour", [(255, 140, 0), (0, 120, 255), (190, 0, 220), (0, 230, 118), (255, 235, 0)]
)
def test_a_page_in_the_colour_of_a_mark_gets_another_colour(colour: tuple[int, int, int]) -> None:
    ground = Image.new("RGB", (640, 400), colour)
    marked = shown("click", ground)
    ring = marked.getpixel((320 - 14, 200))
    assert ring != colour
    assert changed(ground, marked) > 200


def test_the_same_action_is_drawn_the_same_way() -> None:
    ground = Image.effect_noise((640, 400), 90).convert("RGB")
    for kind in KINDS:
        assert shown(kind, ground).tobytes() == shown(kind, ground).tobytes()


def test_the_picture_itself_is_left_alone() -> None:
    ground = Image.new("RGB", (640, 400), (9, 9, 9))
    shown("drag", ground)
    assert ground.getcolors() == [(640 * 400, (9, 9, 9))]


def where(before: Image.Image, after: Image.Image) -> tuple[int, int, int, int]:
    box = ImageChops.difference(before, after).getbbox()
    assert box is not None
    return box


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_click_is_drawn_around_its_place(size: Extent) -> None:
    ground = Image.new("RGB", size)
    left, top, right, bottom = where(ground, shown("click", ground))
    assert abs((left + right) / 2 - size.width / 2) <= 1.5
    assert abs((top + bottom) / 2 - size.height / 2) <= 1.5
    assert (right - left) < size.width / 5


def test_a_drag_reaches_from_its_start_to_its_end_and_not_beyond() -> None:
    ground = Image.new("RGB", SCREEN)
    for kind in ("drag", "drag back"):
        left, top, right, bottom = where(ground, shown(kind, ground))
        assert 150 <= left <= 200 <= top + 50
        assert 640 <= right <= 690
        assert 400 <= bottom <= 450


def test_the_start_of_a_drag_does_not_look_like_its_end() -> None:
    ground = Image.new("RGB", SCREEN)
    there, back = shown("drag", ground), shown("drag back", ground)
    around_end = (580, 340, 700, 460)
    assert changed(there.crop(around_end), back.crop(around_end)) > 100


def test_what_is_looked_at_closer_is_framed_and_not_covered() -> None:
    ground = Image.effect_noise((1280, 800), 90).convert("RGB")
    marked = shown("zoom", ground)
    inside = (425, 225, 875, 575)
    assert changed(ground.crop(inside), marked.crop(inside)) == 0
    left, top, right, bottom = where(ground, marked)
    assert (left, top) < (400, 200)
    assert (right, bottom) > (900, 600)


def test_a_text_is_written_beside_its_place_where_letters_can_be_read() -> None:
    for size, has_label in ((SCREEN, True), (Extent(640, 400), True), (Extent(160, 50), False)):
        ground = Image.new("RGB", size, (20, 20, 20))
        typed = shown("type", ground)
        beside = (round(size.width * 0.36), 0, size.width, size.height)
        assert (changed(ground.crop(beside), typed.crop(beside)) > 0) is has_label


@pytest.mark.parametrize(
    "at", [Point(0, 0), Point(1279, 0), Point(0, 799), Point(1279, 799), Point(640, 400)]
)
def test_a_label_is_always_inside_the_picture(at: Point) -> None:
    ground = Image.new("RGB", SCREEN, (20, 20, 20))
    plain = draw_overlay(ground, Overlay("type", at), SCREEN)
    labelled = draw_overlay(ground, Overlay("type", at, label="w" * 40), SCREEN)
    left, _, right, bottom = where(plain, labelled)
    assert right - left > 400
    assert bottom <= 800


def test_a_text_without_a_place_is_written_in_the_corner() -> None:
    overlay = overlay_of("type", {"text": "hello"}, None)
    assert overlay == Overlay("type", None, label="hello", at_cursor=True)
    ground = Image.new("RGB", SCREEN)
    left, _, right, bottom = where(ground, draw_overlay(ground, overlay, SCREEN))
    assert left < 10
    assert right < 200
    assert bottom > 790


def test_a_text_the_font_can_not_write_is_counted() -> None:
    ground = Image.new("RGB", SCREEN)
    one, other = (
        draw_overlay(ground, Overlay("type", CURSOR, label=label), SCREEN) for label in ("日本語", "中文字")
    )
    assert one.tobytes() == other.tobytes()
    assert changed(ground, one) > changed(ground, draw_overlay(ground, Overlay("type", CURSOR), SCREEN))


@pytest.mark.parametrize("kind", KINDS)
def test_block_characters_show_every_kind(kind: str) -> None:
    """Through the painter itself: two pixels a cell, two colours each."""
    cells = Extent(80, 25)
    ground = Image.new("RGB", Blocks().pixels(cells), (240, 240, 240))
    plain = Blocks().paint(ground, cells)
    marked = Blocks().paint(shown(kind, ground), cells)
    differ = sum(
        old.text != new.text or old.style != new.style
        for before, after in zip(plain.strips, marked.strips, strict=True)
        for was, now in zip(before.divide(range(1, 81)), after.divide(range(1, 81)), strict=True)
        for old, new in zip(was, now, strict=True)
    )
    assert differ >= 3


# ---------------------------------------------------------------------------------- whatever comes in

values = st.none() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=60)
inputs = st.dictionaries(
    st.sampled_from(
        ["coordinate", "start_coordinate", "text", "region", "scroll_direction", "scroll_amount"]
    ),
    values | st.lists(st.integers() | st.floats(allow_nan=False), max_size=4),
    max_size=4,
)
members = [member for member, _ in KINDS.values()]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(members), inputs, st.sampled_from([Extent(1, 1), Extent(40, 30), Extent(330, 220)]))
def test_no_input_breaks_the_drawing(member: str, given_: dict[str, Any], size: Extent) -> None:
    overlay = overlay_of(member, given_, CURSOR)
    if overlay is not None:
        assert draw_overlay(Image.new("RGB", size), overlay, SCREEN).size == size


@pytest.mark.parametrize("member", ["screenshot", "wait", "cursor_position", "dance"])
def test_what_touches_nothing_is_not_drawn(member: str) -> None:
    assert overlay_of(member, {"coordinate": [1, 2]}, CURSOR) is None


# ------------------------------------------------------------------------------------ beside, in cells


@given(st.integers(0, 99), st.integers(0, 39), st.integers(1, 60))
def test_a_label_in_cells_is_inside_the_picture_and_not_on_its_place(x: int, y: int, length: int) -> None:
    box = Box(3, 2, 90, 30)
    cell = Point(min(max(x, 3), 92), min(max(y, 2), 31))
    at = label_cell(cell, length, box)
    assert box.x <= at.x
    assert at.x + length <= box.x + box.width
    assert box.y <= at.y < box.y + box.height
    assert at.y != cell.y or not at.x <= cell.x < at.x + length
