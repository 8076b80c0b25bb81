"""The form for a new run: a task, and the settings that matter for it. It checks as the command line does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static, TextArea

from pilothouse.engine.preflight import TASK_MAX_BYTES, checked_task, require
from pilothouse.errors import PilothouseError
from pilothouse.ids import new_run_id
from pilothouse.safety import clean, clean_line
from pilothouse.settings.file import read_file
from pilothouse.settings.resolve import Settings, resolve
from pilothouse.settings.specs import run_spec
from pilothouse.settings.table import BY_NAME
from pilothouse.terminal.sending import PacedScreen
from pilothouse.tui.roster_actions import NEW_RUN_KEYS
from pilothouse.tui.widgets.lines import Fact, FactLine, KeyBar

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events
    from textual.app import ComposeResult
    from textual.widget import Widget

    from pilothouse.engine.spec import RunSpec, Started
    from pilothouse.tui.surroundings import Surroundings

TASK, PRESET = "task", "preset"
FIELDS: Final = (TASK, PRESET, "model", "browser", "start-url", "limit", "approve", "rules")
"""A task, a preset, and names of settings."""
_HINTS: Final = {
    TASK: "what the agent is to do, in plain words",
    PRESET: "a [preset.NAME] of the settings file",
}


class _Next(Message):
    """The person is done with a field."""

    def __init__(self, by: int = 1) -> None:
        super().__init__()
        self.by = by


class TaskArea(TextArea):
    """Where the task is written; enter goes on to the next field."""

    def __init__(self) -> None:
        super().__init__(id="field-task", soft_wrap=True, compact=True, highlight_cursor_line=False)
        self.cursor_blink = False

    @property
    def value(self) -> str:
        """What is written."""
        return self.text

    async def _on_key(self, event: events.Key) -> None:
        match event.key:
            case "enter":
                self.post_message(_Next())
            case "ctrl+j" | "shift+enter":
                self.insert("\n")
            case "tab" | "shift+tab":
                self.post_message(_Next(1 if event.key == "tab" else -1))
            case _:
                await super()._on_key(event)
                return
        event.stop()
        event.prevent_default()

    async def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.insert(clean(event.text, limit=TASK_MAX_BYTES))


class FieldLine(Input):
    """One value; what is pasted into it is cleaned."""

    def __init__(self, name: str, placeholder: str) -> None:
        super().__init__(id=f"field-{name}", placeholder=placeholder, compact=True, max_length=2_000)
        self.cursor_blink = False

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.insert_text_at_cursor(clean_line(event.text, 2_000))

    async def action_submit(self) -> None:
        """Go on to the next field."""
        self.post_message(_Next())


class Field(Horizontal):
    """A name, what is written, what is allowed, and what is wrong with it."""

    def __init__(self, name: str, placeholder: str) -> None:
        super().__init__(id=f"about-{name}", classes="field")
        self.called = name
        self._placeholder = placeholder

    def compose(self) -> ComposeResult:
        """Lay the field out."""
        yield Static(Content(self.called), classes="field-name")
        with Vertical(classes="field-body"):
            yield TaskArea() if self.called == TASK else FieldLine(self.called, self._placeholder)
            hint = _HINTS.get(self.called) or BY_NAME[self.called].help
            yield Static(Content(hint), classes="hint")
            yield Static(Content(""), classes="problem")

    @property
    def line(self) -> TaskArea | FieldLine:
        """Where it is written."""
        return self.query_one(TaskArea) if self.called == TASK else self.query_one(FieldLine)

    def blame(self, sentence: str) -> None:
        """Say what is wrong; an empty sentence takes it back."""
        self.set_class(bool(sentence), "-wrong")
        said = f"✗ {clean_line(sentence, 400)}" if sentence else ""
        self.query_one(".problem", Static).update(Content(said))


class NewRunScreen(PacedScreen):
    """Asks what is to be done and how; ctrl+y starts the run."""

    AUTO_FOCUS = ""
    ESCAPE_TO_MINIMIZE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+y", "start", show=False, priority=True),
        Binding("escape", "leave", show=False, priority=True),
        Binding("tab", "move(1)", show=False, priority=True),
        Binding("shift+tab", "move(-1)", show=False, priority=True),
    ]

    def __init__(
        self,
        surroundings: Surroundings,
        launch: Callable[[RunSpec], Started],
        draft: dict[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.surroundings = surroundings
        self._launch = launch
        self.draft = {} if draft is None else draft
        """What was written the last time the form was left."""
        self._starting = False

    def compose(self) -> ComposeResult:
        """Lay out a field for each value."""
        holding, self._bad_settings = self._holding()
        yield FactLine(id="form-status")
        with VerticalScroll(id="form", can_focus=False):
            yield Static(Content(""), id="form-problem", classes="problem")
            for name in FIELDS:
                yield Field(name, self._placeholder(name, holding))
        yield KeyBar()

    def _holding(self) -> tuple[Settings, str]:
        try:
            return resolve(), ""
        except PilothouseError as error:
            return Settings(), str(error)

    def _placeholder(self, name: str, holding: Settings) -> str:
        if name == TASK:
            return ""
        if name == PRESET:
            try:
                return clean_line(", ".join(read_file().presets), 100)
            except PilothouseError:
                return ""
        setting = BY_NAME[name]
        shown = setting.show(holding[name]) or setting.kind.give.removeprefix("give ")
        return clean_line(shown, 100)

    def on_mount(self) -> None:
        """Put back what was written, and begin with the task."""
        for field in self.query(Field):
            if text := self.draft.get(field.called):
                self._write(field, text)
        self.query_one(KeyBar).put([(key.keys, key.short, True) for key in NEW_RUN_KEYS])
        self._say_status("")
        if self._bad_settings:
            self._blame("", self._bad_settings)
        self.set_focus(self.query_one("#field-task"))

    def _write(self, field: Field, text: str) -> None:
        line = field.line
        if isinstance(line, TaskArea):
            line.text = text
        else:
            line.value = text

    def _say_status(self, pending: str) -> None:
        line = self.query_one("#form-status", FactLine)
        line.put([Fact("New run", "bold $foreground"), Fact(pending, "italic $text-warning")])

    # --- moving -----------------------------------------------------------------------------------

    @on(_Next)
    def _next(self, message: _Next) -> None:
        self.action_move(message.by)

    def action_move(self, by: int) -> None:
        """Go to another field."""
        lines: list[Widget] = [field.line for field in self.query(Field)]
        at = lines.index(self.focused) if self.focused in lines else -1
        self.set_focus(lines[(at + by) % len(lines)])

    def on_descendant_focus(self) -> None:
        """Bring the field with the keys into view, its sentence too."""
        if self.focused is not None and isinstance(field := self.focused.query_ancestor(Field), Field):
            field.scroll_visible(animate=False)

    # --- starting ---------------------------------------------------------------------------------

    def _given(self) -> dict[str, str]:
        return {field.called: field.line.value.strip() for field in self.query(Field)}

    def spec(self) -> RunSpec:
        """Make the spec of what is written.

        Raises:
            PilothouseError: Something in it can't be used; `where` names the field, if it is one's fault.
        """
        given = self._given()
        task = checked_task(given[TASK].encode(), TASK)
        options = {BY_NAME[name].key: given[name] or None for name in FIELDS if name in BY_NAME}
        holding = resolve({**options, PRESET: given[PRESET]})
        spec = run_spec(holding, run=new_run_id(), task=task, headless=False)
        require(spec)
        return spec

    def action_start(self) -> None:
        """Start the run, or say beside the field why not."""
        if self._starting:
            return
        for field in self.query(Field):
            field.blame("")
        self._blame("", "")
        try:
            spec = self.spec()
        except PilothouseError as error:
            self._refuse(error)
            return
        self._starting = True
        self._say_status("starting…")
        self._start(spec)

    @work(group="start", exit_on_error=False)
    async def _start(self, spec: RunSpec) -> None:
        """Start an engine: in a thread, for it takes a second or more until it is ready."""
        try:
            started = await asyncio.to_thread(self._launch, spec)
        except PilothouseError as error:
            self._refuse(error)
        else:
            self.draft.clear()
            self.surroundings.open_run(started.run, replay=False)
        finally:
            self._starting = False
            self._say_status("")

    def _refuse(self, error: PilothouseError) -> None:
        name = error.where.removeprefix("--")
        is_field = name in FIELDS and (name in {TASK, PRESET} or error.where.startswith("--"))
        sentence = f"{error.what} ({error.way_out})" if error.way_out else error.what
        self._blame(name if is_field else "", sentence if is_field else str(error))

    def _blame(self, name: str, sentence: str) -> None:
        if name:
            field = self.query_one(f"#about-{name}", Field)
            field.blame(sentence)
            self.set_focus(field.line)
            return
        problem = self.query_one("#form-problem", Static)
        problem.set_class(bool(sentence), "-wrong")
        problem.update(Content(f"✗ {clean_line(sentence, 600)}\n" if sentence else ""))
        if sentence:
            self.query_one("#form").scroll_home(animate=False)

    def action_leave(self) -> None:
        """Leave; what is written stays for the next time."""
        self.draft.update(self._given())
        self.surroundings.leave_screen()
