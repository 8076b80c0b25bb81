"""Model pixels and display pixels: one scale, exact both ways, inside the limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.browser.scale import Region, Scale, Size, fitted, visual_tokens

TIERS = [(2576, 4784), (2000, 4784), (1568, 1568)]
sides = st.integers(1, 8000)
tiers = st.sampled_from(TIERS)


@pytest.mark.parametrize(
    ("display", "tier", "shown"),
    [
        ((1280, 800), (1568, 1568), (1280, 800)),
        ((2560, 1440), (2576, 4784), (2560, 1440)),
        ((2560, 1440), (2000, 4784), (2000, 1125)),
        ((1920, 1080), (1568, 1568), (1456, 819)),
        ((1080, 1920), (1568, 1568), (819, 1456)),
    ],
)
def test_known_displays(display: tuple[int, int], tier: tuple[int, int], shown: tuple[int, int]) -> None:
    assert fitted(*display, *tier) == shown


@given(sides, sides, tiers)
def test_what_is_shown_keeps_the_limits_and_the_shape(width: int, height: int, tier: tuple[int, int]) -> None:
    edge, tokens = tier
    shown = fitted(width, height, edge, tokens)
    assert max(shown) <= edge
    assert visual_tokens(*shown) <= tokens
    assert min(shown) >= 1
    long, short = max(width, height), min(width, height)
    assert abs(min(shown) - max(shown) * short / long) <= 0.5 or min(shown) == 1
    if shown != (width, height):  # one pixel more would not have fitted
        more = max(shown) + 1
        assert more > edge or visual_tokens(more, max(round(more * short / long), 1)) > tokens


@given(st.data(), sides, sides, tiers)
def test_every_pixel_of_the_picture_comes_back_as_itself(
    data: st.DataObject, width: int, height: int, tier: tuple[int, int]
) -> None:
    scale = Scale.of(width, height, tier)
    x = data.draw(st.integers(0, scale.model.width - 1))
    y = data.draw(st.integers(0, scale.model.height - 1))
    at = scale.to_display(x, y)
    assert 0 <= at[0] < width
    assert 0 <= at[1] < height
    assert scale.to_model(*at) == (x, y)


@given(st.data(), sides, sides, tiers)
def test_every_place_of_the_pointer_is_on_the_picture(
    data: st.DataObject, width: int, height: int, tier: tuple[int, int]
) -> None:
    scale = Scale.of(width, height, tier)
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    assert scale.on_picture(*scale.to_model(x, y))


@given(st.data(), st.integers(2, 8000), st.integers(2, 8000), tiers)
def test_a_region_is_a_region_of_the_display_and_holds_its_pixels(
    data: st.DataObject, width: int, height: int, tier: tuple[int, int]
) -> None:
    scale = Scale.of(width, height, tier)
    x0 = data.draw(st.integers(0, scale.model.width - 1))
    y0 = data.draw(st.integers(0, scale.model.height - 1))
    x1 = data.draw(st.integers(x0 + 1, scale.model.width))
    y1 = data.draw(st.integers(y0 + 1, scale.model.height))
    area = scale.region(x0, y0, x1, y1)
    assert min(area.x, area.y) >= 0
    assert min(area.width, area.height) >= 1
    assert area.x + area.width <= width
    assert area.y + area.height <= height
    inside = scale.to_display(x0, y0)
    assert area.x <= inside[0] < area.x + area.width
    assert area.y <= inside[1] < area.y + area.height


def test_without_limits_nothing_changes() -> None:
    scale = Scale.of(5000, 3000)
    assert not scale.shrinks
    assert scale.model == Size(5000, 3000)
    assert scale.region(1, 2, 11, 22) == Region(1, 2, 10, 20)
