from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from pilothouse import commands as cmd
from pilothouse.errors import ProtocolMismatch

EVERY = [
    cmd.Pause(id="1", actor="ann"),
    cmd.Pause(id="1", actor="ann", freeze=True, reason="look"),
    cmd.Resume(id="2", actor="ann"),
    cmd.Step(id="3", actor="ann", n=3),
    cmd.Say(id="4", actor="ann", text="the blue one", when="now"),
    cmd.Approve(id="5", actor="ann", expect=cmd.Expect(request="r", frame_sha256="a" * 64)),
    cmd.Reject(id="6", actor="ann", reason="too dear"),
    cmd.Edit(id="7", actor="ann", input={"coordinate": [1, 2]}),
    cmd.TakeOver(id="8", actor="ann"),
    cmd.Release(id="9", actor="ann"),
    cmd.Act(id="15", actor="ann", member="type", input={"text": "tea"}, secret=True),
    cmd.Conceal(id="16", actor="ann"),
    cmd.Reveal(id="17", actor="ann"),
    cmd.LiveView(id="20", actor="ann"),
    cmd.Revise(id="18", actor="ann", message="4", text="the red one", before="end"),
    cmd.Unsay(id="19", actor="ann", message="4"),
    cmd.SetLimit(id="10", actor="ann", limit="cost_usd", value=2.5),
    cmd.SetLimit(id="11", actor="ann", limit="turns"),
    cmd.SetMode(id="12", actor="ann", mode="ask"),
    cmd.SetModel(id="13", actor="ann", model="m"),
    cmd.Abort(id="14", actor="ann", keep_browser=True),
]


@pytest.mark.parametrize("command", EVERY, ids=lambda command: type(command).__name__)
def test_every_command_comes_through_the_socket_as_it_was(command: cmd.Command) -> None:
    line = cmd.encode(command)
    assert b"\n" not in line
    assert cmd.from_viewer().decode(line) == command


def test_each_kind_of_command_is_tried_here_and_spoken_by_the_socket() -> None:
    assert {type(command) for command in EVERY} == set(get_args(cmd.AnyCommand))
    assert set(get_args(cmd.FromViewer)) == {cmd.Hello, cmd.Look, *get_args(cmd.AnyCommand)}


@pytest.mark.parametrize(
    "frame",
    [
        cmd.Hello(run="r"),
        cmd.Ack(id="1", seq=2),
        cmd.Refused(id="1", why="no"),
        cmd.Grew(seq=9),
        cmd.LivePicture(number=1, data=b"\x89\n", mime="image/png", width_px=2, height_px=1),
    ],
)
def test_every_frame_of_an_engine_comes_through(frame: cmd.FromEngine) -> None:
    assert cmd.from_engine().decode(cmd.encode(frame)) == frame


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b'{"type":"Explode","id":"1","actor":"x"}',
        b'{"type":"Pause"}',
        b'{"type":"Step","id":"1","actor":"x","n":"1"}',
    ],
)
def test_what_is_no_command_is_refused(line: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        cmd.from_viewer().decode(line)


def test_both_sides_take_the_lower_version() -> None:
    assert cmd.agree(cmd.Hello(protocol_min=1, protocol_max=cmd.PROTOCOL_MAX + 3)) == cmd.PROTOCOL_MAX
    assert cmd.agree(cmd.Hello(protocol_min=0, protocol_max=1)) == 1


def test_sides_that_do_not_meet_say_which_is_older() -> None:
    with pytest.raises(ProtocolMismatch, match="this pilothouse is older"):
        cmd.agree(cmd.Hello(protocol_min=cmd.PROTOCOL_MAX + 1, protocol_max=cmd.PROTOCOL_MAX + 1))
    with pytest.raises(ProtocolMismatch, match="the other side is older"):
        cmd.agree(cmd.Hello(protocol_min=0, protocol_max=0))
