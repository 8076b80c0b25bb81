"""What the app does for its screens. The app is one; a screen under test may be given another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pilothouse.tui.widgets.palette import Entry


class Surroundings(Protocol):
    """Which screen is in front, and in which colours."""

    def open_run(self, run: str, *, replay: bool) -> None:
        """Open a run."""

    def leave_screen(self) -> None:
        """Go back to the screen behind, or leave the bridge."""

    def has_roster(self) -> bool:
        """Say whether the roster lies behind what is in front."""
        ...

    def back_to_run(self) -> None:
        """Close a roster that was opened over a run."""

    def show_home(self) -> None:
        """Go to the roster."""

    def show_grid(self) -> None:
        """Go to the grid of live runs."""

    def show_new_run(self) -> None:
        """Ask for a task."""

    def show_neighbour(self, by: int) -> None:
        """Go to another live run."""

    def next_theme(self) -> None:
        """Use the next theme."""

    def theme_entries(self) -> list[Entry]:
        """Give the palette's entries for the themes."""
        ...

    def choose_theme(self, entry: str) -> bool:
        """Use the theme of a palette's entry; says whether it was one."""
        ...
