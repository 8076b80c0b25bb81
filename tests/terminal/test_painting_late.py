"""What waited for the terminal is painted together with what has changed since."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from textual.strip import Strip
from textual.widget import Widget

from pilothouse.terminal.sending import Paced, PacedScreen

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.screen import Screen


class Letters(Widget):
    """Says whether it was painted since it was changed."""

    DEFAULT_CSS = "Letters { height: 1; }"
    painted = 0

    def render_line(self, y: int) -> Strip:
        self.painted += 1
        return Strip.blank(self.size.width)


class Two(PacedScreen):
    def compose(self) -> ComposeResult:
        yield Letters(id="first")
        yield Letters(id="second")


class Held(Paced[None]):
    held = False

    def get_default_screen(self) -> Screen[None]:
        return Two()

    def wait_to_paint(self, paint: Callable[[], None]) -> bool:
        if self.held and paint not in self._unpainted:
            self._unpainted.append(paint)
        return self.held


def test_a_letter_typed_while_a_frame_is_on_its_way_is_in_the_next_one() -> None:
    async def main() -> tuple[int, int]:
        app = Held()
        async with app.run_test() as pilot:
            await pilot.pause()
            first, second = (app.screen.query_one(name, Letters) for name in ("#first", "#second"))
            app.held = True
            first.refresh()
            while not app._unpainted:
                await pilot.pause()
            first.painted = second.painted = 0
            # The answer comes between a letter and the screen's own look at what has changed.
            second.refresh()
            app.screen._dirty_widgets.add(second)
            app.held = False
            app._go_on()
            return first.painted, second.painted

    assert asyncio.run(main()) == (1, 1)
