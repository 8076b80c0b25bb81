"""What painters send, decoded by a terminal of the tests' own and compared with the picture's pixels."""

from __future__ import annotations

import io
import random

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageStat
from rich.console import Console

from pilothouse.frames.areas import changed_cells, rectangles
from pilothouse.frames.decode import shrink
from pilothouse.frames.geometry import Box, Extent
from pilothouse.frames.indexed import BEST, LADDER, indexed, quality_for
from pilothouse.frames.kitty import MOST_PATCHES, Kitty
from pilothouse.frames.painter import Painter, Patch
from pilothouse.frames.sixel import Sixel
from pilothouse.terminal.graphics import Graphic
from tests.terminal.screen import Screen

CELLS, CELL_PX = Extent(40, 14), Extent(8, 16)
CONSOLE = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor")
NEAR = 3.0
"""Mean difference of a channel that few colours may cost."""


def page(seed: int = 1) -> Image.Image:
    rng = random.Random(seed)
    image = Image.new("RGB", (320, 224), (250, 250, 250))
    pen = ImageDraw.Draw(image)
    for _ in range(25):
        x, y = rng.randrange(300), rng.randrange(200)
        colour = (rng.randrange(256), rng.randrange(256), rng.randrange(256))
        pen.rectangle((x, y, x + rng.randrange(5, 90), y + rng.randrange(3, 40)), fill=colour)
    return image


def touched(image: Image.Image, box: tuple[int, int, int, int], colour: str = "red") -> Image.Image:
    changed = image.copy()
    ImageDraw.Draw(changed).rectangle(box, fill=colour)
    return changed


class Wall:
    """A terminal, and a painter's pictures hung on it as the bridge does: pieces first, then cells."""

    def __init__(self, painter: Painter, *, sixel: bool = False) -> None:
        self.painter = painter
        self.screen = Screen(
            CELLS.width, CELLS.height, (CELL_PX.width, CELL_PX.height), kitty=not sixel, sixel=sixel
        )

    def hang(self, image: Image.Image, cells: Extent = CELLS) -> Patch:
        patch = self.painter.paint(image, cells)
        for piece in patch.pieces:
            self.screen.feed(Graphic.of(piece.data, piece.y, piece.x).written(in_tmux=False).encode())
        for x, y, width, height in patch.changed if patch.changed is not None else (Box(0, 0, *cells),):
            for row in range(y, y + height):
                strip = patch.strips[row].crop(x, x + width)
                if self.screen.kitty:
                    self.screen.feed(f"\x1b[{row + 1};{x + 1}H{strip.render(CONSOLE)}".encode())
        return patch

    def off(self, image: Image.Image) -> float:
        shown = self.screen.shown()
        got = shown[0] if shown is not None else self.screen.canvas.convert("RGB")
        wanted = shrink(image, self.painter.pixels(CELLS))
        return max(ImageStat.Stat(ImageChops.difference(got, wanted)).mean)


@pytest.fixture(params=["kitty", "few numbers", "sixel"])
def wall(request: pytest.FixtureRequest) -> Wall:
    if request.param == "sixel":
        return Wall(Sixel(CELL_PX), sixel=True)
    return Wall(Kitty(CELL_PX, few=request.param == "few numbers"))


def test_any_walk_of_pictures_is_shown_as_it_is(wall: Wall) -> None:
    rng = random.Random(7)
    image = page()
    for n in range(60):
        if n % 13 == 12:
            image = page(n)
        else:
            x, y = rng.randrange(300), rng.randrange(210)
            image = touched(
                image, (x, y, x + rng.randrange(40), y + rng.randrange(12)), f"hsl({n * 6},80%,50%)"
            )
        wall.hang(image)
        assert wall.off(image) < NEAR, n
    assert wall.screen.strange == []


def test_a_small_change_costs_a_small_part_of_a_page(wall: Wall) -> None:
    first = wall.hang(page())
    typed = wall.hang(touched(page(), (100, 100, 140, 112)))
    assert first.is_whole
    assert not typed.is_whole
    assert typed.cost_bytes < first.cost_bytes / 5


def test_an_equal_picture_costs_nothing(wall: Wall) -> None:
    wall.hang(page())
    assert wall.hang(page()).cost_bytes == 0


def test_a_new_page_leaves_the_cells_of_kitty_as_they_are() -> None:
    wall = Wall(Kitty(CELL_PX))
    wall.hang(page(1))
    assert wall.hang(page(2)).changed == ()
    assert wall.off(page(2)) < NEAR


def test_pictures_that_no_cell_shows_are_deleted_and_at_the_end_all() -> None:
    wall = Wall(Kitty(CELL_PX))
    image = page()
    for n in range(80):
        image = touched(image, (n * 3, n * 2, n * 3 + 20, n * 2 + 10), f"hsl({n * 4},70%,50%)")
        wall.hang(image)
    assert len(wall.screen.pictures) <= MOST_PATCHES + 8
    wall.screen.feed(wall.painter.undo().encode())
    assert wall.screen.pictures == {}


def test_another_size_replaces_every_picture() -> None:
    wall = Wall(Kitty(CELL_PX))
    wall.hang(page())
    before = set(wall.screen.pictures)
    wall.hang(page(), Extent(20, 7))
    assert not before & set(wall.screen.pictures)


def test_what_was_painted_over_is_drawn_again_by_sixel() -> None:
    wall = Wall(Sixel(CELL_PX), sixel=True)
    wall.hang(page())
    wall.screen.feed(b"\x1b[3;1H" + b"x" * CELLS.width)
    assert wall.off(page()) > NEAR
    for piece in wall.painter.again(range(2, 3)):
        wall.screen.feed(Graphic.of(piece.data, piece.y, piece.x).written(in_tmux=False).encode())
    assert wall.off(page()) < NEAR


def test_two_painters_never_give_one_number_to_two_pictures() -> None:
    one, other = (Wall(Kitty(CELL_PX, few=True)) for _ in range(2))
    for wall in (one, other):
        wall.hang(page())
    assert not set(one.screen.pictures) & set(other.screen.pictures)


def test_one_changed_pixel_is_seen_and_covered() -> None:
    before = page()
    after = before.copy()
    after.putpixel((319, 223), (1, 2, 3))
    after.putpixel((0, 0), (251, 250, 250))
    changed = changed_cells(before, after, CELL_PX)
    assert rectangles(changed) == [Box(0, 0, 1, 1), Box(39, 13, 1, 1)]


def test_rectangles_cover_every_change_once() -> None:
    rng = random.Random(3)
    for _ in range(200):
        changed = [[rng.random() < 0.1 for _ in range(20)] for _ in range(10)]
        covered = [[0] * 20 for _ in range(10)]
        for x, y, width, height in rectangles(changed):
            for row in range(y, y + height):
                for column in range(x, x + width):
                    covered[row][column] += 1
        assert max(map(max, covered)) <= 1
        assert all(covered[y][x] for y in range(10) for x in range(20) if changed[y][x])


def test_few_colours_are_kept_exactly() -> None:
    image = touched(Image.new("RGB", (30, 30), (1, 2, 3)), (5, 5, 9, 9))
    assert indexed(image, 64).convert("RGB").tobytes() == image.tobytes()


@pytest.mark.parametrize(
    ("budget", "last_bytes", "last", "quality"),
    [
        (0, 90_000, LADDER[2], BEST),
        (70_000, 0, BEST, LADDER[0]),
        (30_000, 0, BEST, LADDER[2]),
        (1_000, 0, BEST, LADDER[4]),
        (30_000, 40_000, LADDER[1], LADDER[2]),
        (30_000, 20_000, LADDER[1], LADDER[1]),
        (30_000, 9_000, LADDER[1], LADDER[0]),
        (1_000, 40_000, LADDER[4], LADDER[4]),
    ],
)
def test_the_quality_follows_what_a_frame_may_take(
    budget: int, last_bytes: int, last: tuple[int, int], quality: tuple[int, int]
) -> None:
    assert quality_for(budget, last_bytes, last) == quality  # type: ignore[arg-type]
