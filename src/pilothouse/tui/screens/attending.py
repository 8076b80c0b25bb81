"""What needs a person: calling them once for each need, and going there, in this run or the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import work

from pilothouse.engine.needs import HOLDS
from pilothouse.engine.roles import may_decide
from pilothouse.errors import PilothouseError
from pilothouse.events import RunPhase
from pilothouse.tui import words
from pilothouse.tui.screens.deciding import DecidingScreen

if TYPE_CHECKING:
    from pilothouse.runs import RunStatus
    from pilothouse.tui.app import Bridge
    from pilothouse.tui.attention import Attention


def needs_someone(status: RunStatus) -> bool:
    """Say whether a run goes no further without a person, as far as its line in the roster tells."""
    return status.live and (status.phase is RunPhase.IDLE or bool(HOLDS & set(status.holding)))


class AttendingScreen(DecidingScreen, is_layer=True):
    """Calls the person, and takes them to what needs them."""

    attention: Attention | None = None
    app: Bridge

    def show_approval(self) -> None:
        """Show what waits, and call whoever is to decide."""
        super().show_approval()
        state = self.record.head_state
        if self.attention is not None and state.seq >= 0:
            self.app.call(self.attention.look(state, live=not self.is_replay))

    def do_attend(self) -> None:
        """Go to what waits here for a decision, else to the next run that needs someone."""
        state = self.record.head_state
        waits = self.live and (state.approval is not None or bool(state.limits))
        if not waits:
            self._next_run()
        elif not may_decide(self.role):
            self.say("you only watch this run", "warning")
        elif state.approval is not None:
            self._open("approval")
        else:
            self.do_run_limits()

    @work(group="attend", exclusive=True, exit_on_error=False)
    async def _next_run(self) -> None:
        try:
            runs = [status async for status in self.view.roster()]
        except PilothouseError as error:
            self.say(str(error), "warning")
            return
        at = next((i for i, status in enumerate(runs) if status.run == self.run_id), -1)
        others = runs[at + 1 :] + runs[: max(at, 0)]
        found = next((status for status in others if needs_someone(status)), None)
        if found is None:
            self.say("nothing waits for a person")
        else:
            said = words.state_words(found.phase, found.holding, found.outcome)
            self.say(f"{found.run} needs you: {said}")
            self.app.open_run(found.run, replay=False)
