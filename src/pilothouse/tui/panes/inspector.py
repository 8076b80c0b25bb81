"""The inspector: one step whole, in the place of the transcript. A pane, for a modal would blank the picture.

It lays out an `Inspection`; what belongs to a step is gathered in `tui.inspection`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.containers import Vertical

from pilothouse.tui import words
from pilothouse.tui.calls import ICONS
from pilothouse.tui.marked import render
from pilothouse.tui.widgets.lines import Fact, FactLine
from pilothouse.tui.widgets.rows import Rows
from pilothouse.tui.wrap import cut, wrap

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from pilothouse.state import Frame
    from pilothouse.tui.inspection import Step
    from pilothouse.tui.rowlist import Line

_TIMES = 14
"""Cells that the names of times take."""


class Inspection:
    """A step's sections as a `RowSource`; each is a row, so that it is copied and scrolled like one."""

    def __init__(self) -> None:
        self.sections: list[tuple[str, str, str]] = []
        """Title, text, and the tone of the text."""
        self._version = 0

    def put(self, step: Step) -> None:
        """Show another step."""
        known = [section for section in _sections(step) if section[1]]
        self.sections = known or [("Step", "nothing more is known of it", "note")]
        self._version += 1

    def __len__(self) -> int:
        return len(self.sections)

    def seq(self, index: int) -> int:
        """Give a section's place."""
        return index

    def stamp(self, position: int) -> int:
        """Give what differs between two steps; the position in the run means nothing here."""
        return self._version

    def look(self, index: int, position: int) -> int:
        """Give the same for every position."""
        return 0

    def toggle(self, index: int) -> bool:
        """Say that there is nothing to open: everything is."""
        return False

    def text(self, index: int) -> str:
        """Give a section's text."""
        return self.sections[index][1]

    def lines(self, index: int, width: int, position: int) -> list[Line]:
        """Lay a section out below its title."""
        title, text, tone = self.sections[index]
        lines: list[Line] = [()] if index else []
        lines.append(((cut(title, width), "heading"),))
        room = max(width - 2, 4)
        if title == "Said":
            body: list[Line] = render(text, room)
        else:
            body = [((line, tone),) for line in wrap(text, room)]
        return lines + [(("  ", tone), *line) for line in body]


class InspectorPane(Vertical):
    """Shows one step."""

    ALLOW_MAXIMIZE = False

    def __init__(self) -> None:
        super().__init__(id="inspector", classes="pane")
        self._head = FactLine(classes="pane-head")
        self._source = Inspection()
        self.rows = Rows(self._source, id="inspector-rows")
        self._step: Step | None = None

    def compose(self) -> ComposeResult:
        """Lay out head and sections."""
        yield self._head
        yield self.rows

    @on(Rows.Chosen)
    @on(Rows.Opened)
    def _chosen(self, message: Rows.Chosen) -> None:
        """Move among the sections; the run's position stays."""
        message.stop()
        self.rows.show(0, message.index, False)

    def show(self, step: Step) -> None:
        """Show a step; from its top, when it is another one."""
        is_another = self._step is None or self._step.action != step.action
        if step == self._step:
            return
        self._step = step
        self._source.put(step)
        self._head.put(
            [
                Fact(f"Step {step.action}", "bold $foreground"),
                Fact(f"{step.member} {step.target}".strip(), "$text-primary", 1),
            ],
            [
                Fact(f"{ICONS[step.status.replace(' ', '_')]} {step.status}"),
                Fact(f"turn {step.turn}", rank=2),
            ],
        )
        self.rows.changed_from(0)
        self.rows.show(0, 0 if is_another else self.rows.cursor, False)


def _sections(step: Step) -> list[tuple[str, str, str]]:
    is_bad = step.status in {"failed", "in doubt"}
    return [
        ("Thinking", step.thinking, "thinking"),
        ("Said", step.said, "text"),
        ("Arguments", step.input, "detail"),
        ("Error" if is_bad else "Result", step.result, "error" if is_bad else "text"),
        ("History", "\n".join(step.history), "warning"),
        ("Pictures", _pictures(step), "text"),
        ("Time", "\n".join(_times(step)), "text"),
        ("Tokens", "\n".join(_tokens(step)), "text"),
        ("Browser", "\n".join(step.page), "text"),
    ]


def _pictures(step: Step) -> str:
    parts = [_picture("before", step.before), _picture("after", step.after)]
    said = "\n".join(part for part in parts if part)
    return f"{said}\nd shows them: before, after with what changed boxed" if step.before else said


def _picture(when: str, frame: Frame | None) -> str:
    if frame is None:
        return ""
    size = f"{frame.blob.width_px}×{frame.blob.height_px}, {frame.blob.size / 1000:.0f} kB"
    return f"{when.ljust(7)} frame {frame.frame}, {size}"


def _times(step: Step) -> list[str]:
    shared = f", shared by {words.plural(step.batch, 'action')}" if step.batch > 1 else ""
    first = f"first word after {words.took(step.first_ms)}" if step.first_ms else ""
    model = ", ".join(part for part in (first, shared.strip(", ")) if part)
    times = (
        ("model", step.model_ms, model),
        ("before sending", step.waited_ms, ""),
        ("action", step.action_ms, ""),
        ("settling", step.settle_ms, f"by {step.settled_by}" if step.settled_by else ""),
        ("screenshot", step.picture_ms, ""),
    )
    return [
        f"{name.ljust(_TIMES)} {words.took(took).rjust(7)}{f'  {note}' if note else ''}"
        for name, took, note in times
        if took
    ]


def _tokens(step: Step) -> list[str]:
    lines = []
    if (used := step.usage) is not None:
        cached = used.cache_read
        wrote = used.cache_write_5m + used.cache_write_1h
        lines.append(f"in  {used.input + cached + wrote}, of them {cached} from the cache, {wrote} into it")
        thought = f", of them {used.thinking} thinking" if used.thinking else ""
        lines.append(f"out {used.output}{thought}")
        lines.append(f"cost {used.cost_usd:.4f} USD" if used.cost_usd is not None else "cost not known")
    if step.request:
        lines.append(f"request {step.request}")
    if lines and step.batch > 1:
        lines.append(f"for the turn, which proposed {words.plural(step.batch, 'action')}")
    return lines
