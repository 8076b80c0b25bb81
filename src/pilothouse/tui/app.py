"""The app around the run screen:

its life, its keys for every screen, its themes. The run itself is the screen's.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.command import DiscoveryHit, Hit, Hits, Provider

from pilothouse.events import Outcome
from pilothouse.safety import clean_line
from pilothouse.terminal.app import GuardedApp
from pilothouse.tui import themes
from pilothouse.tui.actions import ACTIONS, key_name
from pilothouse.tui.graphics import cell_size, ways
from pilothouse.tui.screens.run import RunScreen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from textual.screen import Screen

    from pilothouse.runs import RunView
    from pilothouse.terminal.probe import Capabilities


class ActionCommands(Provider):
    """The registry, for the palette: what can be done now first, the rest with why not."""

    def _entries(self) -> Iterator[tuple[str, str, Callable[[], None]]]:
        screen = self.screen
        if not isinstance(screen, RunScreen):
            return
        for action in ACTIONS:
            why_not = action.why_not(screen.situation)
            title = action.title_for(screen.live)
            help_text = f"not now: {why_not}" if why_not else f"{action.does}  ({key_name(action.keys[0])})"
            yield title, help_text, lambda name=action.id: screen.choose_action(name)  # type: ignore[misc]

    async def discover(self) -> Hits:
        """List everything."""
        for title, help_text, callback in self._entries():
            yield DiscoveryHit(title, callback, help=help_text)

    async def search(self, query: str) -> Hits:
        """List what matches."""
        matcher = self.matcher(query)
        for title, help_text, callback in self._entries():
            if (score := max(matcher.match(title), matcher.match(help_text) * 0.8)) > 0:
                yield Hit(score, matcher.highlight(title), callback, help=help_text)


class Bridge(GuardedApp[None]):
    """One run on the screen: live while it lives, else as a recording.

    Args:
        view: Where the run is read and asked.
        run: Its id.
        replay: Only read it: begin at its first event and send no commands.
        capabilities: What the probe found of the terminal.
        actor: Who the commands are from.
        graphics: `auto`, `kitty`, `sixel`, `blocks` or `off`.
        speed: Play a recording at once, at so many times its pace; 0 opens it resting.
        theme: A theme's name; the default one where it is unknown.
        theme_directories: Where themes are read; None for ours and the person's own.
        now: A monotonic clock, in seconds.
    """

    CSS_PATH = "screens/run.tcss"
    TITLE = "Pilothouse"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar = {ActionCommands}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "leave", "leave", show=False, priority=True, id="app.leave")
    ]

    def __init__(
        self,
        view: RunView,
        run: str,
        *,
        replay: bool = False,
        capabilities: Capabilities,
        actor: str = "operator",
        graphics: str = "auto",
        speed: float = 0.0,
        theme: str = themes.DEFAULT,
        theme_directories: tuple[Path, ...] | None = None,
        now: Callable[[], float] = time.monotonic,
        strict_egress: bool = False,
        crash_log: Path | None = None,
    ) -> None:
        super().__init__(strict_egress=strict_egress, crash_log=crash_log)
        self.capabilities = capabilities
        self.erases = capabilities.multiplexer != "screen"
        self.run_id = run
        self._theme_problems = self._load_themes(theme_directories, theme)
        self.run_screen = RunScreen(
            view,
            run,
            replay=replay,
            ways=ways(capabilities, graphics),
            cell_px=cell_size(capabilities),
            speed=speed if replay else 0.0,
            now=now,
        )
        self.run_screen.actor = actor

    def _load_themes(self, directories: tuple[Path, ...] | None, wanted: str) -> list[str]:
        found, problems = themes.load_all(directories)
        for theme in found:
            self.register_theme(theme)
        if wanted in self.available_themes:
            self.theme = wanted
        elif wanted != themes.DEFAULT:
            problems.append(f"there is no theme {clean_line(wanted, 40)!r}: using the default")
        if self.theme != wanted and themes.DEFAULT in self.available_themes:
            self.theme = themes.DEFAULT
        return problems

    def get_default_screen(self) -> Screen[None]:
        """Begin on the run."""
        return self.run_screen

    def on_mount(self) -> None:
        """Say what was wrong with themes, in one toast."""
        self.set_terminal_title(f"pilothouse {self.run_id}")
        if self._theme_problems:
            self.notify("\n".join(self._theme_problems), severity="warning", timeout=10)

    def action_leave(self) -> None:
        """Leave the bridge; the run goes on."""
        self.exit()

    def farewell(self) -> str:
        """Say in one sentence what becomes of the run."""
        screen = self.run_screen
        if screen.is_replay:
            return ""
        if screen.live:
            return f"run {self.run_id} goes on: pilothouse attach {self.run_id}"
        state = screen.record.head_state
        ending = "was killed" if screen.killed else "is over"
        if state.outcome is Outcome.FAILED:
            ending = f"failed: {clean_line(state.why)}"
        return f"run {self.run_id} {ending}; watch it again: pilothouse replay {self.run_id}"
