"""The grid: several live runs side by side, each with its picture. It only shows them and opens one."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import Container, Vertical
from textual.message import Message

from pilothouse.tui import roster, words
from pilothouse.tui.panes.help import HelpPane
from pilothouse.tui.roster_actions import GRID_ACTIONS, GRID_BY_ID, Choice
from pilothouse.tui.screens.listing import ListingScreen, bindings_of
from pilothouse.tui.widgets.lines import Fact, FactLine, KeyBar
from pilothouse.tui.widgets.palette import PalettePane
from pilothouse.tui.widgets.thumbnail import Thumbnail

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from pilothouse.runs import RunStatus, RunView
    from pilothouse.tui.surroundings import Surroundings

CELL_COLUMNS, CELL_ROWS = 38, 10
"""A run's picture is worth looking at from this size on."""
MOST = 12


class GridCell(Vertical):
    """One run: how it stands, its picture, and what it said or needs."""

    class Clicked(Message):
        """The person clicked on it."""

        def __init__(self, run: str, opened: bool) -> None:
            super().__init__()
            self.run = run
            self.opened = opened

    def __init__(self) -> None:
        super().__init__(classes="cell")
        self.status: RunStatus | None = None

    def compose(self) -> ComposeResult:
        """Lay out two lines and the picture."""
        yield FactLine(classes="cell-head")
        yield Thumbnail()
        yield FactLine(classes="cell-foot")

    def put(self, status: RunStatus, here: bool, view: RunView) -> None:
        """Show a run."""
        self.status = status
        self.set_class(here, "-here")
        head, foot = self.query(FactLine)
        wants = roster.wants(status)
        name = Fact(roster.title(status), "bold $foreground" if here else "$foreground")
        glyph = "▶ " if here else ""
        head.put(
            [
                Fact(f"{glyph}{'!' if wants else '●'} {roster.state(status)}", f"bold {roster.tone(status)}"),
                name,
            ],
            [Fact(f"step {status.actions}", "$text-muted", 1), Fact(words.clock(status.duration_s), rank=2)],
        )
        said = Fact(roster.last(status) or "starting…")
        foot.put([Fact(f"needs you: {wants}", "bold $text-warning") if wants else said])
        run = status.run

        async def fetch(sha256: str) -> bytes:
            return await view.blob(run, sha256)

        sha256 = status.frame.blob.sha256 if status.frame is not None else ""
        self.query_one(Thumbnail).show(run, sha256, fetch)

    def on_click(self, event: events.Click) -> None:
        """Mark it; a second click opens it."""
        if self.status is not None:
            self.post_message(self.Clicked(self.status.run, event.chain > 1))


class GridScreen(ListingScreen):
    """Shows as many live runs as there is room for, those that need a person first."""

    ACTIONS = GRID_BY_ID
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(GRID_BY_ID)

    def __init__(
        self, view: RunView, surroundings: Surroundings, now: Callable[[], datetime] | None = None
    ) -> None:
        super().__init__(view, now)
        self.surroundings = surroundings
        self.runs: list[RunStatus] = []
        self.at = 0
        self._columns = 1

    def compose(self) -> ComposeResult:
        """Lay out the cells that may be needed; those without a run are not shown."""
        yield FactLine(id="grid-status")
        with Container(id="cells"):
            for _ in range(MOST):
                yield GridCell()
        yield HelpPane(GRID_ACTIONS, {})
        with Container(id="foot"):
            yield PalettePane()
        yield KeyBar()

    def on_mount(self) -> None:
        """Begin."""
        super().on_mount()
        self.show_runs()

    @property
    def choice(self) -> Choice:
        """What the predicates look at."""
        chosen = self.runs[self.at] if self.at < len(self.runs) else None
        wanting = sum(bool(roster.wants(status)) for status in self.runs)
        return Choice(chosen=chosen, live=len(self.runs), wanting=wanting)

    def show_runs(self) -> None:
        """Show the live runs as they stand; a run keeps its cell while it lives."""
        live = {status.run: status for status in self.runs_now() if roster.is_live(status)}
        marked = self.choice.chosen
        kept = [live.pop(status.run) for status in self.runs if status.run in live]
        self.runs = [*kept, *live.values()]
        places = [status.run for status in self.runs]
        self.at = places.index(marked.run) if marked and marked.run in places else 0
        self._lay_out()
        self.show_keys()

    def _lay_out(self) -> None:
        width, height = self.size.width, self.size.height - 2
        self._columns = min(max(width // CELL_COLUMNS, 1), max(len(self.runs), 1))
        rows = min(max(height // CELL_ROWS, 1), -(-len(self.runs) // self._columns) or 1)
        room = min(self._columns * rows, MOST)
        first = self.at // room * room
        shown = self.runs[first : first + room]
        cells = self.query_one("#cells")
        cells.styles.grid_size_columns = min(self._columns, max(len(shown), 1))
        for number, cell in enumerate(self.query(GridCell)):
            cell.display = number < len(shown)
            if number < len(shown):
                cell.put(shown[number], first + number == self.at, self.view)
        self._show_status(first, len(shown))

    def _show_status(self, first: int, shown: int) -> None:
        wanting = self.choice.wanting
        left = [
            Fact("Grid", "bold $foreground"),
            Fact(f"! {wanting} need{'s' * (wanting == 1)} a person" * bool(wanting), "bold $text-warning"),
            Fact(f"{len(self.runs)} live" if self.runs else "nothing is live: q goes back", "$text-success"),
        ]
        part = f"{first + 1}–{first + shown} of {len(self.runs)}" if shown < len(self.runs) else ""
        self.query_one("#grid-status", FactLine).put(left, [Fact(part, "$text-muted")])

    def on_resize(self) -> None:
        """Choose another number of cells."""
        self.call_after_refresh(self._lay_out)

    def on_grid_cell_clicked(self, message: GridCell.Clicked) -> None:
        """Mark or open a run."""
        self._mark([status.run for status in self.runs].index(message.run))
        if message.opened:
            self.do_grid_open()

    def _mark(self, at: int) -> None:
        if 0 <= at < len(self.runs):
            self.at = at
        self._lay_out()
        self.show_keys()

    def do_grid_next(self) -> None:
        """Mark the next run."""
        self._mark(self.at + 1)

    def do_grid_previous(self) -> None:
        """Mark the run before."""
        self._mark(self.at - 1)

    def do_grid_up(self) -> None:
        """Mark the run above."""
        self._mark(self.at - self._columns)

    def do_grid_down(self) -> None:
        """Mark the run below."""
        self._mark(self.at + self._columns)

    def do_grid_attend(self) -> None:
        """Mark the next run that needs a person."""
        places = [*range(self.at + 1, len(self.runs)), *range(self.at + 1)]
        self._mark(next(place for place in places if roster.wants(self.runs[place])))

    def do_grid_open(self) -> None:
        """Open the marked run."""
        if (status := self.choice.chosen) is not None:
            self.surroundings.open_run(status.run, replay=False)

    def take_keys(self) -> None:
        """Give the keys to the screen itself: no cell has any."""
        self.set_focus(None)

    def do_back(self) -> None:
        """Close the help, or go back."""
        if self.has_class("-help"):
            self.do_help()
        else:
            self.surroundings.leave_screen()
