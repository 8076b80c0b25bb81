"""Strategies for events of every kind with anything in them. No test lives here."""

from __future__ import annotations

import typing
from typing import Any

from hypothesis import strategies as st

from pilothouse import events as ev

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
json_objects = st.dictionaries(st.text(max_size=8), json_values, max_size=4)

BY_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(-(2**53), 2**53),
    float: st.floats(allow_nan=False, allow_infinity=False),
    float | None: st.none() | st.floats(allow_nan=False, allow_infinity=False),
    dict[str, Any]: json_objects,
    dict[str, float]: st.dictionaries(
        st.text(max_size=8), st.floats(allow_nan=False, allow_infinity=False), max_size=4
    ),
    list[dict[str, Any]]: st.lists(json_objects, max_size=3),
}


def event_of(kind: type[ev.Event]) -> st.SearchStrategy[ev.Event]:
    """Make events of one kind, every field filled with anything of its type."""
    hints = {name: hint for name, hint in typing.get_type_hints(kind).items() if not name.startswith("__")}
    fields = {name: BY_TYPE[hint] if hint in BY_TYPE else st.from_type(hint) for name, hint in hints.items()}
    return st.builds(kind, **fields)


known_events = st.sampled_from(ev.KNOWN).flatmap(event_of)
unknown_events = event_of(ev.Unknown)
any_event = known_events | unknown_events
