"""The Files API, through the real SDK, and pictures by reference."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import anthropic
import pytest

from pilothouse.local.messages_files import FileStore
from pilothouse.local.messages_refusal import Refusal
from tests.local.messages.bodies import png
from tests.local.messages.talking import LOOK, SHAPE, TASK, answered, talking

Json = dict[str, Any]
PICTURE = base64.b64decode(png(1280, 800, 3_000))


def by_file(name: str) -> Json:
    return {"type": "image", "source": {"type": "file", "file_id": name}}


async def test_a_file_is_uploaded_listed_described_and_deleted() -> None:
    async with talking(LOOK) as client:
        for files in (client.sdk.beta.files, client.sdk.files):
            made = await files.upload(file=("a/frame.png", PICTURE, "image/png"))
            again = await files.retrieve_metadata(made.id)
            assert (made.filename, made.mime_type, made.size_bytes) == (
                "frame.png",
                "image/png",
                len(PICTURE),
            )
            assert again == made
            assert [one.id async for one in files.list()] == [made.id]
            with pytest.raises(anthropic.BadRequestError) as refused:
                await files.download(made.id)
            assert refused.value.error_code == "file_not_downloadable"
            gone = await files.delete(made.id)
            assert (gone.id, gone.type) == (made.id, "file_deleted")
            with pytest.raises(anthropic.NotFoundError, match="File not found"):
                await files.retrieve_metadata(made.id)


async def test_files_come_in_pages() -> None:
    async with talking(LOOK) as client:
        made = [(await client.sdk.files.upload(file=(f"{n}.png", PICTURE, "image/png"))).id for n in range(5)]
        page = await client.sdk.files.list(limit=2)
        seen = [one.id async for one in page]
        some = await client.sdk.files.list(ids=made[1:3])
        assert [one.id for one in page.data] == made[:2:-1]
        assert seen == made[::-1]
        assert {one.id for one in some.data} == set(made[1:3])


async def test_a_picture_by_file_counts_like_the_picture_itself_but_weighs_nothing() -> None:
    inline: Json = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PICTURE).decode()}
    async with talking(LOOK, LOOK) as client:
        made = await client.sdk.beta.files.upload(file=("frame.png", PICTURE, "image/png"))
        first, _ = await client.ask([TASK])
        totals = []
        for content in ([{"type": "image", "source": inline}], [by_file(made.id)]):
            answer, _ = await client.ask([TASK, *answered(first, content=content)])
            usage = answer.usage
            totals.append(
                usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens
            )
        *_, with_bytes, with_file = await client.get("/requests")
    assert totals[0] == totals[1]
    assert (with_bytes["images"], with_file["images"]) == (1, 1)
    assert with_bytes["size_bytes"] - with_file["size_bytes"] > 3_000


async def test_a_file_must_be_there_and_be_a_picture() -> None:
    async with talking(LOOK) as client:
        words = await client.sdk.files.upload(file=("words.txt", b"words", "text/plain"))
        with pytest.raises(anthropic.NotFoundError, match="File not found: file_none"):
            await client.ask([{"role": "user", "content": [by_file("file_none")]}])
        with pytest.raises(anthropic.BadRequestError, match="Could not process image"):
            await client.ask([{"role": "user", "content": [by_file(words.id)]}])


async def test_an_account_without_files_refuses_uploads() -> None:
    async with talking(LOOK, files="off") as client:
        with pytest.raises(anthropic.PermissionDeniedError, match="zero data retention"):
            await client.sdk.files.upload(file=("frame.png", PICTURE, "image/png"))
        client.server.files.mode = "on"
        assert await client.sdk.files.upload(file=("frame.png", PICTURE, "image/png"))


async def test_an_account_that_takes_uploads_but_no_files_in_results() -> None:
    async with talking(LOOK, LOOK, files="uploads-only") as client:
        made = await client.sdk.files.upload(file=("frame.png", PICTURE, "image/png"))
        first, _ = await client.ask([{"role": "user", "content": [by_file(made.id)]}])
        history = [{"role": "user", "content": [by_file(made.id)]}]
        with pytest.raises(anthropic.BadRequestError, match="not supported in `tool_result`"):
            await client.ask(history + answered(first, content=[by_file(made.id)]))


async def test_a_picture_too_large_by_file_is_refused_with_its_place() -> None:
    large = base64.b64decode(png(2_600, 100))
    async with talking(LOOK, LOOK) as client:
        made = await client.sdk.files.upload(file=("large.png", large, "image/png"))
        first, _ = await client.ask([TASK])
        request: Json = {**SHAPE, "messages": [TASK, *answered(first, content=[by_file(made.id)])]}
        with pytest.raises(anthropic.BadRequestError) as refused:
            await client.sdk.beta.messages.create(**request)
    details: Any = refused.value.details
    assert type(refused.value).__name__ == "ImageDimensionsTooLargeError"
    assert (details.max_side_length_pixels, details.paths) == (2_576, ["messages.2.content.0.content.0"])


def test_a_file_expires() -> None:
    now = [datetime(2026, 11, 24, tzinfo=UTC)]
    store = FileStore(now=lambda: now[0])
    kept = store.upload("a.png", "image/png", PICTURE, 3_600)
    assert store.get(kept.id).size == (1280, 800)
    now[0] += timedelta(hours=2)
    assert not store.has(kept.id)
    with pytest.raises(Refusal) as refused:
        store.get(kept.id)
    assert (refused.value.status, refused.value.details) == (404, {"error_code": "file_expired"})
    with pytest.raises(Refusal, match="expires_in_seconds"):
        store.upload("a.png", "image/png", PICTURE, 60)
    assert store.upload("", "image/png", PICTURE).filename == "unnamed.png"
