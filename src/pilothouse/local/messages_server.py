"""A scripted, strict Messages server on loopback: it plays a scenario and refuses what the real API refuses.

Run it with `python -m pilothouse.local.messages_server --scenario PATH`. The rules are in `messages_strict`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hmac
import json
import os
import secrets
import sys
import uuid
from collections import OrderedDict, deque
from contextlib import asynccontextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from pilothouse.errors import PilothouseError, UsageError
from pilothouse.local import messages_reply as replies
from pilothouse.local.loopback import is_ours, listening, serve_until_told
from pilothouse.local.messages_binding import canonical
from pilothouse.local.messages_log import RequestLog
from pilothouse.local.messages_strict import MAX_REQUEST_BYTES, Asked, Refusal, refuse
from pilothouse.local.messages_usage import PromptCache, prompt_tokens
from pilothouse.local.scenario import Fault, Scenario, choose, load, newest_results, unmet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from pilothouse.local.scenario import Choice, Pace

Json = dict[str, Any]
KEY_VARIABLE = "PILOTHOUSE_SCRIPTED_KEY"
SPEED_VARIABLE = "PILOTHOUSE_SCENARIO_SPEED"
_CONVERSATIONS_MAX = 256
_REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
_STATUS_TYPES = {
    429: "rate_limit_error",
    500: "api_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class ScriptedMessages:
    """The server's state: scenario, key, cache figures, attempts, and a bounded log of requests."""

    def __init__(self, scenario: Scenario, *, key: str, speed: float = 1.0) -> None:
        self.scenario = scenario
        self.key = key
        self.log = RequestLog()
        self._speed = speed
        self._secret = secrets.token_bytes(32)
        self._cache = PromptCache()
        self._attempts: OrderedDict[bytes, int] = OrderedDict()
        self._paused: deque[bytes] = deque(maxlen=_CONVERSATIONS_MAX)

    def app(self) -> web.Application:
        """Make the aiohttp application."""
        app = web.Application(client_max_size=2 * MAX_REQUEST_BYTES, middlewares=[self._guard])
        app.router.add_post("/v1/messages", self._messages)
        app.router.add_post("/v1/messages/count_tokens", self._count_tokens)
        app.router.add_get("/requests", self._requests)
        app.router.add_get(r"/requests/{number:\d+}", self._request)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        _REQUEST_ID.set(f"req_{uuid.uuid4().hex[:24]}")
        try:
            if not is_ours(request):
                raise Refusal("permission_error", "requests must be addressed to this host", 403)
            if not hmac.compare_digest(_key_of(request).encode(), self.key.encode()):
                raise Refusal("authentication_error", "invalid x-api-key", 401)
            response: web.StreamResponse = await handler(request)
        except Refusal as refusal:
            response = _refused(refusal)
        except web.HTTPException as error:
            response = _refused(Refusal("not_found_error", "Not found", error.status))
        return response

    async def _read(self, request: web.Request, *, counting: bool = False) -> Json:
        if (request.content_length or 0) > MAX_REQUEST_BYTES:
            raise Refusal("request_too_large", "Request exceeds the maximum size", 413)
        raw = await request.read()
        try:
            body = json.loads(raw)
        except ValueError as error:
            raise Refusal("invalid_request_error", f"The request body is not valid JSON: {error}") from error
        asked = Asked(
            body=body, size_bytes=len(raw), headers=dict(request.headers.items()), counting=counting
        )
        refusal = refuse(asked, self._secret, self._is_paused)
        self.log.add(_REQUEST_ID.get(), request.path, body, len(raw), str(refusal or ""))
        if refusal:
            raise refusal
        return dict(body)

    async def _count_tokens(self, request: web.Request) -> web.StreamResponse:
        body = await self._read(request, counting=True)
        answer: Json = {"input_tokens": prompt_tokens(body)}
        if request.query.get("beta") == "true" or "context_management" in body:
            answer["context_management"] = {"original_input_tokens": answer["input_tokens"]}
        return _json(answer)

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        body = await self._read(request)
        choice = choose(self.scenario, body["messages"])
        self._check_expectations(choice, body)
        fault = self._due_fault(choice, body)
        pace = choice.turn.pace or self.scenario.pace
        await self._sleep(pace.before_s)
        if fault and fault.kind == "status":
            kind = _STATUS_TYPES.get(fault.status, "api_error")
            raise Refusal(kind, "Scripted failure", fault.status, retry_after_s=fault.retry_after_s)
        usage = self._cache.account(body, asyncio.get_running_loop().time())
        reply = replies.build(self.scenario, choice, body, usage, self._secret)
        if fault:
            reply = replies.spoiled(reply, fault.kind)
        if reply.stop_reason == "pause_turn":
            self._paused.append(canonical(reply.content))
        if not body.get("stream"):
            return _json(replies.as_message(reply))
        return await self._stream(request, reply, pace, fault)

    def _is_paused(self, message: Json) -> bool:
        """Say whether a final assistant message is a paused turn of ours, which may be sent back alone."""
        return canonical(message.get("content")) in self._paused

    def _check_expectations(self, choice: Choice, body: Json) -> None:
        problem = unmet(choice.turn.expect, newest_results(body["messages"]))
        if problem:
            where = f"{self.scenario.name}, turn {choice.number + 1}"
            raise Refusal("invalid_request_error", f"scenario expectation not met ({where}): {problem}")

    def _due_fault(self, choice: Choice, body: Json) -> Fault | None:
        """Say which fault the present attempt of this turn meets, counting attempts per conversation."""
        if not choice.turn.fault:
            return None
        first = canonical([body.get("system"), body["messages"][0], choice.position])
        attempt = self._attempts.pop(first, 0)
        self._attempts[first] = attempt + 1
        while len(self._attempts) > _CONVERSATIONS_MAX:
            self._attempts.popitem(last=False)
        due = [fault for fault in choice.turn.fault for _ in range(fault.times)]
        return due[attempt] if attempt < len(due) else None

    async def _stream(
        self, request: web.Request, reply: replies.Reply, pace: Pace, fault: Fault | None
    ) -> web.StreamResponse:
        headers = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
        response = web.StreamResponse(headers={**headers, "request-id": _REQUEST_ID.get()})
        with contextlib.suppress(ConnectionError):  # an operator's abort closes the connection: no failure
            await response.prepare(request)
            for frame in self._with_fault(replies.frames(reply, pace.delta_chars), fault):
                if frame["type"] == "content_block_delta":
                    await self._sleep(pace.per_delta_s)
                if frame["type"] == "stall":
                    await asyncio.sleep(frame["seconds"])
                elif frame["type"] == "drop":
                    if request.transport is not None:
                        request.transport.abort()
                    return response
                elif frame["type"] == "eof":
                    break
                else:
                    await response.write(replies.encode(frame))
            await response.write_eof()
        return response

    def _with_fault(self, frames: Iterator[Json], fault: Fault | None) -> Iterator[Json]:
        """Put the fault's own frame after so many deltas; `drop`, `eof` and `stall` are for the sender."""
        deltas = 0
        for frame in frames:
            if fault and deltas == fault.after_deltas and frame["type"] == "content_block_delta":
                yield from _fault_frames(fault)
                if fault.kind == "error_event":
                    return
            deltas += frame["type"] == "content_block_delta"
            yield frame

    async def _sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._speed)

    async def _requests(self, _: web.Request) -> web.StreamResponse:
        return _json(self.log.summaries())

    async def _request(self, request: web.Request) -> web.StreamResponse:
        body = self.log.body(int(request.match_info["number"]))
        if body is None:
            raise Refusal("not_found_error", "no such request is kept", 404)
        return _json(body)


def _fault_frames(fault: Fault) -> Iterator[Json]:
    match fault.kind:
        case "error_event":
            yield {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
        case "unknown_event":
            yield {"type": "some_future_event", "detail": "clients must ignore what they do not know"}
        case "stall":
            yield {"type": "stall", "seconds": fault.stall_s}
        case "drop" | "eof":
            yield {"type": fault.kind}
        case _:
            return


def _key_of(request: web.Request) -> str:
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return request.headers.get("x-api-key") or bearer


def _json(answer: object, status: int = 200) -> web.Response:
    body = msgspec.json.encode(answer)
    headers = {"request-id": _REQUEST_ID.get()}
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def _refused(refusal: Refusal) -> web.Response:
    error = {"type": refusal.kind, "message": refusal.message}
    response = _json({"type": "error", "error": error, "request_id": _REQUEST_ID.get()}, refusal.status)
    if refusal.retry_after_s > 0:
        response.headers["retry-after"] = f"{refusal.retry_after_s:g}"
    return response


@asynccontextmanager
async def serve(
    scenario: Scenario, *, key: str = "", speed: float = 1.0, port: int = 0
) -> AsyncIterator[tuple[ScriptedMessages, str]]:
    """Serve a scenario while the context lasts; gives the server's state and its base URL."""
    server = ScriptedMessages(scenario, key=key or _made_up_key(), speed=speed)
    async with listening(server.app(), port) as url:
        yield server, url


def _made_up_key() -> str:
    return f"sk-scripted-{secrets.token_urlsafe(24)}"


def main(argv: list[str] | None = None) -> int:
    """Run the server as a program; the ready line is `{"base_url": …, "key": …}`."""
    parser = argparse.ArgumentParser(prog="pilothouse.local.messages_server", description=__doc__)
    parser.add_argument("--scenario", type=Path, required=True, help="a scenario file (docs/scenarios.md)")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--speed", type=float, default=None, help=f"divides all delays; or {SPEED_VARIABLE}")
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="fills {{NAME}}")
    parser.add_argument("--with-parent", action="store_true", help="end when standard input does")
    given = parser.parse_args(argv)
    try:
        scenario = load(given.scenario, dict(pair.split("=", 1) for pair in given.var if "=" in pair))
        key = os.environ.get(KEY_VARIABLE) or _made_up_key()
        server = ScriptedMessages(scenario, key=key, speed=_speed(given.speed))
        asyncio.run(
            serve_until_told(
                server.app(),
                lambda url: {"base_url": url, "key": key},
                with_parent=given.with_parent,
                port=given.port,
            )
        )
    except PilothouseError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _speed(given: float | None) -> float:
    said = given if given is not None else os.environ.get(SPEED_VARIABLE) or 1.0
    try:
        speed = float(said)
    except ValueError as error:
        raise UsageError(f"speed is not a number: {said!r}", SPEED_VARIABLE, "give 1, 2, 10 …") from error
    if speed <= 0:
        raise UsageError(f"speed is not above zero: {said!r}", SPEED_VARIABLE, "give 1, 2, 10 …")
    return speed


if __name__ == "__main__":
    sys.exit(main())
