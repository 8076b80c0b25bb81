from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pilothouse import events as ev
from pilothouse import paths
from pilothouse.journal.compat import CONVERTERS, upgrade
from pilothouse.journal.framing import FORMAT_VERSION
from pilothouse.journal.reader import JournalReader

SAMPLES = Path(__file__).parent / "samples"


def test_there_is_a_sample_of_every_version_and_a_converter_from_every_older_one() -> None:
    assert {path.stem for path in SAMPLES.glob("v*.phj")} == {f"v{n}" for n in range(1, FORMAT_VERSION + 1)}
    assert set(CONVERTERS) == set(range(1, FORMAT_VERSION))


@pytest.mark.parametrize("version", range(1, FORMAT_VERSION + 1))
def test_every_version_is_still_read(tmp_path: Path, version: int) -> None:
    path = paths.journal_path(tmp_path)
    shutil.copy(SAMPLES / f"v{version}.phj", path)
    with JournalReader(path) as reader:
        events = list(reader.read_all())
        assert (reader.header.v, reader.damaged) == (version, False)
        assert reader.sealed
    assert not any(isinstance(event, ev.Unknown) for event in events)
    assert isinstance(events[0], ev.RunStarted)
    assert isinstance(events[-1], ev.RunEnded)


def rename(event: dict[str, Any]) -> dict[str, Any]:
    return {("what" if key == "message" else key): value for key, value in event.items()}


def retype(event: dict[str, Any]) -> dict[str, Any]:
    return {**event, "type": "Warned"} if event["type"] == "Notice" else event


def test_the_chain_brings_an_old_event_through_every_version() -> None:
    old = b'{"type":"Notice","message":"x","seq":3}'
    new = upgrade(old, 1, {1: rename, 2: retype}, newest=3)
    assert ev.decode(new) == ev.Warned(what="x", seq=3)
    assert upgrade(new, 3, {1: rename, 2: retype}, newest=3) is new


def test_what_is_no_object_is_refused() -> None:
    with pytest.raises(msgspec.MsgspecError):
        upgrade(b"[1]", 1, {1: rename}, newest=2)
