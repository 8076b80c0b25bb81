"""A disk that takes its time: the loop goes on, and nothing follows from what is not on it yet."""

from __future__ import annotations

import asyncio
import errno
import threading
from pathlib import Path

import pytest

from pilothouse import events as ev
from pilothouse.engine.client import control
from pilothouse.errors import CommandRefusedError
from pilothouse.events import Outcome
from pilothouse.journal.disk import Disk
from pilothouse.paths import socket_path
from tests.engine.rig import Rig, rigged
from tests.engine.test_run import CLICK, scenario

pytestmark = pytest.mark.usefixtures("quick")
ONE_CLICK = scenario(f"calls = [{CLICK}]", 'text = "Done."')


class HeldDisk(Disk):
    """Syncs when it is let go; what is synced on the loop's own thread does not wait, but is remembered."""

    def __init__(self) -> None:
        self._going = threading.Event()
        self._going.set()
        self._loop = asyncio.get_running_loop()
        self._main = threading.get_ident()
        self.waiting = asyncio.Event()
        self.on_loop = 0
        self.fails = False

    def hold(self) -> None:
        self._going.clear()
        self.waiting.clear()
        self.on_loop = 0

    def let_go(self) -> None:
        self._going.set()

    def sync(self, fd: int) -> None:
        if threading.get_ident() == self._main:
            self.on_loop += 1
        elif not self._going.is_set():
            self._loop.call_soon_threadsafe(self.waiting.set)
            if not self._going.wait(30):
                raise OSError(errno.EIO, "nobody let the disk go")
        if self.fails:
            raise OSError(errno.EIO, "the disk is broken")
        super().sync(fd)


async def turns_of_the_loop() -> None:
    """Let everything that could go on do so."""
    for _ in range(50):
        await asyncio.sleep(0)


async def held_at_the_first_action(rig: Rig, disk: HeldDisk) -> asyncio.Task[Outcome]:
    rig.pause()
    driving = asyncio.create_task(rig.run.drive())
    await rig.until(lambda event: isinstance(event, ev.FrameCaptured))
    disk.hold()
    rig.resume()
    await rig.until(lambda event: isinstance(event, ev.ActionStarted))
    await disk.waiting.wait()
    await turns_of_the_loop()
    return driving


async def test_an_action_is_sent_only_when_its_intent_is_on_disk(state_dir: Path) -> None:
    disk = HeldDisk()
    async with rigged(state_dir, ONE_CLICK, speed=1e6, disk=disk) as rig:
        driving = await held_at_the_first_action(rig, disk)
        assert rig.kernel.performed == []
        assert disk.on_loop == 0
        disk.let_go()
        assert await driving is Outcome.COMPLETED
    assert len(rig.kernel.performed) == 1


async def test_an_action_cut_off_before_its_intent_is_on_disk_was_not_executed(state_dir: Path) -> None:
    disk = HeldDisk()
    async with rigged(state_dir, ONE_CLICK, speed=1e6, disk=disk) as rig:
        driving = await held_at_the_first_action(rig, disk)
        rig.abort()
        finished = await rig.until(lambda event: isinstance(event, ev.ActionFinished))
        disk.let_go()
        assert await driving is Outcome.ABORTED
    assert isinstance(finished, ev.ActionFinished)
    assert (finished.executed, finished.ok) == (False, False)
    assert rig.of(ev.ActionInDoubt) == []
    assert rig.kernel.performed == []


async def test_a_command_is_answered_only_when_it_is_on_disk(state_dir: Path) -> None:
    disk = HeldDisk()
    async with rigged(state_dir, ONE_CLICK, headless=False, speed=1e6, disk=disk) as rig:
        disk.hold()
        asking = asyncio.create_task(control(socket_path(rig.run.recorder.state.run), rig.command_pause()))
        applied = await rig.until(lambda event: isinstance(event, ev.CommandApplied))
        await disk.waiting.wait()
        await turns_of_the_loop()
        assert not asking.done()
        assert disk.on_loop == 0
        disk.let_go()
        assert (await asking).seq == applied.seq
        rig.abort()
        assert await rig.run.drive() is Outcome.ABORTED


async def test_a_command_that_a_broken_disk_lost_is_not_answered_as_done(state_dir: Path) -> None:
    disk = HeldDisk()
    async with rigged(state_dir, ONE_CLICK, headless=False, speed=1e6, disk=disk) as rig:
        disk.fails = True
        command = rig.command_pause()
        for _ in range(2):  # asked again, it is no more done than before
            with pytest.raises(CommandRefusedError, match=r"the run ends: .* the disk is broken"):
                await control(socket_path(rig.run.recorder.state.run), command)
        assert await rig.run.drive() is Outcome.FAILED
    assert rig.kernel.performed == []
