"""What concerns the bridge, not the run: the panes' borders, and the ways to other runs and colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pilothouse.tui.actions import ACTIONS
from pilothouse.tui.layouts import BY, Layouts, Shares, size_class, within
from pilothouse.tui.screens.base import RunBody

if TYPE_CHECKING:
    from textual import events

    from pilothouse.tui.actions import Action
    from pilothouse.tui.surroundings import Surroundings
    from pilothouse.tui.widgets.palette import Entry, PalettePane


class ArrangingScreen(RunBody, is_layer=True):
    """Moves borders, offers the palette, and leads to other runs."""

    layouts = Layouts()
    surroundings: Surroundings
    _drags = ""

    # --- the palette ------------------------------------------------------------------------------

    def do_palette(self) -> None:
        """Offer every action by its name."""
        entries = [self._entry(action) for action in ACTIONS if action.id != "palette"]
        self.drawer.palette.offer([*entries, *self.surroundings.theme_entries()])
        self.drawer.open("palette")
        self.show_keys()

    def _entry(self, action: Action) -> Entry:
        from pilothouse.tui.widgets.palette import Entry

        now = self.situation
        title = action.title_for(now.steerable)
        return Entry(action.id, title, action.does, self.keymap.shown(action), action.why_not(now))

    def on_palette_pane_chosen(self, message: PalettePane.Chosen) -> None:
        """Do what was chosen by its name."""
        message.stop()
        if self.surroundings.choose_theme(message.action):
            self.close_drawer()
        else:
            self.choose_action(message.action)

    def on_palette_pane_left(self, message: PalettePane.Left) -> None:
        """Close the palette."""
        message.stop()
        self.close_drawer()

    def close_drawer(self) -> None:
        """Give the keys back to the panes."""
        self.drawer.close()
        self.focus_pane(self.here)
        self.show_keys()

    def choose_action(self, name: str) -> None:
        """Do an action that was chosen by its name."""
        raise NotImplementedError

    # --- borders ----------------------------------------------------------------------------------

    @property
    def shares(self) -> Shares:
        """Where the borders were put on terminals of this size."""
        return self.layouts.get(size_class(*self.size))

    def _shape_panes(self, width: int, height: int) -> None:
        super()._shape_panes(width, height)
        shares, panes = self.layouts.get(size_class(width, height)), self.query_one("#panes")
        panes.styles.grid_columns = f"{shares.left}fr {100 - shares.left}fr" if shares.left else None
        if shares.top:
            panes.styles.grid_rows = f"{shares.top}fr {100 - shares.top}fr"

    def _put_borders(self, shares: Shares, *, settled: bool = True) -> None:
        self.layouts.put(size_class(*self.size), shares)
        self._shape_panes(*self.size)
        if settled:
            self.layouts.save()

    def _move_border(self, columns: int, rows: int) -> None:
        if self.filled or self.has_class("-tabs"):
            self.say("one pane is all there is to see: there is no border to move", "warning")
            return
        now = self._places()
        left = within(now.left + columns) if columns else self.shares.left
        top = within(now.top + rows) if rows else self.shares.top
        self._put_borders(Shares(left, top))

    def _places(self) -> Shares:
        """Say where the borders are now, whoever put them there."""
        transcript, tools = self.query_one("#transcript").region, self.query_one("#tools").region
        panes = self.query_one("#panes").region
        left = 100 * transcript.width / max(panes.width - 1, 1)
        return Shares(within(left), within(100 * (tools.y - panes.y) / max(panes.height, 1)))

    def do_border_left(self) -> None:
        """Move the border between the columns to the left."""
        self._move_border(-BY, 0)

    def do_border_right(self) -> None:
        """Move it to the right."""
        self._move_border(BY, 0)

    def do_border_up(self) -> None:
        """Move the border above the tool calls up."""
        self._move_border(0, -BY)

    def do_border_down(self) -> None:
        """Move it down."""
        self._move_border(0, BY)

    def do_border_reset(self) -> None:
        """Let the borders find their places by themselves."""
        self._put_borders(Shares())

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold of a border."""
        self._drags = "" if self.filled or self.has_class("-tabs") else self._border_at(event)
        if self._drags:
            event.stop()
            self.capture_mouse()

    def _border_at(self, event: events.MouseDown) -> str:
        x, y = int(event.screen_x), int(event.screen_y)
        transcript, tools = self.query_one("#transcript").region, self.query_one("#tools").region
        if x == transcript.right and transcript.y <= y < transcript.bottom:
            return "left"
        return "top" if y == tools.y and tools.x <= x < tools.right else ""

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Let a border follow the pointer."""
        panes = self.query_one("#panes").region
        if self._drags == "left":
            share = within(100 * (event.screen_x - panes.x) / max(panes.width - 1, 1))
        elif self._drags == "top":
            share = within(100 * (event.screen_y - panes.y) / max(panes.height, 1))
        else:
            return
        self._put_borders(msgspec.structs.replace(self.shares, **{self._drags: share}), settled=False)

    def on_mouse_up(self) -> None:
        """Let go of it."""
        if self._drags:
            self._drags = ""
            self.release_mouse()
            self.layouts.save()

    # --- other runs, other colours ----------------------------------------------------------------

    def do_runs(self) -> None:
        """Go to the roster."""
        self.surroundings.show_home()

    def do_grid(self) -> None:
        """Go to the grid of live runs."""
        self.surroundings.show_grid()

    def do_run_next(self) -> None:
        """Go to the next live run."""
        self.surroundings.show_neighbour(1)

    def do_run_previous(self) -> None:
        """Go to the live run before."""
        self.surroundings.show_neighbour(-1)

    def do_theme_next(self) -> None:
        """Use the next theme."""
        self.surroundings.next_theme()

    def _title(self, action: str, title: str) -> str:
        if action == "leave" and self.surroundings.has_roster():
            return "back (the run goes on)" if self.live else "back"
        return super()._title(action, title)

    def do_leave(self) -> None:
        """Leave the run: for the roster, where it was opened from there, else the bridge."""
        self.surroundings.leave_screen()
