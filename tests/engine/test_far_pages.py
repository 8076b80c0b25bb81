"""Pages asked from afar: what they say decides; whatever else comes of asking, the caller goes by delays."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from pilothouse.browser import far_pages
from pilothouse.browser.far_pages import FarPages
from pilothouse.devtools import DevToolsFailed
from pilothouse.devtools import socket as devtools_socket
from pilothouse.errors import BrowserError
from pilothouse.local.loopback import listening
from tests.engine.devtools_stub import TOKEN, DevToolsStub


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for a lost browser again at once, and give one up only when a test says so."""
    monkeypatch.setattr(far_pages, "BACKOFF_S", 0.0)
    monkeypatch.setattr(far_pages, "PULSE_S", 30.0)


class Screen:
    """Pictures that follow one another, the last one for ever."""

    def __init__(self, *pictures: str) -> None:
        self.looks = 0
        self._pictures = list(pictures or ("one",))

    async def look(self) -> str:
        self.looks += 1
        return self._pictures.pop(0) if len(self._pictures) > 1 else self._pictures[0]

    async def same(self, one: str, other: str, areas: object) -> bool:
        return one == other


class Far:
    """Pages under test, and what is behind them."""

    def __init__(self, stub: DevToolsStub, url: str) -> None:
        self.stub = stub
        self.pages = FarPages()
        self.screen = Screen()
        self._url = url

    def address(self, browser: str = "b1") -> str:
        return f"{self._url.replace('http', 'ws')}/devtools/{browser}?jwt={TOKEN}"

    async def connect(self, browser: str = "b1") -> None:
        self.stub.ready.clear()
        self.pages.move_to(self.address(browser))
        self.pages.wake()
        await self.stub.ready.wait()

    async def rested(self, member: str = "left_click", *, for_s: float = 30.0) -> tuple[str, str] | None:
        now = time.monotonic()
        return await self.pages.rested(member, now - 1, now + for_s, self.screen.look, self.screen.same)


@asynccontextmanager
async def far() -> AsyncIterator[Far]:
    stub = DevToolsStub()
    async with listening(stub.app()) as url:
        one = Far(stub, url)
        try:
            yield one
        finally:
            await one.pages.close()


async def test_pages_at_rest_make_one_picture_enough() -> None:
    async with far() as one:
        await one.connect()
        assert await one.rested() == ("one", "signals")
        assert one.screen.looks == 1


async def test_what_is_under_way_is_waited_for() -> None:
    async with far() as one:
        await one.connect()
        one.stub.reports = [{"why": "timer"}, {"why": "frame"}, {}]
        assert await one.rested() == ("one", "signals")
        assert one.stub.reports == [{}]
        assert one.screen.looks == 1


async def test_a_request_that_begins_while_the_picture_is_taken_is_waited_for() -> None:
    async with far() as one:
        await one.connect()
        one.screen = Screen("half", "half", "whole")
        begun = {"requestId": "r", "request": {"url": "http://page.example/more"}}
        original = one.screen.look

        async def look() -> str:
            picture = await original()
            if one.screen.looks == 1:
                one.stub.tell(method="Network.requestWillBeSent", params=begun)
                assert one.pages._line is not None
                await one.pages._line.signals.moved(30)
                one.stub.tell(method="Network.loadingFinished", params={"requestId": "r"})
            return picture

        one.screen.look = look  # type: ignore[method-assign]
        one.pages.acting()
        assert one.pages._asking is not None
        await one.pages._asking
        assert await one.rested() == ("whole", "signals")


async def test_input_that_no_page_had_waits_for_still_pictures() -> None:
    async with far() as one:
        await one.connect()
        one.screen = Screen("a list opens", "a list is open")
        one.stub.reports = [{"key": 3}]
        one.pages.acting()
        assert one.pages._asking is not None
        await one.pages._asking
        assert await one.rested("key") == ("a list is open", "signals")
        looks, one.stub.reports = one.screen.looks, [{"key": 4}]
        assert await one.rested("key") == ("a list is open", "signals")
        assert one.screen.looks == looks + 1


async def test_pages_that_never_rest_are_shown_when_time_is_up() -> None:
    async with far() as one:
        await one.connect()
        one.stub.reports = [{"why": "timer"}]
        assert await one.rested(for_s=0.2) == ("one", "cap")


async def test_without_an_address_nobody_is_asked() -> None:
    async with far() as one:
        one.pages.wake()
        one.pages.acting()
        assert await one.rested() is None
        assert (one.screen.looks, one.stub.asked) == (0, [])


async def test_a_refusal_is_told_once_and_without_the_address(caplog: pytest.LogCaptureFixture) -> None:
    async with far() as one:
        one.stub.refuses = True
        one.pages.move_to(one.address())
        one.pages.wake()
        while len(one.stub.asked) < 3:
            assert await one.rested() is None
            await asyncio.sleep(0)
    assert one.screen.looks == 0
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert TOKEN not in caplog.text


async def test_a_browser_that_never_answers_is_given_up_and_looked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with far() as one:
        await one.connect()
        one.stub.is_mute = True
        monkeypatch.setattr(far_pages, "PULSE_S", 0.01)
        assert await one.rested() is None
        assert not one.pages.live
        one.stub.is_mute = False
        monkeypatch.setattr(far_pages, "PULSE_S", 30.0)
        one.stub.ready.clear()
        await one.stub.ready.wait()
        assert await one.rested() == ("one", "signals")
        assert one.stub.asked == ["b1", "b1"]


async def test_a_conversation_that_breaks_off_is_begun_again_with_the_same_script() -> None:
    async with far() as one:
        await one.connect()
        one.stub.cuts = True
        one.stub.ready.clear()
        assert await one.rested() is None
        await one.stub.ready.wait()
        assert await one.rested() == ("one", "signals")
        added = [params["source"] for method, params in one.stub.calls if method.startswith("Page.addScript")]
        assert len(added) == 2
        assert len(set(added)) == 1, "a page with two scripts would count for two"


@pytest.mark.parametrize("answer", [7, "x", [1], {"result": 7}, {"result": {"value": "no report"}}])
async def test_answers_that_make_no_sense_are_none_and_end_nothing(
    answer: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pilothouse.devtools.rest.DEAF_S", 0.0)
    async with far() as one:
        await one.connect()
        one.stub.reports = [(answer,)]
        assert await one.rested() is None
        one.stub.reports = [{}]
        assert await one.rested() == ("one", "signals")
        assert one.stub.asked == ["b1"]


async def test_what_a_page_makes_endless_or_malformed_is_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    read: list[int] = []

    def loads(text: bytes) -> object:
        read.append(len(text))
        return json.loads(text)

    monkeypatch.setattr(devtools_socket, "_read", loads)
    async with far() as one:
        endless = json.dumps({"method": "Network.requestWillBeSent", "params": {"url": "x" * (5 << 20)}})
        one.stub.noise = [
            endless,
            "{",
            "[" * 9000,
            '{"method": "Page.frameNavigated", "params": 7, "sessionId": "s1"}',
            '{"method": "Target.attachedToTarget", "params": {"sessionId": [], "targetInfo": 3}}',
            '{"method": "Network.responseReceived", "params": {"response": "none"}, "sessionId": "s1"}',
        ]
        await one.connect()
        assert await one.rested() == ("one", "signals")
        assert one.stub.asked == ["b1"]
    assert max(read) <= devtools_socket.READ_MAX_BYTES
    assert len(caplog.records) == 1


async def test_another_browser_is_asked_after_it_took_the_place_of_the_first() -> None:
    async with far() as one:
        await one.connect()
        one.pages.acting()
        before = len(one.stub.talks)
        await one.connect("b2")
        assert before == 1
        await one.stub.closed.wait()
        assert len(one.stub.talks) == 1
        assert await one.rested() == ("one", "signals")
        assert one.stub.asked == ["b1", "b2"]


async def test_no_page_is_ever_held() -> None:
    async with far() as one:
        await one.connect()
    held = [params["waitForDebuggerOnStart"] for method, params in one.stub.calls if "Attach" in method]
    assert held
    assert not any(held)


async def test_who_does_nothing_keeps_no_browser_awake(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    async with far() as one:
        one.pages._clock = lambda: now[0]
        monkeypatch.setattr(far_pages, "IDLE_S", 0.05)
        await one.connect()
        now[0] = 1.0
        await one.stub.closed.wait()
        assert not one.pages.live
        monkeypatch.undo()
        one.stub.ready.clear()
        one.pages.acting()
        await one.stub.ready.wait()
        assert one.stub.asked == ["b1", "b1"]


async def test_the_end_does_not_wait_for_who_does_not_answer() -> None:
    async with far() as one:
        await one.connect()
        one.stub.is_mute = True
        asked = asyncio.create_task(one.rested())
        one.pages.acting()
        await asyncio.sleep(0)
        await one.pages.close()
        assert await asked is None
        await one.stub.closed.wait()
        ours = [task for task in asyncio.all_tasks() if "browser/far_pages" in repr(task)]
        assert ours == []


async def test_a_picture_that_cannot_be_had_is_the_callers_matter() -> None:
    async def blind() -> str:
        raise BrowserError("no display")

    async with far() as one:
        await one.connect()
        now = time.monotonic()
        with pytest.raises(BrowserError, match="no display"):
            await one.pages.rested("left_click", now, now + 30, blind, one.screen.same)


async def test_a_connection_that_is_never_accepted_is_a_failure_like_any_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(devtools_socket, "CONNECT_S", 0.01)

    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        with pytest.raises(DevToolsFailed) as caught:
            await devtools_socket.DevToolsSocket.to(f"ws://127.0.0.1:{port}/?jwt={TOKEN}")
    assert TOKEN not in str(caught.value)
    assert caught.value.__context__ is None
