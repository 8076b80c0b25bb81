"""Telemetry by the real SDK, of a real Chromium: what is told, in which words, and when nothing is."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from typing import Any

import kernel
import pytest
import pytest_asyncio

from tests.local.kernel.conftest import Rig, Server, server
from tests.processes import command_of, mentioning

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]

PAGES: Any = {name: {"enabled": True} for name in ("console", "network", "page", "interaction")}


class Told:
    """What a stream has told so far, and a way to wait for more."""

    def __init__(self) -> None:
        self.envelopes: list[Any] = []
        self._news = asyncio.Event()

    async def follow(self, stream: Any) -> None:
        async for envelope in stream:
            self.envelopes.append(envelope)
            self._news.set()

    async def one(self, kind: str, matches: Callable[[Any], bool] = lambda data: True) -> Any:
        """Wait for an event of a kind; gives its data, as it came."""
        async with asyncio.timeout(20):
            while True:
                for envelope in self.envelopes:
                    if envelope.event.type == kind and matches(envelope.event.to_dict().get("data", {})):
                        return envelope.event.to_dict().get("data", {})
                self._news.clear()
                await self._news.wait()


@pytest_asyncio.fixture(loop_scope="module")
async def told(rig: Rig) -> AsyncIterator[Told]:
    """Capture everything about pages, and follow it."""
    changed = await rig.kernel.browsers.update(rig.id, telemetry={"enabled": True, "browser": PAGES})
    assert changed.telemetry is not None
    heard = Told()
    stream = await rig.kernel.browsers.telemetry.stream(rig.id)
    following = asyncio.create_task(heard.follow(stream))
    yield heard
    following.cancel()
    await stream.close()
    off = await rig.kernel.browsers.update(rig.id, telemetry={"enabled": False})
    assert off.telemetry is None


async def test_a_navigation_is_told_from_its_request_to_its_rest(rig: Rig, told: Told) -> None:
    await rig.open("/one")
    settled = await told.one("page_navigation_settled", lambda data: data["url"].endswith("/one"))
    await told.one("network_idle")
    kinds = [envelope.event.type for envelope in told.envelopes]
    order = ["network_request", "network_response", "page_navigation", "page_dom_content_loaded",
             "page_load", "page_layout_settled", "page_navigation_settled"]  # fmt: skip
    assert [kind for kind in dict.fromkeys(kinds) if kind in order] == order
    assert settled["nav_seq"] >= 1
    response = await told.one("network_response", lambda data: data["url"].endswith("/one"))
    assert (response["status"], response["mime_type"], response["method"]) == (200, "text/html", "GET")
    assert [envelope.seq for envelope in told.envelopes] == sorted({e.seq for e in told.envelopes})
    assert {envelope.event.source.kind for envelope in told.envelopes} == {"cdp"}


@pytest.mark.display
async def test_a_person_is_told_of_by_clicks_keys_and_scrolling_but_not_by_passwords(
    rig: Rig, told: Told
) -> None:
    await rig.open("/interaction")
    computer = rig.kernel.browsers.computer
    await computer.click_mouse(rig.id, x=300, y=140)
    clicked = await told.one("interaction_click")
    assert (clicked["x"], clicked["tag"], clicked["selector"]) == (300, "textarea", "#box")
    await computer.type_text(rig.id, text="q")
    assert (await told.one("interaction_key"))["key"] == "q"
    await computer.scroll(rig.id, x=600, y=600, delta_y=2)
    scrolled = await told.one("interaction_scroll_settled")
    assert (scrolled["from_y"], scrolled["target_selector"]) == (0, "document")
    assert scrolled["to_y"] > 200

    told.envelopes.clear()
    await rig.open("/secret")
    await computer.click_mouse(rig.id, x=300, y=140)
    await told.one("interaction_click")
    await computer.type_text(rig.id, text="hunter2")
    await told.one("interaction_key")
    await told.one("api_call", lambda data: data["operation_id"] == "TypeText")
    assert not [e for e in told.envelopes if "key" in e.event.to_dict().get("data", {})]


async def test_the_console_and_failed_requests_are_told(rig: Rig, told: Told) -> None:
    await rig.open("/noisy")
    said = await told.one("console_log")
    assert (said["level"], said["text"], said["args"]) == ("log", "hello {a: 1}", ["hello", "{a: 1}"])
    shouted = await told.one("console_error", lambda data: data["text"] == "bad")
    assert shouted["stack_trace"]["callFrames"]
    thrown = await told.one("console_error", lambda data: "boom" in data["text"])
    assert thrown["line"] > 0
    failed = await told.one("network_loading_failed", lambda data: data["url"].endswith("/no"))
    assert (failed["error_text"], failed["url"]) == ("net::ERR_CONNECTION_REFUSED", "http://127.0.0.1:2/no")


@pytest.mark.display
async def test_a_new_tab_is_told_and_the_address_bars_list_is_not(rig: Rig, told: Told) -> None:
    await rig.open("/tabs")
    await rig.address(f"{rig.lab.url}/typed")
    await rig.lab.one("load", path="/typed")
    await rig.kernel.browsers.computer.press_key(rig.id, keys=["ctrl+t"])
    await told.one("page_tab_opened")
    await rig.kernel.browsers.computer.press_key(rig.id, keys=["ctrl+w"])
    urls = [envelope.event.to_dict().get("data", {}).get("url", "") for envelope in told.envelopes]
    assert not [url for url in urls if ".top-chrome" in url]
    assert [e.event.type for e in told.envelopes].count("page_tab_opened") == 1


async def test_our_own_calls_are_told_with_their_status(rig: Rig, told: Told) -> None:
    computer = rig.kernel.browsers.computer
    await computer.get_mouse_position(rig.id)
    with pytest.raises(kernel.BadRequestError):
        await computer.move_mouse(rig.id, x=-1, y=0)
    ok = await told.one("api_call", lambda data: data["status"] == 200)
    refused = await told.one("api_call", lambda data: data["status"] == 400)
    assert (ok["operation_id"], refused["operation_id"]) == ("GetMousePosition", "MoveMouse")
    assert 0 <= ok["duration_ms"] < 10_000
    assert ok["request_id"] != refused["request_id"]


async def test_a_stream_is_resumed_after_the_last_event_known(rig: Rig, told: Told) -> None:
    computer, telemetry = rig.kernel.browsers.computer, rig.kernel.browsers.telemetry
    for x in (1, 2, 3):
        await computer.move_mouse(rig.id, x=x, y=1)
    await told.one("api_call", lambda data: len(told.envelopes) >= 3)
    seqs = [envelope.seq for envelope in told.envelopes]

    async def first(**how: Any) -> int:
        async with asyncio.timeout(10), await telemetry.stream(rig.id, **how) as stream:
            return (await anext(aiter(stream))).seq

    assert await first(last_event_id=str(seqs[0])) == seqs[1]
    oldest = await first(replay="all")
    assert oldest <= seqs[0]
    assert await first(replay="all", type=["api_call"]) >= oldest


async def test_the_history_is_paged_filtered_and_goes_both_ways(rig: Rig, told: Told) -> None:
    computer, telemetry = rig.kernel.browsers.computer, rig.kernel.browsers.telemetry
    for x in range(5):
        await computer.move_mouse(rig.id, x=x, y=2)
    every = [e.seq async for e in telemetry.events(rig.id, category=["control"], limit=2)]
    assert every == sorted(every)
    assert len(every) >= 5
    newest = await telemetry.events(rig.id, category=["control"], limit=2, order="desc")
    assert [e.seq for e in newest.items] == every[-1:-3:-1]
    down = [e.seq async for e in telemetry.events(rig.id, category=["control"], limit=3, order="desc")]
    assert down == every[::-1]
    assert [e async for e in telemetry.events(rig.id, type=["page_crashed"])] == []
    assert [e async for e in telemetry.events(rig.id, since="1ms", until="2026-01-01T00:00:00Z")] == []
    raw = await telemetry.with_raw_response.events(rig.id, limit=1)
    assert raw.headers["X-Has-More"] == "true"
    assert int(raw.headers["X-Next-Offset"]) > every[-1]  # a cursor is no event's number
    for wrong in ({"order": "desc", "since": "5m"}, {"since": "soon"}, {"category": ["weather"]}):
        with pytest.raises(kernel.BadRequestError):
            await telemetry.events(rig.id, **wrong)


async def test_without_telemetry_a_stream_is_silent(rig: Rig) -> None:
    telemetry = rig.kernel.browsers.telemetry
    known = [e.seq async for e in telemetry.events(rig.id, limit=100)]
    stream = await telemetry.stream(rig.id)
    heard = Told()
    following = asyncio.create_task(heard.follow(stream))
    await rig.open("/silent")
    await rig.kernel.browsers.computer.get_mouse_position(rig.id)
    following.cancel()
    await stream.close()
    assert heard.envelopes == []
    assert [e.seq async for e in telemetry.events(rig.id, limit=100)] == known


def _chromium_of(up: Server) -> int:
    """Find the process that the others are children of; only those say what type they are."""
    (chromium,) = (
        pid for pid in mentioning(f"--user-data-dir={up.directory}") if "--type=" not in command_of(pid)
    )
    return chromium


@pytest.mark.parametrize("options", [(), ("--plain-routing",)], ids=["direct", "plain"])
async def test_a_crash_is_told_and_ends_the_stream(options: tuple[str, ...]) -> None:
    async with server(*options) as up, up.client() as k:
        made = await k.browsers.create(telemetry={"enabled": True}, viewport={"width": 640, "height": 480})
        assert made.telemetry is not None
        stream = await k.browsers.telemetry.stream(made.session_id)
        os.kill(_chromium_of(up), signal.SIGKILL)
        async with asyncio.timeout(20):
            heard = [envelope async for envelope in stream]
        assert [envelope.event.to_dict()["data"] for envelope in heard] == [
            {"service_name": "chromium", "phase": "running"}
        ]
        past = [e.event.type async for e in k.browsers.telemetry.events(made.session_id)]
        assert past == ["service_crashed"]
        with pytest.raises(kernel.NotFoundError):
            await k.browsers.telemetry.stream(made.session_id)
