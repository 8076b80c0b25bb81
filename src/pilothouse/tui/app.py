"""The app around the screens:

its life, which screen is in front, its themes and keymap. A run itself is its screen's.
"""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, work
from textual.binding import Binding, BindingType

from pilothouse.engine.roles import DRIVE
from pilothouse.errors import PilothouseError
from pilothouse.events import Outcome
from pilothouse.safety import clean_line
from pilothouse.terminal.app import GuardedApp
from pilothouse.tui import keymap as keymaps
from pilothouse.tui import roster, themes, tidying
from pilothouse.tui.attention import Attention, Wishes, utc_now, way_of
from pilothouse.tui.graphics import cell_size, ways
from pilothouse.tui.layouts import Layouts
from pilothouse.tui.screens.run import RunScreen
from pilothouse.tui.stylesheets import read_late

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from textual.screen import Screen

    from pilothouse.engine.link import Link
    from pilothouse.engine.spec import RunSpec, Started
    from pilothouse.runs import RunView
    from pilothouse.terminal.probe import Capabilities
    from pilothouse.tui.attention import Call
    from pilothouse.tui.screens.home import HomeScreen
    from pilothouse.tui.widgets.palette import Entry

THEME_ENTRY = "theme:"
SETTLED_S = 0.5
"""After so long the first frame is there."""


def _launch(spec: RunSpec) -> Started:
    from pilothouse.engine.launch import launch  # nothing but a new run needs it

    return launch(spec)


def _is_home(screen: Screen[Any]) -> bool:
    return bool(getattr(screen, "is_home", False))


class Bridge(GuardedApp[None]):
    """One run on the screen, live while it lives, else as a recording; or the roster of all of them.

    Args:
        view: Where runs are read and asked.
        run: The id of the run to begin with; empty for the roster.
        replay: Only read it: begin at its first event and send no commands.
        capabilities: What the probe found of the terminal.
        actor: Who the commands are from.
        role: What they may do: `watch`, `approve` or `drive`.
        connect: Makes the lasting connection to a run's engine; None to connect anew for every command.
        wishes: How the person wants to be called.
        graphics: `auto`, `kitty`, `sixel`, `blocks` or `off`.
        speed: Play a recording at once, at so many times its pace; 0 opens it resting.
        theme: A theme's name; the default one where it is unknown.
        theme_directories: Where themes are read; None for ours and the person's own.
        keymap: The person's keys, where they are not to be read from the configuration directory.
        launch: How a new run is started.
        now: A monotonic clock, in seconds.
        wall: The time of day, for the roster.
    """

    CSS_PATH: ClassVar = ["screens/run.tcss"]
    TITLE = "Pilothouse"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit_bridge", "leave", show=False, priority=True, id="app.leave")
    ]

    _has_begun = _has_more_themes = False

    def __init__(
        self,
        view: RunView,
        run: str = "",
        *,
        replay: bool = False,
        capabilities: Capabilities,
        actor: str = "operator",
        role: str = DRIVE,
        connect: Callable[[str], Link] | None = None,
        wishes: Wishes = Wishes(),  # noqa: B008 - frozen
        graphics: str = "auto",
        speed: float = 0.0,
        theme: str = themes.DEFAULT,
        theme_directories: tuple[Path, ...] | None = None,
        keymap: keymaps.Keymap | None = None,
        launch: Callable[[RunSpec], Started] = _launch,
        now: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] | None = None,
        strict_egress: bool = False,
        crash_log: Path | None = None,
    ) -> None:
        super().__init__(strict_egress=strict_egress, crash_log=crash_log)
        self.view = view
        self.capabilities = capabilities
        self.erases = capabilities.multiplexer != "screen"
        self._ways, self._cell_px = ways(capabilities, graphics), cell_size(capabilities)
        self._actor, self._role, self._connect, self._wishes = actor, role, connect, wishes
        self._now, self._wall, self._start = now, wall, launch
        self._call_way, self._tmux = way_of(capabilities, wishes), capabilities.multiplexer == "tmux"
        self._draft: dict[str, str] = {}
        self._tidying = tidying.Tidying(now)
        self._layouts = Layouts()
        self._theme_directories = theme_directories
        self._problems = self._load_first_theme(theme)
        self._keys, problems = (keymap, []) if keymap is not None else keymaps.load()
        self._problems += problems
        self.set_keymap(self._keys.for_textual())
        self._run_screen = self._screen_of(run, replay, speed if replay else 0.0) if run else None

    # --- screens ----------------------------------------------------------------------------------

    @property
    def run_screen(self) -> RunScreen:
        """The run that is open, or was last."""
        if self._run_screen is None:
            raise LookupError("no run is open")
        return self._run_screen

    @property
    def run_id(self) -> str:
        """The id of the run that is open, or was last; empty while none was."""
        return self._run_screen.run_id if self._run_screen is not None else ""

    def _screen_of(self, run: str, replay: bool, speed: float = 0.0) -> RunScreen:
        screen = RunScreen(
            self.view,
            run,
            replay=replay,
            ways=self._ways,
            cell_px=self._cell_px,
            speed=speed,
            now=self._now,
        )
        screen.actor, screen.role, screen.surroundings = self._actor, self._role, self
        screen.keymap, screen.layouts = self._keys, self._layouts
        screen.connect = None if replay else self._connect
        screen.attention = Attention(self._wishes, utc_now())
        return screen

    def get_default_screen(self) -> Screen[None]:
        """Begin on the run, or on the roster."""
        return self._run_screen or self._home()

    def _home(self) -> HomeScreen:
        from pilothouse.tui.screens.home import HomeScreen  # not for the first frame of a run

        self._read_home()
        screen = HomeScreen(self.view, self, self._wall)
        screen.keymap = self._keys
        return screen

    def _read_home(self) -> None:
        read_late(self, "screens/late.tcss", "screens/home.tcss")

    def open_run(self, run: str, *, replay: bool) -> None:
        """Open a run in the place of the one that is open; what lies over the roster is closed."""
        screen = self._screen_of(run, replay)
        while len(self.screen_stack) > 1 and not (
            _is_home(self.screen) or isinstance(self.screen, RunScreen)
        ):
            self.pop_screen()
        if _is_home(self.screen) and len(self.screen_stack) > 1:
            self.pop_screen()  # the roster that was opened over a run
        self._run_screen = screen
        if isinstance(self.screen, RunScreen) and len(self.screen_stack) > 1:
            self.switch_screen(screen)
        else:
            if isinstance(self.screen, RunScreen):
                self.workers.cancel_node(self.screen)  # the one below all can't be taken away
            self.push_screen(screen)
        self.set_terminal_title(f"pilothouse {run}")

    def leave_screen(self) -> None:
        """Go back to the screen behind; where there is none, leave the bridge."""
        if _is_home(self.screen) or (isinstance(self.screen, RunScreen) and not self.has_roster()):
            self.exit()
            return
        if self.screen is self._run_screen:
            self._run_screen = None
        self.pop_screen()

    def has_roster(self) -> bool:
        """Say whether the roster lies behind what is in front."""
        return any(_is_home(screen) for screen in self.screen_stack)

    def show_home(self) -> None:
        """Go to the roster: the one behind, or one over the run."""
        if self.has_roster():
            while not _is_home(self.screen):
                self.pop_screen()
            self._run_screen = None
        else:
            self.push_screen(self._home())

    def back_to_run(self) -> None:
        """Close a roster that was opened over a run."""
        if len(self.screen_stack) > 1:
            self.pop_screen()

    def show_grid(self) -> None:
        """Show the live runs side by side."""
        from pilothouse.tui.screens.grid import GridScreen  # not for the first frame

        self._read_home()
        screen = GridScreen(self.view, self, self._wall)
        screen.keymap = self._keys
        self.push_screen(screen)

    def show_new_run(self) -> None:
        """Ask for a task."""
        from pilothouse.tui.screens.new_run import NewRunScreen  # not for the first frame

        self._read_home()
        self.push_screen(NewRunScreen(self, self._start, self._draft))

    def show_neighbour(self, by: int) -> None:
        """Open the live run after or before the one that is open."""
        self._find_neighbour(by)

    @work(group="neighbour", exclusive=True, exit_on_error=False)
    async def _find_neighbour(self, by: int) -> None:
        try:
            runs = [status async for status in self.view.roster() if roster.is_live(status)]
        except PilothouseError as error:
            self.notify(str(error), severity="error")
            return
        ids = [status.run for status in sorted(runs, key=lambda status: status.started)]
        others = [run for run in ids if run != self.run_id]
        if not others:
            self.notify("no other run is live")
            return
        at = ids.index(self.run_id) if self.run_id in ids else -1
        self.open_run(ids[(at + by) % len(ids)], replay=False)

    # --- themes -----------------------------------------------------------------------------------

    def _load_first_theme(self, wanted: str) -> list[str]:
        """Begin in a theme: the others are for when the first frame is there."""
        if (theme := themes.find(wanted, self._theme_directories)) is None:
            return self._load_themes(wanted)
        self.register_theme(theme)
        self._ours = [theme.name]
        self._begin_with(theme.name)
        self._has_more_themes = True
        return []

    def _load_other_themes(self) -> None:
        """Read what the first frame had no need of, and say once what is wrong with any of it."""
        begun = self.current_theme
        problems = self._register_all()
        if self.current_theme != begun:  # another file has a theme of that name, and comes later
            self._recolour()
        if problems:
            self.notify("\n".join(problems), severity="warning", timeout=10)

    def _recolour(self) -> None:
        self._invalidate_css()
        self.refresh_css(animate=False)

    def _register_all(self) -> list[str]:
        found, problems = themes.load_all(self._theme_directories)
        for theme in found:
            self.register_theme(theme)
        self._ours = sorted(theme.name for theme in found)
        return problems

    def _load_themes(self, wanted: str) -> list[str]:
        problems = self._register_all()
        wanted = themes.full_name(wanted, self._ours)
        if wanted not in self.available_themes:
            if wanted != themes.DEFAULT:
                problems.append(f"there is no theme {clean_line(wanted, 40)!r}: using the default")
            wanted = themes.DEFAULT
        self._begin_with(wanted if wanted in self.available_themes else self.theme)
        return problems

    def get_css_variables(self) -> dict[str, str]:
        """Give what styles may name: nothing until it is known in which theme all begins."""
        return super().get_css_variables() if self._has_begun else {}

    def _begin_with(self, name: str) -> None:
        """Take the theme in which all begins. As a change of theme it would have all styles read twice."""
        self._has_begun = True
        self.set_reactive(Bridge.theme, name)
        theme = self.current_theme
        classes = {f"-theme-{name}": True, "-dark-mode": theme.dark, "-light-mode": not theme.dark}
        self.update_classes(classes, update=False)
        self._refresh_truecolor_filter(self.ansi_theme)
        self.stylesheet.set_variables(self.get_css_variables())

    def next_theme(self) -> None:
        """Use the next theme of ours and the person's own."""
        at = self._ours.index(self.theme) if self.theme in self._ours else -1
        self.use_theme(self._ours[(at + 1) % len(self._ours)])

    def use_theme(self, name: str) -> None:
        """Use a theme, and say which."""
        self.theme = name
        self.notify(f"theme: {name} (to keep it: theme = {name!r} in settings.toml)")

    def theme_entries(self) -> list[Entry]:
        """Give the palette's entries for the themes."""
        from pilothouse.tui.widgets.palette import Entry

        return [
            Entry(
                f"{THEME_ENTRY}{name}", f"theme {name}", "use these colours", "in use" * (name == self.theme)
            )
            for name in self._ours
        ]

    def choose_theme(self, entry: str) -> bool:
        """Use the theme of a palette's entry; says whether it was one."""
        if entry.startswith(THEME_ENTRY):
            self.use_theme(entry.removeprefix(THEME_ENTRY))
            return True
        return False

    @work(group="themes", exit_on_error=False)
    async def _watch_themes(self) -> None:
        """Take a theme file into use as it is saved; one that went bad costs a toast; the old one stays."""
        async for found, problems in themes.changes(self._theme_directories):
            for theme in found:
                self.register_theme(theme)
            self._ours = sorted({*self._ours, *(theme.name for theme in found)})
            if any(theme.name == self.theme for theme in found):
                self._recolour()
            if problems:
                self.notify("\n".join(problems), severity="warning", timeout=10)

    # --- its life ---------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Say what was wrong with themes and keys, in one toast."""
        self.set_terminal_title(f"pilothouse {self.run_id}".strip())
        if self._problems:
            self.notify("\n".join(self._problems), severity="warning", timeout=10)
        if self._has_more_themes:
            self.call_after_refresh(self._load_other_themes)
        self._watch_themes()
        if not self.is_headless:
            self.set_timer(SETTLED_S, self._settle)

    def _settle(self) -> None:
        """Do what would compete with the first frame."""
        gc.freeze()  # full collections would cost 24 ms each, with thousands of live objects (performance §7)
        gc.enable()
        from pilothouse.frames.workshop import WORKSHOP

        WORKSHOP.open()
        self._tidying.begin()
        self.set_interval(tidying.EVERY_S, self._tidying.look)

    async def on_event(self, event: events.Event) -> None:
        """Take note of keys."""
        if isinstance(event, events.Key):
            self._tidying.typed()
        await super().on_event(event)

    def on_unmount(self) -> None:
        """End what was begun."""
        from pilothouse.frames.workshop import WORKSHOP

        WORKSHOP.close()
        self._tidying.end()

    def call(self, call: Call) -> None:
        """Call the person in the ways that they want to be called."""
        if call.title is not None:
            self.set_terminal_title(call.title)
        if call.bell:
            self.bell()
        if call.desktop:
            self.notify_desktop(call.desktop, self._call_way, tmux=self._tmux)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave every key to the page while a person drives."""
        screen = self.screen
        if isinstance(screen, RunScreen) and screen.is_captured:
            return False
        return super().check_action(action, parameters)

    def action_quit_bridge(self) -> None:
        """Leave the bridge; the run goes on."""
        self.exit()

    def farewell(self) -> str:
        """Say in one sentence what becomes of the run."""
        screen = self._run_screen
        if screen is None or screen.is_replay:
            return ""
        if screen.live:
            return f"run {self.run_id} goes on: pilothouse attach {self.run_id}"
        state = screen.record.head_state
        ending = "was killed" if screen.killed else "is over"
        if state.outcome is Outcome.FAILED:
            ending = f"failed: {clean_line(state.why)}"
        return f"run {self.run_id} {ending}; watch it again: pilothouse replay {self.run_id}"
