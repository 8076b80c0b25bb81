"""Packed events come back as they were, and markers and changes are what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageDraw

from pilothouse import events as ev
from pilothouse.frames.changes import changed_boxes, draw_boxes
from pilothouse.frames.geometry import Box
from pilothouse.tui.markers import Markers
from pilothouse.tui.pages import PAGE, Pages
from pilothouse.tui.record import Record
from tests.bench.long_runs import long_run

if TYPE_CHECKING:
    from pathlib import Path

RUN = "ab12cd34ef"


def test_packed_events_come_back_as_they_were() -> None:
    events = list(long_run(3 * PAGE + 10))
    events[1] = ev.Unknown(seq=1, type_name="MoonRose", raw=b'{"type":"MoonRose","seq":70}')
    events[PAGE + 1] = ev.ActionProposed(
        seq=PAGE + 1, turn=1, action=1, tool_use_id="t", member="m", input={"n": 10**30}
    )
    pages = Pages()
    for event in events:
        pages.append(event)
    assert list(pages) == events
    assert list(pages.span(PAGE - 3, 2 * PAGE + 3)) == events[PAGE - 3 : 2 * PAGE + 3]
    assert (pages[0], pages[-1], pages[PAGE + 7]) == (events[0], events[-1], events[PAGE + 7])
    with pytest.raises(IndexError):
        pages[len(events)]


def test_markers_are_kept_and_stepped_to(tmp_path: Path) -> None:
    markers = Markers(RUN, tmp_path / "markers")
    assert markers.toggle(40)
    assert markers.toggle(7)
    assert markers.toggle(90)
    assert not markers.toggle(90)
    markers.save()
    again = Markers(RUN, tmp_path / "markers")
    assert again.at == [7, 40]
    record = Record()
    record.extend(long_run(60))
    record.markers = again.at
    assert (record.next_mark(7), record.previous_mark(40), record.next_mark(40)) == (40, 7, None)


def test_markers_of_a_damaged_file_are_none(tmp_path: Path) -> None:
    (tmp_path / f"{RUN}.json").write_bytes(b"[1, -4, true")
    assert Markers(RUN, tmp_path).at == []


def test_a_foreign_run_names_no_file(tmp_path: Path) -> None:
    markers = Markers("../../evil", tmp_path)
    markers.toggle(3)
    markers.save()
    assert list(tmp_path.iterdir()) == []


def page(*drawn: tuple[int, int, int, int]) -> Image.Image:
    image = Image.new("RGB", (640, 400), (250, 250, 247))
    for corners in drawn:
        ImageDraw.Draw(image).rectangle(corners, fill=(20, 40, 90))
    return image


def test_what_changed_is_boxed_place_by_place() -> None:
    after = page((100, 50, 119, 59), (400, 300, 439, 349))
    assert changed_boxes(page(), after) == [Box(100, 50, 20, 10), Box(400, 300, 40, 50)]
    assert changed_boxes(after, after.copy()) == []


def test_a_faint_difference_is_none_and_another_size_is_everything() -> None:
    faint = Image.new("RGB", (640, 400), (245, 250, 247))
    assert changed_boxes(page(), faint) == []
    assert changed_boxes(page().resize((320, 200)), page()) == [Box(0, 0, 640, 400)]


def test_many_places_are_told_as_one() -> None:
    dots = [(x, y, x + 4, y + 4) for x in range(0, 640, 80) for y in range(0, 400, 80)]
    assert changed_boxes(page(), page(*dots)) == [Box(0, 0, 570, 330)]


def test_boxes_are_drawn_on_a_picture_of_its_own() -> None:
    plain = page()
    drawn = draw_boxes(plain, [Box(100, 50, 20, 10)])
    assert drawn.getpixel((100, 50)) != plain.getpixel((100, 50))
    assert drawn.getpixel((110, 55)) == plain.getpixel((110, 55)) == page().getpixel((110, 55))
