"""When two pictures are the same but for what a page says never rests, whatever it says. No browser."""

from __future__ import annotations

import math

import pytest

from pilothouse.devtools.areas import AREAS_MAX
from pilothouse.local.settle import Frame, is_same

WIDTH, HEIGHT = 8, 4
CORNER = (0.0, 0.0, 2.0, 2.0)
ELSEWHERE = (4.0, 0.0, 6.0, 2.0)


def frame(first: int) -> Frame:
    return Frame(bytes([first]) + bytes(WIDTH * HEIGHT * 4 - 1), WIDTH, HEIGHT)


@pytest.mark.parametrize(
    ("areas", "same"),
    [
        ((), False),
        ((CORNER,), True),
        ((ELSEWHERE,), False),
        ((ELSEWHERE, CORNER), True),
        ((ELSEWHERE,) * (AREAS_MAX - 1) + (CORNER,), True),
        ((ELSEWHERE,) * AREAS_MAX + (CORNER,), False),
        (((-math.inf, -math.inf, math.inf, math.inf),), True),
        (((math.inf, math.inf, -math.inf, -math.inf),), False),
        (((math.nan, math.nan, math.nan, math.nan), CORNER), True),
        (((-1e308, -1e308, 1e308, 1e308),), True),
    ],
)
def test_an_area_that_never_rests_does_not_count(
    areas: tuple[tuple[float, float, float, float], ...], same: bool
) -> None:
    assert is_same(frame(0), frame(1), areas) is same
