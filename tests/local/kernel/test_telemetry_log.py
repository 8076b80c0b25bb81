"""What telemetry captures by the SDK's rules, and the log: numbers, bounds, streams, history. No browser."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from pilothouse.local import kernel_telemetry
from pilothouse.local.kernel_actions import Refused
from pilothouse.local.kernel_telemetry import (
    CATEGORIES,
    CUT,
    OFF,
    OPERATIONAL,
    STRING_MAX_CHARS,
    Query,
    TelemetryLog,
    cut,
    read_telemetry,
)

API = {"kind": "kernel_api"}


def _on(*names: str, enabled: bool = True) -> dict[str, Any]:
    return {name: {"enabled": enabled} for name in names}


@pytest.mark.parametrize(
    ("given", "current", "expected"),
    [
        (None, OFF, OFF),
        ({}, OFF, OFF),
        ({"enabled": False}, OFF, OFF),
        ({"enabled": True}, OFF, OPERATIONAL),
        ({"browser": _on("page")}, OFF, OPERATIONAL | {"page"}),
        ({"browser": _on("control", enabled=False)}, OFF, OPERATIONAL - {"control"}),
        ({"browser": _on(*OPERATIONAL, enabled=False)}, OFF, OFF),
        ({"browser": {}}, OFF, OFF),
        ({}, frozenset({"page"}), frozenset({"page"})),
        ({"enabled": False}, frozenset({"page"}), OFF),
        ({"browser": _on("network")}, frozenset({"page"}), frozenset({"page", "network"})),
        ({"enabled": True, "browser": _on("network")}, frozenset({"page"}), OPERATIONAL | {"network"}),
        ({"browser": _on("page", enabled=False)}, frozenset({"page"}), OFF),
    ],
)
def test_categories_merge_as_the_sdk_says(
    given: Any, current: frozenset[str], expected: frozenset[str]
) -> None:
    assert read_telemetry(given, current) == expected


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"enabled": False, "browser": _on("page")}, 400),
        ({"enabled": "yes"}, 400),
        ({"browser": _on("weather")}, 400),
        ({"enabled": True, "export": {"otlp": {"enabled": True}}}, 501),
    ],
)
def test_what_contradicts_itself_is_refused(given: Any, status: int) -> None:
    with pytest.raises(Refused) as caught:
        read_telemetry(given, OFF)
    assert caught.value.status == status


def _log(*kinds: str) -> TelemetryLog:
    log = TelemetryLog(CATEGORIES, clock=lambda: 1000.0 + log.last_seq)
    for kind in kinds:
        log.emit("page", kind, API)
    return log


def test_events_are_numbered_and_only_those_captured_are_kept() -> None:
    log = TelemetryLog(frozenset({"control"}), clock=lambda: 12.5)
    log.emit("page", "page_load", API)
    log.emit("monitor", "monitor_init_failed", API)
    log.emit("control", "api_call", API, {"status": 200})
    (entry,) = log.after(0)
    assert json.loads(entry.envelope) == {
        "seq": 1,
        "event": {
            "category": "control",
            "type": "api_call",
            "ts": 12_500_000,
            "source": {"kind": "kernel_api"},
            "data": {"status": 200},
        },
    }
    log.end()
    log.emit("control", "api_call", API)
    assert log.last_seq == 1


def test_the_collectors_health_is_told_with_any_category_of_pages() -> None:
    log = TelemetryLog(frozenset({"console"}))
    log.emit("monitor", "monitor_init_failed", API, {"step": "Page.enable"})
    assert [entry.type for entry in log.after(0)] == ["monitor_init_failed"]


def test_the_ring_is_bounded_by_number_and_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_telemetry, "EVENTS_MAX", 3)
    assert [entry.seq for entry in _log(*"abcde").after(0)] == [3, 4, 5]
    monkeypatch.setattr(kernel_telemetry, "BYTES_MAX", 1)
    assert [entry.seq for entry in _log(*"abcde").after(0)] == [5]


def test_long_strings_are_cut_and_said_to_be_but_pictures_are_not() -> None:
    long = "ż" * (STRING_MAX_CHARS + 1)
    assert cut({"text": long, "png": long, "args": [long]}) == (
        {"text": long[:-1] + CUT, "png": long, "args": [long[:-1] + CUT]},
        True,
    )
    assert cut({"text": long[:-1], "n": 1}) == ({"text": long[:-1], "n": 1}, False)
    log = TelemetryLog(CATEGORIES)
    log.emit("page", "page_load", API, {"url": long})
    assert json.loads(log.after(0)[0].envelope)["event"]["truncated"] is True


def test_half_a_character_is_replaced_for_nothing_can_encode_it() -> None:
    log = TelemetryLog(CATEGORIES)
    log.emit("console", "console_log", API, {"text": "a\ud800", "args": ["\udfffé"], "\ud800": {"\udc00": 1}})
    data = json.loads(log.after(0)[0].envelope)["event"]["data"]
    assert data == {"text": "a\ufffd", "args": ["\ufffdé"], "\ufffd": {"\ufffd": 1}}


def test_the_past_is_given_in_both_directions_and_says_whether_there_is_more() -> None:
    log = _log(*"abcab")

    def ask(**query: Any) -> tuple[list[int], bool]:
        found, more = log.past(Query(**query))
        return [entry.seq for entry in found], more

    assert ask(limit=2) == ([1, 2], True)
    assert ask(limit=3, after=2) == ([3, 4, 5], False)
    assert ask(limit=2, descending=True) == ([5, 4], True)
    assert ask(limit=2, descending=True, before=4) == ([3, 2], True)
    assert ask(types=frozenset("a")) == ([1, 4], False)
    assert ask(types=frozenset("a"), categories=frozenset({"network"})) == ([], False)
    assert ask(since_us=1_002_000_000, until_us=1_004_000_000) == ([2, 3], False)


async def _frames(log: TelemetryLog, *args: Any, **more: Any) -> list[bytes]:
    return [frame async for frame in log.frames(*args, **more)]


async def test_a_stream_tells_what_is_new_and_ends_with_the_browser() -> None:
    log = _log("a", "b")
    told = asyncio.create_task(_frames(log, 1))
    await asyncio.sleep(0)
    log.emit("page", "c", API)
    await asyncio.sleep(0)
    log.end()
    frames = await told
    assert [frame.split(b"\n")[0] for frame in frames] == [b"id: 2", b"id: 3"]
    assert all(frame.endswith(b"}}\n\n") and b"event:" not in frame for frame in frames)


async def test_a_filtered_stream_still_moves_its_reader_on() -> None:
    log = _log("a", "b", "b")
    log.end()
    assert [frame[:6] for frame in await _frames(log, 0, frozenset("a"))] == [b"id: 1\n", b"id: 3\n"]


async def test_a_silent_stream_sends_comments_and_numbers_of_what_it_left_out() -> None:
    log = _log()
    frames = log.frames(0, frozenset("a"), keepalive_s=0.001)
    assert await anext(frames) == b": keepalive\n\n"
    log.emit("page", "b", API)
    assert await anext(frames) == b"id: 1\n\n"
    assert await anext(frames) == b": keepalive\n\n"
    await frames.aclose()
