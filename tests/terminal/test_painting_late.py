"""What waited for the terminal is painted together with what has changed since."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from textual.strip import Strip
from textual.widget import Widget

from pilothouse.terminal.sending import Paced, PacedScreen

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.screen import Screen


class Letters(Widget):
    DEFAULT_CSS = "Letters { height: 1; }"

    def render_line(self, y: int) -> Strip:
        return Strip.blank(self.size.width)


class Two(PacedScreen):
    def compose(self) -> ComposeResult:
        yield Letters(id="first")
        yield Letters(id="second")


class Held(Paced[None]):
    held = False
    sent: frozenset[int] = frozenset()
    """The lines of the last frame."""

    def get_default_screen(self) -> Screen[None]:
        return Two()

    def wait_to_paint(self, paint: Callable[[], None]) -> bool:
        if self.held and paint not in self._unpainted:
            self._unpainted.append(paint)
        return self.held

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        self.sent = frozenset(y for y, _, _ in getattr(renderable, "spans", ()))
        super()._display(screen, renderable)


def test_a_letter_typed_while_a_frame_is_on_its_way_is_in_the_next_one() -> None:
    async def main() -> frozenset[int]:
        app = Held()
        async with app.run_test() as pilot:
            await pilot.pause()
            first, second = (app.screen.query_one(name, Letters) for name in ("#first", "#second"))
            app.held = True
            first.refresh()
            while not app._unpainted:
                await pilot.pause()
            # The answer comes between a letter and the screen's own look at what has changed.
            second.refresh()
            app.screen._dirty_widgets.add(second)
            app.held = False
            app._go_on()
            return app.sent

    assert asyncio.run(main()) == {0, 1}
