"""The list of runs: a heading per part, two lines for a live run, one for a recording."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from pilothouse.tui import roster, words
from pilothouse.tui.wrap import cells, cut

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual import events

    from pilothouse.runs import RunStatus

STATE_CELLS = 20


@dataclass(frozen=True, slots=True)
class _Row:
    """One line: of which run, and which of its lines; `index` -1 for a heading."""

    index: int
    nth: int = 0
    heading: str = ""


class RunList(ScrollView, can_focus=True, inherit_bindings=False):
    """Scrolls the runs it is given; its keys are the screen's."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"runlist--marked"}

    class Chosen(Message):
        """The person marked a run with the mouse."""

        def __init__(self, run: str, opened: bool) -> None:
            super().__init__()
            self.run = run
            self.opened = opened

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC).astimezone()) -> None:
        super().__init__(id="runs")
        self._now = now
        self.runs: list[RunStatus] = []
        self._rows: list[_Row] = []
        self.at = -1

    @property
    def chosen(self) -> RunStatus | None:
        """The marked run."""
        return self.runs[self.at] if 0 <= self.at < len(self.runs) else None

    def put(self, runs: Sequence[RunStatus]) -> None:
        """Show these runs, in this order; the marked one stays marked wherever it is now."""
        marked = self.chosen.run if self.chosen else ""
        before = self.at
        self.runs = list(runs)
        places = {status.run: at for at, status in enumerate(self.runs)}
        self.at = places.get(marked, min(max(before, 0), len(self.runs) - 1))
        self._rows = self._laid_out()
        self.virtual_size = Size(0, len(self._rows))
        self.reveal()
        self.refresh()

    def _laid_out(self) -> list[_Row]:
        rows: list[_Row] = []
        part = ""
        for index, status in enumerate(self.runs):
            live = roster.is_live(status)
            heading = "Live" if live else "Recordings"
            if heading != part:
                part = heading
                rows += [_Row(-1)] * bool(rows) + [_Row(-1, heading=heading)]
            rows += [_Row(index, nth) for nth in range(2 if live else 1)]
        return rows

    def mark(self, at: int) -> None:
        """Mark a run, as far as there are some."""
        self.at = min(max(at, 0), len(self.runs) - 1)
        self.reveal()
        self.refresh()

    def reveal(self) -> None:
        """Scroll as little as needed to show the marked run; its heading too, at the top."""
        lines = [line for line, row in enumerate(self._rows) if row.index == self.at]
        if not lines or not self.size.height:
            return
        top = 0 if self.at == 0 else lines[0]
        if top < self.scroll_offset.y:
            self.scroll_to(y=top, animate=False)
        elif lines[-1] >= self.scroll_offset.y + self.size.height:
            self.scroll_to(y=lines[-1] - self.size.height + 1, animate=False)

    def on_resize(self) -> None:
        """Keep the marked run in view."""
        self.reveal()

    @property
    def page(self) -> int:
        """How many runs a page is, about."""
        return max(self.size.height // 2, 1)

    def render_line(self, y: int) -> Strip:
        """Paint one line."""
        width, line = self.size.width, y + self.scroll_offset.y
        if line >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        row = self._rows[line]
        if row.index < 0:
            content = Content.styled(f" {row.heading}", "bold $text-accent")
        else:
            content = self._line(self.runs[row.index], row.nth, row.index == self.at, width)
        marked = row.index == self.at
        style = self.get_visual_style("runlist--marked") if marked else self.visual_style
        return Strip(content.render_segments(style)).adjust_cell_length(width, style.rich_style)

    def _line(self, status: RunStatus, nth: int, marked: bool, width: int) -> Content:
        bar = ("▎" if marked else " ", "bold $text-accent")
        if nth:
            return Content.assemble(bar, "  ", *self._second(status, width - 4))
        shown = self._columns(status, width)
        used = 1 + sum(cells(text) + 2 for text, _ in shown)
        name = cut(roster.title(status), max(width - used - 1, 8))
        parts: list[tuple[str, str]] = [bar]
        for text, style in shown:
            parts += [(text, style), ("  ", "")]
        return Content.assemble(*parts, (name, "bold $foreground" if marked else "$foreground"))

    def _columns(self, status: RunStatus, width: int) -> list[tuple[str, str]]:
        live = roster.is_live(status)
        glyph = "!" if roster.wants(status) else "●" if live else "○"
        said = cut(f"{glyph} {roster.state(status)}", STATE_CELLS)
        shown = [(f"{said:{STATE_CELLS}}", f"bold {roster.tone(status)}")]
        cost = words.money(status.cost_usd) if status.cost_usd is not None else "-"
        columns = [
            (54, f"{f'step {status.actions}':9}"),
            (64, f"{cost:>7}"),
            (76, f"{words.clock(status.duration_s):>7}"),
        ]
        if not live:
            columns.append((88, f"{roster.day(status, self._now()):>11}"))
        return shown + [(text, "$text-muted") for from_cells, text in columns if width >= from_cells]

    def _second(self, status: RunStatus, width: int) -> list[tuple[str, str]]:
        if asked := roster.wants(status):
            return [("needs you: ", "bold $text-warning"), (cut(asked, width - 11), "$text-warning")]
        return [(cut(roster.last(status) or "starting…", width), "$text-muted")]

    def on_click(self, event: events.Click) -> None:
        """Mark the run under the pointer; a second click opens it."""
        line = event.y + self.scroll_offset.y
        if line < len(self._rows) and (index := self._rows[line].index) >= 0:
            self.mark(index)
            self.post_message(self.Chosen(self.runs[index].run, event.chain > 1))
