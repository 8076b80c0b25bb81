"""What a run may still use: a limit that is reached asks a person, or ends the run.

What is counted, and when a limit is reached, is `limits`' affair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pilothouse import events as ev
from pilothouse.engine.limits import When, meter
from pilothouse.errors import CommandRefusedError, LimitHit, UsageError
from pilothouse.events import Hold

if TYPE_CHECKING:
    from collections.abc import Callable

    from pilothouse.engine.gate import Gate
    from pilothouse.engine.limits import Limits, Reached
    from pilothouse.engine.recorder import Recorder


class Allowance:
    """Holds a run whose limits are reached.

    Args:
        recorder: What was used is read from what it journals.
        gate: Held by a limit that is reached.
        number: Gives the numbers of requests.
        limits: Those the run began with.
        unattended: Nobody is there to raise one: the run ends.
    """

    def __init__(
        self, recorder: Recorder, gate: Gate, number: Callable[[], int], limits: Limits, *, unattended: bool
    ) -> None:
        self._recorder = recorder
        self._gate = gate
        self._number = number
        self._unattended = unattended
        self._meter = meter(limits)
        self._reached: tuple[Reached, ...] = ()
        self._when = When.TURN
        self._request = ""
        recorder.listeners.append(self._heard)

    def _heard(self, event: ev.Event) -> None:
        self._meter = self._meter.after(event)

    async def check(self, when: When) -> None:
        """Wait until nothing holds the run and no limit is reached.

        Raises:
            LimitHit: One is, and nobody is there to raise it.
        """
        while True:
            await self._gate.pass_model()
            reached = self._meter.reached(when)
            if not reached:
                return
            self._tell(reached)
            if self._unattended:
                raise LimitHit(_worded(reached[0]), way_out=f"--limit {reached[0].limit}=… raises it")
            self._when = when
            self._gate.hold(Hold.LIMIT)

    def _tell(self, reached: tuple[Reached, ...]) -> None:
        self._reached, self._request = reached, f"l{self._number()}"
        for one in reached:
            told = ev.LimitReached(
                limit=one.limit.value,
                value=one.value,
                used=one.used,
                request=self._request,
                next=one.next,
                why=one.why,
            )
            self._recorder.publish(told, durable=True)

    def set_limit(self, name: str, value: float | None, actor: str) -> None:
        """Change a limit, or lift it for good; the run goes on if that was what held it.

        Raises:
            CommandRefusedError: There is no such limit, or it can't have that value.
        """
        try:
            self._meter = self._meter.with_limit(name, value)
        except UsageError as error:
            raise CommandRefusedError(str(error)) from None
        self._recorder.publish(ev.LimitChanged(limit=name, value=value, actor=actor), durable=True)
        if self._request and not self._meter.reached(self._when):
            self._go_on()

    def go_on_once(self, request: str) -> None:
        """Go on past the limits of a request, for the rest of this turn and the whole of the next one.

        Raises:
            CommandRefusedError: They do not hold any more.
        """
        if not self._request or request != self._request:
            raise CommandRefusedError("that limit does not hold any more")
        self._meter = self._meter.going_on(one.limit for one in self._reached)
        self._go_on()

    def _go_on(self) -> None:
        self._request, self._reached = "", ()
        self._gate.let_go(Hold.LIMIT)


def _worded(reached: Reached) -> str:
    used = f"{reached.used:.2f}" if reached.limit == "dollars" else f"{reached.used:.10g}"
    return reached.why or f"the limit of {reached.limit} is reached: {used} of {reached.value:g}"
