"""One turn of the model: a streaming request, its deltas as events, its whole answer. No retries here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import anthropic
import httpx2
import msgspec

from pilothouse import events as ev
from pilothouse.errors import PilothouseError
from pilothouse.events import Event
from pilothouse.model.catalogue import Tokens
from pilothouse.model.faults import TurnFault, from_exception
from pilothouse.safety import Redactor

if TYPE_CHECKING:
    from pilothouse.events import Json

CONNECT_S = 5.0
COALESCE_S = 0.05
"""After the first piece, deltas are journalled at most 20 times a second (design §5)."""

_TEXT_EVENTS: dict[str, type[ev.TextStreamed] | type[ev.ThinkingStreamed]] = {
    "text_delta": ev.TextStreamed,
    "thinking_delta": ev.ThinkingStreamed,
}


SILENCE_FACTOR = 5.0
"""Keep-alives alone are put up with so many times longer than no byte at all: the model may think."""
_CHARS_PER_TOKEN = 4


class Cleared(msgspec.Struct, frozen=True, kw_only=True):
    """What the API left out of the history for this answer."""

    what: str
    items: int
    tokens: int


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer."""

    content: list[dict[str, Any]]
    stop_reason: str
    tokens: Tokens
    request_id: str = ""
    first_ms: float = 0.0
    total_ms: float = 0.0
    category: str = ""
    """Why it was refused, in the API's words."""
    explanation: str = ""
    compaction: Tokens = Tokens()
    """What summarising used; not part of `tokens`."""
    cleared: tuple[Cleared, ...] = ()


class _Piece(msgspec.Struct):
    make: Callable[[str], Event]
    redactor: Redactor
    text: str = ""


class DeltaCoalescer:
    """Turns deltas into events: the first at once, then joined each block at most 20 times a second."""

    def __init__(
        self,
        emit: Callable[[Event], object],
        clock: Callable[[], float] = time.monotonic,
        make_redactor: Callable[[], Redactor] = Redactor,
    ) -> None:
        self._emit = emit
        self._make_redactor = make_redactor
        self._clock = clock
        self._pieces: dict[tuple[str, int], _Piece] = {}
        self._last = -COALESCE_S
        self._timer: asyncio.TimerHandle | None = None

    def add(self, kind: str, block: int, text: str, make: Callable[[str], Event]) -> None:
        """Take one delta."""
        piece = self._pieces.get((kind, block))
        if piece is None:
            piece = self._pieces[kind, block] = _Piece(make=make, redactor=self._make_redactor())
        piece.text += piece.redactor.feed(text)
        wait = self._last + COALESCE_S - self._clock()
        if wait <= 0:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(wait, self.flush)

    def flush(self) -> None:
        """Emit what waits for its turn; a piece that may be half a secret goes on waiting."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for piece in self._pieces.values():
            if piece.text:
                text, piece.text = piece.text, ""
                self._emit(piece.make(text))
                self._last = self._clock()

    def finish(self) -> None:
        """Emit everything: the block or the stream is over."""
        for piece in self._pieces.values():
            piece.text += piece.redactor.flush()
        self.flush()
        self._pieces.clear()


class TurnStream:
    """Reads one streaming answer, from its request to its `message_stop`."""

    def __init__(
        self,
        turn: int,
        emit: Callable[[Event], object],
        make_redactor: Callable[[], Redactor] = Redactor,
        idle_s: float = 90.0,
    ) -> None:
        self._turn = turn
        self._idle_s = idle_s
        self._started: Any = None
        self._chars = 0
        self._deltas = DeltaCoalescer(emit, make_redactor=make_redactor)
        self._blocks: dict[int, tuple[str, str]] = {}
        self._began = time.monotonic()
        self._first_ms = 0.0
        self._split = (0, 0)
        self._whole = False

    async def ask(self, client: anthropic.AsyncAnthropic, request: Json) -> Answer:
        """Send the request and read its answer.

        Raises:
            TurnFault: Anything but a whole answer; nothing of it may be executed.
        """
        self._began = time.monotonic()
        # From the first: the SDK tells of no keep-alive, so that these alone would be listened to for ever.
        silence = asyncio.timeout(self._idle_s * SILENCE_FACTOR)
        try:
            async with silence, client.beta.messages.stream(**request, timeout=self._limits()) as stream:
                async for event in stream:
                    silence.reschedule(asyncio.get_running_loop().time() + self._idle_s * SILENCE_FACTOR)
                    self._see(event)
                message = await stream.get_final_message()
                request_id = stream.request_id or ""
        except TimeoutError as error:
            raise TurnFault("silent", "the model sent nothing but keep-alives", may_pass=True) from error
        except (anthropic.APIError, httpx2.HTTPError) as error:
            raise from_exception(error) from error
        except (PilothouseError, TurnFault):
            raise
        except Exception as error:
            # What is no JSON, or comes in an impossible order, escapes the SDK as whatever it trips over.
            why = f"the model's answer can't be read ({type(error).__name__})"
            raise TurnFault("unreadable", why, may_pass=isinstance(error, ValueError)) from error
        finally:
            self._deltas.finish()
        if not self._whole or message.stop_reason is None:
            # A stream that ends cleanly before `message_stop` raises nothing in the SDK (model-api §3).
            raise TurnFault("torn", "the model's answer ended in the middle", may_pass=True)
        details = message.stop_details
        return Answer(
            content=[block.to_dict() for block in message.content],
            stop_reason=str(message.stop_reason),
            tokens=self._tokens(message.usage),
            request_id=request_id,
            first_ms=self._first_ms,
            total_ms=(time.monotonic() - self._began) * 1e3,
            category=str(getattr(details, "category", None) or ""),
            explanation=str(getattr(details, "explanation", None) or ""),
            compaction=_compaction(message.usage),
            cleared=tuple(_cleared(message.context_management)),
        )

    def _limits(self) -> httpx2.Timeout:
        """So long may a connection take, and so long may no byte come."""
        return httpx2.Timeout(self._idle_s, connect=min(self._idle_s, CONNECT_S))

    @property
    def spent(self) -> Tokens | None:
        """Estimate what an answer that came to nothing used; None when it had not begun.

        Only the first event's figures are known then, and the text seen (model-api §3).
        """
        if self._started is None:
            return None
        output = max(self._started.output_tokens or 0, -(-self._chars // _CHARS_PER_TOKEN))
        return msgspec.structs.replace(self._tokens(self._started), output=output)

    def _see(self, event: Any) -> None:
        match event.type:
            case "message_start":
                self._start(event)
            case "content_block_start":
                block = event.content_block
                self._blocks[event.index] = (getattr(block, "id", "") or "", getattr(block, "name", "") or "")
            case "content_block_delta":
                self._delta(event.index, event.delta)
            case "content_block_stop":
                self._deltas.finish()
            case "message_stop":
                self._whole = True
            case _:  # helper events repeat the deltas; unknown ones are for later versions
                pass

    def _start(self, event: Any) -> None:
        self._first_ms = (time.monotonic() - self._began) * 1e3
        self._started = event.message.usage
        split = event.message.usage.cache_creation  # the 5 m / 1 h split exists only here
        if split is not None:
            self._split = (split.ephemeral_5m_input_tokens or 0, split.ephemeral_1h_input_tokens or 0)

    def _delta(self, index: int, delta: Any) -> None:
        turn = self._turn
        if kind := _TEXT_EVENTS.get(delta.type):
            text = delta.text if delta.type == "text_delta" else delta.thinking
            self._chars += len(text)
            self._deltas.add(delta.type, index, text, lambda text: kind(turn=turn, block=index, text=text))
        elif delta.type == "input_json_delta":
            self._chars += len(delta.partial_json)
            call_id, member = self._blocks.get(index, ("", ""))
            self._deltas.add(
                delta.type,
                index,
                delta.partial_json,
                lambda text: ev.InputStreamed(
                    turn=turn, block=index, tool_use_id=call_id, member=member, text=text
                ),
            )

    def _tokens(self, usage: Any) -> Tokens:
        written = usage.cache_creation_input_tokens or 0
        one_hour = min(self._split[1], written)
        details = getattr(usage, "output_tokens_details", None)
        return Tokens(
            input=usage.input_tokens or 0,
            cache_read=usage.cache_read_input_tokens or 0,
            cache_write_5m=written - one_hour,
            cache_write_1h=one_hour,
            output=usage.output_tokens or 0,
            thinking=getattr(details, "thinking_tokens", 0) or 0,
        )


def _compaction(usage: Any) -> Tokens:
    """Add up what summarising used: the totals leave it out (model-api §3)."""
    total = Tokens()
    for part in getattr(usage, "iterations", None) or []:
        if part.type == "compaction":
            total = Tokens(
                input=total.input + part.input_tokens,
                cache_read=total.cache_read + part.cache_read_input_tokens,
                cache_write_5m=total.cache_write_5m + part.cache_creation_input_tokens,
                output=total.output + part.output_tokens,
            )
    return total


_EDITS = {"clear_tool_uses_20250919": "tool_uses", "clear_thinking_20251015": "thinking"}


def _cleared(managed: Any) -> Iterator[Cleared]:
    for edit in getattr(managed, "applied_edits", None) or []:
        items = getattr(edit, "cleared_tool_uses", None) or getattr(edit, "cleared_thinking_turns", None) or 0
        yield Cleared(
            what=_EDITS.get(edit.type, str(edit.type)), items=items, tokens=edit.cleared_input_tokens or 0
        )
