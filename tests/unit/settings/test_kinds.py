from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.settings import kinds
from pilothouse.settings.kinds import Unfit
from pilothouse.settings.table import SETTINGS, Setting

ANY_TOML = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def test_a_viewport_is_two_sides_in_pixels() -> None:
    assert kinds.Viewport().read("1024x768") == kinds.Viewport().read("1024X768") == (1024, 768)


def test_a_duration_has_a_unit_or_is_in_seconds() -> None:
    kind = kinds.Duration(0, 7200)
    assert [kind.read(text) for text in ("90", "90s", "1.5m", "2h")] == [90, 90, 90, 7200]
    assert [kind.convert(value) for value in (90, 1.5, "2m")] == [90, 1.5, 120]


def test_a_size_has_a_unit_or_is_in_bytes() -> None:
    kind = kinds.Size(1, 10**9)
    assert [kind.read(text) for text in ("12", "8MB", "8MiB", "5kb")] == [12, 8_000_000, 8 << 20, 5000]


def test_hosts_and_tags_come_as_text_or_as_their_own_types() -> None:
    assert kinds.Hosts().read("a.com, *.b.org,a.com") == kinds.Hosts().convert(["a.com", "*.b.org"])
    assert kinds.Tags().read("team=web, x=") == kinds.Tags().convert({"team": "web", "x": ""})


def test_our_own_tags_are_reserved() -> None:
    with pytest.raises(Unfit, match="pilothouse's own"):
        kinds.Tags().read("run=mine")


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
@settings(max_examples=25)
@given(st.text() | st.from_regex(r"\A[0-9a-z.,=:/*x-]{1,12}\Z"), ANY_TOML)
def test_anything_is_a_value_or_a_sentence_and_a_value_is_read_back(
    setting: Setting, text: str, value: object
) -> None:
    for take in (partial(setting.kind.read, text), partial(setting.kind.convert, value)):
        try:
            taken = take()
        except Unfit as unfit:
            assert unfit.what
            assert unfit.give
        else:
            assert not taken or setting.kind.read(setting.kind.show(taken)) == taken
