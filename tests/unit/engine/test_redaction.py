"""No event carries a secret to disk, and nothing the API signs is touched."""

from pilothouse import events as ev
from pilothouse.engine.redaction import redacted
from pilothouse.safety import Redactor

SECRET = "correct-horse-battery"
redactor = Redactor([SECRET])


def test_texts_at_any_depth_are_masked() -> None:
    event = ev.ActionProposed(
        turn=1, action=1, tool_use_id="t", member="type", input={"text": [f"x {SECRET} y"]}
    )
    assert SECRET not in str(redacted(event, redactor))


def test_signatures_and_pictures_stay_exact() -> None:
    block = {"type": "thinking", "thinking": SECRET, "signature": SECRET}
    event = ev.TurnFinished(turn=1, stop_reason="end_turn", content=[block])
    masked = redacted(event, redactor)
    assert isinstance(masked, ev.TurnFinished)
    assert masked.content[0]["signature"] == SECRET
    assert SECRET not in masked.content[0]["thinking"]


def test_an_event_without_a_secret_is_the_same_object() -> None:
    event = ev.RunStarted(
        run="abcdefghij",
        task="look",
        model="m",
        browser="local",
        display_width_px=1,
        display_height_px=1,
    )
    assert redacted(event, redactor) is event
