"""Where the loop waits for a person: what holds the run, and who may pass. Nothing here is sent anywhere.

Several reasons may hold at once and all must clear (design §5). A pause takes effect before the next action
or model call; a step lets exactly so many actions through and then holds again.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from pilothouse import events as ev
from pilothouse.events import Hold, RunPhase

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS_MAX = 1000
"""Grants add up to so many."""
_BY_HAND = frozenset({Hold.PAUSE, Hold.FREEZE, Hold.STEP})


class Gate:
    """Holds the run, and tells each change of phase once."""

    def __init__(self, publish: Callable[[ev.Event], object]) -> None:
        self._publish = publish
        self._holds: set[Hold] = set()
        self._open = asyncio.Event()
        self._open.set()
        self._resumed = asyncio.Event()
        self._steps: int | None = None
        self._base = RunPhase.STARTING
        self._told: tuple[RunPhase, tuple[Hold, ...]] | None = None

    @property
    def holding(self) -> tuple[Hold, ...]:
        """What holds the run now, in a fixed order."""
        return tuple(sorted(self._holds))

    @property
    def counting(self) -> bool:
        """Say whether steps were granted and are not used up."""
        return self._steps is not None

    def enter(self, phase: RunPhase) -> None:
        """Move the run to a phase of its own accord: running, idle, ending."""
        self._base = phase
        self._tell()

    def hold(self, reason: Hold) -> None:
        """Hold for a reason, until it is let go."""
        self._holds.add(reason)
        self._open.clear()
        self._tell()

    def let_go(self, reason: Hold) -> None:
        """Drop one reason."""
        self._holds.discard(reason)
        self._settle()

    def pause(self, *, freeze: bool = False) -> None:
        """Hold before the next action or model call; steps that were granted are taken back."""
        self._steps = None
        self._holds -= _BY_HAND
        self.hold(Hold.FREEZE if freeze else Hold.PAUSE)

    def resume(self) -> None:
        """Let go of all that a person holds by hand, and tell whoever waits for a person's word."""
        self._steps = None
        self._holds -= _BY_HAND
        self._resumed.set()
        self._resumed = asyncio.Event()
        self._settle()

    async def resumption(self) -> None:
        """Wait for the next time that a person resumes, whatever holds the run by then."""
        await self._resumed.wait()

    def step(self, n: int) -> None:
        """Let `n` more actions through, then hold."""
        self._steps = min((self._steps or 0) + n, STEPS_MAX)
        self._holds -= _BY_HAND
        self._settle()

    async def hold_retry(self, delay_s: float | None) -> float:
        """Hold until something may be tried again, or a person resumes; returns the seconds waited.

        Args:
            delay_s: How long; None to wait for the person.
        """
        began = time.monotonic()
        self.hold(Hold.RETRY)
        try:
            async with asyncio.timeout(delay_s):
                await self.resumption()
        except TimeoutError:
            pass  # the time is over
        finally:
            self.let_go(Hold.RETRY)
        return time.monotonic() - began

    async def pass_model(self) -> None:
        """Wait until a request may be sent to the model."""
        while self._holds:  # what opened the gate may be gone by the time that this wakes up
            await self._open.wait()

    async def pass_action(self, unwanted: Callable[[], bool] = lambda: False) -> bool:
        """Wait until an action may be sent to the browser, and use up a step if steps are counted.

        False, with no step used, when the action is not wanted any more by then.
        """
        await self.pass_model()
        if unwanted():
            return False
        if self._steps is not None:
            self._steps -= 1
        return True

    def action_done(self) -> None:
        """Hold again once the last granted step is done."""
        if self._steps == 0:
            self._steps = None
            self.hold(Hold.STEP)

    def _settle(self) -> None:
        if not self._holds:
            self._open.set()
        self._tell()

    def _tell(self) -> None:
        held = bool(self._holds) and self._base in (RunPhase.RUNNING, RunPhase.STARTING)
        now = (RunPhase.HOLDING if held else self._base, self.holding)
        if now != self._told:
            self._told = now
            self._publish(ev.StateChanged(phase=now[0], holding=now[1]))
