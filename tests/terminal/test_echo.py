"""A key's echo is painted before anything else: not at the clock's next turn, and alone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from textual.events import Key
from textual.strip import Strip
from textual.widget import Widget

from pilothouse.terminal.sending import Paced, PacedScreen

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.events import Event
    from textual.screen import Screen


class Busy(Widget):
    DEFAULT_CSS = "Busy { height: 5; }"

    def render_line(self, y: int) -> Strip:
        return Strip.blank(self.size.width)


class Field(Busy, can_focus=True):
    text = ""

    def on_key(self, event: Key) -> None:
        self.text += event.key
        self.refresh()


class Typing(PacedScreen):
    def compose(self) -> ComposeResult:
        yield Busy(id="busy")
        yield Field()


class Typed(Paced[None]):
    def __init__(self) -> None:
        super().__init__()
        self.frames: list[frozenset[int]] = []
        """The lines of each frame."""
        self.displayed = asyncio.Event()

    def get_default_screen(self) -> Screen[None]:
        return Typing()

    async def on_event(self, event: Event) -> None:
        if isinstance(event, Key):
            self.screen.query_one("#busy").refresh()  # what streams in meanwhile
        await super().on_event(event)

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        if spans := getattr(renderable, "spans", ()):
            self.frames.append(frozenset(y for y, _, _ in spans))
            self.displayed.set()
        super()._display(screen, renderable)


def lines(app: Typed, name: str) -> frozenset[int]:
    return frozenset(app.screen.query_one(name).region.line_range)


def test_a_letter_is_painted_first_and_the_clock_paints_the_rest() -> None:
    async def main() -> None:
        app = Typed()
        async with app.run_test() as pilot:
            field = app.screen.query_one(Field)
            field.focus()
            await pilot.pause()
            clock = app.screen._update_timer
            resume, clock.resume = clock.resume, lambda: None  # type: ignore[method-assign]
            app.frames.clear()
            app.displayed.clear()
            assert app._driver is not None
            app._driver.send_message(Key("a", "a"))  # a pilot's own `press` makes the clock turn
            await app.displayed.wait()
            assert field.text == "a"
            assert app.frames == [lines(app, "Field")]
            app.displayed.clear()
            resume()
            await app.displayed.wait()
            assert app.frames[1:] == [lines(app, "#busy")]

    asyncio.run(main())


def test_without_a_key_nothing_is_painted_out_of_turn() -> None:
    async def main() -> None:
        app = Typed()
        async with app.run_test() as pilot:
            await pilot.pause()
            app.screen._update_timer.resume = lambda: None  # type: ignore[method-assign]
            app.frames.clear()
            app.screen.query_one("#busy").refresh()
            for _ in range(20):
                await asyncio.sleep(0)
            assert app.frames == []

    asyncio.run(main())
