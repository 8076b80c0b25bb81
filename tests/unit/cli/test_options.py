from __future__ import annotations

import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.cli import options


def test_a_viewport_is_two_sides_in_pixels() -> None:
    assert options.viewport("1024x768") == options.viewport("1024X768") == (1024, 768)


def test_a_duration_has_a_unit_or_is_in_seconds() -> None:
    assert [options.duration(text) for text in ("90", "90s", "1.5m", "2h")] == [90, 90, 90, 7200]


def test_a_speed_is_a_factor() -> None:
    assert options.factor("4x") == options.factor("4") == 4


@given(st.text())
@pytest.mark.parametrize(
    "kind", [options.viewport, options.duration, options.factor, options.port, options.approve]
)
def test_any_text_is_a_value_or_a_sentence(kind: options.Kind, text: str) -> None:
    try:
        kind(text)
    except argparse.ArgumentTypeError as error:
        assert str(error)
