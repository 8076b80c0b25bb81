"""The life of browsers, by the real SDK: names, lists, soft delete, timeouts, and what is left (nothing)."""

# ruff: noqa: ASYNC110, ASYNC221, ASYNC240 - nothing else runs in these loops, and an orphan's end has no event
from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import kernel
import pytest
import pytest_asyncio

from pilothouse.local.headless_desktop import HeadlessDesktop
from pilothouse.local.kernel_options import Options
from pilothouse.local.kernel_server import Ready, running
from tests.local.kernel.conftest import Server, server, server_in, temporary_files
from tests.processes import mentioning

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]

SMALL: Any = {"width": 640, "height": 480}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def local() -> AsyncIterator[Server]:
    async with server("--max-browsers", "2") as up:
        yield up


async def _none_left(text: str, timeout_s: float = 10) -> None:
    """Wait until no process mentions a text; an orphan needs a moment to see that its parent is gone."""
    async with asyncio.timeout(timeout_s):
        while mentioning(text):
            await asyncio.sleep(0.02)


async def test_a_browser_is_made_found_listed_and_deleted(local: Server) -> None:
    async with local.client() as k:
        made = await k.browsers.create(name="one", tags={"run": "r1"}, viewport=SMALL, timeout_seconds=300)
        assert (await k.browsers.retrieve("one")).session_id == made.session_id
        with pytest.raises(kernel.ConflictError):
            await k.browsers.create(name="one")
        other = await k.browsers.create(tags={"run": "r2"}, viewport=SMALL)
        with pytest.raises(kernel.RateLimitError):
            await k.browsers.create()
        assert [b.session_id async for b in k.browsers.list(tags={"run": "r1"})] == [made.session_id]
        assert [b.session_id async for b in k.browsers.list(query="ON")] == [made.session_id]
        first = await k.browsers.with_raw_response.list(limit=1)
        assert (first.headers["X-Has-More"], first.headers["X-Next-Offset"]) == ("true", "1")
        assert [b.session_id async for b in k.browsers.list(limit=1)] == [other.session_id, made.session_id]

        renamed = await k.browsers.update(other.session_id, name="two", tags={"a": "b"})
        assert (renamed.name, renamed.tags) == ("two", {"a": "b"})

        await k.browsers.delete_by_id("one")
        await k.browsers.delete_by_id(other.session_id)
        with pytest.raises(kernel.NotFoundError):
            await k.browsers.retrieve(made.session_id)
        gone = await k.browsers.retrieve(made.session_id, include_deleted=True)
        assert gone.deleted_at is not None
        assert gone.usage is not None
        deleted = [b.session_id async for b in k.browsers.list(status="deleted")]
        assert deleted == [other.session_id, made.session_id]
        assert [b async for b in k.browsers.list()] == []
    await _none_left(f"{local.directory}/")
    assert [entry.name for entry in local.directory.iterdir() if entry.is_dir()] == []


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"timeout_seconds": 9}, kernel.BadRequestError),
        ({"timeout_seconds": 259_201}, kernel.BadRequestError),
        ({"start_url": "file:///etc/passwd"}, kernel.BadRequestError),
        ({"viewport": {"width": 10, "height": 10}}, kernel.BadRequestError),
        ({"tags": {str(n): "x" for n in range(51)}}, kernel.BadRequestError),
        ({"profile": {"name": "mine"}}, kernel.InternalServerError),
        ({"proxy": {"mode": "default"}}, kernel.InternalServerError),
    ],
)
async def test_what_kernel_refuses_or_we_lack_is_refused(
    local: Server, params: dict[str, Any], error: type[kernel.APIStatusError]
) -> None:
    async with local.client() as k:
        with pytest.raises(error):
            await k.browsers.create(**params)


async def test_nobody_else_is_answered(local: Server) -> None:
    base = local.ready.base_url
    good = {"Authorization": f"Bearer {local.ready.token}"}
    async with aiohttp.ClientSession() as web:
        for headers, status in (
            ({}, 401),
            ({"Authorization": "Bearer guess"}, 401),
            ({**good, "Host": "evil.example"}, 403),
            ({**good, "Origin": "https://evil.example"}, 403),
            (good, 200),
        ):
            async with web.get(f"{base}/browsers", headers=headers) as answer:
                assert answer.status == status, headers
        async with web.post(f"{base}/vm/nothing/computer/screenshot?jwt=x") as answer:
            assert answer.status == 404


async def test_an_unused_browser_is_deleted_after_its_timeout(temporary: Path) -> None:
    now = [0.0]
    async with (
        running(Options(offline=True), "t" * 32, clock=lambda: now[0]) as ready,
        kernel.AsyncKernel(api_key=ready.token, base_url=ready.base_url, max_retries=0) as k,
    ):
        made = await k.browsers.create(viewport=SMALL, timeout_seconds=10)
        now[0] = 14.0
        await k.browsers.computer.get_mouse_position(made.session_id)
        now[0] = 28.0  # 14 s after the last use: standby is 5 s, the timeout 10 s
        assert (await k.browsers.retrieve(made.session_id)).deleted_at is None
        now[0] = 29.1
        async with asyncio.timeout(20):
            while (await k.browsers.retrieve(made.session_id, include_deleted=True)).deleted_at is None:
                await asyncio.sleep(0.05)
    assert list(temporary.iterdir()) == []


async def test_kill_9_of_the_server_leaves_no_process_and_the_next_one_sweeps() -> None:
    with temporary_files() as temporary:
        async with server_in(temporary, "--offline-hosts") as doomed:
            async with doomed.client() as k:
                await k.browsers.create(viewport=SMALL)
            directory = doomed.directory
            assert len(mentioning(str(directory))) >= 3
            os.kill(doomed.child.pid, signal.SIGKILL)
            await _none_left(str(directory))
            assert directory.is_dir()
        async with server_in(temporary):
            assert not directory.exists()


async def test_the_server_ends_when_its_parents_pipe_does() -> None:
    async with server() as up:
        async with up.client() as k:
            await k.browsers.create(viewport=SMALL)
        directory = up.directory
        up.child.stdin.close()
        assert await up.child.wait() == 0
        assert mentioning(str(directory)) == []
        assert not directory.exists()


@pytest.mark.parametrize("options", [(), ("--plain-routing",)], ids=["direct", "plain"])
async def test_both_ways_of_routing_work(options: tuple[str, ...]) -> None:
    async with server(*options) as up, up.client() as k:
        made = await k.browsers.create(viewport=SMALL)
        assert (made.base_url is None) == bool(options)
        await k.browsers.computer.move_mouse(made.session_id, x=12, y=34)
        assert (await k.browsers.computer.get_mouse_position(made.session_id)).y == 34
        with pytest.raises(kernel.BadRequestError) as caught:
            await k.browsers.computer.move_mouse(made.session_id, x=-1, y=0)
        assert isinstance(caught.value.body, dict)
        assert set(caught.value.body) == ({"code", "message"} if options else {"message"})


async def test_a_taken_port_is_one_sentence(local: Server) -> None:
    port = local.ready.base_url.rpartition(":")[2]
    ended = subprocess.run(
        [sys.executable, "-m", "pilothouse.local.kernel_server", "--port", port],
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 2
    assert ended.stderr == f"pilothouse: 127.0.0.1:{port}: is in use (name another port, or 0 for any)\n"


@pytest.mark.parametrize(
    "content", ["", "#!/bin/sh\nexec /snap/bin/chromium\n"], ids=["missing", "snap-stub"]
)
async def test_a_missing_or_unfit_chromium_is_one_sentence(tmp_path: Path, content: str) -> None:
    stub = tmp_path / "chromium"
    if content:
        stub.write_text(content)
        stub.chmod(0o755)
    ended = subprocess.run(
        [sys.executable, "-m", "pilothouse.local.kernel_server"],
        capture_output=True, text=True, env=os.environ | {"PILOTHOUSE_CHROMIUM": str(stub)},
    )  # fmt: skip
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert str(stub) in ended.stderr


async def test_standby_is_not_counted_as_uptime(temporary: Path) -> None:
    now = [0.0]
    async with (
        running(Options(offline=True), "t" * 32, clock=lambda: now[0]) as ready,
        kernel.AsyncKernel(api_key=ready.token, base_url=ready.base_url, max_retries=0) as k,
    ):
        made = await k.browsers.create(name="idle", viewport=SMALL, timeout_seconds=300)
        now[0] = 15.0  # 5 s of it active, 10 s standby
        await k.browsers.computer.get_mouse_position(made.session_id)
        now[0] = 22.0  # 5 s active, 2 s standby
        assert (await k.browsers.retrieve("idle")).to_dict()["usage"] == {
            "uptime_ms": 10_000,
            "standby_ms": 12_000,
        }
        await k.browsers.update(made.session_id, name="")
        assert (await k.browsers.retrieve(made.session_id)).name is None
        await k.browsers.update(made.session_id, name="again", tags={})
        with pytest.raises(kernel.InternalServerError, match="keeps its size"):
            await k.browsers.update(made.session_id, viewport={"width": 800, "height": 600})
        await k.browsers.delete_by_id("again")
        now[0] = 99.0
        gone = await k.browsers.retrieve("again", include_deleted=True)
        assert gone.session_id == made.session_id
        assert gone.usage is not None
        assert gone.usage.uptime_ms == 10_000
        assert [b async for b in k.browsers.list(status="all", region="us-east")] == []


@pytest.mark.parametrize("asked", ["again", "no more"])
async def test_a_browser_ends_though_whoever_asked_for_that_has_hung_up(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    closing, go_on, close = asyncio.Event(), asyncio.Event(), HeadlessDesktop.close

    async def slowly(self: HeadlessDesktop) -> None:
        closing.set()
        await go_on.wait()
        await close(self)

    monkeypatch.setattr(HeadlessDesktop, "close", slowly)
    async with (
        running(Options(backend="headless", offline=True)) as ready,
        kernel.AsyncKernel(api_key=ready.token, base_url=ready.base_url, max_retries=0) as k,
    ):
        made = (await k.browsers.create()).session_id
        (directory,) = temporary.glob("pilothouse-local-*")
        first = asyncio.create_task(k.browsers.delete_by_id(made))
        await closing.wait()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert (await k.browsers.retrieve(made, include_deleted=True)).deleted_at is not None
        if asked == "again":
            second = asyncio.create_task(k.browsers.delete_by_id(made))
            await k.browsers.retrieve(made, include_deleted=True)
            go_on.set()
            await second
            assert mentioning(f"{directory}/") == []
            with pytest.raises(kernel.NotFoundError):
                await k.browsers.delete_by_id(made)
        go_on.set()
    assert mentioning(f"{directory}/") == []
    assert not directory.exists()


async def _status(ready: Ready, path: str, header: bytes) -> int:
    """Ask by hand, as no client would; gives the status of the answer."""
    port = int(ready.base_url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    host = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n".encode()
    writer.write(host + header + b"\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"x-should-retry: false" in head
    assert b'"message"' in body
    return int(head.split()[1])


NONSENSE = {
    "/browsers?offset=" + "9" * 4400: 400,
    "/browsers/odd/telemetry/events?offset=" + "9" * 4400: 400,
    "/browsers/odd/telemetry/events?since=" + "9" * 330 + "h": 400,
    "/browsers/odd/telemetry/events?until=" + "9" * 330 + "h": 400,
    "/vm/odd/telemetry/stream?jwt=%ED%A0%80%FF": 401,
}


async def test_numbers_and_words_without_sense_are_refused(local: Server) -> None:
    key = b"Authorization: Bearer " + local.ready.token.encode()
    async with local.client() as k:
        await k.browsers.create(name="odd", viewport=SMALL)
        try:
            assert {path: await _status(local.ready, path, key) for path in NONSENSE} == NONSENSE
        finally:
            await k.browsers.delete_by_id("odd")


async def test_a_key_that_is_no_text_is_refused(local: Server) -> None:
    assert await _status(local.ready, "/browsers", b"Authorization: Bearer \xff") == 401
