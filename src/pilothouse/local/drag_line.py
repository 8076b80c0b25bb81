"""The way of a drag, point by point. Nothing here moves anything."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pilothouse.local.kernel_actions import DragMouse


def points_of(action: DragMouse) -> list[tuple[int, int]]:
    """List the points of a drag, its first included: straight lines in equal steps."""
    steps = action.steps_per_segment
    corners = [(point[0], point[1]) for point in action.path]
    points = corners[:1]
    for (from_x, from_y), (to_x, to_y) in pairwise(corners):
        points += [
            (from_x + (to_x - from_x) * step // steps, from_y + (to_y - from_y) * step // steps)
            for step in range(1, steps + 1)
        ]
    return points
