"""Token figures for a scripted answer: estimated from the request, cache hits by real prefix comparison.

Estimates, not the vendor's tokenizer: characters / 4, pictures by their size, a flat price for the toolset.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse.local.messages_binding import blocks_of, canonical
from pilothouse.local.messages_images import image_size, image_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]
TOOLSET_TOKENS = 4_500
"""What declaring the computer toolset costs (model-api §1.2)."""
CACHE_MIN_TOKENS = 512
LOOKBACK_POSITIONS = 20
_ENTRIES_MAX = 4_096
_TTL_S = {"5m": 300.0, "1h": 3600.0}


def text_tokens(text: str) -> int:
    """Estimate the tokens of a text: four characters each, rounded up."""
    return -(-len(text) // 4)


def block_tokens(block: object) -> int:
    """Estimate the tokens of one content block."""
    if not isinstance(block, dict):
        return text_tokens(str(block))
    match block.get("type"):
        case "text":
            return text_tokens(str(block.get("text", "")))
        case "thinking":
            return text_tokens(str(block.get("thinking", "")))
        case "image":
            size = image_size(str((block.get("source") or {}).get("data", "")))
            return image_tokens(*size) if size else 0
        case "tool_result":
            return 12 + sum(block_tokens(part) for part in blocks_of(block))
        case "tool_use":
            return 20 + text_tokens(json.dumps(block.get("input", {})))
        case _:
            return text_tokens(json.dumps(block))


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Input side of one request's usage, in tokens."""

    input: int
    read: int
    write_5m: int
    write_1h: int

    @property
    def total(self) -> int:
        """The whole prompt."""
        return self.input + self.read + self.write_5m + self.write_1h

    def as_start(self) -> Json:
        """Word it as `message_start` does; the split by lifetime exists only there."""
        return {
            "input_tokens": self.input,
            "cache_creation_input_tokens": self.write_5m + self.write_1h,
            "cache_read_input_tokens": self.read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": self.write_5m,
                "ephemeral_1h_input_tokens": self.write_1h,
            },
            "output_tokens": 1,
            "service_tier": "standard",
        }

    def as_delta(self, output: int, thinking: int) -> Json:
        """Word it as `message_delta` does: cumulative."""
        return {
            "input_tokens": self.input,
            "cache_creation_input_tokens": self.write_5m + self.write_1h,
            "cache_read_input_tokens": self.read,
            "output_tokens": output,
            "output_tokens_details": {"thinking_tokens": thinking},
        }


class _Part(msgspec.Struct):
    data: bytes
    tokens: int
    ttl: str = ""
    kind: str = ""


def _ttl(holder: object) -> str:
    marker = holder.get("cache_control") if isinstance(holder, dict) else None
    return str(marker.get("ttl", "5m")) if isinstance(marker, dict) else ""


def _parts(body: Json) -> Iterator[_Part]:
    """Yield the prompt in cache order: tools, system, messages."""
    for tool in body.get("tools") or []:
        known = str(tool.get("type", "")).startswith("computer_")
        tokens = TOOLSET_TOKENS if known else text_tokens(json.dumps(tool))
        yield _Part(canonical(tool), tokens, _ttl(tool))
    system = body.get("system") or []
    for block in [{"type": "text", "text": system}] if isinstance(system, str) else system:
        yield _Part(canonical(block), block_tokens(block), _ttl(block))
    level = canonical([body.get("tool_choice"), (body.get("output_config") or {}).get("effort")])
    for message in body.get("messages") or []:
        for block in blocks_of(message):
            head = level + str(message.get("role")).encode()
            yield _Part(head + canonical(block), block_tokens(block) + 1, _ttl(block), str(block.get("type")))


def prompt_tokens(body: Json) -> int:
    """Estimate the whole prompt, as `count_tokens` answers it."""
    return sum(part.tokens for part in _parts(body))


def _positions(parts: list[_Part]) -> list[int]:
    """Number the parts as the cache's lookback does: a run of calls, or of results, is one position."""
    positions: list[int] = []
    for i, part in enumerate(parts):
        joined = i and part.kind in ("tool_use", "tool_result") and part.kind == parts[i - 1].kind
        positions.append(positions[-1] + (not joined) if positions else 0)
    return positions


class PromptCache:
    """Which prefixes were written, and until when; the oldest are forgotten."""

    def __init__(self) -> None:
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def account(self, body: Json, now_s: float) -> Usage:
        """Split a request's prompt into read, written and plain tokens, and remember what it wrote."""
        parts = list(_parts(body))
        if parts and _ttl(body):  # the automatic breakpoint sits on the last block
            parts[-1].ttl = _ttl(body)
        running, sizes, digest = [], [], hashlib.sha256()
        total = 0
        for part in parts:
            digest.update(part.data)
            total += part.tokens
            running.append(digest.digest())
            sizes.append(total)
        breakpoints = [i for i, part in enumerate(parts) if part.ttl and sizes[i] >= CACHE_MIN_TOKENS]
        hit = self._longest(running, _positions(parts), breakpoints, now_s)
        read = sizes[hit] if hit >= 0 else 0
        if hit >= 0:
            self._keep(running[hit], now_s + _TTL_S["5m"])
        written = {"5m": 0, "1h": 0}
        done = read
        for i in breakpoints:
            self._keep(running[i], now_s + _TTL_S.get(parts[i].ttl, 300.0))
            if sizes[i] > done:
                written[parts[i].ttl if parts[i].ttl in written else "5m"] += sizes[i] - done
                done = sizes[i]
        return Usage(input=total - done, read=read, write_5m=written["5m"], write_1h=written["1h"])

    def _longest(
        self, running: list[bytes], positions: list[int], breakpoints: list[int], now_s: float
    ) -> int:
        for end in reversed(breakpoints):
            for i in range(end, -1, -1):
                if positions[end] - positions[i] >= LOOKBACK_POSITIONS:
                    break
                if self._until.get(running[i], 0.0) > now_s:
                    return i
        return -1

    def _keep(self, key: bytes, until_s: float) -> None:
        self._until[key] = max(until_s, self._until.pop(key, 0.0))
        while len(self._until) > _ENTRIES_MAX:
            self._until.popitem(last=False)
