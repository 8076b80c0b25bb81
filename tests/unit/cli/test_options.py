from __future__ import annotations

import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.cli import options


def test_a_speed_is_a_factor() -> None:
    assert options.factor("4x") == options.factor("4") == 4


@given(st.text())
@pytest.mark.parametrize("kind", [options.factor, options.port])
def test_any_text_is_a_value_or_a_sentence(kind: options.Kind, text: str) -> None:
    try:
        kind(text)
    except argparse.ArgumentTypeError as error:
        assert str(error)
