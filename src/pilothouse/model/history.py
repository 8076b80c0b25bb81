"""The messages of a conversation in wire form: each encoded once, sizes counted as they come. No rules here.

What may follow what is in `conversation`. Nothing here is quadratic in the length of the run: a message is
encoded when it is added, and again only when it is changed.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from pilothouse.journal.requests import cut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pilothouse.events import Json

PICTURE_TOKENS = 1_400
"""What a picture is taken to cost where its size is not known: a little more than 1280x800 (model-api §2)."""
CHARS_PER_TOKEN = 3
"""Fewer than in ordinary English: an estimate may be too high, never too low."""
PRUNED = "[An older screenshot stood here.]"
_PRUNED_BYTES = len(msgspec.json.encode({"type": "text", "text": PRUNED}))


@dataclass(slots=True)
class Message:
    """One message; `wire` is always the encoding of role and content."""

    role: str
    content: list[Json]
    wire: bytes = b""
    pictures: int = 0
    kept: bytes | None = None
    """As the request log keeps it; made when it is first wanted."""

    def encode(self) -> None:
        """Encode anew, after a change."""
        self.wire = msgspec.json.encode({"role": self.role, "content": self.content})
        self.pictures = sum(1 for _ in pictures_in(self.content))
        self.kept = None


class History:
    """Messages, oldest first."""

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self.size_bytes = 0
        """Size of the messages on the wire."""
        self.pictures = 0
        self.tokens_added = 0
        """An estimate of what was added since `counted`."""

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def first(self) -> Message:
        """The oldest message."""
        return self._messages[0]

    @property
    def last(self) -> Message:
        """The newest message."""
        return self._messages[-1]

    def as_json(self) -> list[Json]:
        """Give the messages as JSON values; treat them as read-only."""
        return [{"role": message.role, "content": message.content} for message in self._messages]

    def wire(self) -> tuple[bytes, ...]:
        """Give each message's encoding."""
        return tuple(message.wire for message in self._messages)

    def kept(self, mask: Callable[[str], str]) -> list[bytes]:
        """Give each message as the request log keeps it."""
        for message in self._messages:
            if message.kept is None:
                message.kept = cut(message.wire, _inline_pictures(message.content), mask)
        return [message.kept or b"" for message in self._messages]

    def append(self, role: str, content: list[Json]) -> None:
        """Add a message."""
        message = Message(role, content)
        message.encode()
        self._messages.append(message)
        self._count(message, +1)
        self._estimate(content)

    def extend(self, block: Json) -> None:
        """Add a block to the newest message."""
        self._change(self.last, [*self.last.content, block])
        self._estimate([block])

    def counted(self) -> None:
        """Forget the estimate: what the history costs is known up to here."""
        self.tokens_added = 0

    def replace_all(self, messages: list[tuple[str, list[Json]]]) -> int:
        """Begin anew with these messages; returns how many pictures are gone."""
        gone = self.pictures
        self._messages.clear()
        self.size_bytes = self.pictures = self.tokens_added = 0
        for role, content in messages:
            self.append(role, content)
        return gone

    def prune(self, keep: int, max_bytes: int) -> int:
        """Replace the oldest pictures by a line of text; returns how many.

        Args:
            keep: So many pictures may stay.
            max_bytes: So large may the messages be; the newest picture stays whatever its size.
        """
        pruned = 0
        for message in self._messages:
            if due := self._due(message, keep, max_bytes):
                self._change(message, _without_first(message.content, due))
                pruned += due
        return pruned

    def _due(self, message: Message, keep: int, max_bytes: int) -> int:
        """Say how many pictures of a message are too many, its first ones first."""
        due, left, size = 0, self.pictures, self.size_bytes
        for picture in pictures_in(message.content):
            if left <= keep and (left <= 1 or size <= max_bytes):
                break
            due, left = due + 1, left - 1
            size -= len(msgspec.json.encode(picture)) - _PRUNED_BYTES
        return due

    def leave_out_oldest(self, stand_in: str) -> int:
        """Put one message in the place of the oldest ones, about half of the text; returns how many went.

        What stays begins with an answer, so that no result is parted from its call. A summary at the front
        keeps its place, and the newest answer its own.
        """
        head = 1 if self._messages[0].content[0].get("type") == "compaction" else 0
        starts = [
            n for n, message in enumerate(self._messages) if message.role == "assistant" and n > head + 1
        ]
        if not starts:
            return 0
        sizes = [_text_bytes(message) for message in self._messages]
        goal = sum(sizes) / 2
        first = next((start for start in starts if sum(sizes[start:]) <= goal), starts[-1])
        kept = self._messages[:head], self._messages[first:]
        message = Message("user", [{"type": "text", "text": stand_in}])
        message.encode()
        self._messages = [*kept[0], message, *kept[1]]
        self.size_bytes = self.pictures = 0
        for one in self._messages:
            self._count(one, +1)
        return first - head

    def estimate(self) -> int:
        """Estimate the tokens of all messages."""
        text = sum(_text_bytes(message) for message in self._messages)
        return self.pictures * PICTURE_TOKENS + text // CHARS_PER_TOKEN

    def drop_thinking(self) -> int:
        """Take out all thinking, which makes any change of the history legal; returns how many blocks."""
        dropped = 0
        for message in self._messages:
            rest = [b for b in message.content if b.get("type") not in ("thinking", "redacted_thinking")]
            if len(rest) != len(message.content):
                dropped += len(message.content) - len(rest)
                self._change(message, rest or [{"type": "text", "text": "…"}])
        return dropped

    def files(self) -> set[str]:
        """Give the ids of the files that pictures are named by."""
        sources = [
            picture["source"]
            for message in self._messages
            if message.pictures
            for picture in pictures_in(message.content)
        ]
        return {source["file_id"] for source in sources if "file_id" in source}

    async def rewrite_pictures(self, other: Callable[[Json], Json]) -> int:
        """Change the source of every picture, others running in between; returns how many were changed."""
        changed = 0
        for message in self._messages:
            if message.pictures:
                await asyncio.sleep(0)
                content = _mapped(message.content, other)
                if content != message.content:
                    changed += message.pictures
                    self._change(message, content)
        return changed

    def _change(self, message: Message, content: list[Json]) -> None:
        self._count(message, -1)
        message.content = content
        message.encode()
        self._count(message, +1)

    def _count(self, message: Message, sign: int) -> None:
        self.size_bytes += sign * (len(message.wire) + 1)
        self.pictures += sign * message.pictures

    def _estimate(self, content: list[Json]) -> None:
        pictures = sum(1 for _ in pictures_in(content))
        self.tokens_added += pictures * PICTURE_TOKENS + _text_bytes(self.last) // CHARS_PER_TOKEN


def _text_bytes(message: Message) -> int:
    """Give a message's size without its pictures."""
    if not message.pictures:
        return len(message.wire)
    inline = sum(len(picture["source"].get("data", "")) for picture in pictures_in(message.content))
    return max(len(message.wire) - inline, 0)


def pictures_in(content: list[Json]) -> Iterator[Json]:
    """Yield the picture blocks of a content, those inside results included."""
    for block in content:
        if block.get("type") == "image":
            yield block
        elif block.get("type") == "tool_result" and isinstance(block.get("content"), list):
            yield from pictures_in(block["content"])


def _inline_pictures(content: list[Json]) -> Iterator[tuple[str, str]]:
    for block in pictures_in(content):
        data = block["source"].get("data")
        if isinstance(data, str):
            yield data, hashlib.sha256(base64.b64decode(data)).hexdigest()


def _mapped(content: list[Json], other: Callable[[Json], Json]) -> list[Json]:
    mapped: list[Json] = []
    for block in content:
        if block.get("type") == "image":
            mapped.append(other(block))
        elif block.get("type") == "tool_result" and isinstance(block.get("content"), list):
            mapped.append({**block, "content": _mapped(block["content"], other)})
        else:
            mapped.append(block)
    return mapped


def _without_first(content: list[Json], due: int) -> list[Json]:
    """Replace the first so many pictures by a line of text each."""
    left = iter(range(due))

    def prune(block: Json) -> Json:
        return block if next(left, None) is None else {"type": "text", "text": PRUNED}

    return _mapped(content, prune)
