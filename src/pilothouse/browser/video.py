"""The service's own video of a browser: started, stopped, waited for, saved beside the journal.

It is an extra: whatever goes wrong with it is told once, and the run goes on. Links to it carry credentials
and go nowhere (kernel-api §1.4).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING

from pilothouse import events as ev
from pilothouse.browser.faults import acting, asking
from pilothouse.errors import BrowserError, RecorderFailed
from pilothouse.safety import clean_line

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from kernel import AsyncKernel

START_S = 10.0
READY_S = 45.0
"""How long the service may take to finish a video; the end of the run waits for it."""
SAVE_S = 60.0
HURRY_S = 0.5
"""What is left for the video when a run is aborted: it is stopped, and stays with the service."""
SIZE_MAX_BYTES = 1 << 30
CHUNK_BYTES = 1 << 20
POLL_S = 1.0
"""Between looks for a video that is not ready, where the service names no other time."""


class Video:
    """The video of one browser.

    Args:
        client: The Kernel client.
        session: The browser's id.
        name: The browser's name, for the journal.
        file: Where the video is saved.
        publish: Appends an event.
    """

    def __init__(
        self,
        client: AsyncKernel,
        session: str,
        name: str,
        file: Path,
        publish: Callable[[ev.Event], object],
    ) -> None:
        self._client = client
        self._session = session
        self._name = name
        self._file = file
        self._publish = publish
        self._starting: asyncio.Task[str] | None = None

    def start(self) -> None:
        """Begin to record, without waiting for it: the run does not depend on it."""
        self._starting = asyncio.create_task(self._start())

    async def _start(self) -> str:
        """Start once, never again: a second start would be a second video."""
        replays = self._client.browsers.replays
        try:
            started = await acting(replays.start(self._session, timeout=START_S))
        except BrowserError as error:
            self._publish(ev.VideoStopped(video="", why=f"no video could be started: {error}"))
            return ""
        self._publish(ev.VideoStarted(video=clean_line(started.replay_id, 100), name=self._name))
        return str(started.replay_id)

    async def finish(self, hurry: asyncio.Event) -> None:
        """Stop it, wait until it is ready, and save it; once in a hurry, only what can be done at once."""
        if self._starting is None:
            return
        ending, hurried = asyncio.create_task(self._end()), asyncio.create_task(hurry.wait())
        try:
            await asyncio.wait({ending, hurried}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({ending}, timeout=HURRY_S)
        finally:
            unsaved = not ending.done()
            for task in (ending, hurried, self._starting):
                task.cancel()
            await asyncio.wait({ending, hurried, self._starting}, timeout=HURRY_S)
        if unsaved:
            self._warn("there was no time")
        elif not ending.cancelled() and isinstance(error := ending.exception(), BaseException):
            self._warn(type(error).__name__ if not isinstance(error, BrowserError) else str(error))

    def _warn(self, why: str) -> None:
        with contextlib.suppress(RecorderFailed):
            self._publish(
                ev.Warned(what=f"the video was not saved: {why}", way_out="the service may have it")
            )

    async def _end(self) -> None:
        if self._starting is None:
            return
        video = await asyncio.shield(self._starting)
        if not video:
            return
        why = ""
        try:
            await asking(
                lambda: self._client.browsers.replays.stop(video, id_or_name=self._session, timeout=START_S)
            )
        except BrowserError as error:
            why = f"it could not be stopped: {error}"
        self._publish(ev.VideoStopped(video=clean_line(video, 100), why=why))
        async with asyncio.timeout(READY_S + SAVE_S):
            size = await self._save(video)
        saved = ev.VideoSaved(video=clean_line(video, 100), file=self._file.name, size=size)
        self._publish(saved)

    async def _save(self, video: str) -> int:
        """Fetch it once it is ready; returns its size in bytes.

        Raises:
            BrowserError: It can't be had.
        """
        waited_s = 0.0
        while True:
            size, pause_s = await acting(self._fetch(video))
            if size:
                return size
            waited_s += pause_s
            if waited_s > READY_S:
                raise BrowserError(f"it was not ready after {READY_S:g} s")
            await asyncio.sleep(pause_s)

    async def _fetch(self, video: str) -> tuple[int, float]:
        """Ask for it once; gives its size, or 0 and the seconds to wait when it is not ready."""
        replays = self._client.browsers.replays.with_streaming_response
        async with replays.download(video, id_or_name=self._session, timeout=SAVE_S) as response:
            if response.status_code == 202:
                return 0, _pause_s(response.headers.get("retry-after", ""))
            return await self._write(response.iter_bytes(CHUNK_BYTES)), 0.0

    async def _write(self, chunks: AsyncIterator[bytes]) -> int:
        """Write it beside the journal, whole or not at all, for its owner's eyes alone."""
        part = self._file.with_suffix(".part")
        size = 0
        try:
            with os.fdopen(
                os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb"
            ) as file:
                async for chunk in chunks:
                    if not size and chunk[4:8] != b"ftyp":
                        raise BrowserError("what came is no mp4 file")
                    size += len(chunk)
                    if size > SIZE_MAX_BYTES:
                        raise BrowserError(f"it is larger than {SIZE_MAX_BYTES >> 20} MB")
                    await asyncio.to_thread(file.write, chunk)
                if not size:
                    raise BrowserError("what came is empty")
            await asyncio.to_thread(part.replace, self._file)
        except OSError as error:
            raise BrowserError(f"it can't be written: {error.strerror}") from error
        finally:
            part.unlink(missing_ok=True)
        return size


def _pause_s(retry_after: str) -> float:
    try:
        return min(max(float(retry_after), 0.05), 10.0)
    except ValueError:
        return POLL_S
