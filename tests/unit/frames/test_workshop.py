"""Pictures made in a process of their own are the same, and outlive it."""

from __future__ import annotations

import io
import os
import signal
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from pilothouse.frames import workshop
from pilothouse.frames.decode import FrameUnreadable
from pilothouse.frames.geometry import Extent, View
from pilothouse.frames.indexed import BEST

if TYPE_CHECKING:
    from collections.abc import Iterator

CELL = Extent(10, 20)


@pytest.fixture(scope="module", autouse=True)
def closed() -> Iterator[None]:
    yield
    workshop.WORKSHOP.close()


def frame() -> bytes:
    image = Image.linear_gradient("L").resize((320, 200)).convert("RGB")
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def made() -> list[object]:
    found: list[object] = []
    for view in (None, View(10, 20, 100, 60)):
        small, size = workshop.scaled(frame(), view, Extent(20, 8), CELL, CELL)
        found += [small.size, small.tobytes(), size]
        found += [workshop.encoded(small, BEST), workshop.as_sixels(small, BEST)]
    return found


def test_a_picture_is_the_same_wherever_it_is_made() -> None:
    workshop.WORKSHOP.close()
    here = made()
    workshop.WORKSHOP.open()
    assert workshop.WORKSHOP.pid
    assert made() == here
    assert workshop.WORKSHOP.pid  # nothing went wrong there


def test_a_frame_that_cannot_be_read_has_its_sentence_and_costs_nothing_else() -> None:
    workshop.WORKSHOP.open()
    pid = workshop.WORKSHOP.pid
    with pytest.raises(FrameUnreadable, match="this frame can't be decoded"):
        workshop.scaled(b"no picture", None, Extent(20, 8), CELL, CELL)
    assert workshop.WORKSHOP.pid == pid


def test_pictures_go_on_when_the_process_is_killed() -> None:
    workshop.WORKSHOP.open()
    os.kill(workshop.WORKSHOP.pid, signal.SIGKILL)
    assert workshop.scaled(frame(), None, Extent(20, 8), CELL, CELL)[1] == Extent(320, 200)
    assert not workshop.WORKSHOP.pid
