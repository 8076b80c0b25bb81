"""Deltas become events: the first at once, then at most twenty a second, and nothing is lost."""

import asyncio

from pilothouse import events as ev
from pilothouse.model.stream import DeltaCoalescer
from pilothouse.safety import Redactor


def make(text: str) -> ev.Event:
    return ev.TextStreamed(turn=1, block=0, text=text)


def texts(events: list[ev.Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, ev.TextStreamed)]


async def test_the_first_piece_goes_out_at_once_and_the_rest_together() -> None:
    emitted: list[ev.Event] = []
    now = 100.0
    deltas = DeltaCoalescer(emitted.append, clock=lambda: now)
    deltas.add("text_delta", 0, "1", make)
    assert texts(emitted) == ["1"]
    for letter in "234":
        deltas.add("text_delta", 0, letter, make)
    assert texts(emitted) == ["1"]
    now += 0.06
    deltas.add("text_delta", 0, "5", make)
    assert texts(emitted) == ["1", "2345"]


async def test_what_is_held_back_comes_by_itself() -> None:
    emitted: asyncio.Queue[ev.Event] = asyncio.Queue()
    deltas = DeltaCoalescer(emitted.put_nowait)
    deltas.add("text_delta", 0, "1", make)
    deltas.add("text_delta", 0, "2", make)
    async with asyncio.timeout(2):
        assert texts([await emitted.get(), await emitted.get()]) == ["1", "2"]


async def test_the_end_leaves_nothing() -> None:
    emitted: list[ev.Event] = []
    deltas = DeltaCoalescer(emitted.append)
    for letter in "123":
        deltas.add("text_delta", 0, letter, make)
    deltas.finish()
    assert "".join(texts(emitted)) == "123"
    deltas.finish()
    assert "".join(texts(emitted)) == "123"


async def test_a_secret_cut_in_two_by_its_pieces_is_masked() -> None:
    emitted: list[ev.Event] = []
    deltas = DeltaCoalescer(emitted.append, make_redactor=lambda: Redactor(["hunter2-hunter2"]))
    for piece in ("the key is hunter2", "-hunt", "er2 and no more"):
        deltas.add("text_delta", 0, piece, make)
        deltas.flush()
    deltas.finish()
    said = "".join(texts(emitted))
    assert "hunter2" not in said
    assert said.startswith("the key is ")
    assert said.endswith(" and no more")
