"""The spaces a point lives in lead into one another without loss."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.frames.geometry import (
    CELL_PX,
    Box,
    Extent,
    Geometry,
    Point,
    View,
    fit,
    panned,
    pointer_of,
    showing,
    whole,
    zoomed,
)

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


# ------------------------------------------------------------------------------- a part of the picture


@st.composite
def views(draw: st.DrawFn, image: Extent) -> View:
    """A view that a person can get to: zooming and panning from the whole."""
    view = whole(image)
    for _ in range(draw(st.integers(0, 4))):
        at = Point(draw(st.floats(0, image.width)), draw(st.floats(0, image.height)))
        view = zoomed(view, image, draw(st.sampled_from([0.25, 0.5, 2.0, 3.0, 1e9, 0.0, -1.0])), at)
        view = panned(view, image, draw(st.floats(-2, 2)), draw(st.floats(-2, 2)))
    return view


@st.composite
def zoomed_geometries(draw: st.DrawFn) -> Geometry:
    geometry = draw(geometries())
    return msgspec.structs.replace(geometry, view=draw(views(geometry.image_px)))


@given(sizes, st.data())
def test_a_view_stays_inside_the_picture_and_keeps_its_shape(image: Extent, data: st.DataObject) -> None:
    view = data.draw(views(image))
    assert view.x >= 0
    assert view.y >= 0
    assert view.width > 0
    assert view.height > 0
    assert view.x + view.width <= image.width + 1e-6
    assert view.y + view.height <= image.height + 1e-6
    assert abs(view.width / view.height - image.width / image.height) < 1e-6 * image.width / image.height


def test_what_is_under_the_pointer_stays_there_while_zooming() -> None:
    image = Extent(1280, 800)
    geometry = Geometry(image, image, image, fit(image, Extent(80, 25)))
    pointer = Point(60.25, 12.5)
    at = geometry.pointer_to_image(pointer)
    near_in = msgspec.structs.replace(geometry, view=zoomed(whole(image), image, 4, at))
    assert near(near_in.pointer_to_image(pointer), at)
    assert zoomed(near_in.shown, image, 0.25, at) == whole(image)


def test_zooming_out_of_the_whole_and_into_a_few_pixels_ends_there() -> None:
    image = Extent(1280, 800)
    assert zoomed(whole(image), image, 0.1, Point(5, 5)) == whole(image)
    assert zoomed(whole(image), image, 1e9, Point(640, 400)).height == 16.0
    tiny = Extent(3, 2)
    assert zoomed(whole(tiny), tiny, 8, Point(1, 1)) == whole(tiny)


@given(zoomed_geometries(), st.data())
def test_a_view_is_moved_to_show_a_point_and_no_further(geometry: Geometry, data: st.DataObject) -> None:
    at = data.draw(points(geometry.image_px))
    moved = showing(geometry.shown, geometry.image_px, at)
    assert moved.x - 1e-6 <= at.x <= moved.x + moved.width + 1e-6
    assert moved.y - 1e-6 <= at.y <= moved.y + moved.height + 1e-6
    assert showing(moved, geometry.image_px, at) == moved


@given(zoomed_geometries(), st.floats(-50, 400), st.floats(-50, 400), st.booleans())
def test_whatever_is_clicked_the_browser_gets_a_pixel_of_its_screen(
    geometry: Geometry, x: float, y: float, exact: bool
) -> None:
    at = Point(x, y)
    hit = geometry.hit(at, exact=exact)
    assert (hit is None) == (not geometry.contains(at))
    for pixel in (hit, geometry.display_pixel(geometry.pointer_to_image(at))):
        if pixel is not None:
            assert 0 <= pixel.x < geometry.display_px.width
            assert 0 <= pixel.y < geometry.display_px.height
            assert pixel == Point(int(pixel.x), int(pixel.y))


@given(zoomed_geometries(), st.data())
def test_a_cell_of_a_zoomed_picture_is_shown_by_that_cell(geometry: Geometry, data: st.DataObject) -> None:
    box = geometry.box_cells
    cell = Point(
        data.draw(st.integers(box.x, box.x + box.width - 1)),
        data.draw(st.integers(box.y, box.y + box.height - 1)),
    )
    at = geometry.cell_to_image(cell)
    assert geometry.image_to_cell(at) == cell
    assert geometry.sees(at)


@given(zoomed_geometries(), st.data())
def test_a_pixel_mouse_comes_back_to_the_pixel_it_was_on(geometry: Geometry, data: st.DataObject) -> None:
    """On a view where a cell stands for few pixels, every display pixel can be hit and is itself again."""
    box, view = geometry.box_cells, geometry.shown
    x = data.draw(st.floats(box.x, box.x + box.width, exclude_max=True))
    y = data.draw(st.floats(box.y, box.y + box.height, exclude_max=True))
    at = geometry.pointer_to_image(Point(x, y))
    back = Point(
        box.x + (at.x - view.x) * box.width / view.width, box.y + (at.y - view.y) * box.height / view.height
    )
    assert near(back, Point(x, y)) or abs(back.x - x) + abs(back.y - y) < 1e-6


@given(zoomed_geometries(), st.data())
def test_the_cell_that_shows_a_display_pixel_is_at_most_a_cell_away(
    geometry: Geometry, data: st.DataObject
) -> None:
    pixel = data.draw(points(geometry.display_px))
    image = geometry.display_to_image(Point(pixel.x + 0.5, pixel.y + 0.5))
    if not geometry.sees(image):
        return
    hit = geometry.hit(geometry.image_to_cell(image))
    step = geometry.display_per_cell()
    assert hit is not None
    assert abs(hit.x - pixel.x) <= step.x / 2 + 1
    assert abs(hit.y - pixel.y) <= step.y / 2 + 1


@given(
    zoomed_geometries(),
    st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3), st.booleans()), max_size=30),
)
def test_a_crosshair_never_leaves_the_screen(geometry: Geometry, nudges: list[tuple[int, int, bool]]) -> None:
    at = Point(0, 0)
    for dx, dy, fine in nudges:
        at = geometry.nudged(at, dx, dy, fine=fine)
        assert 0 <= at.x < geometry.display_px.width
        assert 0 <= at.y < geometry.display_px.height


def test_a_crosshair_moves_by_a_cell_or_by_a_pixel() -> None:
    screen = Extent(1280, 800)
    geometry = Geometry(screen, screen, screen, fit(screen, Extent(80, 25)))
    assert geometry.display_per_cell() == Point(16, 32)
    assert geometry.nudged(Point(640, 400), 1, -1) == Point(656, 368)
    assert geometry.nudged(Point(640, 400), -1, 1, fine=True) == Point(639, 401)


def test_a_terminal_pixel_is_a_place_inside_a_cell() -> None:
    assert pointer_of(Point(25, 50), Extent(10, 20)) == Point(2.5, 2.5)
    screen = Extent(1280, 800)
    geometry = Geometry(screen, screen, screen, fit(screen, Extent(80, 40)))
    assert geometry.hit(pointer_of(Point(405, 267), CELL_PX), exact=True) == Point(648, 203)
    assert geometry.hit(Point(40, 13)) == Point(648, 208)
    assert geometry.hit(Point(40, 3)) is None


@given(geometries(), st.data())
def test_what_a_cell_means_is_shown_by_that_cell_again(geometry: Geometry, data: st.DataObject) -> None:
    box = geometry.box_cells
    cell = Point(
        data.draw(st.integers(box.x, box.x + box.width - 1)),
        data.draw(st.integers(box.y, box.y + box.height - 1)),
    )
    meant = geometry.meant(cell)
    assert meant is not None
    assert 0 <= meant.x < geometry.model_px.width
    assert 0 <= meant.y < geometry.model_px.height
    # With fewer pixels than cells one pixel is many cells; then its left upper corner is shown near by.
    back = geometry.image_to_cell(geometry.model_to_image(Point(meant.x + 0.5, meant.y + 0.5)))
    per_pixel = max(box.width / geometry.model_px.width, box.height / geometry.model_px.height)
    assert abs(back.x - cell.x) <= 1 + per_pixel
    assert abs(back.y - cell.y) <= 1 + per_pixel
    if geometry.model_px.width >= 2 * box.width and geometry.model_px.height >= 2 * box.height:
        assert back == cell


@given(geometries(), st.floats(-50, 400), st.floats(-50, 200))
def test_beside_the_picture_nothing_is_meant_unless_a_drag_goes_on(
    geometry: Geometry, x: float, y: float
) -> None:
    at = Point(x, y)
    assert (geometry.meant(at, exact=True) is not None) == geometry.contains(at)
    clamped = geometry.meant(at, exact=True, clamped=True)
    assert clamped is not None
    assert 0 <= clamped.x < geometry.model_px.width
    assert 0 <= clamped.y < geometry.model_px.height
