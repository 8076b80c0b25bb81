"""A run of any length, event by event, like those that agents make. Nothing is measured here."""

from __future__ import annotations

from itertools import count, islice
from typing import TYPE_CHECKING

import msgspec

from pilothouse import events as ev

if TYPE_CHECKING:
    from collections.abc import Iterator

SAID = (
    "The results are in, and the third of them is the kettle that was asked for.",
    "I will open it, and look at its price, at what it holds and at whether it is in stock.",
    "It is not this one.",
)


def long_run(events: int) -> Iterator[ev.Event]:
    """Give so many events: turns of some text, an action and its picture; now and then something fails."""
    for seq, event in enumerate(islice(_events(), events)):
        yield msgspec.structs.replace(event, seq=seq, t=seq * 150_000_000)


def _events() -> Iterator[ev.Event]:
    yield ev.RunStarted(
        run="ab12cd34ef", task="Find the kettle.", model="claude-opus-5-5", browser="local",
        display_width_px=1280, display_height_px=800,
    )  # fmt: skip
    yield ev.LegStarted(leg=1, instruction="Find the kettle.")
    for turn in count(1):
        yield ev.TurnStarted(turn=turn)
        for n, text in enumerate(("The page shows a search field. ", "I should use it.")):
            yield ev.ThinkingStreamed(turn=turn, block=0, text=text * (n + 1))
        for text in SAID:
            yield ev.TextStreamed(turn=turn, block=1, text=text + " ")
        yield ev.TurnFinished(
            turn=turn, stop_reason="tool_use", content=[{"type": "text", "text": " ".join(SAID)}]
        )
        yield ev.UsageReported(turn=turn, input=900, cache_read=5200, output=240, cost_usd=0.01)
        yield from _action(turn, ok=turn % 17 != 0)


def _action(turn: int, *, ok: bool) -> Iterator[ev.Event]:
    member, given = (
        ("left_click", {"coordinate": [turn % 1280, 420]})
        if turn % 3
        else ("type", {"text": f"kettle {turn}"})
    )
    ident = f"toolu_{turn}"
    yield ev.ActionProposed(turn=turn, action=turn, tool_use_id=ident, member=member, input=given)
    yield ev.ActionStarted(action=turn, tool_use_id=ident, member=member)
    text = "Done." if ok else "the browser did not answer"
    yield ev.ActionFinished(
        action=turn, tool_use_id=ident, member=member, ok=ok, text=text, duration_ms=180.0 + turn % 90
    )
    blob = ev.Blob(sha256=f"{turn:064x}", size=100_000, mime="image/png", width_px=1280, height_px=800)
    yield ev.FrameCaptured(
        frame=turn,
        blob=blob,
        source="settled",
        action=turn,
        url=f"http://shop.example/{turn}",
        settle_ms=310.0,
    )
