"""Events to bytes and back: one line of JSON each. What events there are is in the modules beside."""

from __future__ import annotations

import functools
import operator

import msgspec

from pilothouse.errors import JournalError
from pilothouse.events import actions, browser, model, people, run  # noqa: F401 - the union is made of them
from pilothouse.events.base import Event

KNOWN: tuple[type[Event], ...] = tuple(Event.__subclasses__())
"""Every event of the vocabulary; what is defined below is not of the union."""


class Unknown(Event, frozen=True):
    """An event of a type this version does not know; shown as a generic row, its bytes kept."""

    type_name: str
    raw: bytes


_encoder = msgspec.json.Encoder()


class _Envelope(msgspec.Struct, frozen=True):
    type: str
    seq: int
    t: int = -1
    wall: str = ""


@functools.cache
def _union() -> msgspec.json.Decoder[Event]:
    """Make the decoder, which takes as long as importing all of this, when there is something to decode."""
    return msgspec.json.Decoder(functools.reduce(operator.or_, KNOWN))


def encode(event: Event) -> bytes:
    """Encode an event as one line of JSON without a newline; an `Unknown` gives its own bytes back."""
    return event.raw if isinstance(event, Unknown) else _encoder.encode(event)


def decode(data: bytes) -> Event:
    """Decode one event.

    Raises:
        JournalError: The bytes are not an event of any version (no JSON object with `type` and `seq`).
    """
    try:
        return _union().decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return _decode_unknown(data, error)


def _decode_unknown(data: bytes, cause: Exception) -> Unknown:
    try:
        head = msgspec.json.decode(data, type=_Envelope)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise JournalError(f"not an event: {cause}") from cause
    return Unknown(seq=head.seq, t=head.t, wall=head.wall, type_name=head.type, raw=data)
