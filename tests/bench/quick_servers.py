"""A model and a browser that answer at once, in a process of their own.

They check nothing and keep nothing, so that what a benchmark measures is the engine. Each picture is new.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import random
import struct
import sys
import time
import zlib
from typing import Any

from aiohttp import web
from PIL import Image

from pilothouse.local.loopback import listening
from tests.engine.kernel_stub import HEIGHT_PX, WIDTH_PX, KernelStub

Json = dict[str, Any]


class NewPictures(KernelStub):
    """A browser whose screenshots are of a given size; the screen changes with each action."""

    def __init__(self, picture_bytes: int) -> None:
        super().__init__()
        noise = random.Random(1).randbytes(max(picture_bytes - 12_000, 0) // 3 * 3)
        image = Image.new("RGB", (WIDTH_PX, HEIGHT_PX), "white")
        width = 320
        patch = Image.frombytes("RGB", (width, len(noise) // 3 // width), noise[: len(noise) // 960 * 960])
        image.paste(patch, (0, 0))
        out = io.BytesIO()
        image.save(out, "PNG")
        self._png = out.getvalue()

    def _picture(self) -> bytes:
        """Put the number of actions into the picture, as a comment."""
        text = b"Comment\0" + str(len(self.performed)).encode()
        chunk = struct.pack(">I", len(text)) + b"tEXt" + text
        chunk += struct.pack(">I", zlib.crc32(b"tEXt" + text))
        return self._png[:-12] + chunk + self._png[-12:]


class QuickModel:
    """Clicks once in each of so many turns, then is done."""

    def __init__(self, turns: int) -> None:
        self._turns = turns
        self._turn = 0
        self._files = 0
        self.sent: list[int] = []
        """Bytes that came in for each turn, uploads included."""
        self._uploaded = 0

    def app(self) -> web.Application:
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/v1/messages", self._messages)
        app.router.add_post("/v1/messages/count_tokens", self._count)
        app.router.add_post("/v1/files", self._upload)
        app.router.add_delete("/v1/files/{id}", self._delete)
        app.router.add_get("/sent", self._sent)
        return app

    async def _sent(self, _: web.Request) -> web.StreamResponse:
        return web.json_response(self.sent)

    async def _count(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        return web.json_response({"input_tokens": 1000})

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        self._uploaded += len(await request.read())
        self._files += 1
        return web.json_response(
            {
                "id": f"file_{self._files}",
                "type": "file",
                "filename": "x",
                "mime_type": "image/png",
                "size_bytes": 1,
                "created_at": "2026-01-01T00:00:00Z",
            }
        )

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"id": request.match_info["id"], "type": "file_deleted"})

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if b'"compaction":{"type":"summarize"' in body[:20_000]:
            return await self._stream(request, [_compaction()], "compaction")
        self.sent.append(len(body) + self._uploaded)
        self._uploaded = 0
        self._turn += 1
        if self._turn > self._turns:
            return await self._stream(request, [{"type": "text", "text": "Done."}], "end_turn")
        call = {
            "type": "tool_use",
            "id": f"toolu_{self._turn}",
            "name": "left_click",
            "toolset_name": "computer",
            "input": {"coordinate": [5, 5]},
        }
        thinking = {"type": "thinking", "thinking": "The next row is there.", "signature": "E" * 300}
        return await self._stream(request, [thinking, {"type": "text", "text": None}, call], "tool_use")

    async def _stream(self, request: web.Request, blocks: list[Json], stop: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream", "request-id": "req_1"})
        await response.prepare(request)
        usage = {"input_tokens": 100, "output_tokens": 1, "cache_read_input_tokens": 900}
        start = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": []}
        await say(response, "message_start", message={**start, "stop_reason": None, "usage": usage})
        for index, block in enumerate(blocks):
            empty, deltas = _split(block)
            await say(response, "content_block_start", index=index, content_block=empty)
            for delta in deltas:
                if "text" in delta and delta["text"] is None:
                    delta["text"] = f"{time.monotonic_ns()} "  # when these bytes leave
                await say(response, "content_block_delta", index=index, delta=delta)
            await say(response, "content_block_stop", index=index)
        await say(response, "message_delta", delta={"stop_reason": stop}, usage={"output_tokens": 50})
        await say(response, "message_stop")
        await response.write_eof()
        return response


def _compaction() -> Json:
    return {"type": "compaction", "content": "All went well.", "encrypted_content": "x", "signature": "y"}


def _split(block: Json) -> tuple[Json, list[Json]]:
    match block["type"]:
        case "text":
            return {"type": "text", "text": ""}, [{"type": "text_delta", "text": block["text"]}]
        case "thinking":
            return {"type": "thinking", "thinking": "", "signature": ""}, [
                {"type": "thinking_delta", "thinking": block["thinking"]},
                {"type": "signature_delta", "signature": block["signature"]},
            ]
        case "compaction":
            return block, []
        case _:
            said = json.dumps(block["input"])
            return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": said}]


async def say(response: web.StreamResponse, kind: str, **more: object) -> None:
    await response.write(f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n".encode())


async def serve(turns: int, picture_bytes: int) -> None:
    model, browser = QuickModel(turns), NewPictures(picture_bytes)
    async with listening(model.app()) as model_url, listening(browser.app()) as browser_url:
        print(json.dumps({"model": model_url, "browser": browser_url}), flush=True)
        await asyncio.to_thread(sys.stdin.read)  # until whoever started us is gone


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, required=True)
    parser.add_argument("--picture-bytes", type=int, default=180_000)
    given = parser.parse_args()
    asyncio.run(serve(given.turns, given.picture_bytes))
