"""Garbage is searched for while nobody types."""

from __future__ import annotations

import gc

from pilothouse.tui.tidying import PATIENCE, QUIET_S, Tidying


def test_it_waits_for_whoever_types_but_not_for_ever() -> None:
    now = [100.0]
    tidying = Tidying(lambda: now[0])
    assert tidying.look()
    tidying.typed()
    assert [tidying.look() for _ in range(PATIENCE + 2)] == [*[False] * PATIENCE, True, False]
    now[0] += QUIET_S
    assert tidying.look()


def test_the_interpreter_is_left_as_it_was() -> None:
    before = gc.get_threshold()
    tidying = Tidying(lambda: 0.0)
    tidying.begin()
    try:
        assert gc.get_threshold() != before
    finally:
        tidying.end()
        gc.unfreeze()
    assert gc.get_threshold() == before
