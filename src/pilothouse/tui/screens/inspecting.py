"""One step looked at closely: the inspector, and its pictures before and after. Facts come from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pilothouse.tui.panes.picture import PicturePane
from pilothouse.tui.screens.base import RunBody
from pilothouse.tui.screens.deciding import DecidingScreen

if TYPE_CHECKING:
    from pilothouse.tui.calls import Call
    from pilothouse.tui.widgets.rows import Rows

COMPARISONS = ("", "before", "after")


class InspectingScreen(DecidingScreen, is_layer=True):
    """Adds the inspector to the run screen; it lies where the transcript is, and goes along."""

    inspecting = False
    _came_from = "transcript"
    _comparison = ""
    _gathered = (-1, -1)
    """Action and end of the record that the inspector shows."""

    def call_here(self) -> Call | None:
        """Give the action that the position shown belongs to."""
        state = self.record.state_at(self.playhead.position)
        at = self.calls.index_of(state.current.action) if state.current is not None else None
        return None if at is None else self.calls.calls[at]

    def row_has_step(self, rows: Rows) -> bool:
        """Say whether the marked row tells of an action; a row of tool calls always does."""
        if rows is not self.transcript_rows:
            return True
        index = rows.cursor
        return index >= 0 and self.transcript.rows[self.transcript_sieve.behind(index)].action > 0

    def open_inspector(self) -> None:
        """Show the step at this position whole."""
        call = self.call_here()
        if call is None:
            self.say("there is no step here yet")
            return
        self.inspecting, self._came_from = True, self.here
        self.set_class(True, "-inspecting")
        self._gathered = (-1, -1)
        self.refresh_all()
        self.focus_pane("transcript")

    def close_inspector(self) -> bool:
        """Go back to the transcript; says whether there was anything to close."""
        if not self.inspecting:
            return False
        self.inspecting = False
        self.set_class(False, "-inspecting")
        self._compare("")
        self.focus_pane(self._came_from if self.here == "transcript" else self.here)
        return True

    def refresh_all(self) -> None:
        """Show the playhead's position everywhere, the inspector included."""
        super().refresh_all()
        call = self.call_here() if self.inspecting else None
        if call is None:
            return
        from pilothouse.tui.inspection import inspect

        stop = self.record.stop_of(call.action)
        # Once the next step is over nothing more is added to this one.
        is_whole = stop is not None and self.record.next_stop(stop) < self.record.head
        gathered = (call.action, -1 if is_whole else self.record.head)
        if gathered != self._gathered:
            self._gathered = gathered
            self.inspector.show(inspect(self.record, call.action, call.seq))

    def show_status(self) -> None:
        """Show the status line and the picture, compared with the one before where that is asked for."""
        call = self.call_here() if self._comparison else None
        before = self.record.state_at(call.seq).frame if call is not None else None
        self.query_one(PicturePane).compare(self._comparison if before is not None else "", before)
        super().show_status()

    def do_picture_compare(self) -> None:
        """Show the picture before this step, then the one after with what changed boxed, then it plain."""
        if self.call_here() is None:
            self.say("there is no step here yet")
            return
        self._compare(COMPARISONS[(COMPARISONS.index(self._comparison) + 1) % len(COMPARISONS)])

    def _compare(self, how: str) -> None:
        self._comparison = how
        self.show_status()

    def _title(self, action: str, title: str) -> str:
        return "close" if action == "row.inspect" and self.inspecting else super()._title(action, title)

    def _show_filled(self) -> None:
        super()._show_filled()
        pane = self.inspector if self.inspecting else RunBody.inspector.found(self)
        if pane is None:
            return
        place = self.query_one("#transcript")
        pane.display = self.inspecting and bool(place.display)
        pane.set_class(self.inspecting and self.here == "transcript", "-here")
        place.display = bool(place.display) and not self.inspecting
