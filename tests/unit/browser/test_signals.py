"""When to look on a browser that does not say itself when it is at rest."""

from __future__ import annotations

import asyncio
import time

import pytest

from pilothouse.browser import settle
from pilothouse.browser.settle import TelemetrySignals, kind_of
from pilothouse.events import Json


@pytest.mark.parametrize(
    ("member", "given", "kind"),
    [
        ("key", {"text": "Return"}, "enter"),
        ("key", {"text": "ctrl+Enter"}, "enter"),
        ("key", {"text": "Tab KP_Enter"}, "enter"),
        ("key", {"text": "ctrl+a"}, "key"),
        ("type", {"text": "kettle\n"}, "enter"),
        ("type", {"text": "Return"}, "type"),
        ("left_click", {"coordinate": [1, 2]}, "left_click"),
        ("scroll", None, "scroll"),
    ],
)
def test_what_sends_something_off_is_told_apart(member: str, given: Json | None, kind: str) -> None:
    assert kind_of(member, given) == kind


@pytest.fixture
def signals(monkeypatch: pytest.MonkeyPatch) -> TelemetrySignals:
    monkeypatch.setattr(settle, "SIGNALS_FIRST_S", 0.0)
    monkeypatch.setattr(settle, "SIGNALS_CAP_S", 0.2)
    return TelemetrySignals(lambda: True)


@pytest.mark.parametrize(
    ("member", "heard", "at_rest"),
    [
        ("left_click", [], False),
        ("left_click", ["page_navigation", "page_navigation_settled"], True),
        ("left_click", ["page_navigation", "page_load"], False),
        ("left_click", ["network_request", "network_idle", "network_request"], False),
        ("left_click", ["network_request", "network_idle"], True),
        ("left_click", ["page_navigation", "network_request", "network_idle"], False),
        ("left_click", ["console_log"], False),
        ("scroll", ["interaction_scroll_settled"], True),
        ("scroll", ["network_request", "network_idle"], False),
    ],
)
async def test_every_beginning_waits_for_its_end(
    signals: TelemetrySignals, member: str, heard: list[str], at_rest: bool
) -> None:
    since = time.monotonic()
    for kind in heard:
        signals.heard(kind)
    assert await signals.at_rest(member, since) is at_rest


async def test_an_end_that_comes_while_it_is_waited_for_ends_the_wait(signals: TelemetrySignals) -> None:
    since = time.monotonic()
    signals.heard("page_navigation")
    waiting = asyncio.create_task(signals.at_rest("left_click", since))
    await asyncio.sleep(0)
    signals.heard("page_navigation_settled")
    assert await waiting is True


async def test_what_was_heard_while_the_action_was_under_way_is_waited_for(
    signals: TelemetrySignals,
) -> None:
    begun = time.monotonic()
    signals.heard("page_navigation")
    since = time.monotonic() + 1e-6  # the action's answer came only now
    assert await signals.at_rest("left_click", since, begun) is False

    since = time.monotonic()
    waiting = asyncio.create_task(signals.at_rest("left_click", since, begun))
    await asyncio.sleep(0)
    signals.heard("page_navigation_settled")
    assert await waiting is True


async def test_an_end_that_came_before_the_answer_alone_proves_nothing(signals: TelemetrySignals) -> None:
    begun = time.monotonic()
    signals.heard("network_request")  # of the first of many keys
    signals.heard("network_idle")
    assert await signals.at_rest("type", time.monotonic() + 1e-6, begun) is False


async def test_what_was_before_the_action_does_not_count(signals: TelemetrySignals) -> None:
    signals.heard("page_navigation")
    signals.heard("page_navigation_settled")
    assert await signals.at_rest("left_click", time.monotonic() + 1e-6) is False
