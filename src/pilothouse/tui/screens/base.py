"""The run screen's body: it owns the record and the playhead and lets every pane show the same position.

What a person can do here is in `screens.run`.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.containers import Container
from textual.content import Content
from textual.widgets import Static

from pilothouse.engine.roles import DRIVE
from pilothouse.errors import PilothouseError
from pilothouse.frames.geometry import Extent, fit
from pilothouse.paths import free_bytes, runs_dir
from pilothouse.safety import clean_line
from pilothouse.terminal.sending import Paced, PacedScreen
from pilothouse.tui import status, words
from pilothouse.tui.actions import ACTIONS, HELP_KEYS, Situation, waits_here
from pilothouse.tui.calls import Calls
from pilothouse.tui.keymap import Keymap
from pilothouse.tui.panes.lists import ListPane
from pilothouse.tui.panes.picture import PicturePane
from pilothouse.tui.playhead import Playhead
from pilothouse.tui.record import Record
from pilothouse.tui.sieve import Sieve
from pilothouse.tui.stylesheets import read_late
from pilothouse.tui.transcript import Transcript
from pilothouse.tui.widgets.drawer import Drawer
from pilothouse.tui.widgets.late import Late
from pilothouse.tui.widgets.lines import FactLine, KeyBar, PaneHead

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.widget import Widget

    from pilothouse.events import Event
    from pilothouse.runs import RunView
    from pilothouse.state import RunState
    from pilothouse.tui.graphics import Graphics
    from pilothouse.tui.panes.help import HelpPane
    from pilothouse.tui.panes.inspector import InspectorPane
    from pilothouse.tui.widgets.rows import Rows

TICK_S = 0.1
"""Repaints of streamed text and steps of a playing replay: at most ten a second (performance §6)."""
BATCH = 2_000
"""So many events of a recording are there before it plays by itself."""
PIECE, TAKING_S, RESTING_S = 250, 0.02, 0.005
"""Events are taken in pieces, for so long at a time, so that keys are heard while a long run loads."""
HELD = 8_000
"""Events read and not yet taken: reading waits then, lest a long run be in memory twice."""
SMALLEST = (40, 12)
FRAME_ROWS, TOOLS_ROWS = 2, 7
"""Status line and footer; and what the tool calls keep, head included, however wide the picture is."""
WIDE_CELLS, SPLIT_CELLS, SPLIT_ROWS = 100, 72, 20


def _help(_screen: RunBody) -> HelpPane:
    from pilothouse.tui.panes.help import HelpPane

    return HelpPane()


def _inspector(_screen: RunBody) -> InspectorPane:
    from pilothouse.tui.panes.inspector import InspectorPane

    return InspectorPane()


class RunBody(PacedScreen):
    """Three panes on one run, a status line, a footer, and a drawer for the composer and the prompts."""

    AUTO_FOCUS = ""
    ESCAPE_TO_MINIMIZE = False
    PANES: ClassVar = ("transcript", "tools", "picture")
    role = DRIVE
    """What the person may do to a live run."""
    keymap = Keymap()
    help_pane = Late(_help)
    inspector = Late(_inspector)
    unfit = Late(lambda _screen: Static(id="unfit"))

    def __init_subclass__(cls, *, is_layer: bool = False, **options: Any) -> None:
        """Gather nothing of a layer: Textual gathers it of the screen that is made of all (0.3 ms each)."""
        if not is_layer:
            super().__init_subclass__(**options)

    def __init__(
        self,
        view: RunView,
        run: str,
        *,
        replay: bool,
        ways: tuple[Graphics, ...],
        cell_px: Extent,
        speed: float = 0.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.view, self.run_id, self.is_replay = view, run, replay
        self.ways, self._cell_px, self._now = ways, cell_px, now
        self.record = Record()
        self.transcript = Transcript()
        self.calls = Calls(self.record)
        self.transcript_sieve, self.calls_sieve = Sieve(self.transcript), Sieve(self.calls)
        self.said_filter = ""
        self.found = ""
        """Where in a search one is."""
        self.playhead = Playhead(self.record, following=not replay, now=now)
        self.over = False
        """The stream of events has ended."""
        self.problem = ""
        self._play_at = speed
        """Play by itself at this pace once the recording is there; 0 for resting."""
        self.pending, self._pending_until = "", -1
        self._arrived: deque[Event] = deque()
        self._room = asyncio.Event()
        self._is_news, self._is_resting, self._head_at = False, False, now()
        self._chosen: tuple[Rows, int, int] | None = None
        self._filled = ""
        self._free_bytes: int | None = None
        self._line = ""
        """How the line to the terminal does, as of a second ago."""
        self._shaped_for = Extent(0, 0)

    def compose(self) -> ComposeResult:
        """Lay out everything; panes come in the order the grid places them."""
        # What is so from the beginning is said before there is anything to be styled anew by it.
        self.update_classes({"-wide": self.app.size.width >= WIDE_CELLS}, update=False)
        yield FactLine(id="status")
        with Container(id="panes"):
            yield ListPane(1, self.transcript_sieve, id="transcript", is_here=True)
            yield PicturePane(self._blob, self.ways[0], self._cell_px)
            yield ListPane(2, self.calls_sieve, id="tools")
        yield Drawer(self._now)
        yield KeyBar()

    def take_in(self, pane: Widget) -> None:
        """Mount a pane that was not needed before: the inspector is one of the panes."""
        read_late(self.app, "screens/late.tcss")
        match pane.id:
            case "help":
                self.mount(pane, after="#panes")
            case "inspector":
                self.query_one("#panes").mount(pane, before=0)
            case _:
                self.mount(pane)

    async def _blob(self, sha256: str) -> bytes:
        return await self.view.blob(self.run_id, sha256)

    def on_mount(self) -> None:
        """Start following the run."""
        self.set_interval(TICK_S, self._tick)
        self.set_interval(1.0, self._look_around)
        self._ask_around()
        self.focus_pane("transcript")
        self.refresh_all()
        self.call_after_refresh(self._follow)  # reading would take the interpreter from the first frame

    # --- events -----------------------------------------------------------------------------------

    @work(group="follow", exit_on_error=False)
    async def _follow(self) -> None:
        """Queue events as they come; `_tick` shows them."""
        try:
            async for event in self.view.events(self.run_id, 0, follow=not self.is_replay):
                self._arrived.append(event)
                if event.seq == 0:
                    self.call_later(self._tick)  # without waiting for the clock
                if len(self._arrived) >= HELD:
                    self._room.clear()
                    await self._room.wait()
                elif len(self._arrived) % 256 == 0:
                    await asyncio.sleep(0)
        except PilothouseError as error:
            self.problem = str(error)
        self.over = True

    def _tick(self) -> None:
        if not self._is_resting:
            self._drain()
        arrived, self._is_news = self._is_news, False
        finished = self.over and not self._arrived and self._finish()
        if self._play_at and (self.over or len(self.record) >= BATCH):
            self.playhead.set_speed(self._play_at)
            self.playhead.toggle()
            self._play_at = 0.0
        if self.playhead.tick() or arrived or finished:
            self.refresh_all()

    def _drain(self) -> None:
        """Take what has arrived for as long as a key can wait, and the rest after a rest."""
        begun_s, self._is_resting = time.perf_counter(), False
        while self._arrived and time.perf_counter() - begun_s < TAKING_S:
            self._take([self._arrived.popleft() for _ in range(min(len(self._arrived), PIECE))])
            self._is_news = True
        if len(self._arrived) < HELD // 2:
            self._room.set()
        if self._arrived:
            self._is_resting = True
            self.set_timer(RESTING_S, self._drain)

    def _take(self, arrived: list[Event]) -> None:
        events = self.record.extend(arrived)
        self._head_at = self._now()
        for source, rows in ((self.transcript, self.transcript_rows), (self.calls, self.calls_rows)):
            sieve = self.sieve_of(rows)
            changes = [at for event in events if (at := source.feed(event)) is not None]
            if changes:
                self.rows_changed(rows, sieve.changed_from(min(changes)))
        if self.record.last_seq >= self._pending_until >= 0:
            self.settle()
        state = self.record.head_state
        if self._shaped_for != (state.display_width_px, state.display_height_px) and state.display_width_px:
            self._shape_panes(*self.size)

    def rows_changed(self, rows: Rows, first: int) -> None:
        """Take note that the rows of a list are new or changed from one on."""
        rows.changed_from(first)

    def _finish(self) -> bool:
        """Take note, once, that no more events will come; says whether that is news."""
        if self._head_at < 0:
            return False
        self._head_at = -1.0
        self.settle()
        self.withdraw()
        if self.problem:
            self.say(self.problem, "error")
        return True

    def withdraw(self) -> None:
        """Ask no longer what only a living run can answer."""

    def settle(self) -> None:
        """Forget the command that was on its way."""
        self.pending, self._pending_until = "", -1

    def wait_for(self, seq: int) -> None:
        """Keep saying what is on its way until this event is here."""
        self._pending_until = seq
        if self.record.last_seq >= seq:
            self.settle()

    # --- what is so -------------------------------------------------------------------------------

    @property
    def live(self) -> bool:
        """Say whether an engine can still be asked."""
        return not self.is_replay and not self.over and not self.record.ended

    @property
    def killed(self) -> bool:
        """Say whether the stream ended without the run's own end."""
        return self.over and not self._arrived and bool(len(self.record)) and not self.record.ended

    @property
    def transcript_rows(self) -> Rows:
        """The transcript's list."""
        return self.query_one("#transcript", ListPane).rows

    @property
    def calls_rows(self) -> Rows:
        """The tool-call log's list."""
        return self.query_one("#tools", ListPane).rows

    @property
    def drawer(self) -> Drawer:
        """What is asked at the foot of the screen."""
        return self.query_one(Drawer)

    @property
    def current_rows(self) -> Rows:
        """The list that keys about rows mean:

        the tool calls when they have the focus, else the transcript.
        """
        inspector = RunBody.inspector.found(self)
        if inspector is not None and inspector.rows.has_focus:
            return inspector.rows
        return self.calls_rows if self.calls_rows.has_focus else self.transcript_rows

    def sieve_of(self, rows: Rows) -> Sieve:
        """Give what chooses a list's rows."""
        return self.calls_sieve if rows is self.calls_rows else self.transcript_sieve

    @property
    def situation(self) -> Situation:
        """What the registry's predicates look at."""
        return Situation(
            state=self.record.head_state,
            steerable=self.live,
            following=self.playhead.following,
            steps=len(self.record.stops),
            marks=len(self.record.marks),
            pictures=len(self.ways) > 1,
            row=bool(len(self.transcript)),
            role=self.role,
            found=self.found,
        )

    def say(self, text: str, severity: str = "information") -> None:
        """Show one sentence for a moment."""
        levels = {"error": "error", "warning": "warning"}
        level = levels.get(severity, "information")
        self.notify(clean_line(text), severity=level, markup=False, timeout=6)  # type: ignore[arg-type]

    # --- showing ----------------------------------------------------------------------------------

    def choose(self, rows: Rows, index: int, position: int) -> None:
        """Rest at a row's position with the cursor on that row, whatever else begins there."""
        self.playhead.go(position)
        self._chosen = (rows, index, self.playhead.position)
        self.refresh_all()

    def forget_choice(self) -> None:
        """Let the cursor of every list be where the position is."""
        self._chosen = None

    def say_found(self, text: str) -> None:
        """Say in the transcript's head, or the log's, where in a search one is."""
        self.found = text
        self.refresh_all()

    def refresh_all(self) -> None:
        """Show the playhead's position everywhere."""
        position = self.playhead.position
        state = self.record.state_at(position)
        for rows in (self.transcript_rows, self.calls_rows):
            rows.show(position, self._cursor(rows, position), self.playhead.following)
        turns = words.plural(state.turn, "turn") if state.turn else ""
        self.query_one("#transcript", ListPane).say(*self._looked_for(), turns)
        self.query_one("#tools", ListPane).say(*self._tally(position))
        for pane in (self.query_one(f"#{name}", ListPane) for name in ("transcript", "tools")):
            pane.tell_new(pane.rows.new_below if self.live and not self.playhead.following else 0)
        self.show_status()
        self.show_approval()
        self.show_keys()

    def show_approval(self) -> None:
        """Show what waits for a decision at the end of a living run."""

    def _cursor(self, rows: Rows, position: int) -> int:
        if (
            self._chosen
            and self._chosen[0] is rows
            and self._chosen[2] == position
            and not self.playhead.following
        ):
            return self._chosen[1]
        return rows.index_at(position)

    def _looked_for(self) -> list[str]:
        return [self.found, f"only {clean_line(self.said_filter, 60)}" if self.said_filter else ""]

    def _tally(self, position: int) -> list[str]:
        state = self.record.state_at(position)
        done = words.plural(state.finished, "action") if state.finished else ""
        failed = f"{state.failed} failed" if state.failed else ""
        return [done, failed, f"{state.in_doubt} in doubt" if state.in_doubt else ""]

    def _look_around(self) -> None:
        """Ask once a second what nobody tells: figures that never rest can't be read."""
        self._ask_around()
        self.show_status()

    def _ask_around(self) -> None:
        self._free_bytes = free_bytes(runs_dir()) if self.live else None
        self._line = status.line(self.app.link) if isinstance(self.app, Paced) else ""

    def show_status(self) -> None:
        """Show the status line and the picture, which tell the time."""
        position = self.playhead.position
        state = self.record.state_at(position)
        since_s = 0.0
        if self.live and self.playhead.following and len(self.record):
            since_s = max(self._now() - self._head_at, 0.0)
        look = status.Look(
            following=self.playhead.following,
            playing=self.playhead.playing,
            speed=self.playhead.speed,
            step=self.record.step_at(position),
            steps=len(self.record.stops),
            live=self.live,
            killed=self.killed and position >= self.record.head,
            elapsed_s=state.elapsed_s + since_s,
            pending=self.pending,
            free_bytes=self._free_bytes if self.live else None,
            link=self._line,
        )
        self.query_one("#status", FactLine).put(status.left(state, look), status.right(state, look))
        frame = state.frame
        age_s = None if frame is None or state.ended else (state.t - frame.t) / 1e9 + since_s
        self.show_picture(state, age_s)

    def show_picture(self, state: RunState, age_s: float | None) -> None:
        """Show the picture of a state, so many seconds old."""
        self.query_one(PicturePane).show(state.frame, state.current, age_s, state.approval)

    def show_keys(self) -> None:
        """Show in the footer what can be done here and now."""
        if local := self.drawer.keys or (HELP_KEYS if self.has_class("-help") else ()):
            self.query_one(KeyBar).put([(key.keys, key.short, True) for key in local])
            return
        now = self.situation
        shown = sorted((action for action in ACTIONS if action.footer), key=lambda action: action.footer)
        keys = []
        for action in shown:
            # Of no use now, though they work: the footer is for the likely keys.
            quiet = (action.id == "step.back" and now.following) or (action.id == "follow" and not self.live)
            quiet = quiet or (action.id == "attend" and not waits_here(now))
            if not quiet and not action.why_not(now):
                keys.append(
                    (self.keymap.shown(action), self._title(action.id, action.title_for(now.steerable)), True)
                )
        self.query_one(KeyBar).put(keys)

    def _title(self, action: str, title: str) -> str:
        if action == "run.pause":
            if self.live:
                return "resume" if self.record.head_state.holding else "pause"
            return "rest" if self.playhead.playing else "play"
        if action == "leave" and self.live:
            return "leave (the run goes on)"
        return title

    # --- layout -----------------------------------------------------------------------------------

    def on_resize(self) -> None:
        """Choose the layout for the size there is."""
        width, height = self.size
        unfit = width < SMALLEST[0] or height < SMALLEST[1]
        if unfit:
            sentence = f"terminal too small: {width}×{height}, the bridge needs {SMALLEST[0]}×{SMALLEST[1]}"
            self.unfit.update(Content(sentence))
        self.set_class(unfit, "-unfit")
        self.set_class(width >= WIDE_CELLS, "-wide")
        split = width >= SPLIT_CELLS and height >= SPLIT_ROWS
        self._shape_panes(width, height)
        self.set_class(not split, "-tabs")
        self._show_filled()

    def _shape_panes(self, width: int, height: int) -> None:
        """Give the picture the height that its width asks for, and the rest to the tool calls."""
        left, right = (9, 11) if width >= WIDE_CELLS else (9, 8)
        state = self.record.head_state
        shape = Extent(state.display_width_px or 16, state.display_height_px or 10)
        cells = fit(shape, Extent((width - 1) * right // (left + right), height * 2), self._cell_px)
        most = height - FRAME_ROWS - TOOLS_ROWS
        self.query_one("#panes").styles.grid_rows = f"{max(min(cells.height + 2, most), 4)} 1fr"
        self._shaped_for = shape

    def focus_pane(self, name: str) -> None:
        """Give a pane the keys; on a small screen it is the one that is shown."""
        in_front = "inspector" if name == "transcript" and self.has_class("-inspecting") else name
        target: Widget = self.query_one("#picture" if name == "picture" else f"#{in_front}-rows")
        self.set_focus(target, scroll_visible=False)
        for pane in self.PANES:
            self.query_one(f"#{pane}").set_class(pane == name, "-here")
            self.query_one(f"#{pane} PaneHead", PaneHead).stand_out(pane == name)
        if self._filled:
            self._filled = name
        self._here = name
        self._show_filled()

    @property
    def here(self) -> str:
        """The pane that has the keys, or had them last."""
        return self._here

    def fill(self, name: str) -> None:
        """Fill the screen with a pane; an empty name shows all of them again."""
        self._filled = name
        self._show_filled()

    @property
    def filled(self) -> str:
        """The pane that fills the screen; empty for none."""
        return self._filled

    def _show_filled(self) -> None:
        only = self._filled or (self._here if self.has_class("-tabs") else "")
        self.set_class(bool(only), "-filled")
        for head in self.query(PaneHead):
            head.stand_alone(bool(only))
        for pane in self.PANES:
            self.query_one(f"#{pane}").display = not only or pane == only
        self.query_one(PicturePane).stand_alone(only == "picture")
