"""A scripted, strict Messages server on loopback: it plays a scenario and refuses what the real API refuses.

Run it with `python -m pilothouse.local.messages_server --scenario PATH`. The rules are in `messages_strict`.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
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
from pilothouse.local import messages_faults as faults
from pilothouse.local import messages_reply as replies
from pilothouse.local.loopback import RUNNER, is_ours, listening, serve_until_told
from pilothouse.local.messages_asked import Asked
from pilothouse.local.messages_files import FileStore
from pilothouse.local.messages_log import RequestLog
from pilothouse.local.messages_prompt import Reader, canonical
from pilothouse.local.messages_refusal import Refusal
from pilothouse.local.messages_strict import MAX_REQUEST_BYTES, judge
from pilothouse.local.messages_turn import Turning, prepare
from pilothouse.local.messages_uploads import FileRoutes
from pilothouse.local.messages_usage import PromptCache
from pilothouse.local.messages_wire import (
    Sender,
    json_answer,
    listen_again,
    refused_answer,
    silence,
    stop_listening,
)
from pilothouse.local.scenario import FILE_MODES, Fault, Scenario, load, on_page_alone
from pilothouse.local.scenario_play import newest_results, unmet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pilothouse.local.scenario_play import Choice

Json = dict[str, Any]
KEY_VARIABLE = "PILOTHOUSE_SCRIPTED_KEY"
SPEED_VARIABLE = "PILOTHOUSE_SCENARIO_SPEED"
_CONVERSATIONS_MAX = 256
_REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")


class ScriptedMessages:
    """The server's state: scenario, key, files, cache figures, attempts, and a bounded log of requests."""

    def __init__(self, scenario: Scenario, *, key: str, speed: float = 1.0) -> None:
        self.scenario = scenario
        self.key = key
        self.log = RequestLog()
        self.files = FileStore(scenario.files)
        """Its `mode` may be changed while the server runs."""
        self._speed = speed
        self._secret = secrets.token_bytes(32)
        self._reader = Reader(self.files.size_of)
        self._cache = PromptCache()
        self._attempts: OrderedDict[bytes, int] = OrderedDict()
        self._app: web.Application | None = None
        self._closed: set[asyncio.Task[None]] = set()
        self._paused: deque[bytes] = deque(maxlen=_CONVERSATIONS_MAX)

    def app(self) -> web.Application:
        """Make the aiohttp application."""
        app = web.Application(client_max_size=2 * MAX_REQUEST_BYTES, middlewares=[self._guard])
        self._app = app
        app.on_shutdown.append(self._open_again)
        app.router.add_post("/v1/messages", self._messages)
        app.router.add_post("/v1/messages/count_tokens", self._count_tokens)
        FileRoutes(self.files, _REQUEST_ID.get).add_to(app.router)
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
            response = refused_answer(refusal, _REQUEST_ID.get())
        except web.HTTPException as error:
            unknown = Refusal("not_found_error", "Not found", error.status)
            response = refused_answer(unknown, _REQUEST_ID.get())
        return response

    async def _read(self, request: web.Request, *, counting: bool = False) -> Turning:
        """Read and judge a request.

        Raises:
            Refusal: It breaks a rule.
        """
        began_s = asyncio.get_running_loop().time()
        if (request.content_length or 0) > MAX_REQUEST_BYTES:
            raise Refusal("request_too_large", "Request exceeds the maximum size", 413)
        raw = await request.read()
        try:
            body, known = self._reader.read(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Refusal("invalid_request_error", f"The request body is not valid JSON: {error}") from error
        asked = Asked(
            body=body,
            size_bytes=len(raw),
            headers=dict(request.headers.items()),
            counting=counting,
            records=known,
            files=self.files,
            paused=self._is_paused,
        )
        verdict = judge(asked, self._secret)
        images = sum(len(one.pictures) for one in known)
        refused = str(verdict.refusal or "")
        entry = self.log.add(_REQUEST_ID.get(), request.path, body, len(raw), refused, images=images)
        if verdict.refusal or verdict.checked is None:
            raise verdict.refusal or Refusal("api_error", "Internal server error", 500)
        turning = prepare(verdict, verdict.checked, self._secret, self.scenario, entry, began_s)
        if not counting and (problem := turning.overflow()):
            entry.refused = str(problem)
            raise problem
        return turning

    async def _count_tokens(self, request: web.Request) -> web.StreamResponse:
        turning = await self._read(request, counting=True)
        edited = turning.edited
        answer: Json = {"input_tokens": edited.tokens}
        if request.query.get("beta") == "true" or "context_management" in turning.body:
            answer["context_management"] = {"original_input_tokens": edited.original_tokens}
        return json_answer(answer, _REQUEST_ID.get())

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        turning = await self._read(request)
        choice = turning.choose()
        self._check_expectations(choice, turning)
        fault = self._due_fault(choice, turning)
        pace = choice.turn.pace or self.scenario.pace
        await self._sleep(pace.before_s)
        if fault:
            await self._fail(request, fault)
        reply = turning.reply(choice, self._cache)
        if fault:
            reply = faults.spoiled(reply, fault)
        if reply.stop_reason == "pause_turn":
            self._paused.append(canonical(reply.content))
        turning.note(reply)
        if not turning.body.get("stream"):
            return json_answer(replies.as_message(reply), _REQUEST_ID.get())
        sender = Sender(request, _REQUEST_ID.get(), lambda: self._sleep(pace.per_delta_s))
        if fault and fault.kind == "silence":
            return await sender.headers_alone(fault.stall_s)
        return await sender.send(faults.with_fault(replies.frames(reply, pace.delta_chars), fault))

    async def _fail(self, request: web.Request, fault: Fault) -> None:
        """Do what a fault does before there is any answer."""
        match fault.kind:
            case "status":
                raise faults.refusal_of(fault)
            case "refuse":
                await self._refuse(request.app[RUNNER], fault.refuse_s)
                raise Refusal("api_error", "nobody reads this: the connection was cut", 503)
            case "black_hole":
                await silence(fault.stall_s)
            case _:
                return

    async def _refuse(self, runner: web.AppRunner, seconds: float) -> None:
        """Accept no connection for so long, and cut those that are open."""
        port = await stop_listening(runner)
        task = asyncio.get_running_loop().create_task(listen_again(runner, port, seconds))
        self._closed.add(task)
        task.add_done_callback(self._closed.discard)

    async def refuse_connections(self, seconds: float) -> None:
        """Accept no connection for so long, from now on; for who runs the server in its own process."""
        if self._app is not None:
            await self._refuse(self._app[RUNNER], seconds)

    async def _open_again(self, _: web.Application) -> None:
        for task in list(self._closed):
            task.cancel()
        await asyncio.gather(*self._closed, return_exceptions=True)

    def _is_paused(self, message: Json) -> bool:
        """Say whether a final assistant message is a paused turn of ours, which may be sent back alone."""
        return canonical(message.get("content")) in self._paused

    def _check_expectations(self, choice: Choice, turning: Turning) -> None:
        problem = unmet(choice.turn.expect, newest_results(turning.body["messages"]))
        if problem:
            where = f"{self.scenario.name}, turn {choice.number + 1}"
            words = f"scenario expectation not met ({where}): {problem}"
            turning.entry.refused = words
            raise Refusal("invalid_request_error", words)

    def _due_fault(self, choice: Choice, turning: Turning) -> Fault | None:
        """Say which fault the present attempt of this turn meets, counting attempts per conversation."""
        if not choice.turn.fault or turning.body.get("compaction"):
            return None
        task = b"".join(turning.known[0].digests).hex()
        first = canonical([turning.body.get("system"), task, choice.position])
        attempt = self._attempts.pop(first, 0)
        self._attempts[first] = attempt + 1
        while len(self._attempts) > _CONVERSATIONS_MAX:
            self._attempts.popitem(last=False)
        due = [fault for fault in choice.turn.fault for _ in range(fault.times)]
        return due[attempt] if attempt < len(due) else None

    async def _sleep(self, seconds: float) -> None:
        if seconds > 0:
            await asyncio.sleep(seconds / self._speed)

    async def _requests(self, _: web.Request) -> web.StreamResponse:
        return json_answer(self.log.summaries(), _REQUEST_ID.get())

    async def _request(self, request: web.Request) -> web.StreamResponse:
        body = self.log.body(int(request.match_info["number"]))
        if body is None:
            raise Refusal("not_found_error", "no such request is kept", 404)
        return json_answer(body, _REQUEST_ID.get())


def _key_of(request: web.Request) -> str:
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return request.headers.get("x-api-key") or bearer


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pilothouse.local.messages_server", description=__doc__)
    parser.add_argument("--scenario", type=Path, required=True, help="a scenario file (docs/scenarios.md)")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--speed", type=float, default=None, help=f"divides all delays; or {SPEED_VARIABLE}")
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="fills {{NAME}}")
    parser.add_argument(
        "--files", choices=FILE_MODES, help="what the account may upload; else the scenario's"
    )
    parser.add_argument(
        "--page-alone", action="store_true", help="the screen shows the page without a browser around it"
    )
    parser.add_argument("--with-parent", action="store_true", help="end when standard input does")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the server as a program; the ready line is `{"base_url": …, "key": …}`."""
    given = _parser().parse_args(argv)
    try:
        scenario = load(given.scenario, dict(pair.split("=", 1) for pair in given.var if "=" in pair))
        if given.page_alone:
            scenario = on_page_alone(scenario)
        key = os.environ.get(KEY_VARIABLE) or _made_up_key()
        server = ScriptedMessages(scenario, key=key, speed=_speed(given.speed))
        server.files.mode = given.files or scenario.files
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
