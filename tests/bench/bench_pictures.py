"""What pictures cost on the wire: bytes per frame by kind of change and painter, against textual-image's own.

The frames are screenshots of the demonstration shop in a real Chromium, 1280x800, painted into 80x25 cells of
10x20 pixels. textual-image's bytes are those of its Kitty renderable, which is what its widget sends.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kernel import AsyncKernel
from PIL import Image

from pilothouse.frames.blocks import Blocks
from pilothouse.frames.geometry import Extent
from pilothouse.frames.kitty import Kitty
from pilothouse.frames.painter import Painter
from pilothouse.frames.sixel import Sixel
from pilothouse.local.kernel_options import NO_SANDBOX_VARIABLE, Options
from pilothouse.local.kernel_server import running
from pilothouse.local.shop import serve
from tests.bench import Figures, Measured, bench

CELLS, CELL_PX = Extent(80, 25), Extent(10, 20)
VIEWPORT: Any = {"width": 1280, "height": 800}
PAGES = (
    "", "product/kettle", "search?q=mug", "product/lantern", "long", "product/mug", "cart", "search?q=a",
    "product/chair", "checkout", "error", "search?q=nothing", "slow",
)  # fmt: skip
SEARCH_FIELD = (400, 300)


@dataclass(frozen=True)
class Frames:
    """A walk through the shop."""

    pages: list[Image.Image]
    """One new page after the other."""
    steps: dict[str, tuple[Image.Image, Image.Image]]
    """A frame before and after: typing, a click into a field, scrolling."""


class Eye:
    """A browser that is looked at once it is at rest."""

    def __init__(self, client: AsyncKernel, session: str) -> None:
        self._session = session
        self.computer = client.browsers.computer

    async def look(self) -> Image.Image:
        """Take a picture when two in a row are equal."""
        before = b""
        for _ in range(30):
            data = await (await self.computer.capture_screenshot(self._session)).read()
            if data == before:
                break
            before = data
            await asyncio.sleep(0.25)
        return Image.open(io.BytesIO(before)).convert("RGB")

    async def go(self, address: str) -> None:
        """Go to an address as a person does."""
        await self.computer.press_key(self._session, keys=["ctrl+l"])
        await self.type(address)
        await self.computer.press_key(self._session, keys=["Return"])
        await asyncio.sleep(0.4)

    async def type(self, text: str) -> None:
        """Type."""
        await self.computer.type_text(self._session, text=text)

    async def click(self, x: int, y: int) -> None:
        """Click, and leave the pointer there."""
        await self.computer.click_mouse(self._session, x=x, y=y)

    async def scroll(self, notches: int) -> None:
        """Scroll the page down."""
        await self.computer.scroll(self._session, x=640, y=500, delta_y=notches, delta_x=0)


@asynccontextmanager
async def _eye() -> AsyncIterator[Eye]:
    import os

    options = Options(offline=True, allow_no_sandbox=os.environ.get(NO_SANDBOX_VARIABLE) == "1")
    async with (
        running(options, secrets.token_hex(16)) as ready,
        AsyncKernel(api_key=ready.token, base_url=ready.base_url, max_retries=0) as client,
    ):
        browser = await client.browsers.create(viewport=VIEWPORT)
        yield Eye(client, browser.session_id)


async def walk() -> Frames:
    """Walk through the shop in a real browser."""
    async with serve() as url, _eye() as eye:
        pages = []
        for page in PAGES:
            await eye.go(f"{url}{page}")
            pages.append(await eye.look())
        steps: dict[str, tuple[Image.Image, Image.Image]] = {}
        await eye.go(f"{url}checkout")
        await eye.go(f"{url}long")
        before = await eye.look()
        await eye.scroll(3)
        steps["scroll"] = (before, await eye.look())
        await eye.go(url)
        before = await eye.look()
        await eye.click(*SEARCH_FIELD)
        clicked = await eye.look()
        steps["click"] = (before, clicked)
        await eye.type("storm kettle")
        steps["typing"] = (clicked, await eye.look())
    return Frames(pages, steps)


# ------------------------------------------------------------------------------------------- measuring


def sent(painter: Painter, image: Image.Image) -> int:
    """Count what goes to the terminal for a picture: its sequences, and the cells painted anew."""
    patch = painter.paint(image, CELLS)
    if patch.pieces:
        return patch.cost_bytes
    return _written(patch.strips) if patch.changed is None else patch.cost_bytes


def _written(strips: Any) -> int:
    from rich.console import Console

    console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor")
    return sum(len(strip.render(console).encode()) for strip in strips)


def costs(make: Any, frames: Frames) -> Figures:
    """Count a painter's bytes for each kind of change; new pages as the mean over all of them."""
    painter: Painter = make()
    first = sent(painter, frames.pages[0])
    pages = [sent(painter, page) for page in frames.pages[1:]]
    found = {"first": first, "page": sum(pages) / len(pages)}
    for name, (before, after) in frames.steps.items():
        painter = make()
        sent(painter, before)
        found[name] = sent(painter, after)
    return found


def textual_image_bytes(image: Image.Image) -> int:
    """Count what textual-image's Kitty renderable sends for a picture."""
    from rich.console import Console

    with _own_stdout() as out:
        from textual_image import _terminal
        from textual_image.renderable.tgp import Image as Theirs

        told: Any = _terminal.get_cell_size
        told._result = _terminal.CellSize(*CELL_PX)
        console = Console(
            file=io.StringIO(), force_terminal=True, color_system="truecolor", width=CELLS.width
        )
        with console.capture() as cells:
            console.print(Theirs(image, width=CELLS.width, height=CELLS.height))
        return len(out.getvalue().encode()) + len(cells.get().encode())


@contextlib.contextmanager
def _own_stdout() -> Iterator[io.StringIO]:
    """Stand in for the terminal that textual-image writes to."""
    system: Any = sys
    real, system.__stdout__ = sys.__stdout__, io.StringIO()
    try:
        yield system.__stdout__
    finally:
        system.__stdout__ = real


FORMS = {
    "chafa": {"kitty": "--format=kitty", "sixel": "--format=sixels", "blocks": "--format=symbols"},
    "timg": {"kitty": "-pk", "sixel": "-ps", "blocks": "-ph"},
}
"""How other programs are told to paint."""


def other_bytes(name: str, form: str, images: list[Image.Image]) -> float:
    """Give the mean of what another program writes for these pictures; 0 where it is not installed."""
    if (program := shutil.which(name)) is None:
        return 0
    size = f"--size={CELLS.width}x{CELLS.height}" if name == "chafa" else f"-g{CELLS.width}x{CELLS.height}"
    written = []
    with tempfile.TemporaryDirectory() as directory:
        for image in images:
            path = Path(directory) / "page.png"
            image.save(path)
            argv = [program, FORMS[name][form], size, str(path)]
            written.append(len(subprocess.run(argv, capture_output=True, check=True, timeout=60).stdout))
    return sum(written) / len(written)


@bench(
    "frame_bytes",
    unit="bytes per frame, 1280x800 into 80x25 cells",
    at_most={"ratio": 0.2, "kitty_typing": 3000},
)
def frame_bytes() -> Measured:
    """Each painter by kind of change; the ratio is Kitty's new page over textual-image's."""
    frames = asyncio.run(walk())
    makers: dict[str, Any] = {
        "kitty": lambda: Kitty(CELL_PX),
        "sixel": lambda: Sixel(CELL_PX),
        "blocks": Blocks,
    }
    figures = {
        f"{way}_{kind}": count for way, make in makers.items() for kind, count in costs(make, frames).items()
    }
    theirs = [textual_image_bytes(page) for page in frames.pages[1:]]
    ours_first = textual_image_bytes(frames.pages[0])
    baseline = {"kitty_page": sum(theirs) / len(theirs), "kitty_first": ours_first, "pages": len(theirs)}
    for name in FORMS:
        for form in FORMS[name]:
            if count := other_bytes(name, form, frames.pages[1:]):
                baseline[f"{name}_{form}"] = count
    ratios = [figures["kitty_page"] / baseline["kitty_page"]]
    return Measured(figures, baseline, ratios[0])


def _main() -> None:
    """Keep the frames, to look at: `python -m tests.bench.bench_pictures DIR`."""
    directory = Path(sys.argv[1])
    frames = asyncio.run(walk())
    for n, page in enumerate(frames.pages):
        page.save(directory / f"page{n:02d}-{re.sub(r'[^a-z]', '-', PAGES[n])}.png")
    for name, pair in frames.steps.items():
        for when, image in zip(("before", "after"), pair, strict=True):
            image.save(directory / f"{name}-{when}.png")


if __name__ == "__main__":
    _main()
