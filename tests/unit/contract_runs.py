"""What every transport must do to be a `RunView`: one suite, subclassed once per implementation.

A subclass gives the fixture `site`: a place where runs are written, and the view that follows them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import pytest

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.errors import JournalError, NoSuchRun, RunGone

if TYPE_CHECKING:
    from pilothouse.events import Event
    from pilothouse.runs import RunView

ONE, TWO = "aaaaaaaa01", "aaaaaaaa02"
WAIT_S = 30.0


class Recording(Protocol):
    """A run being written."""

    def append(self, event: Event, durable: bool = False) -> int: ...
    async def put_blob(self, data: bytes, mime: str) -> ev.Blob: ...
    def finish(self) -> None:
        """Seal it, as an engine does that ends."""
        ...

    def die(self) -> None:
        """Leave it as it is, as an engine does that is killed."""
        ...


class Site(Protocol):
    """A place with runs."""

    @property
    def view(self) -> RunView: ...
    def begin(self, run: str) -> Recording: ...


def started(run: str) -> ev.RunStarted:
    return ev.RunStarted(
        run=run, task=f"task of {run}", model="m", browser="local", display_width_px=1, display_height_px=1
    )


ENDED = ev.RunEnded(outcome=ev.Outcome.COMPLETED)


class RunsContract:
    async def test_a_finished_run_is_given_whole_and_in_order(self, site: Site) -> None:
        recording = site.begin(ONE)
        recording.append(started(ONE))
        for number in range(300):
            recording.append(ev.Warned(what=str(number)))
        recording.append(ENDED)
        recording.finish()
        for follow in (False, True):
            seqs = [event.seq async for event in site.view.events(ONE, follow=follow)]
            assert seqs == list(range(302))

    @pytest.mark.parametrize("start", [0, 1, 150, 301, 302, 9_999])
    async def test_any_beginning_gives_no_gap_and_nothing_twice(self, site: Site, start: int) -> None:
        recording = site.begin(ONE)
        recording.append(started(ONE))
        for number in range(300):
            recording.append(ev.Warned(what=str(number)))
        recording.append(ENDED)
        recording.finish()
        async with asyncio.timeout(WAIT_S):
            assert [event.seq async for event in site.view.events(ONE, start)] == list(range(start, 302))

    async def test_a_follower_sees_each_event_once_it_is_written_until_the_run_ends(self, site: Site) -> None:
        recording = site.begin(ONE)
        recording.append(started(ONE))
        following = site.view.events(ONE)
        async with asyncio.timeout(WAIT_S):
            assert (await anext(following)).seq == 0
            for number in range(1, 50):
                recording.append(ev.Warned(what=str(number)))
                event = await anext(following)
                assert isinstance(event, ev.Warned)
                assert (event.seq, event.what) == (number, str(number))
            recording.append(ENDED)
            assert isinstance(await anext(following), ev.RunEnded)
            with pytest.raises(StopAsyncIteration):
                await anext(following)
        recording.finish()

    async def test_a_follower_of_a_killed_run_comes_to_an_end(self, site: Site) -> None:
        recording = site.begin(ONE)
        recording.append(started(ONE))
        following = site.view.events(ONE)
        async with asyncio.timeout(WAIT_S):
            await anext(following)
            last = asyncio.create_task(anext(following, None))
            recording.append(ev.Warned(what="the last thing it said"))
            assert isinstance(await last, ev.Warned)
            end = asyncio.create_task(anext(following, None))
            recording.die()
            assert await end is None

    async def test_without_following_a_live_run_gives_what_there_is(self, site: Site) -> None:
        recording = site.begin(ONE)
        recording.append(started(ONE))
        async with asyncio.timeout(WAIT_S):
            assert [event.seq async for event in site.view.events(ONE, follow=False)] == [0]
        recording.die()

    async def test_a_viewer_that_does_not_read_holds_nobody_up(self, site: Site) -> None:
        recording = site.begin(ONE)
        recording.append(started(ONE))
        asleep, awake = site.view.events(ONE), site.view.events(ONE)
        async with asyncio.timeout(WAIT_S):
            await anext(asleep)
            for number in range(2_000):
                recording.append(ev.Warned(what=str(number)))
            recording.append(ENDED)
            recording.finish()
            assert len([event async for event in awake]) == 2_002
            assert len([event async for event in asleep]) == 2_001

    async def test_a_blob_is_given_by_its_hash(self, site: Site) -> None:
        recording = site.begin(ONE)
        blob = await recording.put_blob(b"picture", "image/png")
        recording.append(started(ONE))
        assert await site.view.blob(ONE, blob.sha256) == b"picture"
        with pytest.raises(JournalError):
            await site.view.blob(ONE, "0" * 64)
        with pytest.raises(JournalError):
            await site.view.blob(ONE, "../journal.phj")
        recording.die()

    async def test_the_roster_tells_live_finished_and_killed_apart(self, site: Site) -> None:
        first, second = site.begin(ONE), site.begin(TWO)
        first.append(started(ONE))
        second.append(started(TWO))
        statuses = {status.run: status async for status in site.view.roster()}
        assert [(statuses[run].live, statuses[run].torn) for run in (ONE, TWO)] == [(True, False)] * 2
        first.append(ENDED)
        first.finish()
        second.die()
        statuses = {status.run: status async for status in site.view.roster()}
        assert (statuses[ONE].live, statuses[ONE].torn) == (False, False)
        assert statuses[ONE].outcome is ev.Outcome.COMPLETED
        assert (statuses[TWO].live, statuses[TWO].torn) == (False, True)
        assert statuses[TWO].task == f"task of {TWO}"

    async def test_a_followed_roster_tells_of_each_change(self, site: Site) -> None:
        roster = site.view.roster(follow=True)
        recording = site.begin(ONE)
        recording.append(started(ONE))
        async with asyncio.timeout(WAIT_S):
            assert (await anext(roster)).phase is ev.RunPhase.STARTING
            recording.append(ENDED)
            assert (await anext(roster)).outcome is ev.Outcome.COMPLETED
        recording.finish()

    async def test_no_such_run_is_said_for_everything(self, site: Site) -> None:
        with pytest.raises(NoSuchRun):
            await anext(site.view.events(ONE))
        with pytest.raises(NoSuchRun):
            await site.view.blob(ONE, "0" * 64)
        with pytest.raises(NoSuchRun):
            await site.view.control(ONE, cmd.Pause(id="1", actor="test"))
        with pytest.raises(NoSuchRun):
            await site.view.look(ONE)

    async def test_a_run_without_an_engine_takes_no_commands_and_shows_no_live_picture(
        self, site: Site
    ) -> None:
        recording = site.begin(ONE)
        recording.append(started(ONE))
        recording.die()
        async with asyncio.timeout(WAIT_S):
            with pytest.raises(RunGone):
                await site.view.control(ONE, cmd.Pause(id="1", actor="test"))
            with pytest.raises(RunGone):
                await site.view.look(ONE)
