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

import httpx
import msgspec

from pilothouse.browser.faults import ActionUnknown, asking
from pilothouse.browser.scale import Scale, Size
from pilothouse.browser.settle import FIRST_LOOK_DEFAULT_S, FIRST_LOOK_S, LOOKS, NO_WAIT, kind_of
from pilothouse.devtools.areas import same_but_for
from pilothouse.events import Json

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel import AsyncKernel

    from pilothouse.browser.far_pages import FarPages
    from pilothouse.browser.settle import Signals
    from pilothouse.devtools.page_signals import Area

T = TypeVar("T")

PNG_MAX_BYTES = 200_000
JPEG_QUALITY = 88
SQUEEZES = (70, 45, 20, 5)
"""Qualities tried for a live picture that is too large to be sent."""
GRAB_SPACING_S = 0.3
"""Two equal grabs this far apart count as settled: no stale frame in 105 actions (performance §10)."""
SETTLE_CAP_S = 3.0
FIRST_GRAB_S = FIRST_LOOK_S
FIRST_GRAB_DEFAULT_S = FIRST_LOOK_DEFAULT_S
SETTLES_HEADER = "x-pilothouse-settle"
"""With it a server announces that it can tell itself when the screen is at rest: our local one does."""


class Shot(msgspec.Struct, frozen=True, kw_only=True):
    """One screenshot, encoded for the model."""

    data: bytes
    mime: str
    width_px: int
    height_px: int
    url: str = ""
    title: str = ""
    settle_ms: float = 0.0
    settled_by: str = ""
    """`signals`, `quiet`, `delay` or `cap`; see `events.FrameCaptured`."""


class Camera:
    """Takes screenshots of one browser.

    Args:
        client: The Kernel client.
        browser: The browser's id.
        width_px: Width of its display.
        height_px: Its height.
        scale: The run's scale, for a display larger than the model's limits.
        signals: What tells that its page is at rest, if anything does.
        pages: Asks its pages themselves, where it can.
    """

    def __init__(
        self,
        client: AsyncKernel,
        browser: str,
        width_px: int,
        height_px: int,
        scale: Scale | None = None,
        signals: Signals | None = None,
        pages: FarPages | None = None,
    ) -> None:
        self._client = client
        self._browser = browser
        self._server_settles = False
        self._last = b""
        self._acted: _Acted | None = None
        """What was last done since the last settled picture."""
        self.scale = scale or Scale.of(width_px, height_px)
        self.signals = signals
        self.pages = pages

    def move_to(self, browser: str) -> None:
        """Look at another browser from now on: the old one is gone."""
        self._browser = browser
        self._server_settles = False
        self._last = b""
        self._acted = None

    def acting(self) -> None:
        """Note that something is about to be done: the pages may be asked what they had before it."""
        if self.pages is not None and not self._server_settles:
            self.pages.acting()

    def acted(self, member: str, given: Json | None = None, begun: float | None = None) -> None:
        """Note that something may have changed the screen just now: the next look must wait for it."""
        self._acted = _Acted(member=member, given=given, at=time.monotonic(), begun=begun)

    async def shoot(self) -> Shot:
        """Take a screenshot now, settled or not."""
        return await encode(await self._grab(), scale=self.scale)

    async def look(self) -> Shot:
        """Take a screenshot that shows what was last done; at once when nothing was since the last one."""
        return await self.shoot() if self._acted is None else await self.settled("screenshot")

    async def settled(self, member: str, given: Json | None = None, *, since: float | None = None) -> Shot:
        """Take a screenshot once the screen has come to rest after an action, or after 3 s.

        Args:
            member: What was done; `start` for nothing yet. After one that only looks, what was done before it
                is waited for.
            given: Its input, for what it may set off.
            since: When it began, by the monotonic clock: what it set off may have been heard of meanwhile.
        """
        grab = await self._rested(member, given, since)
        return await encode(grab, grab.settle_ms, grab.settled_by, scale=self.scale)

    async def _rested(self, member: str, given: Json | None = None, since: float | None = None) -> _Grab:
        """Wait for rest after an action; gives the picture that shows it, and what decided."""
        began, acted = time.monotonic(), self._acted
        done = _Acted(member=member, given=given, at=began, begun=since)
        if member in LOOKS and acted is not None:
            done = acted
        if not self._server_settles:
            grab, by = await self._settled_here(done, began)
            took_ms = (time.monotonic() - began) * 1e3
            grab = msgspec.structs.replace(grab, settle_ms=took_ms, settled_by=by)
        if self._server_settles:
            # It may only just have said so, with a picture that nobody has waited for.
            grab = await self._settled_there(done.member)
        else:
            self._last = grab.png
            if self.pages is not None:  # the connection comes up while the model reads the picture
                self.pages.wake()
        if self._acted is acted:  # else something was done meanwhile
            self._acted = None
        return grab

    async def _settled_there(self, member: str) -> _Grab:
        """Leave it to the server, which sees the frames and hears the page."""
        if member == "wait":
            return msgspec.structs.replace(await self._grab(), settled_by="delay")
        return await asking(self._ask_settled)

    async def _settled_here(self, done: _Acted, began: float) -> tuple[_Grab, str]:
        """Decide by telemetry, else by the pages, else by delays; gives the picture and what decided."""
        member = done.member
        if member not in NO_WAIT and (found := await self._signalled(done, began)) is not None:
            return found
        delay = FIRST_GRAB_S.get(kind_of(member, done.given), FIRST_GRAB_DEFAULT_S)
        delay -= time.monotonic() - done.at
        await asyncio.sleep(max(0.0, delay))
        grab = await self._grab()
        if self._server_settles or member == "wait" or grab.png == self._last:
            return grab, "delay"  # nothing has come of it
        while time.monotonic() - began < SETTLE_CAP_S:
            await asyncio.sleep(GRAB_SPACING_S)
            previous, grab = grab, await self._grab()
            if grab.png == previous.png:
                return grab, "quiet"
        return grab, "cap"

    async def _signalled(self, done: _Acted, began: float) -> tuple[_Grab, str] | None:
        """Wait for who can tell that the page is at rest; None if nobody can."""
        signals, pages = self.signals, self.pages
        told = signals is not None and signals.live
        if told and signals is not None and await signals.at_rest(done.member, done.at, done.begun):
            return await self._grab(), "signals"
        if pages is None or self._server_settles:
            return None
        return await pages.rested(done.member, done.at, began + SETTLE_CAP_S, self._grab, _same)

    async def zoom(self, x0: int, y0: int, x1: int, y1: int) -> Shot:
        """Take a region of the display at its own resolution, enlarged to fit the usual screenshot.

        As `look`, it waits for what was last done.
        """
        if self._acted is not None:
            await self._rested("zoom")
        grab = await self._grab((x0, y0, x1 - x0, y1 - y0))
        return await _in_thread(_enlarge, grab.png, *self.scale.model)

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
            self._server_settles = SETTLES_HEADER in response.headers
            return _read(await response.read(), response.headers)

        return await asking(call)

    async def _ask_settled(self) -> _Grab:
        response = await self._client.post(
            f"/browsers/{self._browser}/computer/settled", cast_to=httpx.Response
        )
        return _read(response.content, response.headers)


class _Acted(msgspec.Struct, frozen=True, kw_only=True):
    member: str
    given: Json | None
    at: float
    """When it was done, in monotonic seconds."""
    begun: float | None = None
    """When it was begun: what it sets off may be heard of before its answer."""


class _Grab(msgspec.Struct, frozen=True, kw_only=True):
    png: bytes
    url: str
    title: str
    settle_ms: float = 0.0
    settled_by: str = ""


def _read(png: bytes, headers: httpx.Headers) -> _Grab:
    """Read a screenshot's answer; what the headers say comes from the local server, Kernel's has none."""
    if png_size(png) == (0, 0):
        raise ActionUnknown("the browser's server sent no picture")
    try:
        settle_ms = float(headers.get("x-settle-ms", "0"))
    except ValueError:
        settle_ms = 0.0
    by = headers.get("x-settled-by", "")
    return _Grab(
        png=png,
        url=unquote(headers.get("x-page-url", "")),
        title=unquote(headers.get("x-page-title", "")),
        settle_ms=settle_ms,
        settled_by=by if by in ("signals", "quiet", "cap") else "",
    )


async def _same(one: _Grab, other: _Grab, areas: tuple[Area, ...]) -> bool:
    """Say whether two pictures are the same, but for areas that never rest."""
    if one.png == other.png:
        return True
    return bool(areas) and await _in_thread(_same_png, one.png, other.png, areas)


def _same_png(one: bytes, other: bytes, areas: tuple[Area, ...]) -> bool:
    from PIL import Image  # as below

    here, there = (Image.open(io.BytesIO(png), formats=("PNG",)).convert("RGB") for png in (one, other))
    return same_but_for(here, there, areas)


async def encode(
    grab: _Grab, settle_ms: float = 0.0, settled_by: str = "", *, scale: Scale | None = None
) -> Shot:
    """Choose the one encoding of a frame, in the model's size."""
    data, mime = grab.png, "image/png"
    if scale is not None and scale.shrinks and png_size(data) != scale.model:
        data = await _in_thread(_shrink, data, scale.model)
    width, height = png_size(data)
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
        settled_by=settled_by,
    )


async def _in_thread(work: Callable[..., T], *given: object) -> T:
    try:
        return await asyncio.to_thread(work, *given)
    except Exception as error:  # Pillow raises a dozen kinds for bytes that are no whole picture
        raise ActionUnknown(f"the browser's picture can't be read ({type(error).__name__})") from error


async def squeezed(data: bytes, mime: str, most: int) -> tuple[bytes, str]:
    """Give a picture in at most so many bytes, worse where it must be; one that fits is left as it is."""
    for quality in SQUEEZES:
        if len(data) <= most:
            break
        data, mime = await _in_thread(_at_quality, data, quality), "image/jpeg"
    return data, mime


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


def _at_quality(data: bytes, quality: int) -> bytes:
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as image:
        out = io.BytesIO()
        image.convert("RGB").save(out, "JPEG", quality=quality)
    return out.getvalue()


def _shrink(png: bytes, size: Size) -> bytes:
    from PIL import Image

    with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
        out = io.BytesIO()
        image.convert("RGB").resize(size, Image.Resampling.LANCZOS).save(out, "PNG", compress_level=4)
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
