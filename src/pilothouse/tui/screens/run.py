"""What a person can do on the run screen:

one method per action of the registry. What is shown is in `screens.base`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType

from pilothouse import commands as cmd
from pilothouse.tui.actions import ACTIONS, BY_ID
from pilothouse.tui.panes.picture import PicturePane
from pilothouse.tui.screens.arranging import ArrangingScreen
from pilothouse.tui.screens.attending import AttendingScreen
from pilothouse.tui.screens.finding import FindingScreen
from pilothouse.tui.screens.linking import LinkedScreen
from pilothouse.tui.screens.queueing import QueueingScreen
from pilothouse.tui.screens.zooming import Zooming
from pilothouse.tui.widgets.drawer import Drawer
from pilothouse.tui.widgets.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from pilothouse.tui.widgets.composer import Composer
    from pilothouse.tui.widgets.prompts import AbortPane, GoTo


AGAIN_S = 2.0
"""A second ctrl+c within this opens the abort pane."""


_BESIDE_DRAWER = frozenset({"run.interrupt", "leave", "back"})
_SWALLOWED = frozenset({"pane.next", "pane.previous"})
"""Keys that the composer would take for a tab, and the screen for a change of pane."""
_BESIDE_HELP = _BESIDE_DRAWER | {"help", "palette", "row.up", "row.down", "row.page_up", "row.page_down"}


def _bindings() -> list[BindingType]:
    return [
        Binding(
            ",".join(action.keys),
            f"do('{action.id}')",
            action.does,
            show=False,
            id=action.id,
            # Done where keys arrive, not where they are passed on to: keys typed right behind this one must
            # find what it opens. `q` is a letter in the composer, which has to see it first.
            priority=action.id != "leave",
        )
        for action in ACTIONS
        if action.keys
    ]


class RunScreen(Zooming, ArrangingScreen, FindingScreen, QueueingScreen, AttendingScreen, LinkedScreen):
    """A run, watched, steered and replayed."""

    BINDINGS: ClassVar[list[BindingType]] = _bindings()

    _interrupted_at = float("-inf")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave a key to the pane that is open in front, which may take it for a letter."""
        if self.is_captured:
            return False
        if action == "do" and self.drawer.opened:
            return parameters[0] in _BESIDE_DRAWER | _SWALLOWED
        return super().check_action(action, parameters)

    def action_do(self, name: str) -> None:
        """Do an action of the registry, or say why it can't be done.

        A key that was meant for what lies open in front must not steer the run behind it.
        """
        if (approval := Drawer.approval.found(self.drawer)) is not None:
            approval.touch()
        if self.drawer.opened and name not in _BESIDE_DRAWER:
            return
        if self.has_class("-help") and name not in _BESIDE_HELP:
            return
        action = BY_ID[self.meant(name)]
        if why_not := action.why_not(self.situation):
            self.say(f"{action.title.partition('/')[0]}: {why_not}", "warning")
            return
        if self.looks_around(name):
            return
        method: Callable[[], None] = getattr(self, action.method)
        method()

    def choose_action(self, name: str) -> None:
        """Do an action that was chosen by its name, not by a key: what lies open in front is closed first."""
        if self.drawer.opened:
            self._close()
        if self.has_class("-help") and name not in _BESIDE_HELP:
            self.do_help()
        self.action_do(name)

    # --- steering ---------------------------------------------------------------------------------

    def do_run_pause(self) -> None:
        """Pause or resume; in a replay play or rest."""
        if not self.live:
            self.playhead.toggle()
            self.refresh_all()
        elif self.record.head_state.holding:
            self.send(cmd.Resume(**self._who()), "resuming…")
        else:
            self.send(cmd.Pause(**self._who()), "pausing…")

    def do_run_freeze(self) -> None:
        """Hold at once."""
        self.send(cmd.Pause(**self._who(), freeze=True), "freezing…")

    def do_run_step(self) -> None:
        """Run one action and hold; in a replay go to the next step."""
        if self.live:
            self.send(cmd.Step(**self._who()), "stepping…")
        else:
            self.do_step_next()

    def do_run_say(self) -> None:
        """Open the composer."""
        self._open("composer")

    def on_composer_said(self, message: Composer.Said) -> None:
        """Send what was written."""
        self._close()
        self.send(cmd.Say(**self._who(), text=message.text, when=message.when), "sending…")

    def do_run_abort(self) -> None:
        """Open the abort pane."""
        self._open("abort")

    def on_abort_pane_committed(self, message: AbortPane.Committed) -> None:
        """End the run."""
        self._close()
        self.send(cmd.Abort(**self._who(), keep_browser=message.keep_browser), "aborting…")

    def do_run_interrupt(self) -> None:
        """Copy what is selected, else pause; the second time open the abort pane."""
        composer = Drawer.composer.found(self.drawer)
        selected = (composer.selected_text if composer is not None else "") or self.get_selected_text()
        if selected:
            self.copy(selected)
            return
        again = self._now() - self._interrupted_at <= AGAIN_S
        self._interrupted_at = self._now()
        if not self.live:
            self.playhead.go(self.playhead.position)
            self.say("q leaves; nothing is running here")
        elif again:
            self.do_run_abort()
        elif not self.record.head_state.holding:
            self.send(cmd.Pause(**self._who()), "pausing…")

    # --- moving -----------------------------------------------------------------------------------

    def _go(self, position: int) -> None:
        self.playhead.go(position)
        self.refresh_all()

    def do_step_next(self) -> None:
        """Go to the next step."""
        self._go(self.record.next_stop(self.playhead.position))

    def do_step_previous(self) -> None:
        """Go to the step before."""
        self._go(self.record.previous_stop(self.playhead.position))

    do_step_back = do_step_previous

    def do_step_first(self) -> None:
        """Go to where a replay opens: the first picture, before the agent did anything."""
        self._go(self.record.opening)

    def do_step_last(self) -> None:
        """Go to the end; a live run is followed from there."""
        if self.live:
            self.playhead.follow()
            self.refresh_all()
        else:
            self._go(self.record.head)

    do_follow = do_step_last

    def do_mark_next(self) -> None:
        """Go to the next event worth a look."""
        self._go_to_mark(self.record.next_mark(self.playhead.position), "no mark after this")

    def do_mark_previous(self) -> None:
        """Go to the event worth a look before."""
        self._go_to_mark(self.record.previous_mark(self.playhead.position), "no mark before this")

    def _go_to_mark(self, position: int | None, otherwise: str) -> None:
        if position is None:
            self.say(otherwise)
        else:
            self._go(position)

    def do_go(self) -> None:
        """Ask where to go."""
        self._open("goto")

    def on_go_to_given(self, message: GoTo.Given) -> None:
        """Go to the place that was named."""
        from pilothouse.tui.widgets.prompts import parse_place

        self._close()
        place = parse_place(message.text)
        stops = self.record.stops
        if place is None:
            self.say("no such place: give a step (12), a time (1:30) or a part (50%)", "warning")
        elif place.step is not None:
            self._go(stops[min(place.step, len(stops)) - 1] if place.step and stops else self.record.opening)
        elif place.seconds is not None:
            self._go(self.record.position_at_time(place.seconds))
        elif place.part is not None:
            self._go(round(place.part * self.record.head))

    def do_speed_slower(self) -> None:
        """Play slower."""
        self.playhead.faster(-1)
        self.refresh_all()

    def do_speed_faster(self) -> None:
        """Play faster."""
        self.playhead.faster(1)
        self.refresh_all()

    def do_speed_normal(self) -> None:
        """Play at the recorded pace."""
        self.playhead.set_speed(1.0)
        self.refresh_all()

    # --- rows and panes ---------------------------------------------------------------------------

    def do_row_up(self) -> None:
        """Select the row above."""
        self._vertical(-1)

    def do_row_down(self) -> None:
        """Select the row below."""
        self._vertical(1)

    def _vertical(self, by: int) -> None:
        if self.has_class("-help"):
            self.help_pane.scroll_relative(y=by, animate=False)
        else:
            self.current_rows.move(by)

    def do_row_page_up(self) -> None:
        """Select a row a page above."""
        self._page(-1)

    def do_row_page_down(self) -> None:
        """Select a row a page below."""
        self._page(1)

    def _page(self, by: int) -> None:
        if self.has_class("-help"):
            scroll = self.help_pane.scroll_page_down if by > 0 else self.help_pane.scroll_page_up
            scroll(animate=False)
        else:
            self.current_rows.page(by)

    @on(Rows.Chosen)
    def _row_chosen(self, message: Rows.Chosen) -> None:
        rows = message.rows
        self.choose(rows, message.index, self.sieve_of(rows).position(message.index))

    @on(Rows.Opened)
    def _row_opened(self, message: Rows.Opened) -> None:
        message.stop()
        self._toggle(message.rows, message.index)

    def do_row_inspect(self) -> None:
        """Show the selected step whole, or go back; a row that tells of no step is opened in place."""
        if self.close_inspector():
            return
        if self.here == "picture" or self.row_has_step(self.current_rows):
            self.open_inspector()
        else:
            self.do_row_open()

    def do_row_open(self) -> None:
        """Open the selected row in place; from the picture, the action it belongs to."""
        rows = self.calls_rows if self.here == "picture" else self.current_rows
        if not self.inspecting or rows is self.calls_rows:
            self._toggle(rows, rows.cursor)

    def _toggle(self, rows: Rows, index: int) -> None:
        source = self.sieve_of(rows)
        if index < 0:
            return
        if not source.toggle(index):
            self._inspect_action(source.position(index))
            return
        rows.changed_from(index)
        self.refresh_all()
        self.call_after_refresh(rows.reveal, index)

    def _inspect_action(self, position: int) -> None:
        """Open the tool call that a row of the transcript speaks of."""
        state = self.record.state_at(position)
        at = self.calls.index_of(state.current.action) if state.current else None
        if at is not None and (at := self.calls_sieve.shown(at)) is not None:
            self.focus_pane("tools")
            self._toggle(self.calls_rows, at)

    def do_pane_next(self) -> None:
        """Go to the next pane."""
        self._turn(1)

    def do_pane_previous(self) -> None:
        """Go to the pane before."""
        self._turn(-1)

    def _turn(self, by: int) -> None:
        at = self.PANES.index(self.here)
        self.focus_pane(self.PANES[(at + by) % len(self.PANES)])

    def do_pane_transcript(self) -> None:
        """Go to the transcript."""
        self._to_pane("transcript")

    def do_pane_tools(self) -> None:
        """Go to the tool calls."""
        self._to_pane("tools")

    def do_pane_picture(self) -> None:
        """Go to the picture."""
        self._to_pane("picture")

    def _to_pane(self, name: str) -> None:
        if self.here == name and not self.has_class("-tabs"):
            self.fill("" if self.filled else name)
        self.focus_pane(name)

    def do_picture_full(self) -> None:
        """Fill the screen with the picture, or go back."""
        if self.filled == "picture":
            self.fill("")
        else:
            self.focus_pane("picture")
            self.fill("picture")

    def do_picture_graphics(self) -> None:
        """Paint pictures in the next way this terminal has."""
        pane = self.query_one(PicturePane)
        way = self.ways[(self.ways.index(pane.way) + 1) % len(self.ways)]
        self.run_worker(pane.use(way), group="graphics", exclusive=True, exit_on_error=False)
        self.say(f"pictures: {way.value}")

    def do_row_copy(self) -> None:
        """Copy the selected row; again it whole, then the page's address, which the picture gives at once."""
        self.copy(*self.next_copy())

    def copy(self, text: str, what: str = "") -> None:
        """Put cleaned text on the clipboard of the person's own terminal."""
        if not text:
            self.say("there is nothing to copy here")
            return
        self.app.copy_to_clipboard(text)
        self.say(f"copied {what or 'it'}: {len(text)} characters")

    # --- the bridge -------------------------------------------------------------------------------

    def withdraw(self) -> None:
        """Ask no longer whether to end a run that is over."""
        super().withdraw()
        if self.drawer.opened == "abort":
            self._close()
            self.say("the run is over: there is nothing to abort any more")

    def on_composer_left(self) -> None:
        """Close what was left without an answer."""
        self._close()

    on_abort_pane_left = on_go_to_left = on_limit_line_left = on_composer_left

    def do_back(self) -> None:
        """Close what is open, innermost first."""
        if self.drawer.opened:
            self._close()
        elif self.has_class("-help"):
            self.do_help()
        elif self.forget_search() or self.close_inspector():
            pass
        elif self.filled:
            self.fill("")
        elif not self.forget_filter():
            self.clear_selection()

    def do_help(self) -> None:
        """Show or close the help pane."""
        pane = self.help_pane
        self.toggle_class("-help")
        if self.has_class("-help"):
            pane.tell(self.situation, self.keymap)
        self.show_keys()
