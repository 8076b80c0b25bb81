"""The input guard: no terminal reply becomes a key, and every key still is one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual import events, messages
from textual.message import Message

from pilothouse.terminal.ingress import Answered, GuardedParser
from pilothouse.terminal.replies import STRING_LIMIT

REPLIES = {
    "osc 4 colour, ST": "\x1b]4;1;rgb:aaaa/aaaa/aaaa\x1b\\",
    "osc 10 colour, BEL": "\x1b]10;rgb:aaaa/bbbb/cccc\x07",
    "osc 11 colour": "\x1b]11;rgb:0000/0000/0000\x1b\\",
    "osc 52 clipboard": "\x1b]52;c;YWJhYWFhYQ==\x07",
    "osc title report": "\x1b]lapprove all\x1b\\",
    "osc, ended by C1 ST": "\x1b]11;rgb:aa/aa/aa\x9c",
    "dcs xtversion": "\x1bP>|tmux 3.3a\x1b\\",
    "dcs decrqss": "\x1bP1$r0m\x1b\\",
    "dcs xtgettcap": "\x1bP1+r544e=787465726d\x1b\\",
    "dcs decrptui": "\x1bP!|00000000\x1b\\",
    "apc kitty ok": "\x1b_Gi=31;OK\x1b\\",
    "apc kitty error": "\x1b_Gi=31;ENOENT:no such picture\x1b\\",
    "pm": "\x1b^private a y\x1b\\",
    "sos": "\x1bXstring a y\x1b\\",
    "da1": "\x1b[?62;4;22c",
    "da2": "\x1b[>41;354;0c",
    "da3": "\x1bP!|7E565445\x1b\\",
    "xtsmgraphics": "\x1b[?2;0;1000;1000S",
    "decxcpr": "\x1b[?12;40;1R",
    "dsr ok": "\x1b[0n",
    "colour scheme": "\x1b[?997;1n",
    "decrpm other": "\x1b[?2027;0$y",
    "decrpm ansi": "\x1b[4;2$y",
    "kitty keyboard flags": "\x1b[?5u",
    "modifyOtherKeys": "\x1b[>4;2m",
    "cell size": "\x1b[6;20;10t",
    "window size": "\x1b[4;800;1200t",
    "text size": "\x1b[8;40;120t",
    "window state": "\x1b[1t",
    "parameters": "\x1b[2;1;1;128;128;1;0x",
    "checksum": "\x1bP1!~ABCD\x1b\\",
    "x10 mouse": "\x1b[Ma!y",
    "osc, C1": "\x9d4;1;rgb:aa/aa/aa\x9c",
    "dcs, C1": "\x90>|xterm(380)\x9c",
    "apc, C1": "\x9fGi=31;OK\x9c",
    "csi, C1": "\x9b?62;22c",
    "osc, raw 8 bit": "\udc9d4;1;rgb:aa/aa/aa\udc9c",
    "csi, raw 8 bit": "\udc9b?62;22c",
}

KEYS = {
    "a": "a",
    "Y": "Y",
    "\r": "enter",
    "\t": "tab",
    "\x7f": "backspace",
    " ": "space",
    "\x19": "ctrl+y",
    "\x03": "ctrl+c",
    "é": "é",
    "漢": "漢",
    "\x1b[A": "up",
    "\x1b[B": "down",
    "\x1b[C": "right",
    "\x1b[D": "left",
    "\x1bOA": "up",
    "\x1bOP": "f1",
    "\x1b[[A": "f1",
    "\x1b[H": "home",
    "\x1b[F": "end",
    "\x1b[3~": "delete",
    "\x1b[5~": "pageup",
    "\x1b[Z": "shift+tab",
    "\x1b[1;5C": "ctrl+right",
    "\x1b[1;2A": "shift+up",
    "\x1b[3$": "shift+delete",
    "\x1b[15~": "f5",
    "\x1b[97;;97u": "a",
    "\x1b[97;5u": "ctrl+a",
    "\x1b[121;5u": "ctrl+y",
    "\x1b[27u": "escape",
    "\x1b[13;3u": "alt+enter",
    "\x1b\r": "alt+enter",
    "\x1b[27;5;121~": "ctrl+y",
}


class Clock:
    """A clock that tests turn by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def parse(*pieces: str, gap_s: float = 0.0, then_s: float = 10.0) -> list[Message]:
    """Return the messages of `pieces` read `gap_s` apart, with a tick between and one `then_s` after."""
    clock = Clock()
    parser = GuardedParser(clock=clock)
    found: list[Message] = []
    for piece in pieces:
        found += parser.feed(piece)
        clock.now += gap_s
        found += parser.tick()
    clock.now += then_s
    found += parser.tick()
    return found


def keys(found: list[Message]) -> list[str]:
    return [message.key for message in found if isinstance(message, events.Key)]


def plain_keys(text: str) -> list[str]:
    """Return what Textual's own parser makes of `text`."""
    from textual._xterm_parser import XTermParser

    return keys(list(XTermParser().feed(text)))


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
def test_a_reply_split_anywhere_gives_no_key(reply: str) -> None:
    for split in range(1, len(reply) + 1):
        assert keys(parse(reply[:split], reply[split:] or "\x1b[I")) == [], split
    for first in range(1, len(reply) - 1):
        for second in range(first + 1, len(reply)):
            assert keys(parse(reply[:first], reply[first:second], reply[second:])) == [], (first, second)


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
def test_a_reply_in_single_bytes_gives_no_key(reply: str) -> None:
    assert keys(parse(*reply, gap_s=0.02)) == []


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
def test_a_reply_whose_rest_is_late_types_nothing(reply: str) -> None:
    for split in range(1, len(reply)):
        got = keys(parse(reply[:split], reply[split:], gap_s=0.6))
        # After a lone ESC the escape key has been given already; it backs out and does nothing else. A rest
        # of one or two characters can't be told from typing, and only then is it typed.
        if len(reply) - split > 2:
            assert got in ([], ["escape"]), (split, got)
            assert got == [] or split == 1


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
def test_keys_around_a_reply_survive(reply: str) -> None:
    assert keys(parse(f"q{reply}\x1b[A.")) == ["q", "up", "full_stop"]


@pytest.mark.parametrize(("sequence", "key"), KEYS.items(), ids=map(ascii, KEYS))
def test_a_key_is_exactly_its_key_at_every_split(sequence: str, key: str) -> None:
    assert keys(parse(sequence)) == [key]
    for split in range(1, len(sequence)):
        assert keys(parse(sequence[:split], sequence[split:])) == [key], split


def test_every_sequence_textual_knows_gives_what_textual_gives() -> None:
    from textual._ansi_sequences import ANSI_SEQUENCES_KEYS

    for sequence in ANSI_SEQUENCES_KEYS:
        if sequence.startswith("\x1b\x1b") or sequence in ("\x1b", "\x80"):
            continue  # alt as a doubled ESC: Textual itself reads escape and the key
        if "\x80" <= sequence <= "\x9f":
            continue
        assert keys(parse(sequence)) == plain_keys(sequence), ascii(sequence)


def test_a_lone_escape_is_the_escape_key_once() -> None:
    assert keys(parse("\x1b", gap_s=0.15)) == ["escape"]
    assert keys(parse("\x1b", "\x1b", gap_s=0.15)) == ["escape", "escape"]
    assert keys(parse("\x1b\x1b", gap_s=0.15)) == ["escape", "escape"]


def test_escape_comes_after_a_tenth_of_a_second_and_not_before() -> None:
    clock = Clock()
    parser = GuardedParser(clock=clock)
    assert keys(list(parser.feed("\x1b"))) == []
    clock.now += 0.05
    assert keys(list(parser.tick())) == []
    clock.now += 0.06
    assert keys(list(parser.tick())) == ["escape"]


def test_alt_and_a_letter_is_alt_and_that_letter() -> None:
    import time

    parser = GuardedParser()
    found = list(parser.feed("\x1bx"))
    until = time.monotonic() + 2
    while not found and time.monotonic() < until:
        found += parser.tick()
    assert keys(found) == ["alt+x"]


def test_alt_bracket_is_lost_but_the_next_key_is_not() -> None:
    assert keys(parse("\x1b]", "a", gap_s=0.3)) == ["a"]


def test_mouse_focus_paste_cursor_and_resize_reach_the_app() -> None:
    kinds = [
        type(message)
        for message in parse(
            "\x1b[<0;10;5M", "\x1b[<0;10;5m", "\x1b[I", "\x1b[O", "\x1b[12;40R", "\x1b[48;24;80;480;800t"
        )
    ]
    assert kinds == [
        events.MouseDown,
        events.MouseUp,
        events.AppFocus,
        events.AppBlur,
        Answered,
        events.Resize,
    ]


def test_the_two_mode_reports_textual_asks_for_pass() -> None:
    assert [type(message) for message in parse("\x1b[?2026;2$y")] == [
        messages.TerminalSupportsSynchronizedOutput
    ]
    assert [type(message) for message in parse("\x1b[?2048;2$y")] == [messages.InBandWindowResize]


def test_a_paste_is_one_event_whose_escapes_are_pictures() -> None:
    paste = "\x1b[200~echo \x1b]0;x\x07 漢\nsecond\x1b[201~"
    for split in range(1, len(paste)):
        found = parse(paste[:split], paste[split:])
        assert [message.text for message in found if isinstance(message, events.Paste)] == [
            "echo \u241b]0;x\x07 漢\nsecond"
        ], split
        assert keys(found) == []


def test_a_paste_that_never_ends_gives_the_keys_back() -> None:
    assert keys(parse("\x1b[200~abc", "x", gap_s=6.0)) == ["x"]


def test_a_reply_without_end_is_bounded_and_its_rest_types_nothing() -> None:
    clock = Clock()
    parser = GuardedParser(clock=clock)
    assert keys(list(parser.feed("\x1b]52;c;" + "a" * (STRING_LIMIT + 5_000)))) == []
    clock.now += 0.2
    assert keys([*parser.tick(), *parser.feed("q")]) == ["q"]


def test_a_stalled_reply_gives_the_keys_back() -> None:
    assert keys(parse("\x1b]11;rgb:", "q", gap_s=3.0)) == ["q"]


def test_letters_right_behind_a_broken_sequence_are_dropped() -> None:
    assert keys(parse("\x1b[12\x07ay")) == []
    assert keys(parse("\x1b[12\x07", "q", gap_s=0.1)) == ["q"]


def test_escape_and_enter_typed_one_after_the_other_are_two_keys() -> None:
    assert keys(parse("\x1b", "\r", gap_s=0.2)) == ["escape", "enter"]


@pytest.mark.parametrize("broken", ["\x1b]11;rgb:aa\x1b\r", "\x1b[12\x07\x1b\r", "\x1bP1$r\x1b\ra y\x1b\\"])
def test_alt_enter_inside_or_right_behind_a_broken_reply_is_no_key(broken: str) -> None:
    assert "alt+enter" not in keys(parse(broken))
    assert keys([*parse(broken, "q", gap_s=3.0)])[-1:] == ["q"]


def test_escape_ends_a_string_that_was_broken_off() -> None:
    assert keys(parse("\x1b]11;rgb:aa\x1b[A")) == ["up"]


@pytest.mark.parametrize(
    "sequence",
    [
        "\x1b[1;1:1A",
        "\x1b[97:65;1u",
        "\x1b[99999999u",
        "\x1b[;;9999999999u",
        "\x1b[97;1:3u",
        "\x1b[<0;" + "9" * 50 + ";1M",
    ],
)
def test_numbers_textual_would_raise_on_are_dropped(sequence: str) -> None:
    assert keys(parse(sequence, "q")) == ["q"]


@given(
    st.text(
        st.sampled_from("\x1b[]P_^XO\\?;:<>0123456789$tcnRMmuya~\x07\x9b\x9d\x9c\udc9b\udcff"), max_size=60
    )
)
@settings(max_examples=300, deadline=None)
def test_nothing_the_terminal_sends_can_end_the_input(noise: str) -> None:
    clock = Clock()
    parser = GuardedParser(clock=clock)
    for message in parser.feed(noise or "x"):
        assert isinstance(message, Message)
    clock.now += 10
    list(parser.tick())
    clock.now += 10
    list(parser.tick())
    assert keys(list(parser.feed("\x1b[201~q")))[-1:] == ["q"]
