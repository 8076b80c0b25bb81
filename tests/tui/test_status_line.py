"""The status line counts down to the next try, and says which key tries now."""

from __future__ import annotations

import msgspec
import pytest

from pilothouse import events as ev
from pilothouse.events import Hold, RunPhase
from pilothouse.state import RunState
from pilothouse.terminal.link import LinkFigures
from pilothouse.tui.status import Look, again, left, line
from pilothouse.tui.widgets.lines import fitting
from tests.folding import reduce_all


def waiting(*, asks: bool = False, holding: tuple[Hold, ...] = (Hold.RETRY,)) -> RunState:
    retry = ev.RetryScheduled(
        seq=1, t=10_000_000_000, what="model", attempt=1, delay_ms=90_000, why="busy", asks=asks
    )
    held = ev.StateChanged(seq=2, t=10_000_000_000, phase=RunPhase.HOLDING, holding=holding)
    return reduce_all([retry, held])


@pytest.mark.parametrize(
    ("state", "elapsed_s", "words"),
    [
        (waiting(), 10.0, "again in 1:31, space: now"),
        (waiting(), 99.5, "again in 0:01, space: now"),
        (waiting(), 200.0, "space: ask again"),
        (waiting(asks=True), 10.0, "space: ask again"),
        (waiting(holding=(Hold.PAUSE,)), 10.0, ""),
        (RunState(), 10.0, ""),
    ],
)
def test_a_retry_is_counted_down(state: RunState, elapsed_s: float, words: str) -> None:
    assert again(state, elapsed_s) == words


LOOK = Look(following=True, playing=False, speed=1, step=1, steps=1, live=True, killed=False, elapsed_s=61)


def shown(*events: ev.Event, width: int = 160, look: Look = LOOK) -> list[str]:
    return [fact.text for fact in fitting(left(reduce_all(list(events)), look), width) if fact.text]


def test_what_came_from_the_cache_stands_beside_the_tokens_once_something_did() -> None:
    written = ev.UsageReported(turn=1, input=100, cache_write_5m=4_900, output=0, cost_usd=0.02)
    read = ev.UsageReported(turn=2, cache_read=15_000, output=0, cost_usd=0.01)
    assert "5.0k tok" in shown(written)
    assert not any("cached" in text for text in shown(written))
    both = shown(written, read)
    assert both[both.index("20.0k tok") + 1] == "75% cached"


def test_the_cache_is_the_first_to_give_way() -> None:
    read = ev.UsageReported(turn=2, cache_read=15_000, output=0, cost_usd=0.01)
    whole = shown(read)
    without = [text for text in whole if "cached" not in text]
    assert shown(read, width=sum(len(text) + 2 for text in whole) - 3) == without


def started(**limits: float) -> ev.RunStarted:
    return ev.RunStarted(
        run="r", task="t", model="m", browser="local", display_width_px=1, display_height_px=1, limits=limits
    )


def test_a_limit_on_money_stands_beside_what_was_spent_and_follows_its_changes() -> None:
    used = ev.UsageReported(turn=1, input=1, output=0, cost_usd=0.25)
    assert "$0.25" in shown(started(), used)
    assert "$0.25 of $2.00" in shown(started(dollars=2), used)
    assert "$0.25 of $5.00" in shown(started(dollars=2), used, ev.LimitChanged(limit="dollars", value=5))
    assert "$0.25" in shown(started(dollars=2), used, ev.LimitChanged(limit="dollars"))


def test_how_full_the_context_is_is_told_once_it_is_known() -> None:
    known = ev.UsageReported(turn=1, input=170_000, output=0, context_max=200_000)
    assert "context 85%" in shown(known)
    unknown = ev.UsageReported(turn=1, input=170_000, output=0)
    assert not any("context" in text for text in shown(unknown))


def test_viewers_are_counted_from_two_on() -> None:
    here = [ev.ViewerJoined(viewer=name, actor=name, role="drive") for name in ("ann", "bob")]
    assert "2 watch" in shown(*here)
    assert not any("watch" in text for text in shown(here[0]))
    assert not any("watch" in text for text in shown(*here, ev.ViewerDeparted(viewer="bob")))


@pytest.mark.parametrize(("free", "told"), [(None, []), (600 << 20, []), (80 << 20, ["disk: 80 MB left"])])
def test_a_disk_that_fills_up_is_told(free: int | None, told: list[str]) -> None:
    facts = shown(look=msgspec.structs.replace(LOOK, free_bytes=free))
    assert [text for text in facts if text.startswith("disk")] == told


@pytest.mark.parametrize(
    ("figures", "told"),
    [
        (LinkFigures(rtt_ms=210, sent_kb_s=38.4, answers=True), "38 KB/s 210 ms"),
        (LinkFigures(rtt_ms=8, sent_kb_s=38.4, answers=True), ""),
        (LinkFigures(), ""),
    ],
)
def test_a_slow_line_is_told(figures: LinkFigures, told: str) -> None:
    assert line(figures) == told


def test_a_recorded_mode_is_cleaned() -> None:
    changed = ev.ModeChanged(mode="\x1b]0;x\x07auto", why="\x08off the list")
    assert not any(mark in "".join(shown(changed)) for mark in "\x1b\x07\x08")
