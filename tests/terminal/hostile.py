"""Text that attacks a terminal, and an app that shows it through every kind of widget; run as a program."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from rich.segment import Segment
from rich.text import Text
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style
from textual.widgets import (
    Button,
    Collapsible,
    DataTable,
    Footer,
    Header,
    Input,
    Label,
    Log,
    Markdown,
    OptionList,
    RichLog,
    Static,
    TextArea,
    Tree,
)
from textual.widgets.option_list import Option

from pilothouse.terminal.app import GuardedApp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.app import ComposeResult
    from textual.events import Key
    from textual.screen import Screen
    from textual.widget import Widget

PAYLOADS: dict[str, str] = {
    "osc52": "\x1b]52;c;cHduZWQ=\x1b\\",
    "osc52 bel": "\x1b]52;c;cHduZWQ=\x07",
    "osc0": "\x1b]0;pwned\x07",
    "osc2": "\x1b]2;pwned\x1b\\",
    "osc8": "\x1b]8;;file:///etc/passwd\x1b\\click\x1b]8;;\x1b\\",
    "clear": "\x1b[2J\x1b[H",
    "cursor report": "\x1b[6n",
    "title report": "\x1b[21t",
    "xtversion": "\x1b[>q",
    "colour query": "\x1b]4;1;?\x1b\\",
    "apc": "\x1b_Gi=77,a=T,f=24,s=1,v=1;AAAA\x1b\\",
    "dcs": "\x1bP$qm\x1b\\",
    "c1 csi": "\x9b2J",
    "c1 osc": "\x9d2;pwned\x9c",
    "nul": "\x00",
    "del": "\x7f",
    "so": "\x0e",
    "rlo": "\u202e",
    "lri": "\u2066",
    "zwsp": "\u200b",
    "tag": "\U000e0041",
    "line separator": "\u2028",
    "placeholder": "\U0010eeee",
    "bom": "\ufeff",
}


class Rows(ScrollView):
    """Rows by the line API, as the bridge's panes are."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text
        self.virtual_size = Size(0, 2)

    def render_line(self, y: int) -> Strip:
        return Strip([Segment(f"row {self._text}", self.rich_style)]).adjust_cell_length(self.size.width)


def widgets_of(text: str, payload: str) -> Iterator[Widget]:
    """Yield one of each kind of widget, each showing `text` with its kind's name before it."""
    yield Static(f"static {text}", markup=False)
    yield Static(Content(f"content {text}"))
    yield Static(Text(f"rich {text}"))
    yield Label(Content(f"label {text}"))
    yield Static(Content("link").stylize(Style(link=f"http://x/{payload}")))
    yield OptionList(Option(Content(f"option {text}")))
    yield Input(f"input {text}", placeholder=text)
    yield Input(placeholder=f"placeholder {text}")
    yield TextArea(f"textarea {text}", read_only=True)
    table: DataTable[object] = DataTable()
    table.add_column(Text(f"column {text}"))
    table.add_row(Text(f"cell {text}"))
    yield table
    bordered = Static("bordered")
    bordered.border_title, bordered.border_subtitle = Content(f"border {text}"), Content(text)
    bordered.styles.border = ("round", "white")
    yield bordered
    yield Markdown(
        f"# markdown {text}\n\n{text}\n\n`{text}`\n\n[{text}](http://x/{payload})", open_links=False
    )
    yield Rows(text)
    yield Tree(Text(f"tree {text}"))
    yield Lines(f"log {text}")
    yield RichLog().write(f"richlog {text}")
    yield Button(Content(f"button {text}"))
    yield Collapsible(Static("inside"), title=f"collapsible {payload if '[' not in payload else ''}")


class Lines(Log):
    """A log that is written to once it is there: a thread measures what was written, and needs the app."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def on_mount(self) -> None:
        self.write_line(self._text)


class Gallery(GuardedApp[None]):
    """Shows payloads through every kind of widget: f9 the next, f10 leaves, other keys are reported."""

    CSS = """
    #stage > * { height: 3; } #stage Static, #stage Label { height: auto; } #stage Markdown { height: 9; }
    #out { height: 1; }
    """
    ENABLE_COMMAND_PALETTE = False

    def __init__(self) -> None:
        super().__init__()
        self._payloads = iter(PAYLOADS.items())

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        self._shadow.forget()  # every text is sent whole, so that a test finds it in what was sent
        super()._display(screen, renderable)

    def compose(self) -> ComposeResult:
        yield Header()
        yield Static("", id="out")
        yield Static("hover here", id="hover")
        yield VerticalScroll(id="stage", can_focus=False)
        yield Footer()

    def on_mount(self) -> None:
        self.query_one("#hover").tooltip = Content("TIP " + " ".join(PAYLOADS.values()))
        self.call_after_refresh(self._say, "READY")

    async def _show_next(self) -> None:
        name, payload = next(self._payloads)
        text = f"BEGIN {payload} END"
        self.title, self.sub_title = f"title {text}", text
        self.bind("f8", "nothing", description=f"footer {text}")
        self.refresh_bindings()
        self.clear_notifications()
        self.notify(f"toast {text}", title=f"toast title {text}")
        self.set_terminal_title(text)
        if "--quiet" not in sys.argv:
            self.copy_to_clipboard(text)
        stage = self.query_one("#stage")
        await stage.remove_children()
        await stage.mount(*widgets_of(text, payload))
        self.call_after_refresh(self._say, f"SHOWN:{name}:")

    def _say(self, text: str) -> None:
        self.query_one("#out", Static).update(Content(text))

    async def on_key(self, event: Key) -> None:
        if event.key == "f9":
            await self._show_next()
        elif event.key == "f10":
            self.exit()
        else:
            self._say(f"KEY:{event.key}:")


if __name__ == "__main__":
    Gallery().run()
