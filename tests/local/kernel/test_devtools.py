"""The conversation over DevTools' pipe goes on whatever a page makes its messages look like. No browser."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pilothouse.local import devtools as talk
from pilothouse.local.desktop import DesktopFailed
from pilothouse.local.devtools import DevTools


class Browser:
    """The other end of the pipe.

    Attributes:
        heard: The events our end was told of.
    """

    def __init__(self, devtools: DevTools, reads: int, writes: int) -> None:
        self.devtools = devtools
        self.heard: list[Any] = []
        self._reads, self._writes = reads, writes
        devtools.listen(self.heard.append)

    def say(self, message: bytes) -> None:
        os.write(self._writes, message + b"\0")

    async def asked(self, *answers: bytes) -> Any:
        """Have a call made; answer it with these messages, in which `N` stands for its number."""
        call = asyncio.create_task(self.devtools.call("Runtime.evaluate"))
        asked = await asyncio.to_thread(os.read, self._reads, 1 << 16)
        number = str(json.loads(asked[:-1])["id"]).encode()
        for answer in answers:
            await asyncio.to_thread(self.say, answer.replace(b"N", number, 1))
        return await call


@pytest.fixture
async def browser(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Browser]:
    monkeypatch.setattr(talk, "_MESSAGE_MAX_BYTES", 1000)
    we_read, it_writes = os.pipe()
    it_reads, we_write = os.pipe()
    devtools = await DevTools.over(we_read, we_write)
    yield Browser(devtools, it_reads, it_writes)
    os.close(it_writes)
    await devtools.ended()
    await devtools.close()
    os.close(it_reads)


@pytest.mark.parametrize("length", [1000, 1001, 2500, 200_000])
async def test_a_message_that_is_too_long_is_left_out(browser: Browser, length: int) -> None:
    flood = b'{"method":"Page.flood","params":"' + b"x" * length + b'"}'
    assert await browser.asked(flood, b'{"method":"Page.next"}', b'{"id":N,"result":{"a":1}}') == {"a": 1}
    assert browser.heard == [{"method": "Page.next"}]


async def test_whoever_waits_for_an_answer_that_is_too_long_is_told_at_once(browser: Browser) -> None:
    with pytest.raises(DesktopFailed, match="can't be read"):
        await browser.asked(b'{"id":N,"result":{"value":"' + b"x" * 5000 + b'"}}')
    assert await browser.asked(b'{"id":N,"result":{}}') == {}


@pytest.mark.parametrize("nonsense", [b"", b"[]", b"\xff\xfe\xfd", b"9" * 900, b"{", b'{"id":[],"result":1}'])
async def test_a_message_that_makes_no_sense_is_left_out(browser: Browser, nonsense: bytes) -> None:
    assert await browser.asked(nonsense, b'{"id":N,"result":{}}') == {}


async def test_a_listener_that_fails_ends_neither_the_others_nor_the_conversation(
    browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    def trips(event: Any) -> None:
        raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")

    after: list[Any] = []
    browser.devtools.listen(trips)
    browser.devtools.listen(after.append)
    with caplog.at_level(logging.ERROR, "pilothouse"):
        assert await browser.asked(b'{"method":"Page.odd"}', b'{"id":N,"result":{}}') == {}
    assert browser.heard == after == [{"method": "Page.odd"}]
    assert "Page.odd" in caplog.text
