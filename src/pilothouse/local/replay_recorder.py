"""Film one X display into an mp4: a program of its own, so that input and screenshots never wait for it.

`DISPLAY` and `XAUTHORITY` say which display. The first line of its input is the order, as JSON; the end of
its input ends the film. It says `recording` at the first frame, `stopped` when it looks no more, and
`finished` when the file can be played. Only frames that differ are encoded, each with its own time: an idle
page costs next to nothing. Nothing here knows a browser.
"""

from __future__ import annotations

import itertools
import os
import select
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import msgspec
import mss

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.video.stream import VideoStream

NICENESS = 5
TICKS = Fraction(1, 1000)
"""Times in the file are milliseconds."""
KEY_FRAME_EVERY = 100
OPTIONS = {"preset": "superfast", "tune": "zerolatency", "crf": "23", "threads": "1"}
"""About 11 ms of one core for a changed frame of 1280x800; no look-ahead, so that the end comes at once."""
SMPTE_170M, LIMITED_RANGE = 6, 1
_SIZE_EVERY_S = 1.0
_BYTES_PER_PIXEL = 4


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to film, how, and when to stop at the latest."""

    path: str
    width_px: int
    height_px: int
    framerate: int
    duration_max_s: float
    size_max_bytes: int


class Film:
    """An mp4 that is being written; H.264 wants even sizes, so that an odd last row or column is left out."""

    def __init__(self, order: Order) -> None:
        self.width_px = order.width_px & ~1
        self.height_px = order.height_px & ~1
        self.frames = 0
        self._container = av.open(order.path, "w", options={"movflags": "+faststart"})
        self._stream: VideoStream = self._container.add_stream(
            "libx264", rate=order.framerate, options=dict(OPTIONS)
        )
        self._stream.width, self._stream.height = self.width_px, self.height_px
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = TICKS
        context = self._stream.codec_context
        context.time_base = TICKS
        context.gop_size = KEY_FRAME_EVERY
        context.thread_count = 1
        context.colorspace, context.color_range = SMPTE_170M, LIMITED_RANGE
        self._last_ms = -1

    def add(self, pixels: bytes, at_s: float) -> None:
        """Append a frame of 32-bit X11 pixels, seen so many seconds after the first."""
        picture = av.VideoFrame(self.width_px, self.height_px, "bgr0")
        picture.planes[0].update(_aligned(pixels, self.width_px, picture.planes[0].line_size))
        frame = picture.reformat(format="yuv420p", dst_colorspace="ITU601")
        self._last_ms = max(self._last_ms + 1, round(at_s * 1e3))
        frame.pts, frame.time_base = self._last_ms, TICKS
        self._container.mux(self._stream.encode(frame))
        self.frames += 1

    def close(self) -> None:
        """Finish the file."""
        self._container.mux(self._stream.encode())
        self._container.close()


def _aligned(pixels: bytes, width_px: int, line_bytes: int) -> bytes:
    stride = width_px * _BYTES_PER_PIXEL
    if stride == line_bytes:
        return pixels
    gap = bytes(line_bytes - stride)
    return b"".join(pixels[at : at + stride] + gap for at in range(0, len(pixels), stride))


def record(order: Order) -> int:
    """Film until told to stop; gives the number of frames."""
    film = Film(order)
    began = time.monotonic()
    shown = b""
    for at_s, pixels in _looks(order, began, film):
        if pixels == shown:
            continue
        film.add(pixels, at_s)
        if not shown:
            _say("recording")
        shown = pixels
    _say("stopped")
    # The last frame once more, so that the film lasts as long as what was filmed.
    film.add(shown, time.monotonic() - began)
    film.close()
    return film.frames


def _looks(order: Order, began: float, film: Film) -> Iterator[tuple[float, bytes]]:
    """Look at the screen at the rate ordered; gives the seconds since the first look, and the pixels."""
    area = {"left": 0, "top": 0, "width": film.width_px, "height": film.height_px}
    next_size_s = _SIZE_EVERY_S
    with mss.MSS(with_cursor=True) as camera:
        for at_s in _moments(order, began):
            yield at_s, bytes(camera.grab(area).raw)
            if at_s >= next_size_s:
                next_size_s = at_s + _SIZE_EVERY_S
                if Path(order.path).stat().st_size >= order.size_max_bytes:
                    return


def _moments(order: Order, began: float) -> Iterator[float]:
    for count in itertools.count():
        at_s = time.monotonic() - began
        if at_s >= order.duration_max_s:
            return
        yield at_s
        wait_s = max(0.0, began + (count + 1) / order.framerate - time.monotonic())
        if select.select([0], [], [], wait_s)[0]:
            return


def _say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run as a program."""
    os.umask(0o077)
    os.nice(NICENESS)
    order = msgspec.json.decode(_first_line(), type=Order)
    record(order)
    _say("finished")
    return 0


def _first_line() -> bytes:
    """Read the order byte by byte: a buffer would swallow what comes after it."""
    line = b""
    while (byte := os.read(0, 1)) not in (b"", b"\n"):
        line += byte
    return line


if __name__ == "__main__":
    sys.exit(main())
