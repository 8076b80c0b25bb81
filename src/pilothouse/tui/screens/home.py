"""Home: the roster of runs, live ones first. It opens, names and deletes them; `new_run` starts them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from pilothouse.errors import PilothouseError
from pilothouse.runs import tending
from pilothouse.safety import clean_line
from pilothouse.tui import roster, words
from pilothouse.tui.panes.help import HelpPane
from pilothouse.tui.roster_actions import (
    DELETE_KEYS,
    HOME_ACTIONS,
    HOME_BY_ID,
    LABEL_KEYS,
    NEW_RUN_KEYS,
    SEARCH_KEYS,
    Choice,
)
from pilothouse.tui.screens.listing import ListingScreen, bindings_of
from pilothouse.tui.widgets.label import DeletePane, FootLine
from pilothouse.tui.widgets.lines import Fact, FactLine, KeyBar
from pilothouse.tui.widgets.palette import PalettePane
from pilothouse.tui.widgets.runlist import RunList
from pilothouse.tui.widgets.thumbnail import Thumbnail

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from pilothouse.runs import RunStatus, RunView
    from pilothouse.tui.actions import LocalKey
    from pilothouse.tui.surroundings import Surroundings

PREVIEW_CELLS, PREVIEW_ROWS = 100, 18
"""From this size on there is room for the marked run's picture."""
_FOOT: dict[str, tuple[LocalKey, ...]] = {
    "search": SEARCH_KEYS,
    "rename": LABEL_KEYS,
    "tag": LABEL_KEYS,
    "delete": DELETE_KEYS,
}


class HomeScreen(ListingScreen):
    """The roster, the marked run beside it, and a line at the foot."""

    is_home = True
    ACTIONS = HOME_BY_ID
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(HOME_BY_ID)

    def __init__(
        self, view: RunView, surroundings: Surroundings, now: Callable[[], datetime] | None = None
    ) -> None:
        super().__init__(view, now)
        self.surroundings = surroundings
        self.query_text = ""
        self._asks = ""
        self._about = ""
        """The run that is asked about, whatever becomes of the list meanwhile."""

    def compose(self) -> ComposeResult:
        """Lay out everything."""
        yield FactLine(id="home-status")
        with Horizontal(id="home-body"):
            yield RunList(self.now)
            with Vertical(id="preview"):
                yield Thumbnail()
                yield Static(Content(""), id="preview-facts")
        yield Static(Content(""), id="home-empty")
        yield HelpPane(HOME_ACTIONS, {"A new run": NEW_RUN_KEYS})
        with Container(id="foot"):
            yield FootLine("search", "words, or #tag")
            yield FootLine("rename", "what to call the run")
            yield FootLine("tag", "tags, separated by spaces")
            yield DeletePane()
            yield PalettePane()
        yield KeyBar()

    def on_mount(self) -> None:
        """Give the list the keys."""
        super().on_mount()
        self.take_keys()
        self.show_runs()

    @property
    def rows(self) -> RunList:
        """The list."""
        return self.query_one(RunList)

    @property
    def choice(self) -> Choice:
        """What the predicates look at."""
        every = self.known.values()
        return Choice(
            chosen=self.rows.chosen,
            live=sum(map(roster.is_live, every)),
            wanting=sum(bool(roster.wants(status)) for status in every),
            searched=bool(self.query_text),
        )

    @property
    def is_asking(self) -> bool:
        """Something at the foot has the keys."""
        return bool(self._asks) or super().is_asking

    @property
    def local_keys(self) -> tuple[LocalKey, ...]:
        """The keys of what is asked at the foot."""
        return _FOOT.get(self._asks, ()) or super().local_keys

    # --- showing ----------------------------------------------------------------------------------

    def show_runs(self) -> None:
        """Show the runs as they stand."""
        runs = self.runs_now()
        self.rows.put(roster.found(runs, self.query_text))
        self._show_status(runs)
        self._show_empty()
        self.show_preview()
        self.show_keys()

    def _show_status(self, runs: list[RunStatus]) -> None:
        live = sum(map(roster.is_live, runs))
        wanting = sum(bool(roster.wants(status)) for status in runs)
        needs = f"{wanting} {'needs' if wanting == 1 else 'need'} a person"
        left = [
            Fact("Pilothouse", "bold $foreground"),
            Fact(f"! {needs}" if wanting else "", "bold $text-warning"),
            Fact(f"{live} live" if live else "nothing is live", "$text-success" if live else "$text-muted"),
            Fact(words.plural(len(runs) - live, "recording"), "$text-muted", 1),
        ]
        found = f"search: {clean_line(self.query_text, 40)} ({len(self.rows.runs)} of {len(runs)})"
        self.query_one("#home-status", FactLine).put(
            left, [Fact(found, "bold $text-accent")] if self.query_text else []
        )

    def _show_empty(self) -> None:
        empty = self.query_one("#home-empty", Static)
        self.set_class(not self.rows.runs, "-empty")
        if self.query_text:
            empty.update(Content("no run matches the search: esc shows all again"))
        elif self.loaded:
            new = self.keymap.shown(HOME_BY_ID["home.new"])
            empty.update(
                Content(
                    f"no runs yet\n\n{new} gives an agent a task; `pilothouse demo` shows one without a key"
                )
            )
        else:
            empty.update(Content("reading the recordings…"))

    def show_preview(self) -> None:
        """Show the marked run's picture and facts."""
        status = self.rows.chosen
        room = self.size.width >= PREVIEW_CELLS and self.size.height >= PREVIEW_ROWS
        self.set_class(room and status is not None, "-preview")
        if status is None or not room:
            return
        run = status.run

        async def fetch(sha256: str) -> bytes:
            return await self.view.blob(run, sha256)

        sha256 = status.frame.blob.sha256 if status.frame is not None else ""
        self.query_one(Thumbnail).show(run, sha256, fetch)
        self.query_one("#preview-facts", Static).update(self._facts(status))

    def _facts(self, status: RunStatus) -> Content:
        wants = roster.wants(status)
        lines: list[tuple[str, str]] = [
            (roster.title(status), "bold $foreground"),
            (roster.state(status), f"bold {roster.tone(status)}"),
            (f"needs you: {wants}" if wants else "", "bold $text-warning"),
            (roster.last(status), "$text-muted"),
            (clean_line(status.frame.url, 200) if status.frame else "", "$text-primary"),
            (f"{clean_line(status.model, 60)} · {status.run}", "$text-muted"),
            (roster.tags(status), "$text-accent"),
        ]
        return Content("\n").join(Content.styled(text, style) for text, style in lines if text)

    def on_resize(self) -> None:
        """Show the preview where there is room for it."""
        self.call_after_refresh(self.show_preview)

    # --- moving -----------------------------------------------------------------------------------

    def _mark(self, at: int) -> None:
        self.rows.mark(at)
        self.show_preview()
        self.show_keys()

    def do_home_up(self) -> None:
        """Mark the run above."""
        self._mark(self.rows.at - 1)

    def do_home_down(self) -> None:
        """Mark the run below."""
        self._mark(self.rows.at + 1)

    def do_home_page_up(self) -> None:
        """Go a page up."""
        self._mark(self.rows.at - self.rows.page)

    def do_home_page_down(self) -> None:
        """Go a page down."""
        self._mark(self.rows.at + self.rows.page)

    def do_home_first(self) -> None:
        """Go to the first."""
        self._mark(0)

    def do_home_last(self) -> None:
        """Go to the last."""
        self._mark(len(self.rows.runs) - 1)

    def do_home_attend(self) -> None:
        """Mark the next run that needs a person, a search or not."""
        if not any(roster.wants(status) for status in self.rows.runs):
            self.query_text = ""
            self.show_runs()
        runs, at = self.rows.runs, self.rows.at
        places = [*range(at + 1, len(runs)), *range(at + 1)]
        self._mark(next(place for place in places if roster.wants(runs[place])))

    @on(RunList.Chosen)
    def _clicked(self, message: RunList.Chosen) -> None:
        if self.is_asking:
            self._close()
        self.show_preview()
        self.show_keys()
        if message.opened:
            self.do_home_open()

    # --- opening and starting ---------------------------------------------------------------------

    def do_home_open(self) -> None:
        """Open the marked run: live, or as a recording."""
        if (status := self.rows.chosen) is not None:
            self.surroundings.open_run(status.run, replay=not status.live)

    def do_home_new(self) -> None:
        """Ask for a task."""
        self.surroundings.show_new_run()

    def do_home_grid(self) -> None:
        """Go to the grid."""
        self.surroundings.show_grid()

    # --- the foot ---------------------------------------------------------------------------------

    def _ask(self, name: str) -> None:
        self._asks = name
        self.query_one("#foot").set_classes(f"-{name}")
        self.set_focus(self.query_one(f"#{name}"))
        self.show_keys()

    def _close(self) -> None:
        self._asks = ""
        self.query_one("#foot").set_classes("")
        self.take_keys()
        self.show_keys()

    def take_keys(self) -> None:
        """Give the keys to the list."""
        self.set_focus(self.rows, scroll_visible=False)

    def do_home_search(self) -> None:
        """Ask what to look for."""
        self.query_one("#search", FootLine).value = self.query_text
        self._ask("search")

    def do_home_rename(self) -> None:
        """Ask for a name."""
        self._ask_about("rename", lambda status: status.name)

    def do_home_tag(self) -> None:
        """Ask for tags."""
        self._ask_about("tag", lambda status: " ".join(status.tags))

    def _ask_about(self, name: str, value: Callable[[RunStatus], str]) -> None:
        if (status := self.rows.chosen) is not None:
            line = self.query_one(f"#{name}", FootLine)
            line.value = value(status)
            line.cursor_position = len(line.value)
            self._about = status.run
            self._ask(name)

    def do_home_delete(self) -> None:
        """Ask whether to delete the marked run."""
        if (status := self.rows.chosen) is not None:
            self.query_one(DeletePane).ask(status.run, roster.title(status))
            self._ask("delete")

    @on(FootLine.Changed, "#search")
    def _searched(self, message: FootLine.Changed) -> None:
        if self._asks == "search":
            self.query_text = message.value
            self.show_runs()

    @on(FootLine.Given)
    def _given(self, message: FootLine.Given) -> None:
        asked = self._asks
        self._close()
        if asked == "search":
            self.query_text = message.text
            self.show_runs()
        else:
            self._label(self._about, asked, message.text)

    def _label(self, run: str, asked: str, text: str) -> None:
        try:
            if asked == "rename":
                tending.rename(run, text)
            else:
                tending.tag(run, tending.parse_tags(text))
        except PilothouseError as error:
            self.say(str(error), "error")

    @on(FootLine.Left)
    def _left(self, message: FootLine.Left) -> None:
        if message.line.id == "search":
            self.query_text = ""
        self._close()
        self.show_runs()

    @on(DeletePane.Left)
    def _kept(self) -> None:
        self._close()

    @on(DeletePane.Committed)
    def _delete(self, message: DeletePane.Committed) -> None:
        self._close()
        try:
            tending.trash(message.run)
        except PilothouseError as error:
            self.say(str(error), "error")
            return
        self.say(f"in the trash: pilothouse trash --restore {message.run}")

    def on_descendant_focus(self) -> None:
        """Keep the keys where something is asked."""
        if self._asks and self.focused is not (wanted := self.query_one(f"#{self._asks}")):
            self.set_focus(wanted)

    def do_back(self) -> None:
        """Close the help, end the search, or go back to the run behind."""
        if self.has_class("-help"):
            self.do_help()
        elif self.query_text:
            self.query_text = ""
            self.show_runs()
        else:
            self.surroundings.back_to_run()
