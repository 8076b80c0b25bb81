"""The requests a scripted server got, newest kept, bounded in memory; for tests and for people who look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]
KEPT_BYTES = 64 * 2**20
KEPT_SUMMARIES = 10_000


class Entry(msgspec.Struct, kw_only=True):
    """One request; its body is dropped when the log grows too big."""

    number: int
    request_id: str
    path: str
    size_bytes: int
    refused: str
    messages: int
    new_text: list[str]
    """Text that came after the last answer: the task, results, messages of a person."""
    model: str = ""
    images: int = 0
    stop_reason: str = ""
    """Empty for what was refused, counted, or met a fault before its answer."""
    usage: Json | None = None
    """`input`, `read`, `write_5m`, `write_1h` and `output` in tokens, with what was cleared or compacted."""
    body: Json | None = None


class RequestLog:
    """Requests in the order of arrival, numbered from 0."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._next = 0
        self._kept_bytes = 0

    def add(
        self, request_id: str, path: str, body: object, size_bytes: int, refused: str, *, images: int = 0
    ) -> Entry:
        """Keep a request; what is found out about it later goes into the entry."""
        known: Json = body if isinstance(body, dict) else {}
        messages = known.get("messages")
        history = messages if isinstance(messages, list) else []
        entry = Entry(
            number=self._next,
            request_id=request_id,
            path=path,
            size_bytes=size_bytes,
            refused=refused,
            messages=len(history),
            new_text=list(_new_text(history)),
            model=str(known.get("model", "")),
            images=images,
            body=known,
        )
        self._next += 1
        self._entries.append(entry)
        self._kept_bytes += size_bytes
        self._shrink()
        return entry

    def _shrink(self) -> None:
        for entry in self._entries:
            if self._kept_bytes <= KEPT_BYTES:
                break
            if entry.body is not None:
                entry.body = None
                self._kept_bytes -= entry.size_bytes
        del self._entries[:-KEPT_SUMMARIES]

    def summaries(self) -> list[Json]:
        """List what is known of each request, without its body."""
        return [
            {key: value for key, value in msgspec.structs.asdict(entry).items() if key != "body"}
            for entry in self._entries
        ]

    def body(self, number: int) -> Json | None:
        """Give the whole body of a request; None when there is none or it was dropped."""
        return next((entry.body for entry in self._entries if entry.number == number), None)


def _new_text(messages: list[Any]) -> Iterator[str]:
    start = max((i + 1 for i, message in enumerate(messages) if _role(message) == "assistant"), default=0)
    for message in messages[start:]:
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, str):
            yield content
        for block in content if isinstance(content, list) else []:
            if isinstance(block, dict) and block.get("type") == "text":
                yield str(block.get("text"))


def _role(message: object) -> object:
    return message.get("role") if isinstance(message, dict) else None
