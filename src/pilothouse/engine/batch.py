"""The actions of one turn: in order, through the gate, halting at the first failure. No model call here.

Every call gets exactly one result, whatever happens: real, halted, interrupted or in doubt (model-api §1.2).
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import time
from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse import events as ev
from pilothouse.browser.faults import BrowserLost
from pilothouse.browser.reports import safe_url
from pilothouse.engine import deeds
from pilothouse.engine.approvals import EDITED
from pilothouse.engine.berth import NOT_DONE
from pilothouse.engine.limits import When
from pilothouse.errors import BrowserError, RecorderFailed
from pilothouse.model.conversation import has_image, image_block, result_text, text_result, with_block
from pilothouse.model.prompt import HALTED, IN_DOUBT, INTERRUPTED, LET_GO, NOT_ASKED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pilothouse.browser.camera import Camera, Shot
    from pilothouse.browser.computer import Computer
    from pilothouse.browser.session import BrowserSession
    from pilothouse.engine.allowance import Allowance
    from pilothouse.engine.approvals import Approvals, Ruling
    from pilothouse.engine.berth import Berth
    from pilothouse.engine.gate import Gate
    from pilothouse.engine.lease import Lease
    from pilothouse.engine.mailbox import Mailbox
    from pilothouse.engine.recorder import Recorder
    from pilothouse.events import Json
    from pilothouse.model.conversation import Call


GLANCE_S = 0.06
"""The next action waits this long for the picture before it, which by then is being taken."""
DONE = "Done."
FOR_PEOPLE = frozenset({"start", "glance"})
"""Sources of frames that the model does not get."""


class Hands:
    """Performs the calls of a turn on the browser."""

    def __init__(
        self,
        recorder: Recorder,
        gate: Gate,
        mailbox: Mailbox,
        toolset: Computer,
        camera: Camera,
        berth: Berth,
        approvals: Approvals,
        allowance: Allowance,
        lease: Lease,
    ) -> None:
        self._recorder = recorder
        self._gate = gate
        self._mailbox = mailbox
        self._toolset = toolset
        self._camera = camera
        self._berth = berth
        self._browser = berth.session.session
        self._approvals = approvals
        self._allowance = allowance
        self._lease = lease
        self._still = asyncio.Event()
        """Nothing is under way but what waits for the gate, and glances."""
        self._still.set()
        self._out_of_sight = ""
        """Why no picture can be had, though nobody said that the browser is gone."""
        self._arrival: Shot | None = None
        """The first look at a browser that took the place of a lost one."""
        berth.on_moved = self._arrive
        self._blobs: dict[str, ev.Blob] = {}
        self._doubted: set[str] = set()
        self._done: dict[str, Json] = {}
        """What came of calls whose end is journalled, in words: a picture may not have been stored yet."""
        self._began: float | None = None
        """When the last action of the turn began."""
        self._glances: list[asyncio.Task[None]] = []
        self.on_picture: Callable[[str, bytes, str], None] = lambda sha256, data, mime: None
        """Told of each picture that the model is about to be shown, as soon as it is there."""
        self.reword: Callable[[list[Json]], list[Json]] = lambda results: results
        """Changes results before they are journalled: pictures that show nothing new become text."""
        self.actions = 0
        self.frames = 0

    async def perform(self, turn: int, calls: tuple[Call, ...]) -> list[Json]:
        """Perform a turn's calls; returns one result each, in order.

        Whatever ends this on the way, a cancellation or a defect: every call is answered, that is journalled,
        and then it is passed on.

        Raises:
            BrowserGone: The browser is lost and nobody attends the run; the results are journalled.
            RecorderFailed: The disk refused an event; nothing more can be journalled.
        """
        results: list[Json] = []
        first = self._propose(turn, calls)
        try:
            performed = await self._in_order(first, calls, results)
            with self._moving():
                await self._attach_frame(first, calls[:performed], results)
                await self._glanced()
            await self._have_a_browser(results)
            results = self.reword(results)
        except RecorderFailed:
            raise
        except BaseException:
            self._answer_rest(first, calls, results, INTERRUPTED)
            self._journal(turn, results)
            raise
        finally:
            for glance in self._glances:
                glance.cancel()
            self._glances.clear()
        self._journal(turn, results)
        return results

    @contextlib.contextmanager
    def _moving(self) -> Iterator[None]:
        self._still.clear()
        try:
            yield
        finally:
            self._still.set()

    @property
    def moves(self) -> bool:
        """Say whether an action, or the look at what it led to, is under way."""
        return not self._still.is_set() or any(not glance.done() for glance in self._glances)

    async def at_rest(self) -> None:
        """Wait until the action under way is done, and what it led to is recorded."""
        while self.moves:
            await self._still.wait()
            await asyncio.gather(*self._glances, return_exceptions=True)

    async def _have_a_browser(self, results: list[Json]) -> None:
        """Make sure that there is one to go on with, and tell the agent if it is another."""
        if (self._toolset.lost or self._out_of_sight) and not self._berth.news:
            gone = self._toolset.lost and not self._out_of_sight
            await self._berth.recover(self._out_of_sight or "the browser is gone", gone=gone)
        self._toolset.lost, self._out_of_sight = False, ""
        news, shot = self._berth.take_news(), self._arrival
        self._arrival = None
        if not news:
            return
        results[-1] = with_block(results[-1], {"type": "text", "text": news})
        if shot is not None and not results[-1].get("is_error") and not has_image(results[-1]):
            results[-1] = with_block(results[-1], image_block(shot.data, shot.mime))

    async def _arrive(self, session: BrowserSession) -> None:
        """Look at a browser that took the place of a lost one, or at the same one again."""
        self._approvals.moved()
        if session.session != self._browser:  # in the same one, what was held down is held still
            self._browser = session.session
            self._camera.move_to(session.session)
            self._toolset.move_to(session.session)
        self._arrival = await self._camera.settled("start")
        await self.record(self._arrival, 0, "start")

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
        self._done.clear()
        self._began = None
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
            ruling = await self._let(number, call)
            if ruling is None:
                # A message sent `now` leaves what has not begun, all of it if the model was still answering:
                # it did not know of the message. It reads why.
                tried = len(results)
                self._answer_rest(first, calls, results, self._why_left())
                return tried
            if ruling.barred:
                tried = len(results)
                self._bar(number, call, ruling.barred, results)
                self._answer_rest(first, calls, results, HALTED)
                return tried
            with self._moving():
                result = await self._one(number, call, ruling)
            results.append(result)
            self._gate.action_done()
            if result.get("is_error") or self._toolset.doubt:
                tried = len(results)
                self._answer_rest(first, calls, results, HALTED)
                return tried
            if call is not calls[-1]:
                await self._glance(number)
        return len(calls)

    async def _let(self, number: int, call: Call) -> Ruling | None:
        """Wait until a call may be sent, or is barred; None when it is not wanted any more."""
        if self._approvals.looks:
            await self._glanced()  # the last action may have led to another page
        await self._gate.pass_model()
        if self._is_unwanted():  # no limit is asked about for what is left anyway
            return None
        await self._allowance.check(When.ACTION)
        if self._is_unwanted():
            return None
        ruling = await self._approvals.rule(number, call)
        if ruling.barred:
            return ruling
        if ruling.withdrawn:
            await self._gate.pass_model()
            return None
        return ruling if await self._gate.pass_action(self._is_unwanted) else None

    def _is_unwanted(self) -> bool:
        return self._mailbox.urgent or bool(self._berth.news or self._lease.news)

    def _why_left(self) -> str:
        if self._berth.news:
            return NOT_DONE
        return deeds.NOT_DONE if self._lease.news else INTERRUPTED

    def _bar(self, number: int, call: Call, why: str, results: list[Json]) -> None:
        self._recorder.publish(_finished(number, call, why, ok=False, executed=False), durable=True)
        results.append(text_result(call, why, error=True))

    async def _one(self, number: int, call: Call, ruling: Ruling) -> Json:
        """Perform one call; its intent is on disk before it is sent, its outcome after."""
        if not call.offered:
            text = f"There is no tool called {call.member!r} here: use the computer tool."
            self._recorder.publish(_finished(number, call, text, ok=False, executed=False))
            return text_result(call, text, error=True)
        self._recorder.publish(
            ev.ActionStarted(action=number, tool_use_id=call.id, member=call.member), durable=True
        )
        given = call.input if ruling.input is None else ruling.input
        self._approvals.sent(call.member, given)
        began = self._began = time.monotonic()
        try:
            result = await self._toolset.perform(call.id, call.member, given)
        except BaseException as error:
            cut = isinstance(error, asyncio.CancelledError)
            why = "it was cut off by the operator" if cut else "the engine failed while it was under way"
            self._doubt(number, call, why)
            raise
        finally:
            self._berth.touch()
        if self._toolset.doubt:
            self._doubt(number, call, self._toolset.doubt)
            return _told(await self._doubtful_result(number, call), ruling)
        result = _told(result, ruling)
        ok, text = not result.get("is_error", False), result_text(result)
        took_ms = (time.monotonic() - began) * 1e3
        try:
            if self._toolset.taken is not None:
                await self.record(self._toolset.taken, number, call.member)
            await self._glanced()  # in a replay the picture before an action comes before its end
        finally:  # whatever ends the run here: it was done, and nobody may say that it was not
            self._recorder.publish(_finished(number, call, text, ok=ok, duration_ms=took_ms), durable=True)
            self._done[call.id] = text_result(call, text or DONE, error=not ok)
        return result

    def _doubt(self, number: int, call: Call, why: str) -> None:
        self._doubted.add(call.id)
        self._recorder.publish(
            ev.ActionInDoubt(action=number, tool_use_id=call.id, member=call.member, why=why), durable=True
        )

    async def _doubtful_result(self, number: int, call: Call) -> Json:
        """Make a non-error result with a fresh picture: an error may not carry one (design §7)."""
        let_go = await self._toolset.let_go()
        result = text_result(call, f"{IN_DOUBT} {LET_GO}" if let_go else IN_DOUBT)
        try:
            shot = await self._camera.settled(call.member, call.input, since=self._began)
        except BrowserError:
            return result
        await self.record(shot, number, "doubt")
        return with_block(result, image_block(shot.data, shot.mime))

    async def _attach_frame(self, first: int, tried: tuple[Call, ...], results: list[Json]) -> None:
        """Attach a settled screenshot to the last result, unless it is an error or already a picture.

        After a failure the model gets text only, but people still see where it led.
        """
        if not tried or self._toolset.lost or has_image(results[-1]) or self._lease.news:
            return  # what a person did since is told with a picture of its own
        try:
            last = tried[-1]
            shot = await self._camera.settled(last.member, last.input, since=self._began)
        except BrowserLost:
            self._toolset.lost = True
            return
        except BrowserError as error:  # an agent that can't see must not go on
            self._out_of_sight = f"no screenshot could be taken: {error}"
            return
        finally:
            self._berth.touch()
        await self._glanced()
        shown = not results[-1].get("is_error")
        await self.record(shot, first + len(tried) - 1, "settled", shown=shown)
        if shown:
            results[-1] = with_block(results[-1], image_block(shot.data, shot.mime))

    async def _glance(self, number: int) -> None:
        """Take the frame between two actions of a batch, for people only; the batch hardly waits for it.

        The server does one thing at a time: what it has begun to take shows nothing of the next action.
        """
        taken = asyncio.Event()
        before = self._glances[-1] if self._glances else None
        self._glances.append(asyncio.create_task(self._take_glance(number, taken, before)))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GLANCE_S):
                await taken.wait()

    async def _take_glance(
        self, number: int, taken: asyncio.Event, before: asyncio.Task[None] | None
    ) -> None:
        try:
            shot = await self._camera.shoot()
        except BrowserError:
            return  # the next action will tell what is wrong
        finally:
            taken.set()
        if before is not None:
            await asyncio.wait({before})  # frames are numbered in the order of their actions
        with contextlib.suppress(RecorderFailed):  # the recorder has told the run, which ends for it
            await self.record(shot, number, "glance")

    async def _glanced(self) -> None:
        """Wait until the frames between the actions are recorded."""
        await asyncio.gather(*self._glances)

    def _answer_rest(self, first: int, calls: tuple[Call, ...], results: list[Json], text: str) -> None:
        for number, call in list(enumerate(calls, first))[len(results) :]:
            if done := self._done.get(call.id):
                results.append(done)
                continue
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
        """Record how the browser looks before the first action, and have another if it can't be seen."""
        try:
            await self.record(await self._camera.settled("start"), 0, "start")
        except BrowserError as error:
            await self._berth.recover(str(error), gone=isinstance(error, BrowserLost))
            self._berth.take_news()  # the agent has not begun: to it there was no other
            self._arrival = None

    async def record(self, shot: Shot, action: int, source: str, *, shown: bool = True) -> None:
        """Store and journal a frame; `shown` is False for one that the model does not get after all."""
        if shown and source not in FOR_PEOPLE:
            digest = hashlib.sha256(shot.data).hexdigest()
            self.on_picture(digest, shot.data, shot.mime)  # it travels while it is being stored
        blob = await self._recorder.put_blob(shot.data, shot.mime, shot.width_px, shot.height_px)
        self._blobs[blob.sha256] = blob
        self.frames += 1
        url = safe_url(shot.url) or self._berth.page.url
        if source != "zoom":  # a detail, not the screen
            self._approvals.framed(blob.sha256, url)
        self._recorder.publish(
            ev.FrameCaptured(
                frame=self.frames,
                blob=blob,
                source=source,
                action=action,
                url=url,
                title=shot.title or self._berth.page.title,
                settle_ms=shot.settle_ms,
                settled_by=shot.settled_by,
            )
        )


def _told(result: Json, ruling: Ruling) -> Json:
    """Tell the model of an edit: it would take the result for that of what it asked for."""
    if ruling.input is None:
        return result
    text = EDITED.format(input=msgspec.json.encode(ruling.input, order="sorted").decode())
    return with_block(result, {"type": "text", "text": text})


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
