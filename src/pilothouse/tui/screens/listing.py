"""What the roster and the grid have in common: they follow the roster, and do the actions of a registry."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from textual import on, work
from textual.binding import Binding, BindingType

from pilothouse.errors import PilothouseError
from pilothouse.safety import clean_line
from pilothouse.terminal.sending import PacedScreen
from pilothouse.tui import roster
from pilothouse.tui.actions import HELP_KEYS, PALETTE_KEYS
from pilothouse.tui.keymap import Keymap
from pilothouse.tui.panes.help import HelpPane
from pilothouse.tui.widgets.lines import KeyBar
from pilothouse.tui.widgets.palette import Entry, PalettePane

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pilothouse.runs import RunStatus, RunView
    from pilothouse.tui.actions import Action, LocalKey
    from pilothouse.tui.roster_actions import Choice
    from pilothouse.tui.surroundings import Surroundings

REPAINT_S = 0.25
"""Changes of the roster are shown together, this often at most."""
NONE_S = 1.0


def bindings_of(actions: Mapping[str, Action]) -> list[BindingType]:
    """Bind the keys of a screen's actions."""
    return [
        Binding(",".join(action.keys), f"do('{action.id}')", action.does, show=False, id=action.id)
        for action in actions.values()
        if action.keys
    ]


class ListingScreen(PacedScreen):
    """Knows every run, and which of them are to be seen; a subclass shows them."""

    AUTO_FOCUS = ""
    ESCAPE_TO_MINIMIZE = False
    ACTIONS: Mapping[str, Action]
    keymap = Keymap()
    surroundings: Surroundings

    def __init__(self, view: RunView, now: Callable[[], datetime] | None = None) -> None:
        super().__init__()
        self.view = view
        self.now = now or (lambda: datetime.now(UTC).astimezone())
        self.known: dict[str, RunStatus] = {}
        self.loaded = False
        """What there is, if anything, has begun to come."""
        self._dirty = False

    def on_mount(self) -> None:
        """Begin to follow the roster."""
        self.set_interval(REPAINT_S, self._repaint)
        self.set_interval(1.0, self._tick)
        self.set_timer(NONE_S, self._find_none)
        self._follow()

    def _find_none(self) -> None:
        """Take it that there are no runs, since none was told of so far."""
        if not self.loaded:
            self.loaded = self._dirty = True

    @work(group="roster", exit_on_error=False)
    async def _follow(self) -> None:
        try:
            async for status in self.view.roster(follow=True):
                self.loaded = True
                self.take(status)
        except PilothouseError as error:
            self.say(str(error), "error")

    def take(self, status: RunStatus) -> None:
        """Take a change of the roster."""
        if status.gone:
            self.known.pop(status.run, None)
        elif self.known.get(status.run) == status:
            return
        else:
            self.known[status.run] = status
        self._dirty = True

    def _repaint(self) -> None:
        if self._dirty and self.is_current:
            self._dirty = False
            self.show_runs()

    def _tick(self) -> None:
        """Let the time of live runs go on."""
        if self.is_current and any(roster.is_live(status) for status in self.known.values()):
            self.show_runs()

    def on_screen_resume(self) -> None:
        """Show what changed behind another screen."""
        if self.is_mounted and self.loaded:
            self.show_runs()

    def runs_now(self) -> list[RunStatus]:
        """Give every run as it stands now, in the order of the roster."""
        now = self.now()
        return roster.ordered(status.up_to(now) for status in self.known.values())

    def show_runs(self) -> None:
        """Show the runs as they stand."""
        raise NotImplementedError

    @property
    def choice(self) -> Choice:
        """What the predicates look at."""
        raise NotImplementedError

    # --- actions ----------------------------------------------------------------------------------

    @property
    def is_asking(self) -> bool:
        """Something at the foot has the keys."""
        return self.has_class("-palette")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave every key to what is asked at the foot."""
        if action == "do" and self.is_asking:
            return False
        return super().check_action(action, parameters)

    def action_do(self, name: str) -> None:
        """Do an action of the registry, or say why it can't be done."""
        if self.has_class("-help") and not self._help_takes(name):
            return
        action = self.ACTIONS[name]
        if why_not := action.why_not(self.choice):
            self.say(f"{action.title}: {why_not}", "warning")
            return
        method: Any = getattr(self, action.method)
        method()

    def _help_takes(self, name: str) -> bool:
        if name in {"help", "back", "leave", "palette"}:
            return True
        by = {"up": -1, "down": 1, "page_up": -10, "page_down": 10}.get(name.partition(".")[2], 0)
        self.query_one(HelpPane).scroll_relative(y=by, animate=False)
        return False

    def do_help(self) -> None:
        """Show or close the help."""
        self.toggle_class("-help")
        if self.has_class("-help"):
            self.query_one(HelpPane).tell(self.choice, self.keymap)
        self.show_keys()

    def do_palette(self) -> None:
        """Offer every action by its name."""
        entries = [
            Entry(a.id, a.title, a.does, self.keymap.shown(a), a.why_not(self.choice))
            for a in self.ACTIONS.values()
            if a.id != "palette"
        ]
        pane = self.query_one(PalettePane)
        pane.offer([*entries, *self.surroundings.theme_entries()])
        self.add_class("-palette")
        self.set_focus(pane.line)
        self.show_keys()

    @on(PalettePane.Chosen)
    def _chosen_by_name(self, message: PalettePane.Chosen) -> None:
        self._close_palette()
        if not self.surroundings.choose_theme(message.action):
            if self.has_class("-help") and message.action != "help":
                self.do_help()
            self.action_do(message.action)

    @on(PalettePane.Left)
    def _close_palette(self) -> None:
        self.remove_class("-palette")
        self.take_keys()
        self.show_keys()

    def take_keys(self) -> None:
        """Give the keys back to the runs."""
        raise NotImplementedError

    def do_theme_next(self) -> None:
        """Use the next theme."""
        self.surroundings.next_theme()

    def do_leave(self) -> None:
        """Leave."""
        self.surroundings.leave_screen()

    def do_back(self) -> None:
        """Close what is open."""
        if self.has_class("-help"):
            self.do_help()

    # --- the foot ---------------------------------------------------------------------------------

    @property
    def local_keys(self) -> tuple[LocalKey, ...]:
        """The keys of what is asked at the foot."""
        if self.has_class("-palette"):
            return PALETTE_KEYS
        return HELP_KEYS if self.has_class("-help") else ()

    def show_keys(self) -> None:
        """Show in the footer what can be done here and now."""
        if local := self.local_keys:
            self.query_one(KeyBar).put([(key.keys, key.short, True) for key in local])
            return
        choice = self.choice
        shown = sorted((a for a in self.ACTIONS.values() if a.footer), key=lambda action: action.footer)
        keys = [(self.keymap.shown(a), a.title, True) for a in shown if not a.why_not(choice)]
        self.query_one(KeyBar).put(keys)

    def say(self, text: str, severity: str = "information") -> None:
        """Show one sentence for a moment."""
        levels = {"error": "error", "warning": "warning"}
        level = levels.get(severity, "information")
        self.notify(clean_line(text), severity=level, markup=False, timeout=6)  # type: ignore[arg-type]
