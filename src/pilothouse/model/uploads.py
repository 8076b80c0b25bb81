"""Pictures on their way to the model: each uploaded once and named from then on, or carried inline.

Uploading begins as soon as a picture is there, while it is being stored and journalled (performance §11). A
picture that equals the one before it is not sent again: a line of text says so, which is legal in any result
and costs a hundredth of the tokens. What was uploaded is deleted when the run ends, and expires by itself.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import hashlib
from typing import TYPE_CHECKING

import anthropic
import httpx2

from pilothouse import events as ev
from pilothouse.model.history import pictures_in
from pilothouse.model.prompt import UNCHANGED

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from pilothouse.events import Json

UPLOAD_S = 10.0
"""A picture that takes longer travels inline."""
EXPIRES_S = 7 * 86_400
"""What a killed run leaves in the account's files is gone after this long."""
SAME_MAX = 8
"""So many times in a row a picture is called unchanged; then it is shown again."""
FAILURES_MAX = 3
"""So many uploads in a row may fail before no more are tried."""
FORGET_S = 3.0
FORGET_AT_ONCE = 4
_REFUSING = frozenset({400, 401, 403, 404, 405, 501})


class Pictures:
    """Knows every picture the model was shown.

    Args:
        client: The SDK's client.
        publish: Journals an event.
        read_blob: Reads a picture's bytes back by their sha256.
        mode: `auto` and `files` upload; `inline` does not.
    """

    def __init__(
        self,
        client: anthropic.AsyncAnthropic,
        publish: Callable[[ev.Event], object],
        read_blob: Callable[[str], Awaitable[bytes]],
        mode: str = "auto",
    ) -> None:
        self._client = client
        self._publish = publish
        self._read_blob = read_blob
        self._uploads: dict[str, asyncio.Task[str]] = {}
        self._named: dict[str, tuple[str, str]] = {}
        """sha256 and media type of each file that is there."""
        self._shown = ""
        self._same = 0
        self._failures = 0
        self._forgetting: set[asyncio.Task[None]] = set()
        self._mode = mode
        self.refused = False
        self.proven = False
        """A request that names files was accepted."""

    @property
    def uploading(self) -> bool:
        """Say whether pictures are uploaded."""
        return self._mode != "inline" and not self.refused

    def expect(self, sha256: str, data: bytes, mime: str) -> None:
        """Begin to upload a picture that the model is about to be shown, unless it is there already."""
        if self.uploading and sha256 not in self._uploads:
            self._uploads[sha256] = asyncio.create_task(self._upload(sha256, data, mime))

    def without_repeats(self, results: list[Json]) -> list[Json]:
        """Put a line of text in place of each picture that equals the one before it.

        A picture that the model asked for is shown by its file again, which costs no bytes; text stands for
        it only where pictures travel inline.
        """
        return [self._reworded(result) for result in results]

    def _reworded(self, result: Json) -> Json:
        content = result.get("content")
        if not isinstance(content, list):
            return result
        wanted = self.uploading and all(block.get("type") == "image" for block in content)
        return {**result, "content": [self._unless_same(block, wanted=wanted) for block in content]}

    def _unless_same(self, block: Json, *, wanted: bool) -> Json:
        if block.get("type") != "image":
            return block
        sha256 = _sha256_of(block)
        self._same = self._same + 1 if sha256 == self._shown else 0
        self._shown = sha256
        if 0 < self._same <= SAME_MAX and not wanted:
            return {"type": "text", "text": UNCHANGED}
        self._same = 0
        return block

    def block(self, data: bytes, mime: str) -> Json:
        """Make the block of a picture that follows now: by its file if that is there already, else inline."""
        encoded = base64.b64encode(data).decode("ascii")
        source = {"type": "base64", "media_type": mime, "data": encoded}
        block = self._unless_same({"type": "image", "source": source}, wanted=False)
        task = self._uploads.get(_digest(encoded))
        there = self.uploading and task is not None and task.done() and not task.cancelled()
        if block["type"] == "image" and there and task is not None and task.result():
            return {"type": "image", "source": {"type": "file", "file_id": task.result()}}
        return block

    async def by_file(self, results: list[Json]) -> list[Json]:
        """Name the pictures of results by their files, as far as they are uploaded."""
        if not self.uploading:
            return results
        sources: dict[str, Json] = {}
        for result in results:
            for block in pictures_in([result]):
                sha256 = _sha256_of(block)
                if file := await self._file(sha256, block):
                    sources[sha256] = {"type": "image", "source": {"type": "file", "file_id": file}}
        if self.refused:  # meanwhile
            return results
        return [_renamed(result, sources) for result in results]

    async def _file(self, sha256: str, block: Json) -> str:
        """Wait for a picture's upload; empty when it failed."""
        if sha256 not in self._uploads:  # it was not announced
            source = block["source"]
            self.expect(sha256, base64.b64decode(source["data"]), source["media_type"])
        task = self._uploads.get(sha256)
        return await asyncio.shield(task) if task is not None else ""

    async def _upload(self, sha256: str, data: bytes, mime: str) -> str:
        name = f"{sha256[:16]}.{mime.rpartition('/')[2]}"
        try:
            async with asyncio.timeout(UPLOAD_S):
                file = await self._client.files.upload(file=(name, data, mime), expires_in_seconds=EXPIRES_S)
        except (anthropic.APIError, httpx2.HTTPError, TimeoutError) as error:
            self._uploads.pop(sha256, None)
            self._failed(error)
            return ""
        self._failures = 0
        self._named[file.id] = (sha256, mime)
        self._publish(ev.PictureUploaded(sha256=sha256, file=file.id, size=len(data)))
        return file.id

    def _failed(self, error: Exception) -> None:
        """Give uploading up at a refusal, or after some failures in a row."""
        self._failures += 1
        status = error.status_code if isinstance(error, anthropic.APIStatusError) else 0
        if status in _REFUSING:
            self.refuse(f"the account's files answered {status}")
        elif self._failures >= FAILURES_MAX:
            self.refuse(f"{self._failures} uploads in a row failed ({type(error).__name__})")

    def refuse(self, why: str) -> None:
        """Let pictures travel inline from here on; told once, and as a warning where files were asked for."""
        if self.uploading:
            self.refused = True
            if self._mode == "files":
                self._publish(ev.Warned(what="the account takes no files, which --upload files asks for"))
            self._publish(ev.UploadsRefused(why=why))

    async def inline_sources(self, files: set[str]) -> dict[str, Json]:
        """Give the inline picture of each of these files, to put in its place."""
        blocks: dict[str, Json] = {}
        for file in files & self._named.keys():
            sha256, mime = self._named[file]
            data = base64.b64encode(await self._read_blob(sha256)).decode("ascii")
            blocks[file] = {"type": "image", "source": {"type": "base64", "media_type": mime, "data": data}}
        return blocks

    async def newest_block(self) -> Json | None:
        """Give the picture shown last as a block: by its file if it has one, else inline."""
        if not self._shown:
            return None
        task = self._uploads.get(self._shown)
        if self.uploading and task is not None and task.done() and not task.cancelled() and task.result():
            return {"type": "image", "source": {"type": "file", "file_id": task.result()}}
        data = await self._read_blob(self._shown)
        mime = "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"
        source = {"type": "base64", "media_type": mime, "data": base64.b64encode(data).decode("ascii")}
        return {"type": "image", "source": source}

    def forget_soon(self, but: Iterable[str] = ()) -> None:
        """Delete the files, all but some, while the run goes on."""
        task = asyncio.create_task(self.forget(but))
        self._forgetting.add(task)
        task.add_done_callback(self._forgetting.discard)

    async def forget(self, but: Iterable[str] = ()) -> None:
        """Delete the files, all but some, as far as that is possible in a few seconds."""
        kept = set(but)
        gone = [file for file in self._named if file not in kept]
        limit = asyncio.Semaphore(FORGET_AT_ONCE)
        for (
            file
        ) in gone:  # before the first is deleted: a picture seen again meanwhile needs a file of its own
            self._unname(file)

        async def delete(file: str) -> None:
            async with limit:
                try:
                    await self._client.files.delete(file, timeout=FORGET_S)
                except (anthropic.APIError, httpx2.HTTPError):
                    return  # it expires by itself
                self._named.pop(file, None)

        try:
            async with asyncio.timeout(FORGET_S), asyncio.TaskGroup() as group:
                for file in gone:
                    group.create_task(delete(file))
        except TimeoutError:
            return

    def _unname(self, file: str) -> None:
        """Let no picture be named by a file any more; one uploaded anew since has another."""
        sha256, _ = self._named[file]
        task = self._uploads.get(sha256)
        failed = task is None or not task.done() or task.cancelled() or task.exception() is not None
        if task is not None and not failed and task.result() == file:
            del self._uploads[sha256]

    async def close(self) -> None:
        """End what is still uploading, and delete what was uploaded."""
        ending = [*self._uploads.values(), *self._forgetting]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        await self.forget()


def _sha256_of(block: Json) -> str:
    return _digest(block["source"]["data"])


@functools.lru_cache(maxsize=8)
def _digest(encoded: str) -> str:
    """Hash a picture given in base64; the same one is asked for a few times in a row."""
    return hashlib.sha256(base64.b64decode(encoded)).hexdigest()


def _renamed(result: Json, sources: dict[str, Json]) -> Json:
    content = result.get("content")
    if not isinstance(content, list) or not sources:
        return result
    renamed = [
        sources.get(_sha256_of(block), block) if block.get("type") == "image" else block for block in content
    ]
    return {**result, "content": renamed}
