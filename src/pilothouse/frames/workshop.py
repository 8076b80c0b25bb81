"""A process of its own for what of a picture takes the interpreter: decoding, scaling, encoding.

In a thread these hold the interpreter for up to 20 ms at a time, and keys wait for it. Every job is whole in
what it is given, so that a workshop that dies loses nothing: the job is done here instead. What was sent to a
terminal is the painters' to know.
"""

from __future__ import annotations

import contextlib
import os
import struct
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

import msgspec

from pilothouse.frames.decode import FrameUnreadable, decode, shrink
from pilothouse.frames.geometry import Extent, View, fit
from pilothouse.frames.indexed import Quality, png, sixels

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from PIL import Image

_LENGTH: Final = struct.Struct(">Q")
_NICER: Final = 5
"""Keys come first, where there are few processors."""
Raw = tuple[int, int, bytes]
"""Width, height and the colours of a picture's pixels."""


def scaled(
    data: bytes, view: View | None, room: Extent, cell_px: Extent, per_cell: Extent
) -> tuple[Image.Image, Extent]:
    """Decode a frame and scale it, or a part of it, into cells; gives the frame's own size too.

    Raises:
        FrameUnreadable: It can't be decoded.
    """
    raw, width, height = _ask(_scaled, data, view, room, cell_px, per_cell)
    return _image(raw), Extent(width, height)


def encoded(image: Image.Image, quality: Quality) -> bytes:
    """Encode a picture as a PNG of few colours."""
    data: bytes = _ask(_png, _raw(image), quality)
    return data


def as_sixels(image: Image.Image, quality: Quality) -> str:
    """Encode a picture as sixels."""
    data: str = _ask(_sixels, _raw(image), quality)
    return data


def _scaled(
    data: bytes, view: list[float] | None, room: list[int], cell_px: list[int], per_cell: list[int]
) -> tuple[Raw, int, int]:
    image = decode(data)
    width, height = image.size
    if view is not None:
        image = image.crop(_corners(View(*view)))
    box = fit(Extent(image.width, image.height), Extent(*room), Extent(*cell_px))
    small = shrink(image, Extent(box.width * per_cell[0], box.height * per_cell[1]))
    return _raw(small), width, height


def _png(raw: Raw, quality: list[int]) -> bytes:
    return png(_image(raw), Quality(*quality))


def _sixels(raw: Raw, quality: list[int]) -> str:
    return sixels(_image(raw), Quality(*quality))


def _corners(view: View) -> tuple[int, int, int, int]:
    right, bottom = view.x + max(view.width, 1), view.y + max(view.height, 1)
    return (int(view.x), int(view.y), max(round(right), int(view.x) + 1), max(round(bottom), int(view.y) + 1))


def _raw(image: Image.Image) -> Raw:
    return image.width, image.height, image.tobytes()


def _image(raw: Raw) -> Image.Image:
    from PIL import Image  # not for the first frame

    width, height, pixels = raw
    return Image.frombytes("RGB", (width, height), pixels)


_JOBS: Final[dict[str, Callable[..., Any]]] = {job.__name__: job for job in (_scaled, _png, _sixels)}


# --- both ends ----------------------------------------------------------------------------------------


class Workshop:
    """The process, from here: one job at a time, asked for from any thread but the event loop's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process; 0 while there is none."""
        return self._process.pid if self._process is not None else 0

    def open(self) -> None:
        """Start it. Without one every job is done in the thread that asks."""
        with self._lock, contextlib.suppress(OSError):
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", __name__],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )

    def close(self) -> None:
        """End it; what it is at is done here."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()

    def ask(self, job: Callable[..., Any], *given: Any) -> Any:
        """Have a job done there, or here where there is nobody."""
        if self._process is not None:
            with self._lock, contextlib.suppress(OSError, EOFError, ValueError, msgspec.MsgspecError):
                if (process := self._process) is not None:
                    try:
                        answer = self._asked(process, job.__name__, given)
                    except BaseException:
                        self.close()
                        raise
                    if answer[0]:
                        raise FrameUnreadable(answer[0])
                    return answer[1]
        return job(*given)

    @staticmethod
    def _asked(process: subprocess.Popen[bytes], name: str, given: tuple[Any, ...]) -> Any:
        assert process.stdin is not None
        assert process.stdout is not None
        _write(process.stdin, (name, given))
        return _read(process.stdout)


WORKSHOP: Final = Workshop()
_ask = WORKSHOP.ask


def _write(pipe: BinaryIO | Any, message: object) -> None:
    data = msgspec.msgpack.encode(message)
    pipe.write(_LENGTH.pack(len(data)))
    pipe.write(data)
    pipe.flush()


def _read(pipe: BinaryIO | Any) -> Any:
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    data = pipe.read(length)
    if len(data) < length:
        raise EOFError
    return msgspec.msgpack.decode(data)


def main() -> None:
    """Do jobs until whoever asks is gone."""
    os.nice(_NICER)
    while True:
        try:
            name, given = _read(sys.stdin.buffer)
        except EOFError:
            return
        try:
            answer: tuple[str, Any] = ("", _JOBS[name](*given))
        except FrameUnreadable as error:
            answer = (str(error), None)
        _write(sys.stdout.buffer, answer)


if __name__ == "__main__":
    main()
