"""Recordings that nobody of ours would make, written by the real writer. No test lives here."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from PIL import Image

from pilothouse import events as ev
from pilothouse import paths
from pilothouse.events import Blob, Hold, Outcome, RunPhase
from pilothouse.journal.writer import JournalWriter
from tests.tui.fake_runs import page, shop_script

RUN = "abcdefghij"
NASTY = (
    "\x1b]52;c;ZXZpbA==\x07\x1b[2J [@click=app.leave]x[/] \u202egnp.exe\u2066 שלום עולם مرحبا "
    "👩\u200d👩\u200d👧\u200d👦🏳️\u200d🌈 Z" + "\u0301" * 30 + "\u200b\ufeff\x00\x9b31m\t\r\n漢字"
)
ODD: tuple[Any, ...] = (
    None, True, -1, 10**30, 1e300, -1e300, "", NASTY, [], [1], [1, "2"], [-5, -7], [10**9, 10**9],
    [1e300, 0.5], [[1, 2], [3]], {"x": 1}, [None, None], [True, False], {},
)  # fmt: skip


class Recording:
    """A recording in the making."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.writer = JournalWriter.create(directory, RUN, min_free_bytes=0)

    def put(self, *events: ev.Event) -> None:
        for event in events:
            self.writer.append(event)

    def unknown(self, **fields: Any) -> None:
        """Write an event of no type we know, whatever its fields."""
        raw = msgspec.json.encode({"type": "NotYetInvented", "seq": self.writer.next_seq, "t": 5, **fields})
        self.raw(raw)

    def raw(self, line: bytes) -> None:
        self.writer.append(ev.Unknown(type_name="x", raw=line))

    def begin(self, **changes: Any) -> None:
        start = ev.RunStarted(
            run=RUN, task="t", model="m", browser="local", display_width_px=1280, display_height_px=800
        )
        self.put(msgspec.structs.replace(start, **changes))

    def frame(self, data: bytes | None, sha256: str = "", **size: int) -> None:
        """Name a frame; with data it is there too, under the name given or its own."""
        sha256 = sha256 or hashlib.sha256(data or b"").hexdigest()
        if data is not None:
            shelf = self.directory / "blobs" / sha256[:2]
            shelf.mkdir(parents=True, exist_ok=True)
            (shelf / sha256).write_bytes(data)
        blob = Blob(sha256=sha256, size=len(data or b""), mime="image/png", **size)
        self.put(ev.FrameCaptured(frame=1, blob=blob, source="settled", url=NASTY, title=NASTY))


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that claims, and after decompression has, very many pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    body = b"".join(packer.compress(row) for _ in range(min(height, 4_000))) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def only_a_header(recording: Recording) -> None:
    """Nothing happened."""


def unknown_types(recording: Recording) -> None:
    recording.unknown(text=NASTY)
    recording.begin()
    recording.unknown(run=1, action={"a": [1, 2]}, frame=None)
    recording.raw(b'{"type":"Warned","seq":3,"t":1,"what":"\\ud83d lone \\udc00"}')
    recording.raw(b'{"type":"ActionProposed","seq":4,"turn":"one"}')
    recording.raw(b'{"type":"' + NASTY.encode().hex().encode() * 300 + b'","seq":5}')


def out_of_order(recording: Recording) -> None:
    named: dict[str, Any] = {"action": 7, "tool_use_id": "t", "member": "left_click"}
    recording.put(
        ev.RunEnded(outcome=Outcome.COMPLETED, actions=-3, duration_s=-1e300, cost_usd=-1e300),
        ev.ActionFinished(ok=True, **named),
        ev.ActionStarted(**named),
        ev.ActionProposed(turn=-1, input={}, batch=-9, **named),
        ev.ActionProposed(turn=5, input={}, batch=10**9, **named),
        ev.ActionInDoubt(why="", **named),
        ev.ActionFinished(ok=False, **named),
        ev.ActionFinished(ok=False, executed=False, **named),
        ev.TurnFinished(turn=9, stop_reason="", content=[{"type": "text", "text": 5}, {}]),
        ev.TextStreamed(turn=-1, block=-1, text="late"),
        ev.ThinkingStreamed(turn=3, block=0, text=""),
        ev.MessageDelivered(id="never queued", turn=0, text=""),
        ev.TakeoverEnded(lease="", why=""),
        ev.ApprovalDecided(request="", decision="", actor=""),
        ev.StateChanged(phase=RunPhase.RUNNING, holding=tuple(Hold)),
    )
    recording.begin(display_width_px=-5, display_height_px=0)
    recording.put(ev.LegStarted(leg=0, instruction=""))


def odd_inputs(recording: Recording) -> None:
    recording.begin(display_width_px=0, display_height_px=10**9)
    recording.frame(page("Shop", "http://x/", (1280, 800)), width_px=-1, height_px=0)
    names = (
        "coordinate",
        "start_coordinate",
        "scroll_direction",
        "scroll_amount",
        "text",
        "duration",
        "region",
    )
    for number, odd in enumerate(ODD):
        for action, member in ((number * 2, "left_click_drag"), (number * 2 + 1, "scroll")):
            given = dict.fromkeys(names if number % 2 else names[:1], odd)
            named: dict[str, Any] = {"action": action, "tool_use_id": f"t{action}", "member": member}
            recording.put(
                ev.ActionProposed(turn=1, input=given, **named),
                ev.ActionFinished(ok=True, text=NASTY, duration_ms=1e300, **named),
            )


def bad_blobs(recording: Recording) -> None:
    recording.begin()
    picture = page("Shop", "http://x/", (1280, 800))
    recording.frame(None, "0" * 64)
    recording.frame(None, "../../../../etc/passwd")
    recording.frame(b"not a picture")
    recording.frame(picture[: len(picture) // 2])
    recording.frame(picture, "f" * 64)
    recording.frame(b"", width_px=0, height_px=0)
    recording.frame(bomb(20_000, 20_000), width_px=20_000, height_px=20_000)
    recording.frame(bomb(0, 0))
    recording.frame(bomb(15_000, 1_000))
    recording.frame(bytes(30 << 20))
    tiff = io.BytesIO()
    Image.new("RGB", (40, 40)).save(tiff, "TIFF")
    recording.frame(tiff.getvalue())


def long_texts(recording: Recording) -> None:
    recording.begin(task=NASTY * 6_000)
    recording.put(ev.LegStarted(leg=1, instruction="x" * 1_000_000))
    recording.put(ev.TurnStarted(turn=1))
    for text in ("漢" * 300_000, NASTY * 3_000, "👩\u200d👧" * 90_000, "\n" * 100_000, " " * 100_000):
        recording.put(
            ev.ThinkingStreamed(turn=1, block=0, text=text),
            ev.TextStreamed(turn=1, block=1, text=text),
            ev.ActionProposed(
                turn=1, action=10**15, tool_use_id="t", member=text[:5_000], input={"text": text}
            ),
            ev.ActionFinished(action=10**15, tool_use_id="t", member="m", ok=False, text=text),
            ev.MessageQueued(id=text[:100], text=text, when=text[:100]),
        )


def thousands_of_warnings(recording: Recording) -> None:
    recording.begin()
    recording.put(*(ev.Warned(what=f"{n} {NASTY}", where=NASTY, way_out=NASTY) for n in range(5_000)))


def a_gap_in_the_middle(recording: Recording) -> None:
    recording.put(*shop_script().events[:80])
    recording.writer.close()
    journal = paths.journal_path(recording.directory)
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[30:50] = [b"00000000 5 {...}\n", b"\xff\xfe not a line\n"]
    journal.write_bytes(b"".join(lines))


MAKERS: tuple[Callable[[Recording], None], ...] = (
    only_a_header,
    unknown_types,
    out_of_order,
    odd_inputs,
    bad_blobs,
    long_texts,
    thousands_of_warnings,
    a_gap_in_the_middle,
)


def make(maker: Callable[[Recording], None], directory: Path) -> Path:
    """Write a recording; returns its directory."""
    recording = Recording(directory)
    maker(recording)
    recording.writer.close()
    return directory
