"""Deltas become events: the first at once, then at most twenty a second, and nothing is lost."""

import asyncio

from pilothouse import events as ev
from pilothouse.model.stream import DeltaCoalescer


def make(text: str) -> ev.Event:
    return ev.TextStreamed(turn=1, block=0, text=text)


def texts(events: list[ev.Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, ev.TextStreamed)]


async def test_the_first_piece_goes_out_at_once_and_the_rest_together() -> None:
    emitted: list[ev.Event] = []
    now = 100.0
    deltas = DeltaCoalescer(emitted.append, clock=lambda: now)
    deltas.add("text_delta", 0, "a", make)
    assert texts(emitted) == ["a"]
    for letter in "bcd":
        deltas.add("text_delta", 0, letter, make)
    assert texts(emitted) == ["a"]
    now += 0.06
    deltas.add("text_delta", 0, "e", make)
    assert texts(emitted) == ["a", "bcde"]


async def test_what_is_held_back_comes_by_itself() -> None:
    emitted: asyncio.Queue[ev.Event] = asyncio.Queue()
    deltas = DeltaCoalescer(emitted.put_nowait)
    deltas.add("text_delta", 0, "a", make)
    deltas.add("text_delta", 0, "b", make)
    async with asyncio.timeout(2):
        assert texts([await emitted.get(), await emitted.get()]) == ["a", "b"]


async def test_a_flush_leaves_nothing() -> None:
    emitted: list[ev.Event] = []
    deltas = DeltaCoalescer(emitted.append)
    for letter in "abc":
        deltas.add("text_delta", 0, letter, make)
    deltas.flush()
    assert "".join(texts(emitted)) == "abc"
    deltas.flush()
    assert "".join(texts(emitted)) == "abc"
