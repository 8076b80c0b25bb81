"""What `ctl state --json` says of the people and their messages."""

from __future__ import annotations

from pilothouse import events as ev
from pilothouse.cli.standing import as_json
from pilothouse.state import RunState, reduce


def test_messages_that_wait_are_given_in_their_order_and_who_follows() -> None:
    state = RunState()
    for event in (
        ev.MessageQueued(id="m1", text="one", when="end"),
        ev.MessageQueued(id="m2", text="two", when="after"),
        ev.MessageRevised(id="m2", text="two", when="end", before="m1"),
        ev.ViewerJoined(viewer="v1", actor="ann", role="drive", client="bridge"),
        ev.ViewerJoined(viewer="v2", actor="bob", role="watch", client="bridge"),
        ev.ViewerDeparted(viewer="v1", actor="ann"),
    ):
        state = reduce(state, event)
    told = as_json(state)
    assert told["messages"] == [
        {"id": "m2", "text": "two", "when": "end"},
        {"id": "m1", "text": "one", "when": "end"},
    ]
    assert told["viewers"] == [{"actor": "bob", "role": "watch"}]
