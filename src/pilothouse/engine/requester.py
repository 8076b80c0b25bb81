"""One request to the model: made, sent, read, recorded, dropped on a person's word. No retries here."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

import anthropic
import httpx2

from pilothouse import events as ev
from pilothouse.journal import requests as log
from pilothouse.model.caching import with_breakpoints
from pilothouse.model.faults import TurnFault
from pilothouse.model.stream import Answer, TurnStream
from pilothouse.model.wire import Body, Sending, Wire, wired

if TYPE_CHECKING:
    from collections.abc import Callable

    from pilothouse.engine.meter import Meter
    from pilothouse.engine.recorder import Recorder
    from pilothouse.engine.spec import ModelOptions
    from pilothouse.events import Json
    from pilothouse.model.client import RequestShape
    from pilothouse.model.conversation import Conversation

COUNT_S = 10.0
COUNTED = frozenset({"model", "messages", "system", "tools", "thinking", "context_management", "betas"})
"""What of a request `count_tokens` takes."""


class Dropped(Exception):
    """The answer was dropped on a person's word; `args[0]` says why."""


class Requester:
    """Sends the conversation as it stands.

    Args:
        recorder: Journals what comes.
        client: The SDK's client.
        shape: What every request has in common; another may be put in its place between turns.
        conversation: What is sent.
        meter: Told of what each request used.
        options: How the model is asked.
        held: A person may hold the run for long.
        splices: The client takes a body that is ready; others take it apart to sign it, and get messages.
    """

    def __init__(
        self,
        *,
        recorder: Recorder,
        client: anthropic.AsyncAnthropic,
        shape: RequestShape,
        conversation: Conversation,
        meter: Meter,
        options: ModelOptions,
        held: bool,
        splices: bool = True,
    ) -> None:
        self._recorder = recorder
        self._wire = Wire()
        self._client = wired(client, self._wire)
        self.shape = shape
        self._conversation = conversation
        self.meter = meter
        self._options = options
        self._held = held
        self._splices = splices
        self._asking: asyncio.Task[Answer] | None = None
        self._dropping = ""

    def drop(self, why: str) -> None:
        """Drop the answer being streamed, if there is one."""
        if self._asking is not None and not self._asking.done():
            self._dropping = why
            self._asking.cancel()

    async def ask(self, turn: int, attempt: int, extra: Json, max_tokens: int = 0) -> Answer:
        """Send one request and read its whole answer.

        Raises:
            TurnFault: It came to nothing.
            Dropped: A person had it dropped.
        """
        ticket = self._messages(lambda: self._sending(turn, attempt))
        request = with_breakpoints(self.shape.request(ticket, extra), held=self._held)
        if max_tokens:
            request["max_tokens"] = max_tokens
        stream = TurnStream(
            turn, self._recorder.publish, self._recorder.stream_redactor, self._options.idle_timeout_s
        )
        self._asking = asyncio.create_task(stream.ask(self._client, request))
        try:
            return await self._asking
        except asyncio.CancelledError:
            why, self._dropping = self._dropping, ""
            self._asking.cancel()
            self.meter.broken_off(turn, stream.spent)
            # A freeze cancels the request only. An abort that comes while that takes effect wins.
            if why and not _is_cancelled():
                raise Dropped(why) from None
            raise
        except TurnFault:
            self.meter.broken_off(turn, stream.spent)
            raise
        finally:
            self._asking = None
            self._wire.give_back(ticket)

    async def count(self, extra: Json) -> int | None:
        """Let the API count the tokens of the next request; None when it can't be had."""
        ticket = self._messages(lambda: Sending(self._conversation.history.wire()))
        request = with_breakpoints(self.shape.request(ticket, extra), held=self._held)
        asked = {key: value for key, value in request.items() if key in COUNTED}
        try:
            counted = await self._client.beta.messages.count_tokens(**asked, timeout=COUNT_S)
        except (anthropic.APIError, httpx2.HTTPError):
            return None  # an estimate must do
        finally:
            self._wire.give_back(ticket)
        return int(counted.input_tokens)

    def _messages(self, sending: Callable[[], Sending]) -> list[Json]:
        return self._wire.ticket(sending()) if self._splices else self._conversation.messages

    def _sending(self, turn: int, attempt: int) -> Sending:
        history = self._conversation.history
        if not self._options.record_requests:
            return Sending(history.wire())

        async def record(body: Body) -> None:
            await self._record(turn, attempt, body)

        mask = self._recorder.mask
        return Sending(history.wire(), lambda: history.kept(mask), mask, record)

    async def _record(self, turn: int, attempt: int, body: Body) -> None:
        """Keep the exact bytes of a request; hashing them is left to a thread, for there may be many."""
        sha256 = await asyncio.to_thread(_hash, body)
        blob = await self._recorder.put_blob(log.kept(body.kept), log.MIME)
        self._recorder.publish(
            ev.RequestRecorded(turn=turn, attempt=attempt, body=blob, sha256=sha256, size=body.size)
        )


def _hash(body: Body) -> str:
    digest = hashlib.sha256()
    for piece in body.pieces:
        digest.update(piece)
    return digest.hexdigest()


def _is_cancelled() -> bool:
    """Say whether the task that runs this was itself told to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
