"""The spaces a point lives in lead into one another without loss."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pilothouse.frames.geometry import Box, Extent, Geometry, Point, fit

sizes = st.builds(Extent, st.integers(1, 4000), st.integers(1, 4000))
panes = st.builds(Extent, st.integers(1, 300), st.integers(1, 120))
cell_sizes = st.builds(Extent, st.integers(4, 40), st.integers(4, 80))


@st.composite
def geometries(draw: st.DrawFn) -> Geometry:
    image = draw(sizes)
    box = fit(image, draw(panes), draw(cell_sizes))
    return Geometry(image, draw(sizes), draw(sizes), box)


@st.composite
def points(draw: st.DrawFn, space: Extent) -> Point:
    return Point(draw(st.integers(0, space.width - 1)), draw(st.integers(0, space.height - 1)))


def near(a: Point, b: Point) -> bool:
    return abs(a.x - b.x) < 1e-6 * max(1, abs(a.x)) and abs(a.y - b.y) < 1e-6 * max(1, abs(a.y))


@given(geometries(), st.data())
def test_model_and_display_points_come_back_from_the_image(geometry: Geometry, data: st.DataObject) -> None:
    model = data.draw(points(geometry.model_px))
    assert near(geometry.image_to_model(geometry.model_to_image(model)), model)
    display = data.draw(points(geometry.display_px))
    assert near(geometry.image_to_display(geometry.display_to_image(display)), display)


@given(geometries(), st.data())
def test_every_image_pixel_is_in_a_cell_of_the_picture(geometry: Geometry, data: st.DataObject) -> None:
    cell = geometry.image_to_cell(data.draw(points(geometry.image_px)))
    box = geometry.box_cells
    assert box.x <= cell.x < box.x + box.width
    assert box.y <= cell.y < box.y + box.height


@given(geometries(), st.data())
def test_the_middle_of_a_cell_is_shown_by_that_cell(geometry: Geometry, data: st.DataObject) -> None:
    box = geometry.box_cells
    cell = Point(
        data.draw(st.integers(box.x, box.x + box.width - 1)),
        data.draw(st.integers(box.y, box.y + box.height - 1)),
    )
    assert geometry.image_to_cell(geometry.cell_to_image(cell)) == cell


@given(sizes, panes, cell_sizes)
def test_a_picture_lies_inside_its_pane_and_touches_two_of_its_sides(
    image: Extent, pane: Extent, cell: Extent
) -> None:
    box = fit(image, pane, cell)
    assert box.x >= 0
    assert box.y >= 0
    assert box.x + box.width <= pane.width
    assert box.y + box.height <= pane.height
    assert box.width == pane.width or box.height == pane.height


def test_a_usual_screen_fills_the_width_of_a_usual_pane() -> None:
    assert fit(Extent(1280, 800), Extent(80, 40), Extent(10, 20)) == Box(0, 7, 80, 25)
