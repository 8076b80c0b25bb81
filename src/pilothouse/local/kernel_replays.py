"""The replay videos of local browsers: started, stopped, kept a while, removed. No HTTP, no encoding here.

Each is filmed by a process of its own (`replay_recorder`). The files are the server's, not the browser's: no
page can reach them. They outlive their browser by `KEPT_S`, so that a run can still fetch its film.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import sys
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING

import msgspec

from pilothouse.children import Child, spawn
from pilothouse.local.desktop import DesktopFailed
from pilothouse.local.kernel_actions import Refused, bad_request, not_implemented

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pilothouse.local.browsers import Browser, Places
    from pilothouse.local.kernel_actions import Screen

FRAMERATE_DEFAULT, FRAMERATE_MAX = 10, 20
DURATION_MAX_S = 86_400
SIZE_MAX_BYTES = 500 << 20
AT_ONCE_MAX = 4
REMEMBERED_MAX = 100
KEPT_S = 600.0
START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 5.0
NO_ENCODER = "replays need PyAV: install pilothouse[video]"
NO_DISPLAY = "a headless local browser has no replays: there is no display to film"


class ReplayParams(msgspec.Struct, frozen=True, kw_only=True):
    """What to film."""

    framerate: int = FRAMERATE_DEFAULT
    max_duration_in_seconds: int = DURATION_MAX_S
    record_audio: bool = False

    def check(self) -> None:
        """Refuse what can't be had."""
        if not 1 <= self.framerate <= FRAMERATE_MAX:
            raise bad_request(f"framerate must be between 1 and {FRAMERATE_MAX}")
        if not 1 <= self.max_duration_in_seconds <= DURATION_MAX_S:
            raise bad_request(f"max_duration_in_seconds must be between 1 and {DURATION_MAX_S}")
        if self.record_audio:
            raise not_implemented("a local browser has no sound to record")


class Replay:
    """One film.

    Attributes:
        began: Set at its first frame, or when there will be none.
        stopped: Set when it looks no more.
        ended: Set when its file is complete, or never will be.
    """

    def __init__(self, path: Path, child: Child) -> None:
        self.id = path.stem
        self.path = path
        self.child = child
        self.started_at = datetime.now(UTC)
        self.finished_at: datetime | None = None
        self.complete = False
        self.began = asyncio.Event()
        self.stopped = asyncio.Event()
        self.ended = asyncio.Event()
        self.following = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        """Listen to what the recorder says until it has ended."""
        try:
            while word := (await self.child.stdout.readline()).decode().strip():
                self._hear(word)
            await self.child.wait()
        finally:
            for said in ("stopped", "recording"):
                self._hear(said)
            self.ended.set()

    def _hear(self, word: str) -> None:
        match word:
            case "recording":
                self.began.set()
            case "stopped":
                self.finished_at = self.finished_at or datetime.now(UTC)
                self.stopped.set()
            case "finished":
                self.complete = True

    async def stop(self) -> None:
        """Let it end; returns when it looks no more, its file may still be under way."""
        self.child.stdin.close()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self.stopped.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End it at once."""
        await self.child.kill()
        await self.following


class Replays:
    """All films of a server.

    Args:
        places: Where they are kept.
        kept_s: How long they outlive their browser.
    """

    def __init__(self, places: Places, kept_s: float | None = None) -> None:
        self._places = places
        self._kept_s = KEPT_S if kept_s is None else kept_s
        self._of: dict[str, list[Replay]] = {}
        self._directories: dict[str, Path] = {}
        self._removals: dict[str, asyncio.TimerHandle] = {}

    def of(self, browser: Browser) -> list[Replay]:
        """List a browser's films, oldest first."""
        return list(self._of.get(browser.id, ()))

    def find(self, browser: Browser, replay_id: str) -> Replay:
        """Find a film.

        Raises:
            Refused: 404.
        """
        for replay in self._of.get(browser.id, ()):
            if replay.id == replay_id:
                return replay
        raise Refused(404, "not_found", "replay not found")

    async def start(self, browser: Browser, params: ReplayParams) -> Replay:
        """Begin a film; returns at its first frame.

        Raises:
            Refused: 400, 409 for too many, 501 where there is no way to make one.
            DesktopFailed: The recorder did not come up.
        """
        params.check()
        display = browser.desktop.display
        if display is None:
            raise not_implemented(NO_DISPLAY)
        if find_spec("av") is None:
            raise not_implemented(NO_ENCODER)
        self._check_room(browser)
        replay = await self._begin(browser.id, display, browser.desktop.screen, params)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await replay.began.wait()
        except BaseException:
            self._of[browser.id].remove(replay)
            await replay.kill()
            raise
        if replay.ended.is_set() and not replay.complete:
            self._of[browser.id].remove(replay)
            raise DesktopFailed(f"the recorder did not come up: {_last_words(replay.path)}")
        return replay

    def _check_room(self, browser: Browser) -> None:
        films = self.of(browser)
        if sum(not replay.stopped.is_set() for replay in films) >= AT_ONCE_MAX:
            raise Refused(409, "conflict", f"at most {AT_ONCE_MAX} replays may run at a time")
        if len(films) >= REMEMBERED_MAX:
            raise Refused(409, "conflict", f"a browser may have at most {REMEMBERED_MAX} replays")

    async def _begin(
        self, browser_id: str, display: Mapping[str, str], screen: Screen, params: ReplayParams
    ) -> Replay:
        if browser_id not in self._directories:
            self._directories[browser_id] = self._places.make(f"films-{secrets.token_hex(4)}", None)
        path = self._directories[browser_id] / f"{secrets.token_hex(12)}.mp4"
        child = await spawn(
            [sys.executable, "-P", "-m", "pilothouse.local.replay_recorder"],
            env=dict(display),
            stderr=path.with_suffix(".log"),
        )
        replay = Replay(path, child)
        self._of.setdefault(browser_id, []).append(replay)
        order = {
            "path": str(path),
            "width_px": screen.width_px,
            "height_px": screen.height_px,
            "framerate": params.framerate,
            "duration_max_s": params.max_duration_in_seconds,
            "size_max_bytes": SIZE_MAX_BYTES,
        }
        child.stdin.write(msgspec.json.encode(order) + b"\n")
        return replay

    async def stop_all(self, browser: Browser) -> None:
        """Let the films of a browser end."""
        await asyncio.gather(*(replay.stop() for replay in self.of(browser)))

    async def forget(self, browser: Browser) -> None:
        """End and remove the films of a browser that goes on without whoever had them made."""
        await asyncio.gather(*(replay.kill() for replay in self.of(browser)))
        if browser.id in self._directories:
            self._remove(browser.id)

    async def end(self, browser: Browser) -> None:
        """End the films of a browser that is going; their files stay for a while."""
        await self.stop_all(browser)
        if self.of(browser):
            later = asyncio.get_running_loop().call_later(self._kept_s, self._remove, browser.id)
            self._removals[browser.id] = later

    def _remove(self, browser_id: str) -> None:
        self._removals.pop(browser_id, None)
        self._of.pop(browser_id, None)
        self._places.remove(self._directories.pop(browser_id))

    async def close(self) -> None:
        """End and remove everything."""
        for removal in self._removals.values():
            removal.cancel()
        films = [replay for films in self._of.values() for replay in films]
        await asyncio.gather(*(replay.kill() for replay in films))
        for browser_id in list(self._directories):
            self._remove(browser_id)


def _last_words(path: Path) -> str:
    with contextlib.suppress(OSError):
        words = path.with_suffix(".log").read_text("utf-8", errors="replace").strip().splitlines()
        if words:
            return words[-1][:300]
    return "it said nothing"
