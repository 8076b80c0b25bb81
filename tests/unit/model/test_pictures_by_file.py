"""Pictures and their files: what is being deleted names no picture any more."""

from __future__ import annotations

import asyncio
import hashlib
from types import SimpleNamespace
from typing import Any, cast

import anthropic

from pilothouse.model.conversation import image_block
from pilothouse.model.uploads import Pictures


class Files:
    """The account's files; an answer to a deletion is slow to come."""

    def __init__(self) -> None:
        self.there: list[str] = []
        self.uploaded = 0
        self.deleted = asyncio.Event()
        self.answer = asyncio.Event()

    async def upload(self, **_: object) -> SimpleNamespace:
        self.uploaded += 1
        self.there.append(f"file_{self.uploaded}")
        return SimpleNamespace(id=self.there[-1])

    async def delete(self, file: str, **_: object) -> None:
        self.there.remove(file)
        self.deleted.set()
        await self.answer.wait()


def result(data: bytes) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": "t", "content": [image_block(data, "image/png")]}


async def named(pictures: Pictures, data: bytes) -> str:
    """Show a picture; returns the file that it is named by."""
    pictures.expect(hashlib.sha256(data).hexdigest(), data, "image/png")
    (sent,) = await pictures.by_file(pictures.without_repeats([result(data)]))
    return str(sent["content"][0]["source"]["file_id"])


async def test_a_picture_seen_again_while_its_file_is_deleted_gets_another() -> None:
    files = Files()

    async def no_blob(sha256: str) -> bytes:
        raise AssertionError(sha256)

    client = cast("anthropic.AsyncAnthropic", SimpleNamespace(files=files))
    pictures = Pictures(client, lambda event: None, no_blob)
    assert [await named(pictures, b"one"), await named(pictures, b"two")] == ["file_1", "file_2"]
    pictures.forget_soon(but=["file_2"])
    await files.deleted.wait()
    assert await named(pictures, b"one") == "file_3"
    files.answer.set()
    await asyncio.gather(*pictures._forgetting)
    assert await named(pictures, b"one") == "file_3"
    assert files.there == ["file_2", "file_3"]
    await pictures.close()
    assert files.there == []
