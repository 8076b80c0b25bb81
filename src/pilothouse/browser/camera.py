"""Screenshots: taken, settled, encoded once for the model. Nothing here sends them to the model.

One encoding per frame: PNG as it came while it is small, else JPEG; these bytes are the exact bytes of the
history (design §7).
"""

from __future__ import annotations

import asyncio
import io
import time
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote

import msgspec

from pilothouse.browser.faults import ActionUnknown, asking

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel import AsyncKernel

T = TypeVar("T")

PNG_MAX_BYTES = 200_000
JPEG_QUALITY = 88
GRAB_SPACING_S = 0.3
"""Two equal grabs this far apart count as settled: no stale frame in 105 actions (performance §10)."""
SETTLE_CAP_S = 3.0
FIRST_GRAB_S = {
    "type": 0.2,
    "mouse_move": 0.2,
    "scroll": 0.5,  # smooth scrolling runs about 350 ms after a quiet start
    "key": 0.4,
    "wait": 0.0,
    "cursor_position": 0.0,
}
FIRST_GRAB_DEFAULT_S = 0.3


class Shot(msgspec.Struct, frozen=True, kw_only=True):
    """One screenshot, encoded for the model."""

    data: bytes
    mime: str
    width_px: int
    height_px: int
    url: str = ""
    title: str = ""
    settle_ms: float = 0.0


class Camera:
    """Takes screenshots of one browser."""

    def __init__(self, client: AsyncKernel, browser: str, width_px: int, height_px: int) -> None:
        self._client = client
        self._browser = browser
        self.width_px = width_px
        self.height_px = height_px

    def move_to(self, browser: str) -> None:
        """Look at another browser from now on: the old one is gone."""
        self._browser = browser

    async def shoot(self) -> Shot:
        """Take a screenshot now."""
        return await encode(await self._grab())

    async def settled(self, member: str) -> Shot:
        """Take a screenshot once the screen has come to rest after an action, or after 3 s."""
        began = time.monotonic()
        await asyncio.sleep(FIRST_GRAB_S.get(member, FIRST_GRAB_DEFAULT_S))
        previous = await self._grab()
        while time.monotonic() - began < SETTLE_CAP_S:
            await asyncio.sleep(GRAB_SPACING_S)
            grab = await self._grab()
            if grab.png == previous.png:
                break
            previous = grab
        else:
            grab = previous
        return await encode(grab, (time.monotonic() - began) * 1e3)

    async def zoom(self, x0: int, y0: int, x1: int, y1: int) -> Shot:
        """Take a region at display resolution, enlarged to fit the usual screenshot, its aspect kept."""
        grab = await self._grab((x0, y0, x1 - x0, y1 - y0))
        return await _in_thread(_enlarge, grab.png, self.width_px, self.height_px)

    async def _grab(self, region: tuple[int, int, int, int] | None = None) -> _Grab:
        computer = self._client.browsers.computer

        async def call() -> _Grab:
            if region is None:
                response = await computer.capture_screenshot(self._browser)
            else:
                x, y, width, height = region
                response = await computer.capture_screenshot(
                    self._browser, region={"x": x, "y": y, "width": width, "height": height}
                )
            png = await response.read()
            if png_size(png) == (0, 0):
                raise ActionUnknown("the browser's server sent no picture")
            headers = response.headers
            return _Grab(
                png=png,
                # The local server tells; Kernel's has no such header.
                url=unquote(headers.get("x-page-url", "")),
                title=unquote(headers.get("x-page-title", "")),
            )

        return await asking(call)


class _Grab(msgspec.Struct, frozen=True, kw_only=True):
    png: bytes
    url: str
    title: str


async def encode(grab: _Grab, settle_ms: float = 0.0) -> Shot:
    """Choose the one encoding of a frame."""
    width, height = png_size(grab.png)
    data, mime = grab.png, "image/png"
    if len(data) > PNG_MAX_BYTES:
        data, mime = await _in_thread(_to_jpeg, data), "image/jpeg"
    return Shot(
        data=data,
        mime=mime,
        width_px=width,
        height_px=height,
        url=grab.url,
        title=grab.title,
        settle_ms=settle_ms,
    )


async def _in_thread(work: Callable[..., T], *given: object) -> T:
    try:
        return await asyncio.to_thread(work, *given)
    except Exception as error:  # Pillow raises a dozen kinds for bytes that are no whole picture
        raise ActionUnknown(f"the browser's picture can't be read ({type(error).__name__})") from error


def png_size(png: bytes) -> tuple[int, int]:
    """Read width and height, in pixels, from a PNG's header; (0, 0) if it is none."""
    if png[:8] != b"\x89PNG\r\n\x1a\n" or len(png) < 24:
        return 0, 0
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def _to_jpeg(png: bytes) -> bytes:
    from PIL import Image  # the core must not import PIL at import time (design §3.9)

    with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
        out = io.BytesIO()
        image.convert("RGB").save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()


def _enlarge(png: bytes, width_px: int, height_px: int) -> Shot:
    from PIL import Image

    with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
        scale = min(width_px / image.width, height_px / image.height)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        enlarged = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    out = io.BytesIO()
    enlarged.save(out, "JPEG", quality=JPEG_QUALITY)
    return Shot(data=out.getvalue(), mime="image/jpeg", width_px=size[0], height_px=size[1])
