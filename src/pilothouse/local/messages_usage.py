"""Token figures for a scripted answer: estimated from the request, cache hits by real prefix comparison.

Estimates, not the vendor's tokenizer: characters / 4, pictures by their size, a flat price for the toolset.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse.local.messages_models import lookup
from pilothouse.local.messages_prompt import ttl_of

if TYPE_CHECKING:
    from pilothouse.local.messages_prompt import Part

Json = dict[str, Any]
LOOKBACK_POSITIONS = 20
_ENTRIES_MAX = 16_384
_TTL_S = {"5m": 300.0, "1h": 3600.0}
_NEVER_MARKED = ("thinking", "redacted_thinking")


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Input side of one request's usage, in tokens."""

    input: int = 0
    read: int = 0
    write_5m: int = 0
    write_1h: int = 0

    @property
    def total(self) -> int:
        """The whole prompt."""
        return self.input + self.read + self.write_5m + self.write_1h

    @property
    def written(self) -> int:
        """What was written to the cache."""
        return self.write_5m + self.write_1h

    def as_counts(self) -> Json:
        """Word it as both ends of a stream do: cumulative."""
        return {
            "input_tokens": self.input,
            "cache_creation_input_tokens": self.written,
            "cache_read_input_tokens": self.read,
        }

    def as_start(self) -> Json:
        """Word it as `message_start` does; the split by lifetime exists only there."""
        return {
            **self.as_counts(),
            "cache_creation": self.as_split(),
            "output_tokens": 1,
            "service_tier": "standard",
        }

    def as_split(self) -> Json:
        """Word what was written by lifetime."""
        return {
            "ephemeral_5m_input_tokens": self.write_5m,
            "ephemeral_1h_input_tokens": self.write_1h,
        }

    def as_delta(self, output: int, thinking: int) -> Json:
        """Word it as `message_delta` does."""
        return {
            **self.as_counts(),
            "output_tokens": output,
            "output_tokens_details": {"thinking_tokens": thinking},
        }

    def as_iteration(self, kind: str, output: int) -> Json:
        """Word it as an entry of `iterations`."""
        counts = {**self.as_counts(), "cache_creation": self.as_split()}
        return {"type": kind, **counts, "output_tokens": output}


def _positions(parts: list[Part]) -> list[int]:
    """Number the parts as the cache's lookback does: a run of calls, or of results, is one position."""
    positions: list[int] = []
    for i, part in enumerate(parts):
        joined = i and part.kind in ("tool_use", "tool_result") and part.kind == parts[i - 1].kind
        positions.append(positions[-1] + (not joined) if positions else 0)
    return positions


class _Entry(msgspec.Struct):
    """A prefix that was written, and how long it lives after each use."""

    until_s: float
    ttl_s: float


class PromptCache:
    """Which prefixes were written, and until when; the oldest are forgotten."""

    def __init__(self) -> None:
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()

    def account(self, body: Json, parts: list[Part], began_s: float) -> Usage:
        """Split a prompt into read, written and plain tokens, and remember what it wrote.

        Lifetimes count from `began_s`, the moment at which the request came in.
        """
        model = lookup(body.get("model"))
        ttls = _ttls(body, parts)
        running, sizes = _prefixes(parts)
        least = model.cache_min if model else 0
        breakpoints = [i for i, ttl in enumerate(ttls) if ttl and sizes[i] >= least]
        hit = self._longest(running, _positions(parts), breakpoints, began_s)
        read = sizes[hit] if hit >= 0 else 0
        written = {"5m": 0, "1h": 0}
        done = read
        for i in breakpoints:
            if sizes[i] > done:
                written[ttls[i]] += sizes[i] - done
                done = sizes[i]
            self._keep(running[i], _TTL_S[ttls[i]], began_s)
        return Usage(input=sizes[-1] - done, read=read, write_5m=written["5m"], write_1h=written["1h"])

    def _longest(
        self, running: list[bytes], positions: list[int], breakpoints: list[int], now_s: float
    ) -> int:
        for end in reversed(breakpoints):
            for i in range(end, -1, -1):
                if positions[end] - positions[i] >= LOOKBACK_POSITIONS:
                    break
                entry = self._entries.get(running[i])
                if entry and entry.until_s > now_s:
                    entry.until_s = now_s + entry.ttl_s
                    return i
        return -1

    def _keep(self, key: bytes, ttl_s: float, now_s: float) -> None:
        entry = self._entries.pop(key, None)
        if entry is None or entry.until_s <= now_s:
            entry = _Entry(0.0, 0.0)
        entry.ttl_s = max(entry.ttl_s, ttl_s)
        entry.until_s = now_s + entry.ttl_s
        self._entries[key] = entry
        while len(self._entries) > _ENTRIES_MAX:
            self._entries.popitem(last=False)


def _ttls(body: Json, parts: list[Part]) -> list[str]:
    """List each part's lifetime; the automatic breakpoint sits on the last part that can carry one."""
    ttls = [part.ttl for part in parts]
    automatic = ttl_of(body)
    able = [i for i, part in enumerate(parts) if part.tokens and part.kind not in _NEVER_MARKED]
    if automatic and able:
        ttls[able[-1]] = ttls[able[-1]] or automatic
    return [ttl if ttl in _TTL_S else "" for ttl in ttls]


def _prefixes(parts: list[Part]) -> tuple[list[bytes], list[int]]:
    """Digest and measure the prompt up to and with each part."""
    running: list[bytes] = []
    sizes: list[int] = []
    state, total = b"", 0
    for part in parts:
        state = hashlib.sha256(state + part.data).digest()
        total += part.tokens
        running.append(state)
        sizes.append(total)
    return running, sizes
