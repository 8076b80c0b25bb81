"""A request read block by block: digests, token counts and pictures, each worked out once. Judges nothing.

A run sends its whole history each time. Messages that came before are recognised by their bytes, so that a
request of the three-hundredth turn costs little more than its newest message.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse.local.messages_images import Size, fitted, image_size, image_tokens
from pilothouse.local.messages_models import TOOLSET, Accepts, lookup
from pilothouse.local.messages_shape import message_problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Json = dict[str, Any]
Place = tuple[int, int]
"""Message and block, counted from 0."""

TOOLSET_TOKENS = 4_500
"""What declaring the computer tool costs (model-api §1.2)."""
CLEARED_TEXT = "[Old tool result content cleared]"
_KNOWN_MAX_BYTES = 128 * 2**20
_HIGH = Accepts(tools=frozenset(), thinking=frozenset())


def canonical(value: object) -> bytes:
    """Encode a JSON value so that key order and cache markers make no difference."""
    return json.dumps(_without_markers(value), sort_keys=True, separators=(",", ":")).encode()


def _without_markers(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_markers(item) for key, item in value.items() if key != "cache_control"}
    if isinstance(value, list):
        return [_without_markers(item) for item in value]
    return value


def blocks_of(message: Json) -> list[Any]:
    """List the content blocks of a message; a bare string is one text block."""
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content if isinstance(content, list) else []


def text_tokens(text: str) -> int:
    """Estimate the tokens of a text: four characters each, rounded up."""
    return -(-len(text) // 4)


def digest(data: bytes | memoryview) -> bytes:
    """Digest bytes for comparison."""
    return hashlib.sha256(data).digest()


def markers(value: object) -> Iterator[Json]:
    """Yield everything that carries a cache marker, in the order tools, system, messages."""
    if isinstance(value, dict):
        if value.get("cache_control"):
            yield value
        for key, item in value.items():
            if key not in ("input", "cache_control", "source"):  # what the model said is no marker of ours
                yield from markers(item)
    elif isinstance(value, list):
        for item in value:
            yield from markers(item)


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """One picture of a message."""

    block: int
    part: int
    """Position in a tool result; -1 for a picture that stands by itself."""
    source: Json
    size: Size | None
    in_toolset: bool

    def path(self, message: int) -> str:
        """Word its position as error details do."""
        nested = f".content.{self.part}" if self.part >= 0 else ""
        return f"messages.{message}.content.{self.block}{nested}"


class Known(msgspec.Struct, kw_only=True):
    """What was worked out of one message."""

    message: Json
    blocks: list[Any]
    digests: list[bytes]
    pictures: list[Picture]
    markers: list[Json]
    """Everything in it that carries a cache marker."""
    problem: str = ""
    """What is wrong with its shape, from its place in the request on; empty for nothing."""
    summaries: list[int]
    """Positions of compaction blocks that hold a summary."""
    size_bytes: int = 0
    _tokens: dict[int, list[int]] = msgspec.field(default_factory=dict)

    def tokens(self, model: Accepts) -> list[int]:
        """Estimate the tokens of each block, one added for its place in the message."""
        found = self._tokens.get(model.max_edge_px)
        if found is None:
            sizes = {(p.block, p.part): p.size for p in self.pictures}
            found = [1 + _block_tokens(block, j, sizes, model) for j, block in enumerate(self.blocks)]
            self._tokens[model.max_edge_px] = found
        return found


SizeOf = Callable[[str], Size | None]
"""Says how large an uploaded picture is, by its file id."""


def _no_file(_: str) -> Size | None:
    return None


def know(message: Json, size_of_file: SizeOf = _no_file, size_bytes: int = 0) -> Known:
    """Work out a message."""
    blocks = [block if isinstance(block, dict) else {} for block in blocks_of(message)]
    role = str(message.get("role")).encode()
    return Known(
        message=message,
        blocks=blocks,
        digests=[digest(role + b"\0" + canonical(block)) for block in blocks],
        pictures=list(_pictures(blocks, size_of_file)),
        markers=list(markers(message)),
        problem=message_problem(message, blocks),
        summaries=[j for j, b in enumerate(blocks) if b.get("type") == "compaction" and b.get("content")],
        size_bytes=size_bytes,
    )


def _pictures(blocks: list[Json], size_of_file: SizeOf) -> Iterable[Picture]:
    for j, block in enumerate(blocks):
        if block.get("type") == "image":
            yield _picture(block, j, -1, in_toolset=False, size_of_file=size_of_file)
        elif block.get("type") == "tool_result":
            for k, part in enumerate(blocks_of(block)):
                if isinstance(part, dict) and part.get("type") == "image":
                    inside = bool(block.get("toolset_name"))
                    yield _picture(part, j, k, in_toolset=inside, size_of_file=size_of_file)


def _picture(block: Json, j: int, k: int, *, in_toolset: bool, size_of_file: SizeOf) -> Picture:
    given = block.get("source")
    source: Json = given if isinstance(given, dict) else {}
    is_file = source.get("type") == "file"
    size = size_of_file(str(source.get("file_id"))) if is_file else image_size(str(source.get("data", "")))
    return Picture(block=j, part=k, source=source, size=size, in_toolset=in_toolset)


def _block_tokens(block: Json, j: int, sizes: dict[Place, Size | None], model: Accepts) -> int:
    match block.get("type"):
        case "text":
            return text_tokens(str(block.get("text", "")))
        case "thinking":
            return text_tokens(str(block.get("thinking", "")))
        case "image":
            return picture_tokens(sizes.get((j, -1)), model)
        case "tool_result":
            parts = enumerate(blocks_of(block))
            return 12 + sum(
                picture_tokens(sizes.get((j, k)), model)
                if isinstance(part, dict) and part.get("type") == "image"
                else _block_tokens(part if isinstance(part, dict) else {}, j, {}, model)
                for k, part in parts
            )
        case "tool_use":
            return 20 + text_tokens(json.dumps(block.get("input", {})))
        case "compaction":
            return text_tokens(str(block.get("content") or ""))
        case _:
            return text_tokens(json.dumps(block))


def picture_tokens(size: Size | None, model: Accepts) -> int:
    """Count a picture's tokens after the model's own scaling."""
    return image_tokens(*fitted(size, model.max_edge_px, model.max_image_tokens)) if size else 0


class Reader:
    """Decodes requests, and recognises messages it has decoded before; bounded by bytes, oldest forgotten."""

    def __init__(self, size_of_file: SizeOf = _no_file) -> None:
        self._size_of_file = size_of_file
        self._known: OrderedDict[bytes, Known] = OrderedDict()
        self._bytes = 0

    def read(self, raw: bytes) -> tuple[Any, list[Known]]:
        """Decode a request's body; the messages of both results are the same objects.

        Raises:
            msgspec.DecodeError: The body is no JSON.
        """
        try:
            outer = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
            pieces = msgspec.json.decode(outer.get("messages", b"[]"), type=list[msgspec.Raw])
            objects = [self._message(memoryview(piece)) for piece in pieces]
        except msgspec.ValidationError:  # no object, no list, or no objects in it: the rules will say so
            return msgspec.json.decode(raw), []
        body = {
            key: [known.message for known in objects] if key == "messages" else msgspec.json.decode(value)
            for key, value in outer.items()
        }
        return body, objects

    def _message(self, raw: memoryview) -> Known:
        key = digest(raw)
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
            return known
        message = msgspec.json.decode(raw, type=dict[str, Any])
        known = know(message, self._size_of_file, raw.nbytes)
        self._known[key] = known
        self._bytes += raw.nbytes
        while self._bytes > _KNOWN_MAX_BYTES:
            self._bytes -= self._known.popitem(last=False)[1].size_bytes
        return known


class Part(msgspec.Struct):
    """One piece of the prompt, in cache order."""

    data: bytes
    tokens: int
    ttl: str = ""
    kind: str = ""


class Changes(msgspec.Struct, kw_only=True):
    """What the server does to the messages before the model sees them."""

    start: Place = (0, 0)
    """Everything before it was replaced by a summary."""
    cleared: dict[Place, int] = {}
    """Blocks whose content was cleared, and what each then costs in tokens."""
    dropped: set[Place] = set()
    """Thinking that is not shown."""


def ttl_of(holder: object) -> str:
    """Read the lifetime of a cache marker; empty for none."""
    marker = holder.get("cache_control") if isinstance(holder, dict) else None
    return str(marker.get("ttl") or "5m") if isinstance(marker, dict) else ""


def parts(body: Json, known: list[Known], changes: Changes | None = None) -> list[Part]:
    """List the whole prompt in cache order: tools, system, messages."""
    changes = changes or Changes()
    model = lookup(body.get("model")) or _HIGH
    found = [*_head(body), _level(body)]
    for i, one in enumerate(known):
        if i < changes.start[0]:
            continue
        for j, (block, mark, tokens) in enumerate(
            zip(one.blocks, one.digests, one.tokens(model), strict=True)
        ):
            place = (i, j)
            if place < changes.start or place in changes.dropped:
                continue
            kind = str(block.get("type"))
            if place in changes.cleared:
                found.append(Part(digest(b"cleared" + mark), changes.cleared[place], ttl_of(block), kind))
            else:
                found.append(Part(mark, tokens, ttl_of(block), kind))
    return found


def _head(body: Json) -> Iterable[Part]:
    yield Part(str(body.get("model")).encode(), 0)
    for tool in body.get("tools") or []:
        known = str(tool.get("type", "")).startswith("computer_")
        tokens = TOOLSET_TOKENS if known else text_tokens(json.dumps(tool))
        yield Part(canonical(tool), tokens, ttl_of(tool))
    system = body.get("system") or []
    for block in [{"type": "text", "text": system}] if isinstance(system, str) else system:
        yield Part(canonical(block), text_tokens(str(block.get("text", ""))), ttl_of(block))


def _level(body: Json) -> Part:
    """Make a part of what restarts the cache of the messages, and of them alone, when it changes."""
    effort = (body.get("output_config") or {}).get("effort")
    thinking = (body.get("thinking") or {}).get("type")
    return Part(canonical([body.get("tool_choice"), effort, thinking]), 0)


def declared_tool(body: Json) -> Json:
    """Give the computer tool that a request declares; the toolset where it declares none."""
    for tool in body.get("tools") or []:
        if isinstance(tool, dict) and str(tool.get("type", "")).startswith("computer_"):
            return tool
    return {"type": TOOLSET}
