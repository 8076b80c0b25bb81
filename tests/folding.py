"""Events folded into the state that they lead to. No test is here."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from pilothouse import events as ev
from pilothouse.state import RunState, reduce

BEGIN = RunState()


def reduce_all(events: Iterable[ev.Event], state: RunState = BEGIN) -> RunState:
    """Fold events into a state."""
    return functools.reduce(reduce, events, state)
