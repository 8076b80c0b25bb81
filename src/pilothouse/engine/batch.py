"""The actions of one turn: in order, through the gate, halting at the first failure. No model call here.

Every call gets exactly one result, whatever happens: real, halted, interrupted or in doubt (model-api §1.2).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from typing import TYPE_CHECKING, Any

import msgspec
from anthropic.types.beta import BetaToolUseBlock

from pilothouse import events as ev
from pilothouse.errors import BrowserError, RecorderFailed
from pilothouse.model.conversation import has_image, image_block, result_text, text_result, with_block
from pilothouse.model.prompt import HALTED, IN_DOUBT, INTERRUPTED, NOT_ASKED

if TYPE_CHECKING:
    from collections.abc import Callable

    from pilothouse.browser.camera import Camera, Shot
    from pilothouse.browser.toolset import KernelComputer
    from pilothouse.engine.gate import Gate
    from pilothouse.engine.mailbox import Mailbox
    from pilothouse.engine.recorder import Recorder
    from pilothouse.events import Json
    from pilothouse.model.conversation import Call


FOR_PEOPLE = frozenset({"start", "glance"})
"""Sources of frames that the model does not get."""


class BrowserGone(BrowserError):
    """The browser was lost in the middle of a batch; its results are written all the same."""


class Hands:
    """Performs the calls of a turn on the browser."""

    def __init__(
        self, recorder: Recorder, gate: Gate, mailbox: Mailbox, toolset: KernelComputer, camera: Camera
    ) -> None:
        self._recorder = recorder
        self._gate = gate
        self._mailbox = mailbox
        self._toolset = toolset
        self._camera = camera
        self._blobs: dict[str, ev.Blob] = {}
        self._doubted: set[str] = set()
        self.on_picture: Callable[[str, bytes, str], None] = lambda sha256, data, mime: None
        """Told of each picture that the model is about to be shown, as soon as it is there."""
        self.reword: Callable[[list[Json]], list[Json]] = lambda results: results
        """Changes results before they are journalled: pictures that show nothing new become text."""
        self.actions = 0
        self.frames = 0
        self.last_activity = time.monotonic()

    async def perform(self, turn: int, calls: tuple[Call, ...]) -> list[Json]:
        """Perform a turn's calls; returns one result each, in order.

        Whatever ends this on the way, a cancellation or a defect: every call is answered, that is journalled,
        and then it is passed on.

        Raises:
            BrowserGone: The browser is lost; the results are journalled.
            RecorderFailed: The disk refused an event; nothing more can be journalled.
        """
        results: list[Json] = []
        first = self._propose(turn, calls)
        try:
            performed = await self._in_order(first, calls, results)
            await self._attach_frame(first, calls[:performed], results)
            results = self.reword(results)
        except RecorderFailed:
            raise
        except BaseException:
            self._answer_rest(first, calls, results, INTERRUPTED)
            self._journal(turn, results)
            raise
        self._journal(turn, results)
        if self._toolset.lost:
            raise BrowserGone("the browser is gone", way_out="start a new run")
        return results

    def decline(self, turn: int, calls: tuple[Call, ...]) -> list[Json]:
        """Answer calls of a turn that did not end by asking for them: nothing of it is done."""
        results: list[Json] = []
        first = self._propose(turn, calls)
        self._answer_rest(first, calls, results, NOT_ASKED)
        self._journal(turn, results)
        return results

    def _propose(self, turn: int, calls: tuple[Call, ...]) -> int:
        """Journal what the model asks for; returns the number of its first action."""
        self._blobs.clear()
        self._doubted.clear()
        first = self.actions + 1
        for number, call in enumerate(calls, first):
            proposed = ev.ActionProposed(
                turn=turn,
                action=number,
                tool_use_id=call.id,
                member=call.member,
                input=call.input,
                batch=len(calls),
            )
            self._recorder.publish(proposed)
        self.actions += len(calls)
        return first

    async def _in_order(self, first: int, calls: tuple[Call, ...], results: list[Json]) -> int:
        """Perform call after call until one fails or a message is urgent; returns how many were tried."""
        for number, call in enumerate(calls, first):
            if not await self._gate.pass_action(lambda: self._mailbox.urgent):
                # A message sent `now` leaves what has not begun, all of it if the model was still answering:
                # it did not know of the message. It reads why.
                tried = len(results)
                self._answer_rest(first, calls, results, INTERRUPTED)
                return tried
            result = await self._one(number, call)
            results.append(result)
            self._gate.action_done()
            if result.get("is_error") or self._toolset.doubt:
                tried = len(results)
                self._answer_rest(first, calls, results, HALTED)
                return tried
            if call is not calls[-1]:
                await self._glance(number)
        return len(calls)

    async def _one(self, number: int, call: Call) -> Json:
        """Perform one call; its intent is on disk before it is sent, its outcome after."""
        if call.toolset != "computer":
            text = f"There is no tool called {call.member!r} here: use the computer tool."
            self._recorder.publish(_finished(number, call, text, ok=False, executed=False))
            return text_result(call, text, error=True)
        self._recorder.publish(
            ev.ActionStarted(action=number, tool_use_id=call.id, member=call.member), durable=True
        )
        block = BetaToolUseBlock(
            type="tool_use",
            id=call.id,
            name=call.member,
            input=call.input,
            toolset_name="computer",
        )
        began = time.monotonic()
        self._toolset.arm(block)
        try:
            result: Json = dict(await self._toolset.tool_result(block))
        except BaseException as error:
            cut = isinstance(error, asyncio.CancelledError)
            why = "it was cut off by the operator" if cut else "the engine failed while it was under way"
            self._doubt(number, call, why)
            raise
        finally:
            self.last_activity = time.monotonic()
        if self._toolset.doubt:
            self._doubt(number, call, self._toolset.doubt)
            return await self._doubtful_result(number, call)
        if self._toolset.taken is not None:
            await self._record_frame(self._toolset.taken, number, call.member)
        ok = not result.get("is_error", False)
        took_ms = (time.monotonic() - began) * 1e3
        self._recorder.publish(
            _finished(number, call, result_text(result), ok=ok, duration_ms=took_ms), durable=True
        )
        return result

    def _doubt(self, number: int, call: Call, why: str) -> None:
        self._doubted.add(call.id)
        self._recorder.publish(
            ev.ActionInDoubt(action=number, tool_use_id=call.id, member=call.member, why=why), durable=True
        )

    async def _doubtful_result(self, number: int, call: Call) -> Json:
        """Make a non-error result with a fresh picture: an error may not carry one (design §7)."""
        result = text_result(call, IN_DOUBT)
        try:
            shot = await self._camera.settled(call.member)
        except BrowserError:
            return result
        await self._record_frame(shot, number, "doubt")
        return with_block(result, image_block(shot.data, shot.mime))

    async def _attach_frame(self, first: int, tried: tuple[Call, ...], results: list[Json]) -> None:
        """Attach a settled screenshot to the last result, unless it is an error or already a picture.

        After a failure the model gets text only, but people still see where it led.
        """
        if not tried or self._toolset.lost or has_image(results[-1]):
            return
        try:
            shot = await self._camera.settled(tried[-1].member)
        except BrowserError as error:
            # An agent that can't see must not go on; the results are journalled all the same.
            self._toolset.lost = True
            self._recorder.publish(ev.Warned(what=f"no screenshot could be taken: {error}"))
            return
        finally:
            self.last_activity = time.monotonic()
        await self._record_frame(shot, first + len(tried) - 1, "settled")
        if not results[-1].get("is_error"):
            results[-1] = with_block(results[-1], image_block(shot.data, shot.mime))

    async def _glance(self, number: int) -> None:
        """Take the frame between two actions of a batch, for people only."""
        try:
            await self._record_frame(await self._camera.shoot(), number, "glance")
        except BrowserError:
            return  # the next action will tell what is wrong

    def _answer_rest(self, first: int, calls: tuple[Call, ...], results: list[Json], text: str) -> None:
        for number, call in list(enumerate(calls, first))[len(results) :]:
            if call.id not in self._doubted:
                self._recorder.publish(_finished(number, call, text, ok=False, executed=False))
            results.append(text_result(call, text, error=True))

    def _journal(self, turn: int, results: list[Json]) -> None:
        """Journal the results with each picture named by its blob: its bytes are already there."""
        kept = [{**result, "content": self._by_blob(result.get("content"))} for result in results]
        self._recorder.publish(ev.TurnAnswered(turn=turn, results=kept), durable=True)

    def _by_blob(self, content: Any) -> Any:
        if not isinstance(content, list):
            return content
        return [self._blob_block(block) if block.get("type") == "image" else block for block in content]

    def _blob_block(self, block: Json) -> Json:
        digest = hashlib.sha256(base64.b64decode(block["source"]["data"])).hexdigest()
        return {"type": "image", "blob": msgspec.to_builtins(self._blobs[digest])}

    async def first_frame(self) -> None:
        """Record how the browser looks before the first action."""
        await self._record_frame(await self._camera.settled("wait"), 0, "start")

    async def _record_frame(self, shot: Shot, action: int, source: str) -> None:
        if source not in FOR_PEOPLE:
            digest = hashlib.sha256(shot.data).hexdigest()
            self.on_picture(digest, shot.data, shot.mime)  # it travels while it is being stored
        blob = await self._recorder.put_blob(shot.data, shot.mime, shot.width_px, shot.height_px)
        self._blobs[blob.sha256] = blob
        self.frames += 1
        self._recorder.publish(
            ev.FrameCaptured(
                frame=self.frames,
                blob=blob,
                source=source,
                action=action,
                url=shot.url,
                title=shot.title,
                settle_ms=shot.settle_ms,
            )
        )


def _finished(
    number: int, call: Call, text: str, *, ok: bool, executed: bool = True, duration_ms: float = 0.0
) -> ev.ActionFinished:
    return ev.ActionFinished(
        action=number,
        tool_use_id=call.id,
        member=call.member,
        ok=ok,
        text=text,
        executed=executed,
        duration_ms=duration_ms,
    )
