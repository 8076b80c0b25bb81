"""Decoding within limits, marking, and painting with blocks."""

from __future__ import annotations

import io
import zlib

import pytest
from PIL import Image

from pilothouse.frames.blocks import Blocks
from pilothouse.frames.decode import FrameUnreadable, decode, shrink
from pilothouse.frames.geometry import Extent, Point
from pilothouse.frames.marker import INK, Marker, draw, marker_of


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_the_three_formats_of_frames_are_decoded_to_rgb(kind: str) -> None:
    image = decode(encoded(Image.new("RGB", (64, 40), (200, 30, 30)), kind))
    assert image.mode == "RGB"
    assert image.size == (64, 40)


def bomb(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return len(data).to_bytes(4, "big") + kind + data + crc.to_bytes(4, "big")

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([1, 0, 0, 0, 0])
    rows = zlib.compress(bytes((width // 8 + 2) * height), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a picture",
        encoded(Image.new("P", (8, 8)), "GIF"),
        encoded(Image.new("RGB", (64, 40)))[:60],
        bomb(9_000, 9_000),
        bomb(30_000, 30_000),
        b"\x89PNG" + bytes(21 << 20),
    ],
    ids=["empty", "text", "gif", "cut", "bomb under Pillow's limit", "bomb", "too many bytes"],
)
def test_what_is_no_frame_is_refused_in_a_sentence(data: bytes) -> None:
    with pytest.raises(FrameUnreadable) as caught:
        decode(data)
    assert str(caught.value).startswith("this frame")


def test_a_click_is_marked_where_it_was_made_at_any_scale() -> None:
    marker = marker_of("left_click", {"coordinate": [640, 200]})
    assert marker == Marker("point", Point(640, 200))
    assert marker is not None
    for size in (Extent(1280, 800), Extent(160, 50), Extent(76, 24)):
        marked = draw(Image.new("RGB", size), marker, Extent(1280, 800))
        assert marked.getpixel((size.width // 2, size.height // 4)) == INK


@pytest.mark.parametrize(
    ("member", "given", "kind"),
    [
        ("left_click_drag", {"start_coordinate": [1, 2], "coordinate": [30, 40]}, "drag"),
        ("scroll", {"scroll_direction": "down", "coordinate": [30, 40]}, "scroll"),
        ("mouse_move", {"coordinate": [30.5, 40]}, "point"),
    ],
)
def test_every_kind_of_marker_draws_something(member: str, given: dict[str, object], kind: str) -> None:
    marker = marker_of(member, given)
    assert marker is not None
    assert marker.kind == kind
    blank = Image.new("RGB", (100, 80))
    assert draw(blank, marker, Extent(100, 80)).tobytes() != blank.tobytes()


@pytest.mark.parametrize(
    "given", [{}, {"coordinate": None}, {"coordinate": "12"}, {"coordinate": [1]}, {"coordinate": [1, "x"]}]
)
def test_an_action_without_a_place_has_no_marker(given: dict[str, object]) -> None:
    assert marker_of("type", given) is None


def test_a_marker_far_outside_the_picture_is_harmless() -> None:
    marker = marker_of("left_click", {"coordinate": [10**30, -(10**30)]})
    assert marker is not None
    draw(Image.new("RGB", (10, 10)), marker, Extent(1280, 800))


def test_blocks_fill_exactly_the_cells_asked_for() -> None:
    image = Image.effect_noise((320, 200), 80).convert("RGB")
    patch = Blocks().paint(image, Extent(40, 12))
    assert len(patch.strips) == 12
    assert {strip.cell_length for strip in patch.strips} == {40}
    assert all(sum(len(s.text) for s in strip) == 40 for strip in patch.strips)


def test_a_flat_area_costs_one_segment_per_row() -> None:
    patch = Blocks().paint(Image.new("RGB", (100, 100), (9, 80, 70)), Extent(50, 10))
    assert [len(list(strip)) for strip in patch.strips] == [1] * 10
    assert patch.cost_bytes < 50 * 10 * 4


def test_an_edge_inside_a_cell_is_seen() -> None:
    image = Image.new("RGB", (2, 2), (0, 0, 0))
    image.putpixel((0, 0), (255, 255, 255))
    (strip,) = Blocks().paint(image, Extent(1, 1)).strips
    (segment,) = strip
    assert segment.text in "▘▟"


def test_shrinking_keeps_the_size_asked_for() -> None:
    assert shrink(Image.new("RGB", (1280, 800)), Extent(80, 50)).size == (80, 50)
    assert shrink(Image.new("RGB", (8, 8)), Extent(0, 5)).size == (1, 5)
