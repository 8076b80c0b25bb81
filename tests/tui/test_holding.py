"""A held run says what is held, since when, and what it costs meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from pilothouse import events as ev
from pilothouse.events import Hold, RunPhase
from pilothouse.state import RunState
from pilothouse.tui.holding import costs, since
from tests.folding import reduce_all

S = 1_000_000_000


def at(seconds: int, kind: type[ev.Event], **fields: Any) -> ev.Event:
    return kind(seq=seconds, t=seconds * S, **fields)


def held(*before: ev.Event, hold: Hold = Hold.PAUSE) -> RunState:
    return reduce_all([*before, at(60, ev.StateChanged, phase=RunPhase.HOLDING, holding=(hold,))])


THINKING = at(50, ev.TurnStarted, turn=1, attempt=1, messages=1)
BATCH = [
    at(51 + n, ev.ActionProposed, turn=1, action=n, tool_use_id=f"t{n}", member="key", input={}, batch=2)
    for n in (1, 2)
]
ASKED = at(
    55,
    ev.ApprovalRequested,
    request="a1",
    action=1,
    tool_use_id="t1",
    args_sha256="",
    frame_sha256="",
    why="",
)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (held(), "for 1:05"),
        (held(THINKING), "for 1:05, the answer finishes, its actions wait"),
        (held(THINKING, hold=Hold.TAKEOVER), "for 1:05, the answer finishes, its actions are left"),
        (held(*BATCH), "for 1:05, 2 actions wait"),
        (held(BATCH[0]), "for 1:05, 1 action waits"),
        (held(*BATCH, ASKED, hold=Hold.APPROVAL), "for 1:05"),
        (held(hold=Hold.FREEZE), "for 1:05, the answer is asked for again"),
        (held(BATCH[0], hold=Hold.FREEZE), "for 1:05, 1 action waits"),
        (reduce_all([THINKING]), ""),
    ],
)
def test_it_says_since_when_and_what_waits(state: RunState, said: str) -> None:
    assert since(state, 125.0) == said


def opened(usd_per_h: float) -> ev.Event:
    return at(1, ev.BrowserOpened, name="b", session="s", width_px=1, height_px=1, usd_per_h=usd_per_h)


SHORT = at(40, ev.UsageReported, turn=1, cache_read=9)
LONG = at(40, ev.UsageReported, turn=1, cache_write_1h=9)
NONE = at(41, ev.UsageReported, turn=2, input=9)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (held(), ""),
        (held(opened(0.48), SHORT), "browser ≤ $0.48/h, cache for 4:00"),
        (held(opened(0.0), LONG), "cache for 59:00"),
        (held(opened(0.06), SHORT, NONE), "browser ≤ $0.06/h"),
        (held(opened(0.48), hold=Hold.BROWSER_LOST), ""),
        (reduce_all([opened(0.48), SHORT]), ""),
    ],
)
def test_it_says_what_costs_meanwhile_and_what_runs_out(state: RunState, said: str) -> None:
    assert costs(state, 100.0) == said


def test_a_cache_that_ran_out_is_cold() -> None:
    assert costs(held(SHORT), 340.0) == "cache cold"
