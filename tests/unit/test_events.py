from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given, settings

from pilothouse import events as ev
from pilothouse.errors import JournalError
from tests.unit.any_event import known_events


@settings(max_examples=300, deadline=None)
@given(known_events)
def test_every_event_comes_back_from_the_wire_as_it_was(event: ev.Event) -> None:
    line = ev.encode(event)
    assert b"\n" not in line
    assert ev.decode(line) == event


@pytest.mark.parametrize("kind", ev.KNOWN, ids=lambda kind: kind.__name__)
def test_the_type_on_the_wire_is_the_name_and_comes_first(kind: type[ev.Event]) -> None:
    assert kind.__struct_config__.tag == kind.__name__
    fields = {field.name: minimal(field) for field in msgspec.structs.fields(kind) if field.required}
    event = msgspec.convert({"type": kind.__name__, **fields}, kind)
    assert ev.encode(event).startswith(b'{"type":"%b"' % kind.__name__.encode())


def minimal(field: msgspec.structs.FieldInfo) -> object:
    values: tuple[object, ...] = (
        "",
        0,
        True,
        [],
        {},
        {"sha256": "", "size": 0, "mime": ""},
        "running",
        "failed",
    )
    for value in values:
        try:
            msgspec.convert(value, field.type)
            return value
        except msgspec.ValidationError:
            continue
    raise AssertionError(f"no minimal value for {field.name}")


def test_events_are_named_in_the_past_tense() -> None:
    past = re.compile(r".*(ed|Alive|Pending|InDoubt)$")
    assert [kind.__name__ for kind in ev.KNOWN if not past.fullmatch(kind.__name__)] == []


def test_the_list_of_events_is_all_of_them() -> None:
    assert set(ev.KNOWN) == set(ev.Event.__subclasses__()) - {ev.Unknown}
    assert len({kind.__name__ for kind in ev.KNOWN}) == len(ev.KNOWN)


def test_an_unknown_type_keeps_its_bytes() -> None:
    raw = b'{"type":"TeaServed", "seq":3,"t":5,"wall":"w","cups":{"x":[1,2]}}'
    event = ev.decode(raw)
    assert event == ev.Unknown(seq=3, t=5, wall="w", type_name="TeaServed", raw=raw)
    assert ev.encode(event) == raw


def test_a_known_type_of_another_shape_is_shown_as_unknown() -> None:
    raw = b'{"type":"LegStarted","seq":3,"leg":"one"}'
    assert ev.decode(raw) == ev.Unknown(seq=3, type_name="LegStarted", raw=raw)


def test_a_field_of_a_newer_version_is_passed_over() -> None:
    assert ev.decode(b'{"type":"Warned","what":"x","seq":1,"colour":"red"}') == ev.Warned(what="x", seq=1)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b'{"type":"Warned"}',
        b'{"seq":1}',
        b'{"type":"Warned","what":NaN,"seq":1}',
        b'{"type":"War\xff","seq":1}',
        b'{"type":"X","seq":1,"x":' + b"[" * 100_000,
    ],
    ids=["empty", "array", "null", "no seq", "no type", "NaN", "not utf-8", "deep"],
)
def test_what_is_no_event_is_refused_with_one_kind_of_error(raw: bytes) -> None:
    with pytest.raises(JournalError, match="not an event"):
        ev.decode(raw)


def test_every_outcome_has_an_exit_code_of_its_own_and_none_is_that_of_bad_usage() -> None:
    assert set(ev.EXIT_CODES) == set(ev.Outcome)
    assert len(set(ev.EXIT_CODES.values())) == len(ev.Outcome)
    assert 2 not in ev.EXIT_CODES.values()
