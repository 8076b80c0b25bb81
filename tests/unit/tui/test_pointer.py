"""Gestures and keys become deeds that the computer tool takes, whatever the hands do."""

from __future__ import annotations

import string
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from textual.keys import Keys, _character_to_key

from pilothouse.browser.inputs import MEMBERS, read_input
from pilothouse.browser.keys import parse_sequence
from pilothouse.engine import lease
from pilothouse.engine.lease import checked
from pilothouse.frames.geometry import Extent, Geometry, Point, fit
from pilothouse.tui.outbox import WAITING_MAX, Outbox, Parcel
from pilothouse.tui.placing import placed
from pilothouse.tui.pointer import (
    ESCAPE_S,
    HOLD_S,
    HOVER_S,
    TYPE_MAX,
    Deed,
    Keyboard,
    Mouse,
    Report,
    aim_reports,
    deed_of_key,
    deeds_of_paste,
)
from pilothouse.tui.screens import driving

points = st.builds(Point, st.integers(0, 1279), st.integers(0, 799))
modifiers = st.sampled_from(["", "", "ctrl", "alt+shift"])
reports = st.one_of(
    st.builds(Report, st.sampled_from(["down", "up", "move"]), points, st.integers(0, 3), held=modifiers),
    st.builds(Report, st.just("scroll"), points, way=st.sampled_from(["up", "down", "left", "right"])),
)
ESCAPE = Deed("key", {"text": "Escape"})


@given(st.lists(st.tuples(reports, st.sampled_from([0.0, 0.05, HOVER_S, HOLD_S])), max_size=40))
def test_whatever_the_mouse_does_the_tool_takes_it_and_every_press_is_let_go(
    moves: list[tuple[Report, float]],
) -> None:
    mouse, now, is_down = Mouse(), 0.0, False
    last = Point(0, 0)
    deeds: list[Deed] = []
    for report, waited in moves:
        now += waited
        deeds += [*mouse.tick(now), *mouse.take(report, now)]
        last = report.at
    for button in (1, 2, 3):
        deeds += mouse.take(Report("up", last, button), now)
    for deed in deeds:
        checked(deed.member, deed.input)
        if deed.member == "left_mouse_down":
            assert not is_down
            is_down = True
        elif deed.member == "left_mouse_up":
            assert is_down
            is_down = False
        else:  # nothing but moves and scrolls between a press and its end
            assert not is_down or deed.member in {"mouse_move", "scroll"}
    assert not is_down
    assert not mouse.is_busy


NAMES = [key.value for key in Keys if not key.value.startswith("<")]
PRINTING = list(map(chr, range(32, 127)))


@given(st.sampled_from(NAMES))
def test_every_named_key_is_one_the_tool_knows_or_none(name: str) -> None:
    deed = deed_of_key(name, None)
    if deed is not None:
        assert deed.member == "key"
        assert parse_sequence(deed.input["text"])


@given(st.sampled_from(PRINTING), st.sampled_from(["ctrl", "alt", "super", "ctrl+alt"]))
def test_every_letter_and_sign_can_be_held_with_another_key(character: str, held: str) -> None:
    deed = deed_of_key(f"{held}+{_character_to_key(character)}", character)
    assert deed is not None
    assert deed.member == "key"
    assert len(parse_sequence(deed.input["text"])) == 1


@given(st.characters(exclude_categories=["C", "Z"]))
def test_what_prints_is_typed_as_it_is(character: str) -> None:
    assert deed_of_key(_character_to_key(character), character) == Deed("type", {"text": character})


def test_every_common_key_has_its_name() -> None:
    plain = ["enter", "tab", "backspace", "delete", "home", "end", "pageup", "pagedown", "up", "f1", "f12"]
    told = [deed_of_key(name, None) for name in [*plain, "shift+f5", "ctrl+shift+right", "ctrl+@"]]
    assert [deed.input["text"] for deed in told if deed is not None] == [
        *["Return", "Tab", "BackSpace", "Delete", "Home", "End", "Page_Up", "Page_Down", "Up", "F1", "F12"],
        *["shift+F5", "ctrl+shift+Right", "ctrl+space"],
    ]


def test_one_escape_waits_two_are_the_way_out_and_none_is_sent_late() -> None:
    keys = Keyboard()
    assert keys.take("escape", "\x1b", 0.0) == []
    assert keys.tick(ESCAPE_S / 2) == []
    assert keys.take("escape", "\x1b", ESCAPE_S / 2) is None
    assert keys.tick(9.0) == []
    assert keys.take("escape", "\x1b", 10.0) == []
    assert keys.tick(10.0 + ESCAPE_S) == [ESCAPE]
    assert keys.take("escape", "\x1b", 20.0) == []
    assert keys.take("a", "a", 20.1) == [ESCAPE, Deed("type", {"text": "a"})]
    assert keys.take("ctrl+t", None, 21.0) is None


@given(st.text(max_size=1_500))
def test_a_paste_is_typed_in_pieces_without_controls(text: str) -> None:
    deeds = deeds_of_paste(text)
    typed = "".join(deed.input["text"] for deed in deeds)
    assert not set(typed) & (set(map(chr, range(32))) - set("\n\t"))
    assert all(len(deed.input["text"]) <= TYPE_MAX for deed in deeds)
    kept = [character for character in text if character in string.ascii_letters]
    assert [character for character in typed if character in string.ascii_letters] == kept


# --- what waits ----------------------------------------------------------------------------------------

moves = st.builds(lambda at: Deed("mouse_move", {"coordinate": list(map(int, at))}), points)
typed = st.builds(lambda text: Deed("type", {"text": text}), st.text(string.ascii_letters, min_size=1))
clicks = st.builds(lambda at: Deed("left_click", {"coordinate": list(map(int, at))}), points)
scrolls = st.builds(
    lambda way: Deed("scroll", {"scroll_direction": way, "scroll_amount": 1, "coordinate": [5, 5]}),
    st.sampled_from(["up", "down"]),
)
presses = st.builds(lambda key: Deed("key", {"text": key}), st.sampled_from(["BackSpace", "Return"]))


@given(st.lists(st.tuples(st.one_of(moves, typed, clicks, scrolls, presses), st.booleans()), max_size=60))
def test_what_waits_means_what_was_done(done: list[tuple[Deed, bool]]) -> None:
    box = Outbox()
    for deed, secret in done:
        assert box.put(deed, 0.0, secret=secret)
    sent = []
    while (parcel := box.take()) is not None:
        assert parcel.deed is not None
        read_input(parcel.deed.member, parcel.deed.input)
        sent.append((parcel.deed, parcel.secret))
    assert _letters(sent) == _letters(done)
    assert _count(sent, "scroll", "scroll_amount") == _count(done, "scroll", "scroll_amount")
    assert _count(sent, "key", "repeat") == _count(done, "key", "repeat")
    assert _clicks(sent) == _clicks(done)
    places = [deed for deed, _ in done if "coordinate" in deed.input]
    if places:  # the pointer ends where it was left
        last = [deed for deed, _ in sent if "coordinate" in deed.input][-1]
        x, y = places[-1].input["coordinate"]
        assert abs(last.input["coordinate"][0] - x) <= 4
        assert abs(last.input["coordinate"][1] - y) <= 4


def _letters(deeds: list[tuple[Deed, bool]]) -> list[tuple[str, bool]]:
    return [
        (letter, secret) for deed, secret in deeds if deed.member == "type" for letter in deed.input["text"]
    ]


def _count(deeds: list[tuple[Deed, bool]], member: str, field: str) -> int:
    return sum(deed.input.get(field, 1) for deed, _ in deeds if deed.member == member)


def _clicks(deeds: list[tuple[Deed, bool]]) -> int:
    times = {"left_click": 1, "double_click": 2, "triple_click": 3}
    return sum(times.get(deed.member, 0) for deed, _ in deeds)


def test_two_clicks_that_wait_are_a_double_click_and_what_left_is_left_alone() -> None:
    box = Outbox()
    click = Deed("left_click", {"coordinate": [7, 7]})
    assert box.put(click, 0.0)
    assert box.take() == Parcel(click, "", False, 0.0)
    assert box.put(click, 0.1)
    assert box.put(click, 0.2)
    again = box.take()
    assert again is not None
    assert again.deed == Deed("double_click", {"coordinate": [7, 7]})
    assert box.take() is None
    assert box.put(click, 1.0)
    assert box.put(click, 9.0)
    assert len(box) == 2


def test_only_so_much_waits_and_less_than_an_engine_takes() -> None:
    box = Outbox()
    took = [box.put(Deed("key", {"text": f"F{n % 24 + 1}"}), 0.0) for n in range(WAITING_MAX + 5)]
    assert took == [True] * WAITING_MAX + [False] * 5
    assert WAITING_MAX < lease.WAITING_MAX
    assert driving.IDLE_S == lease.IDLE_S


# --- the crosshair, and the place of an edit -----------------------------------------------------------


@given(
    points, st.lists(st.sampled_from(["left", "up", "shift+right", "down", "enter", "d", "space", "u", "q"]))
)
def test_the_crosshair_never_leaves_the_page_and_does_what_a_mouse_there_does(
    at: Point, keys: list[str]
) -> None:
    screen = Extent(1280, 800)
    geometry = Geometry(screen, screen, screen, fit(screen, Extent(86, 27)))
    mouse = Mouse()
    for key in keys:
        at, told = aim_reports(key, at, geometry, is_held=mouse.is_busy)
        assert 0 <= at.x < 1280
        assert 0 <= at.y < 800
        for report in told:
            assert report.at == at
            for deed in mouse.take(report, 0.0):
                checked(deed.member, deed.input)


@given(st.sampled_from(sorted(MEMBERS)), points, points)
def test_a_place_that_was_pointed_at_is_one_the_member_takes(member: str, start: Point, end: Point) -> None:
    least: dict[str, dict[str, Any]] = {
        "scroll": {"scroll_direction": "up", "scroll_amount": 1},
        "left_click_drag": {"coordinate": [1, 1]},
        "zoom": {"region": [0, 0, 1, 1]},
    }
    changed = placed(member, least.get(member, {}), start, end)
    if changed is not None:
        read_input(member, changed)
