"""One server process and one browser for a module: a browser costs more than a second to start."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from kernel import AsyncKernel

from pilothouse.children import Child, spawn
from pilothouse.local.kernel_server import Ready
from tests.local.kernel.pages import Lab, lab

WIDTH, HEIGHT = 1024, 768


@dataclass
class Server:
    child: Child
    ready: Ready
    temporary: Path

    @property
    def directory(self) -> Path:
        """Where its browsers' files are."""
        (directory,) = self.temporary.iterdir()
        return directory

    def client(self) -> AsyncKernel:
        return AsyncKernel(api_key=self.ready.token, base_url=self.ready.base_url, max_retries=0)


@contextmanager
def temporary_files() -> Iterator[Path]:
    """Make one short enough for sockets and open to other identities, as pytest's is not."""
    with tempfile.TemporaryDirectory(prefix="ph-", dir="/tmp") as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with temporary_files() as directory:
        monkeypatch.setenv("TMPDIR", str(directory))
        yield directory


@asynccontextmanager
async def server(*options: str, offline: bool = True) -> AsyncIterator[Server]:
    """Run the server as the engine does."""
    with temporary_files() as temporary:
        async with server_in(temporary, *options, *(["--offline-hosts"] if offline else [])) as up:
            yield up


@asynccontextmanager
async def server_in(temporary: Path, *options: str) -> AsyncIterator[Server]:
    """Run it with a directory for its temporary files."""
    child = await spawn(
        [
            sys.executable,
            "-m",
            "pilothouse.local.kernel_server",
            "--with-parent",
            *options,
        ],
        env={"TMPDIR": str(temporary)},
        stderr=None,
    )
    try:
        line = await child.stdout.readline()
        yield Server(child, msgspec.json.decode(line, type=Ready), temporary)
    finally:
        await child.close()


@dataclass
class Rig:
    """A browser showing the lab page, and what it takes to use it."""

    server: Server
    kernel: AsyncKernel
    id: str
    name: str
    lab: Lab

    async def open(self, path: str) -> None:
        """Open a page of the lab in the tab in front; wait until it is there."""
        self.lab.events.clear()
        await self.kernel.browsers.update(self.id, start_url=self.lab.url + path)
        await self.lab.one("load", path=path)

    async def address(self, text: str) -> None:
        """Type an address into the address bar, as a person would."""
        pause: Any = {"type": "sleep", "sleep": {"duration_ms": 200}}
        await self.kernel.browsers.computer.batch(
            self.id,
            actions=[
                {"type": "press_key", "press_key": {"keys": ["ctrl+l"]}},
                pause,
                {"type": "type_text", "type_text": {"text": text}},
                {"type": "press_key", "press_key": {"keys": ["Return"]}},
            ],
        )


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def rig() -> AsyncIterator[Rig]:
    async with server() as running, lab() as page, running.client() as kernel:
        browser = await kernel.browsers.create(
            name="shared",
            tags={"app": "tests"},
            viewport={"width": WIDTH, "height": HEIGHT},
            start_url=f"{page.url}/start",
        )
        await page.one("load", path="/start")
        yield Rig(running, kernel, browser.session_id, "shared", page)
