"""Journal first: every event is appended before anyone sees it. Nothing here decides what to record."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pilothouse.engine.redaction import redacted
from pilothouse.engine.server import NEWEST_SEQ
from pilothouse.errors import RecorderFailed
from pilothouse.safety import Redactor
from pilothouse.state import RunState, reduce

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pilothouse.bus import Bus
    from pilothouse.events import Blob, Event
    from pilothouse.journal.blobs import BlobStore
    from pilothouse.journal.writer import JournalWriter


class Recorder:
    """Appends events, keeps the run's state, and wakes who follows.

    Args:
        writer: The journal, locked by this process.
        blobs: Where pictures go, before any event names them.
        bus: Fan-out inside the engine.
        secrets: Values that must never be journalled.
    """

    def __init__(
        self, writer: JournalWriter, blobs: BlobStore, bus: Bus, secrets: tuple[str, ...] = ()
    ) -> None:
        self._writer = writer
        self._blobs = blobs
        self._bus = bus
        self._secrets = secrets
        self._redactor = Redactor(secrets)
        self.state = RunState()
        self._deferring = False
        self.listeners: list[Callable[[Event], None]] = []
        """Told of each event right after the state has moved; they must be quick, and publish nothing."""
        self.on_failure: Callable[[RecorderFailed], None] = lambda error: None
        """Told when the disk has refused something: nothing unrecorded may be done."""

    def stream_redactor(self) -> Redactor:
        """Make a redactor for one stream of pieces: a secret may be cut in two by them."""
        return Redactor(self._secrets)

    async def read_blob(self, sha256: str) -> bytes:
        """Read a blob back.

        Raises:
            JournalError: It is missing or damaged.
        """
        return await self._blobs.read(sha256)

    def mask(self, text: str) -> str:
        """Mask every secret in a text that is kept beside the journal."""
        return self._redactor.redact(text)

    def publish(self, event: Event, durable: bool = False) -> int:
        """Append an event, move the state, and tell the bus; returns its `seq`.

        With `durable` it is synced before this returns, and the loop waits for the disk: for what is rare.
        What comes often is published without, and `synced` awaited before anything follows from it.

        Raises:
            RecorderFailed: The disk refused it; nobody is told of it.
        """
        durable = durable and not self._deferring
        try:
            stamped = self._writer.append_event(redacted(event, self._redactor), durable=durable)
        except RecorderFailed as error:
            self.on_failure(error)
            raise
        self.state = reduce(self.state, stamped)
        for listener in self.listeners:
            listener(stamped)
        self._bus.must(stamped)
        self._bus.latest(NEWEST_SEQ, stamped.seq)
        return stamped.seq

    async def synced(self) -> None:
        """Wait until everything published so far is on the disk; the loop goes on meanwhile.

        Raises:
            RecorderFailed: The disk refused.
        """
        try:
            await self._writer.synced()
        except RecorderFailed as error:
            self.on_failure(error)
            raise

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """Let nothing published in here wait for the disk: who opens this awaits `synced` afterwards."""
        before, self._deferring = self._deferring, True
        try:
            yield
        finally:
            self._deferring = before

    async def put_blob(self, data: bytes, mime: str, width_px: int = 0, height_px: int = 0) -> Blob:
        """Store bytes, synced, before any event names them.

        Raises:
            RecorderFailed: The disk refused them.
        """
        try:
            return await self._blobs.put(data, mime, width_px, height_px)
        except RecorderFailed as error:
            self.on_failure(error)
            raise
