"""The probe's way to the model: requests with their worst cost reserved first, and files that are deleted.

Each request is made once; a service that is busy is waited for once. No check is here.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anthropic

from pilothouse.model.catalogue import Tokens
from pilothouse.probe.checks import Unmet
from pilothouse.probe.plan import Remains
from pilothouse.probe.purse import Purse, priced, worst

if TYPE_CHECKING:
    from pilothouse.probe.checks import Sleep

Json = dict[str, Any]
TOOLSET = "computer_toolset_20260801"
BETAS = {
    "computer_20251124": "computer-use-2025-11-24",
    "computer_20250124": "computer-use-2025-01-24",
    "computer_20241022": "computer-use-2024-10-22",
}
TOOLSET_TOKENS = 5_000
TEXT_TOKENS = 300
BUSY_WAIT_S, BUSY_WAIT_MAX_S = 5.0, 15.0


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer, or a refusal."""

    ok: bool
    status: int = 200
    kind: str = ""
    text: str = ""
    """What a refusal said."""
    message: Any = None
    headers: tuple[str, ...] = ()
    """Names of the answer's headers."""

    retry_after_s: float = 0.0

    @property
    def busy(self) -> bool:
        """Say whether it is no answer to the question, but to the moment."""
        return self.status == 429 or self.status >= 500

    @property
    def short(self) -> str:
        """Say it in a line."""
        if self.ok:
            return f"taken ({getattr(self.message, 'stop_reason', None)})"
        return f"{self.status} {self.kind}: {self.text}"


@dataclass(frozen=True, kw_only=True)
class Streamed:
    """One streamed answer, as the wire had it."""

    request: Json
    message: Any
    start_usage: Json
    delta_usage: Json
    first_ms: float
    total_ms: float


def tool(kind: str) -> Json:
    """Declare one generation of the computer tool."""
    if kind == TOOLSET:
        return {"type": kind}
    return {"type": kind, "name": "computer", "display_width_px": 1024, "display_height_px": 768}


class ModelSide:
    """Asks the model.

    Args:
        client: Without retries of its own.
        purse: Pays.
        model: For the checks that need one model.
        sleep: Waits.
    """

    def __init__(self, client: anthropic.AsyncAnthropic, purse: Purse, model: str, sleep: Sleep) -> None:
        self.client = client
        self.model = model
        self._purse = purse
        self._sleep = sleep
        self._files: list[str] = []
        self._streaming = asyncio.Lock()
        self._streamed: Streamed | None = None
        self.made = 0

    async def ask(
        self, *, model: str = "", prompt_tokens: int = TEXT_TOKENS, max_tokens: int = 32, **request: Any
    ) -> Reply:
        """Send a request, whole; a refusal is an answer too.

        Raises:
            PurseEmpty: It could cost too much.
            anthropic.APIError: There was no answer.
        """
        model = model or self.model
        reserved = self._purse.reserve(worst(model, prompt_tokens, max_tokens))
        paid = 0.0
        try:
            reply = await self._asked(model=model, max_tokens=max_tokens, **request)
            if reply.ok:
                paid = priced(model, tokens_of(reply.message.usage))
            return reply
        except BaseException:
            paid = reserved  # nobody knows: it may have been answered after we left
            raise
        finally:
            self._purse.settle(reserved, paid)

    async def _asked(self, **request: Any) -> Reply:
        reply = await self._once(**request)
        if reply.busy:
            await self._sleep(min(reply.retry_after_s or BUSY_WAIT_S, BUSY_WAIT_MAX_S))
            reply = await self._once(**request)
        return reply

    async def _once(self, **request: Any) -> Reply:
        try:
            raw = await self.client.beta.messages.with_raw_response.create(**request)
        except anthropic.APIStatusError as error:
            return refused(error)
        return Reply(ok=True, message=await raw.parse(), headers=tuple(raw.headers))

    async def count(self, **request: Any) -> int:
        """Count a prompt's tokens, which is free."""
        counted = await self.client.beta.messages.count_tokens(model=self.model, **request)
        return int(counted.input_tokens)

    async def upload(self, name: str, data: bytes) -> str:
        """Upload a picture; it is deleted at the end.

        Raises:
            anthropic.APIStatusError: The account takes none.
        """
        made = await self.client.beta.files.upload(file=(name, data, "image/png"))
        return self._uploaded(str(made.id))

    async def upload_for_a_while(self, name: str, data: bytes, expires_s: int) -> str:
        """Upload a picture in the way that a run does; gives when it will expire, empty for never.

        Raises:
            anthropic.APIStatusError: The account takes none, or none that expires.
        """
        made = await self.client.files.upload(file=(name, data, "image/png"), expires_in_seconds=expires_s)
        self._uploaded(made.id)
        return str(made.expires_at or "")

    def _uploaded(self, file: str) -> str:
        self._files.append(file)
        self.made += 1
        return file

    async def streamed(self) -> Streamed:
        """Give the one streamed answer that several checks look at; asked for once.

        Raises:
            Unmet: It was asked for and did not come.
        """
        async with self._streaming:
            if self._streamed is None:
                self._streamed = await self._stream()
            return self._streamed

    async def _stream(self) -> Streamed:
        request: Json = {
            "model": self.model,
            "max_tokens": 1024,
            "tools": [tool(TOOLSET)],
            "system": [{"type": "text", "text": "You check sums.", "cache_control": {"type": "ephemeral"}}],
            "thinking": {"type": "adaptive", "display": "summarized"},
            "messages": [
                {"role": "user", "content": "Is 7919 * 6841 = 54173879? Work it out, then say yes or no."}
            ],
        }
        reserved = self._purse.reserve(worst(self.model, TOOLSET_TOKENS, request["max_tokens"]))
        paid = reserved
        try:
            answer = await self._read(request)
            paid = priced(self.model, tokens_of(answer.message.usage))
            return answer
        except anthropic.APIStatusError as error:
            paid = 0.0
            raise Unmet(f"no streamed answer: {refused(error).short}") from None
        finally:
            self._purse.settle(reserved, paid)

    async def _read(self, request: Json) -> Streamed:
        began = time.monotonic()
        first_ms, start, delta = 0.0, {}, {}
        async with self.client.beta.messages.stream(**request) as stream:
            async for event in stream:
                if event.type == "message_start":
                    first_ms = (time.monotonic() - began) * 1e3
                    start = event.message.usage.to_dict()
                elif event.type == "message_delta":
                    delta = event.usage.to_dict()
            message = await stream.get_final_message()
        return Streamed(
            request=request,
            message=message,
            start_usage=dict(start),
            delta_usage=dict(delta),
            first_ms=first_ms,
            total_ms=(time.monotonic() - began) * 1e3,
        )

    async def clean_up(self) -> Remains:
        """Delete every file that was uploaded; gives what is left."""
        left = []
        for file in self._files:
            for _ in range(2):
                with contextlib.suppress(anthropic.APIError, TimeoutError):
                    async with asyncio.timeout(5):
                        await self.client.beta.files.delete(file)
                    break
            else:
                left.append("file")
        return Remains(left=tuple(left))


def refused(error: anthropic.APIStatusError) -> Reply:
    """Read a refusal."""
    body = error.body if isinstance(error.body, dict) else {}
    inner = body.get("error")
    text = inner.get("message", "") if isinstance(inner, dict) else body.get("message", "")
    return Reply(
        ok=False,
        status=error.status_code,
        kind=str(error.type or ""),
        text=str(text or error.message),
        headers=tuple(error.response.headers),
        retry_after_s=float(after)
        if (after := error.response.headers.get("retry-after", "")).isdigit()
        else 0.0,
    )


def tokens_of(usage: Any) -> Tokens:
    """Read what a request used, a summary included: the totals leave that out (model-api §3)."""
    parts = [part for part in getattr(usage, "iterations", None) or [] if part.type == "compaction"]
    return Tokens(
        input=sum(part.input_tokens or 0 for part in (usage, *parts)),
        cache_read=sum(part.cache_read_input_tokens or 0 for part in (usage, *parts)),
        cache_write_5m=sum(part.cache_creation_input_tokens or 0 for part in (usage, *parts)),
        output=sum(part.output_tokens or 0 for part in (usage, *parts)),
    )
