"""How recordings of older formats become events of this one: a converter chain. Nothing here opens a file.

The format's version stands in the header and is apart from the program's. Readers keep every old version
for good; writers only write the newest; a file is never upgraded in place. A change of format adds one
converter here, and one sample of the version it leaves behind under `tests/unit/journal/samples/`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from pilothouse.journal.framing import FORMAT_VERSION

Converter = Callable[[dict[str, Any]], dict[str, Any]]
"""Turns an event of version n, as its JSON object, into one of version n + 1."""

CONVERTERS: Mapping[int, Converter] = {}
"""By the version they start from."""


def upgrade(
    json: bytes,
    version: int,
    converters: Mapping[int, Converter] = CONVERTERS,
    newest: int = FORMAT_VERSION,
) -> bytes:
    """Bring one event's JSON from `version` to the newest one; the newest is returned as it is.

    Raises:
        msgspec.DecodeError: It is no JSON object.
    """
    if version >= newest:
        return json
    event = msgspec.json.decode(json, type=dict[str, Any])
    for step in range(version, newest):
        convert = converters.get(step)
        event = convert(event) if convert else event
    return msgspec.json.encode(event)
