"""Requests for the strict server, built piece by piece; and the real SDK against a server of one scenario."""

from __future__ import annotations

import base64
import copy
import struct
from typing import Any

from pilothouse.local.messages_asked import Asked
from pilothouse.local.messages_strict import refuse

Json = dict[str, Any]
SECRET = b"x" * 32
TOOLSET: Json = {"type": "computer_toolset_20260801"}


def png(width: int, height: int, padding: int = 0) -> str:
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height)
    return base64.b64encode(head + b"\0" * padding).decode()


def image(width: int, height: int, padding: int = 0) -> Json:
    source = {"type": "base64", "media_type": "image/png", "data": png(width, height, padding)}
    return {"type": "image", "source": source}


def use(call: str = "toolu_1") -> Json:
    return {"type": "tool_use", "id": call, "name": "screenshot", "input": {}, "toolset_name": "computer"}


def result(call: str = "toolu_1", **more: Any) -> Json:
    base: Json = {"type": "tool_result", "tool_use_id": call, "toolset_name": "computer"}
    return {**base, "content": [{"type": "text", "text": "OK"}], **more}


def text(said: str = "hello") -> Json:
    return {"type": "text", "text": said}


def user(*blocks: Json) -> Json:
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: Json) -> Json:
    return {"role": "assistant", "content": list(blocks)}


def system(said: str = "The user says hello") -> Json:
    return {"role": "system", "content": [text(said)]}


def body(*messages: Json, **more: Any) -> Json:
    base: Json = {"model": "claude-opus-5-5", "max_tokens": 1000, "tools": [copy.deepcopy(TOOLSET)]}
    return {**base, "messages": list(messages) or [user(text())], **more}


def asking(request: Any, *betas: str, **more: Any) -> Asked:
    headers = {"anthropic-version": "2026-10-21", "anthropic-beta": ",".join(betas)}
    return Asked(body=request, headers=headers, **more)


def refusal(request: Any, *betas: str, **more: Any) -> str:
    found = refuse(asking(request, *betas, **more), SECRET)
    return f"{found.status} {found.kind}: {found.message}" if found else ""


TURN = (user(text()), assistant(use()))
MARK = {"cache_control": {"type": "ephemeral"}}
