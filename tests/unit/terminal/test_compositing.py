"""Only what is dirty is asked for, and what comes of it is what Textual itself would send."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from rich.console import Console
from rich.segment import Segment
from textual._compositor import ChopsUpdate, Compositor
from textual.containers import Horizontal, Vertical
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from pilothouse.terminal.compositing import FrugalCompositor
from pilothouse.terminal.sending import Paced, PacedScreen

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.screen import Screen

SIZE = (60, 20)
SEED = 20_261_125
CONSOLE = Console(force_terminal=True, color_system="truecolor", width=SIZE[0])


class Field(Widget):
    """Lines of one letter, with their numbers; notes which of them were asked for."""

    def __init__(self, letter: str) -> None:
        super().__init__(id=letter)
        self.letter = letter
        self.asked: set[int] = set()

    def render_lines(self, crop: Region) -> list[Strip]:
        self.asked |= set(crop.line_range)
        line = [Strip([Segment(f"{y % 10}{self.letter * self.size.width}")]) for y in crop.line_range]
        return [strip.adjust_cell_length(self.size.width).crop(*crop.column_span) for strip in line]


class Fields(PacedScreen):
    DEFAULT_CSS = """
    Fields { layers: below above; }
    #t { dock: top; height: 1; }
    #b { dock: bottom; height: 1; }
    #f { layer: above; width: 13; height: 5; offset: 22 6; }
    #r { border: round; padding: 1; }
    """

    def compose(self) -> ComposeResult:
        yield Field("t")
        with Horizontal():
            yield Field("l")
            with Vertical():
                yield Field("r")
                yield Field("s")
        yield Field("b")
        yield Field("f")


class Composed(Paced[None]):
    def get_default_screen(self) -> Screen[None]:
        return Fields()


def on_fields(check: Callable[[Fields, FrugalCompositor], None]) -> None:
    async def main() -> None:
        app = Composed()
        async with app.run_test(size=SIZE) as pilot:
            await pilot.pause()
            screen = app.screen
            assert isinstance(screen, Fields)
            for field in screen.query(Field):
                field.asked.clear()
            check(screen, screen._compositor)

    asyncio.run(main())


def sent(update: ChopsUpdate | None) -> str:
    return update.render_segments(CONSOLE) if update is not None else ""


def test_it_sends_what_textual_would() -> None:
    rng = random.Random(SEED)

    def check(screen: Fields, compositor: FrugalCompositor) -> None:
        for _ in range(200):
            dirty = {
                Region(rng.randrange(SIZE[0]), rng.randrange(SIZE[1]), rng.randint(1, 30), rng.randint(1, 6))
                for _ in range(rng.randint(1, 4))
            }
            inside = {region.intersection(Region(0, 0, *SIZE)) for region in dirty}
            compositor._dirty_regions = set(inside)
            theirs = sent(Compositor.render_partial_update(compositor))
            compositor._dirty_regions = dirty
            assert sent(compositor.render_partial_update()) == theirs, (SEED, dirty)
            assert not compositor.is_dirty

    on_fields(check)


def test_of_a_whole_screen_it_asks_what_can_be_seen_and_sends_what_textual_would() -> None:
    def check(screen: Fields, compositor: FrugalCompositor) -> None:
        asked: list[Widget] = []

        def asks(covered: Widget) -> None:
            lines = covered.render_lines

            def counted(crop: Region) -> list[Strip]:
                asked.append(covered)
                return lines(crop)

            covered.render_lines = counted  # type: ignore[method-assign]

        for covered in (screen, *screen.query("Horizontal, Vertical")):
            asks(covered)
        theirs = Compositor.render_full_update(compositor).render_segments(CONSOLE)
        assert {type(one).__name__ for one in asked} == {"Fields", "Horizontal"}
        asked.clear()
        assert compositor.render_full_update().render_segments(CONSOLE) == theirs
        assert asked == []
        assert not compositor.is_dirty

    on_fields(check)


def test_it_asks_only_what_is_dirty_and_not_covered() -> None:
    def check(screen: Fields, compositor: FrugalCompositor) -> None:
        compositor._dirty_regions = {Region(0, 0, 60, 1), Region(22, 7, 13, 2), Region(0, 19, 60, 1)}
        assert compositor.render_partial_update() is not None
        asked = {field.letter: field.asked for field in screen.query(Field) if field.asked}
        assert asked == {"t": {0}, "f": {1, 2}, "b": {0}}

    on_fields(check)


def test_a_part_goes_first_and_the_rest_is_not_forgotten() -> None:
    def check(screen: Fields, compositor: FrugalCompositor) -> None:
        foot = Region(0, 19, 60, 1)
        compositor._dirty_regions = {Region(0, 0, 60, 1), Region(50, 18, 10, 2)}
        assert compositor.narrow(foot)
        update = compositor.render_partial_update()
        compositor.widen()
        assert update is not None
        assert update.spans == [(19, 50, 60)]
        rest = compositor.render_partial_update()
        assert rest is not None
        assert rest.spans == [(0, 0, 60), (18, 50, 60), (19, 50, 60)]
        assert not compositor.narrow(foot)

    on_fields(check)
