"""What a browser's telemetry captures, and the bounded log of its numbered events. No HTTP here.

Categories, defaults and merging are those of the SDK's `Telemetry` parameters; the log is a ring, in memory
only, and goes with the server.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse.local.kernel_actions import bad_request, not_implemented

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable

OPERATIONAL = frozenset({"control", "connection", "system", "captcha"})
"""Captured as soon as telemetry is on."""
OF_PAGES = frozenset({"console", "network", "page", "interaction"})
"""Captured when asked for; Kernel takes them from DevTools."""
OPTIONAL = OF_PAGES | {"screenshot", "platform"}
CATEGORIES = OPERATIONAL | OPTIONAL
MONITOR = "monitor"
"""Flows by itself whenever one of `OF_PAGES` does."""
EVENTS_MAX = 5000
BYTES_MAX = 16 << 20
STRING_MAX_CHARS = 8192
ITEMS_MAX = 100
CUT = "...[truncated]"
_HALVES = re.compile("[\ud800-\udfff]")
"""Halves of characters, which JavaScript's strings may hold alone and JSON's may not."""
KEEPALIVE_S = 15.0

Categories = frozenset[str]
OFF: Categories = frozenset()


class _Category(msgspec.Struct, frozen=True):
    enabled: bool | None = None


class _Telemetry(msgspec.Struct, frozen=True):
    enabled: bool | None = None
    browser: dict[str, _Category] | None = None
    export: dict[str, Any] | None = None
    storage: dict[str, Any] | None = None


def read_telemetry(given: Any, current: Categories) -> Categories:
    """Read the `telemetry` of a create (`current` is then `OFF`) or of an update.

    Raises:
        Refused: 400 for what contradicts itself, 501 for an export.
    """
    if not given:
        return current
    try:
        asked = msgspec.convert(given, _Telemetry)
    except msgspec.ValidationError as error:
        raise bad_request(f"invalid request body: telemetry: {error}") from None
    if asked.export:
        raise not_implemented("a local browser exports no telemetry")
    wanted = asked.browser or {}
    unknown = sorted(wanted.keys() - CATEGORIES)
    if unknown:
        raise bad_request(f"telemetry: there is no category {unknown[0]!r}")
    return _merged(asked, {name: one.enabled for name, one in wanted.items()}, current)


def _merged(asked: _Telemetry, wanted: dict[str, bool | None], current: Categories) -> Categories:
    if asked.enabled is False:
        if wanted:
            raise bad_request("telemetry: enabled=false cannot be combined with browser category settings")
        return OFF
    if asked.enabled is None and not wanted:
        return current
    base = OPERATIONAL if asked.enabled or not current else current
    on = {name for name, enabled in wanted.items() if enabled}
    off = {name for name, enabled in wanted.items() if enabled is False}
    return (base | on) - off


def described(categories: Categories) -> dict[str, Any]:
    """Write what is captured as Kernel does."""
    return {"browser": {name: {"enabled": name in categories} for name in sorted(CATEGORIES)}}


class Entry(msgspec.Struct, frozen=True):
    """One event of a log; `ts` is in Unix microseconds, `envelope` the JSON that is sent."""

    seq: int
    ts: int
    category: str
    type: str
    envelope: bytes


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Which past events to give; times in microseconds, `after` and `before` are exclusive numbers."""

    categories: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    since_us: int = 0
    until_us: int | None = None
    after: int | None = None
    before: int | None = None
    limit: int = 20
    descending: bool = False

    def wants(self, entry: Entry) -> bool:
        """Say whether an event is one of them."""
        return (
            (not self.categories or entry.category in self.categories)
            and (not self.types or entry.type in self.types)
            and entry.ts >= self.since_us
            and (self.until_us is None or entry.ts < self.until_us)
            and (self.after is None or entry.seq > self.after)
            and (self.before is None or entry.seq < self.before)
        )


class TelemetryLog:
    """The events of one browser.

    Args:
        categories: What is captured.
        clock: Unix seconds.
    """

    def __init__(self, categories: Categories = OFF, clock: Callable[[], float] = time.time) -> None:
        self.categories = categories
        self.ended = False
        self.last_seq = 0
        self._clock = clock
        self._ring: deque[Entry] = deque()
        self._bytes = 0
        self._news: set[asyncio.Event] = set()

    def captures(self, category: str) -> bool:
        """Say whether events of a category are taken at all."""
        if category == MONITOR:
            return bool(self.categories & OF_PAGES)
        return category in self.categories

    def emit(
        self, category: str, kind: str, source: dict[str, Any], data: dict[str, Any] | None = None
    ) -> None:
        """Number and keep an event, if its category is captured."""
        if self.ended or not self.captures(category):
            return
        self.last_seq += 1
        event: dict[str, Any] = {
            "category": category,
            "type": kind,
            "ts": int(self._clock() * 1e6),
            "source": source,
        }
        if data is not None:
            event["data"], was_cut = cut(data)
            if was_cut:
                event["truncated"] = True
        envelope = msgspec.json.encode({"seq": self.last_seq, "event": event})
        self._keep(Entry(self.last_seq, event["ts"], category, kind, envelope))

    def _keep(self, entry: Entry) -> None:
        self._ring.append(entry)
        self._bytes += len(entry.envelope)
        while len(self._ring) > EVENTS_MAX or (self._bytes > BYTES_MAX and len(self._ring) > 1):
            self._bytes -= len(self._ring.popleft().envelope)
        self._wake()

    def end(self) -> None:
        """Take no more: the browser is gone."""
        self.ended = True
        self._wake()

    def _wake(self) -> None:
        for news in self._news:
            news.set()

    def after(self, seq: int) -> list[Entry]:
        """List the events after a number, as far as they are still here."""
        fresh = []
        for entry in reversed(self._ring):
            if entry.seq <= seq:
                break
            fresh.append(entry)
        return fresh[::-1]

    def past(self, query: Query) -> tuple[list[Entry], bool]:
        """Give past events, and whether there are more."""
        ordered: Iterable[Entry] = reversed(self._ring) if query.descending else self._ring
        found: list[Entry] = []
        for entry in ordered:
            if query.wants(entry):
                if len(found) == query.limit:
                    return found, True
                found.append(entry)
        return found, False

    async def frames(
        self, after: int, types: frozenset[str] = frozenset(), keepalive_s: float = KEEPALIVE_S
    ) -> AsyncGenerator[bytes, None]:
        """Give the frames of an event stream, until the browser's end.

        Args:
            after: The number of the last event known.
            types: Which ones, if not all; a frame with a number alone moves a reader past the others.
            keepalive_s: After this long without an event a comment is sent.
        """
        news = asyncio.Event()
        self._news.add(news)
        told = after
        try:
            while True:
                news.clear()
                for entry in self.after(after):
                    after = entry.seq
                    if not types or entry.type in types:
                        told = after
                        yield b"id: %d\ndata: %s\n\n" % (entry.seq, entry.envelope)
                if self.ended and not self.after(after):
                    if told != after:
                        yield b"id: %d\n\n" % after
                    return
                if not await _happened(news, keepalive_s):
                    yield b"id: %d\n\n" % after if told != after else b": keepalive\n\n"
                    told = after
        finally:
            self._news.discard(news)


async def _happened(news: asyncio.Event, within_s: float) -> bool:
    try:
        async with asyncio.timeout(within_s):
            await news.wait()
    except TimeoutError:
        return False
    return True


def cut(value: Any) -> tuple[Any, bool]:
    """Bound the strings, lists and objects inside a value; says whether something is missing now.

    A picture stays whole: half of one is of no use. Half a character becomes U+FFFD.
    """
    match value:
        case str() if len(value) > STRING_MAX_CHARS:
            return whole(value[:STRING_MAX_CHARS]) + CUT, True
        case str():
            return whole(value), False
        case dict():
            some = [(whole(str(name)), one) for name, one in list(value.items())[:ITEMS_MAX]]
            items = {name: (one, False) if name == "png" else cut(one) for name, one in some}
            was_cut = len(value) > ITEMS_MAX or any(was for _, was in items.values())
            return {name: one for name, (one, _) in items.items()}, was_cut
        case list():
            parts = [cut(one) for one in value[:ITEMS_MAX]]
            was_cut = len(value) > ITEMS_MAX or any(was for _, was in parts)
            return [one for one, _ in parts], was_cut
    return value, False


def whole(text: str) -> str:
    """Replace halves of characters, which nothing can encode."""
    return text if text.isascii() else _HALVES.sub("\ufffd", text)
