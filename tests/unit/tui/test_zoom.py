"""What `+`, `-` and the arrows show of a frame."""

from __future__ import annotations

from pilothouse.frames.geometry import Extent, Point, View
from pilothouse.tui.graphics import Graphics
from pilothouse.tui.zoom import Zoom

FRAME = Extent(1280, 800)
ACTION = Point(180, 485)


def shown(zoom: Zoom) -> View:
    view = zoom.view_of(FRAME, Graphics.BLOCKS)
    assert view is not None
    return view


def holds(view: View, at: Point) -> bool:
    return view.x <= at.x <= view.x + view.width and view.y <= at.y <= view.y + view.height


def test_the_action_stays_in_sight_however_often_it_is_enlarged() -> None:
    zoom = Zoom()
    for _ in range(6):
        zoom.by(1.5, FRAME, ACTION)
        assert holds(shown(zoom), ACTION)
    assert shown(zoom).width < FRAME.width / 8


def test_who_has_looked_elsewhere_is_shown_more_of_that() -> None:
    zoom = Zoom()
    zoom.by(4, FRAME, ACTION)
    zoom.pan(2, 0, FRAME)
    before = shown(zoom)
    zoom.by(2, FRAME, ACTION)
    now = shown(zoom)
    assert not holds(now, ACTION)
    assert now.x + now.width / 2 == before.x + before.width / 2


def test_all_of_it_is_no_view() -> None:
    zoom = Zoom()
    zoom.by(2, FRAME, ACTION)
    zoom.by(0.5, FRAME, ACTION)
    assert zoom.view_of(FRAME, Graphics.BLOCKS) is None
