"""Secrets out of events, before the journal sees them. Nothing here knows what a secret looks like.

Signatures, encrypted and binary fields are never touched: the API would refuse them (design §7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from pilothouse.events import Event
    from pilothouse.safety import Redactor

_OPAQUE = frozenset({"signature", "data", "encrypted_content", "sha256", "type", "raw"})


def redacted(event: Event, redactor: Redactor) -> Event:
    """Return the event with every secret in its texts masked; the same object if there was none."""
    fields: dict[str, Any] = {name: getattr(event, name) for name in event.__struct_fields__}
    changed = {
        name: masked
        for name, value in fields.items()
        if name not in _OPAQUE and (masked := _masked(value, redactor)) is not value
    }
    return msgspec.structs.replace(event, **changed) if changed else event


def _masked(value: Any, redactor: Redactor) -> Any:
    """Mask strings at any depth of plain data; what holds none comes back as the same object."""
    if isinstance(value, str):
        masked = redactor.redact(value)
        return value if masked == value else masked
    if isinstance(value, dict):
        items = {k: v if k in _OPAQUE else _masked(v, redactor) for k, v in value.items()}
        return items if any(items[k] is not v for k, v in value.items()) else value
    if isinstance(value, list):
        entries = [_masked(entry, redactor) for entry in value]
        return entries if any(a is not b for a, b in zip(entries, value, strict=True)) else value
    return value
