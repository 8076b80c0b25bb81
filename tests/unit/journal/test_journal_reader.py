from __future__ import annotations

import os
import random
from pathlib import Path

import msgspec
import pytest

from pilothouse import events as ev
from pilothouse import paths
from pilothouse.errors import NotARecording
from pilothouse.journal import framing
from pilothouse.journal.reader import JournalReader
from tests.unit.journal.making import RUN, assert_prefixes, create, some_events, started, write

HEADER = framing.Header(
    fmt=framing.FORMAT,
    v=framing.FORMAT_VERSION,
    run=RUN,
    created="2026-01-01T00:00:00Z",
    host="h",
    writer="w",
)


def framed(*bodies: bytes, header: framing.Header | bytes = HEADER) -> bytes:
    """Frame lines with a whole chain, as a forger would who knows the format."""
    first = header if isinstance(header, bytes) else framing.encode_frame(header)
    lines, crc = [], 0
    for one in (first, *bodies):
        line, crc = framing.pack(one, crc)
        lines.append(line)
    return b"".join(lines)


def opened(tmp_path: Path, data: bytes) -> JournalReader:
    path = paths.journal_path(tmp_path)
    path.write_bytes(data)
    return JournalReader(path)


def body(seq: int, what: str = "x") -> bytes:
    return ev.encode(ev.Warned(what=what, seq=seq, t=seq))


def given(reader: JournalReader) -> list[ev.Event]:
    with reader:
        return list(reader.read_all())


def is_honest(events: list[ev.Event], truth: list[ev.Event]) -> bool:
    """Say whether every event is a true one in its place, or a warning that says that one is missing."""
    true = {event.seq: event for event in truth}
    order = [event.seq for event in events]
    return order == sorted(set(order)) and all(
        event == true.get(event.seq) or (isinstance(event, ev.Warned) and "damaged" in event.what)
        for event in events
    )


def test_cut_anywhere_a_recording_gives_a_prefix_of_its_events(tmp_path: Path) -> None:
    # 30 events here; the 200 of the reference are in tests/faults, where there is time
    assert_prefixes(tmp_path / RUN, 30)


@pytest.mark.parametrize("size", [0, 1, 9, 100])
def test_cut_inside_its_header_it_is_refused_in_one_sentence(tmp_path: Path, size: int) -> None:
    write(tmp_path / RUN, some_events(3))
    data = paths.journal_path(tmp_path / RUN).read_bytes()
    with pytest.raises(NotARecording, match=r"journal\.phj: is"):
        opened(tmp_path, data[:size])


def test_of_20_000_flipped_bits_none_passes_silently(tmp_path: Path) -> None:
    truth = write(tmp_path / RUN, some_events(12), seal=True)
    path = paths.journal_path(tmp_path / RUN)
    data = bytearray(path.read_bytes())
    rng = random.Random(20_000)
    silent, refused, lost = 0, 0, 0
    with path.open("r+b", buffering=0) as file:
        for _ in range(20_000):
            at, bit = rng.randrange(len(data)), 1 << rng.randrange(8)
            os.pwrite(file.fileno(), bytes([data[at] ^ bit]), at)
            try:
                with JournalReader(path) as reader:
                    events = list(reader.read_all())
                    noticed = reader.damaged or reader.torn_bytes > 0 or reader.sealed is None
            except NotARecording:
                refused += 1
            else:
                silent += not noticed or not is_honest(events, truth)
                lost = max(lost, len(truth) - sum(event in truth for event in events))
            os.pwrite(file.fileno(), data[at : at + 1], at)
    assert silent == 0
    assert refused < 20_000 * 0.15  # only those in the header
    assert lost <= 3  # everything but the line hit and its neighbour is still there


def test_a_deleted_line_is_noticed_wherever_it_was(tmp_path: Path) -> None:
    truth = write(tmp_path / RUN, some_events(200), seal=True)
    lines = paths.journal_path(tmp_path / RUN).read_bytes().splitlines(keepends=True)
    for gone in range(1, len(lines)):
        with opened(tmp_path, b"".join(lines[:gone] + lines[gone + 1 :])) as reader:
            events = list(reader.read_all())
            assert reader.damaged or reader.sealed is None
            assert is_honest(events, truth)
            assert sum(event in truth for event in events) >= 198  # itself, and what was chained on it


def test_a_doubled_or_swapped_line_is_noticed(tmp_path: Path) -> None:
    truth = write(tmp_path / RUN, some_events(40), seal=True)
    lines = paths.journal_path(tmp_path / RUN).read_bytes().splitlines(keepends=True)
    for at in range(1, 40):
        for forged in (
            [*lines[:at], lines[at], *lines[at:]],
            [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]],
        ):
            with opened(tmp_path, b"".join(forged)) as reader:
                assert is_honest(list(reader.read_all()), truth)
                assert reader.damaged


def test_damage_in_the_middle_is_a_gap_that_says_where(tmp_path: Path) -> None:
    truth = write(tmp_path / RUN, some_events(30), seal=True)
    lines = paths.journal_path(tmp_path / RUN).read_bytes().splitlines(keepends=True)
    offset = sum(len(line) for line in lines[:11])
    lines[11] = lines[11].replace(b"{", b"[", 1)
    with opened(tmp_path, b"".join(lines)) as reader:
        events = list(reader.read_all())
        (gap,) = reader.gaps
        assert (gap.offset, gap.size, gap.after_seq) == (offset, len(lines[11]), 9)
        assert reader.unverified_from == 11
        assert reader.sealed
    assert events[:10] == truth[:10]
    assert events[11:] == truth[11:]
    assert events[10] == ev.Warned(
        seq=10,
        t=truth[9].t,
        wall=truth[9].wall,
        what="the recording is damaged here: checksum differs",
        where=f"journal.phj, byte {offset}",
    )


def test_damage_that_nothing_follows_is_reported_at_the_end(tmp_path: Path) -> None:
    events = given(opened(tmp_path, framed(body(0)) + b"garbage\n"))
    assert [type(event) for event in events] == [ev.Warned, ev.Warned]
    assert events[1] == ev.Warned(
        seq=1,
        t=0,
        what="the recording is damaged here: no frame",
        where=f"journal.phj, byte {len(framed(body(0)))}",
    )


def test_a_seal_that_counts_other_events_is_damage(tmp_path: Path) -> None:
    seal = framing.encode_frame(framing.Seal(events=5, blobs=0))
    with opened(tmp_path, framed(body(0), seal)) as reader:
        list(reader.read_all())
        assert reader.damaged
    with opened(tmp_path, framed(seal.replace(b"5", b"0"), body(0))) as reader:
        assert [event.seq for event in reader.read_all()] == [0]
        assert "follows the seal" in reader.gaps[0].why


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm(tmp_path: Path) -> None:
    truth = write(tmp_path / RUN, some_events(20), seal=True)
    data = paths.journal_path(tmp_path / RUN).read_bytes()
    with opened(tmp_path, b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n")) as reader:
        assert list(reader.read_all()) == truth
        assert not reader.damaged


@pytest.mark.parametrize(
    "bad",
    [
        b'{"type":"Warned","what":NaN,"seq":1}',
        b'{"type":"BrowserOpened","name":"","session":"","width_px":1,"height_px":1e999,"seq":1}',
        b'{"type":"New","seq":1,"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"type":"Warned","what":"\xff\xfe","seq":1}',
        b'{"type":"Warned","what":"x","seq":' + b"9" * 400 + b"}",
        b'{"type":"Warned","what":"x","seq":9007199254740993}',
        b'{"type":"Warned","what":"x","seq":-4}',
        b'{"type":"Warned","what":"x","seq":1,"t":' + b"9" * 400 + b"}",
        b'{"type":"Warned","what":"x"}',
        b"[]",
        b"",
        b"nonsense",
    ],
    ids=[
        "NaN",
        "inf",
        "deep",
        "not utf-8",
        "huge int",
        "huge seq",
        "negative",
        "huge t",
        "no seq",
        "array",
        "empty",
        "text",
    ],
)
def test_a_forged_line_costs_itself_and_no_more(tmp_path: Path, bad: bytes) -> None:
    with opened(tmp_path, framed(body(0), bad, body(2))) as reader:
        events = list(reader.read_all())
        assert [event.seq for event in events] == [0, 1, 2]
        assert isinstance(events[1], ev.Warned | ev.Unknown)
        assert reader.unverified_from is None  # the chain itself is whole


def test_a_line_longer_than_any_record_is_skipped_in_bounded_memory(tmp_path: Path) -> None:
    huge = b"0" * (framing.LINE_MAX_BYTES * 3) + b"\n"
    data = framed(body(0))
    rest, _ = framing.pack(body(1), int(data.splitlines()[-1][:8], 16))
    with opened(tmp_path, data + huge + rest) as reader:
        assert [event.seq for event in reader.read_all()] == [0, 1]
        assert reader.gaps[0].size == len(huge)
        assert "longer than any record" in reader.gaps[0].why


def test_an_event_of_an_unknown_type_keeps_its_bytes(tmp_path: Path) -> None:
    raw = b'{"type":"TeaServed","seq":1,"t":4,"wall":"w","cups":[1,{"x":null}]}'
    events = given(opened(tmp_path, framed(body(0), raw, body(2))))
    assert events[1] == ev.Unknown(seq=1, t=4, wall="w", type_name="TeaServed", raw=raw)
    assert ev.encode(events[1]) == raw


def test_a_framing_line_of_an_unknown_kind_is_passed_over(tmp_path: Path) -> None:
    with opened(tmp_path, framed(body(0), b'{"frame":"bookmark","x":1}', body(1))) as reader:
        assert [event.seq for event in reader.read_all()] == [0, 1]
        assert not reader.damaged


def test_events_missing_from_a_whole_chain_are_a_gap(tmp_path: Path) -> None:
    with opened(tmp_path, framed(body(0), body(7), body(3), body(8))) as reader:
        assert [event.seq for event in reader.read_all()] == [0, 1, 7, 8]
        assert [gap.why for gap in reader.gaps] == ["events are missing", "event 3 is out of order"]


def test_a_newer_format_is_named_with_the_way_out(tmp_path: Path) -> None:
    newer = msgspec.structs.replace(HEADER, v=framing.FORMAT_VERSION + 1)
    with pytest.raises(
        NotARecording, match=r"has format 2; this pilothouse reads up to 1 \(update pilothouse\)"
    ):
        opened(tmp_path, framed(header=newer))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"PK\x03\x04 a zip file \n",
        b'{"version": 2, "width": 80, "height": 24}\n[0.1, "o", "x"]\n',
        framed(header=b'{"frame":"header","fmt":"another","v":1}'),
        framed(header=b'{"frame":"header","fmt":"pilothouse-journal","v":"one"}'),
        framed(header=b"[" * 50_000),
        framed(header=body(0)),
        b"\0" * 10_000,
        os.urandom(100_000),
    ],
    ids=["empty", "newline", "zip", "asciicast", "format", "version", "deep", "headless", "zeros", "random"],
)
def test_a_foreign_file_is_refused_in_one_sentence(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(NotARecording) as caught:
        opened(tmp_path, data)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_links_pipes_and_directories_are_not_opened(tmp_path: Path) -> None:
    path = paths.journal_path(tmp_path)
    with pytest.raises(NotARecording, match="there is no journal"):
        JournalReader(path)
    (tmp_path / "real").write_bytes(framed(body(0)))
    path.symlink_to(tmp_path / "real")
    with pytest.raises(NotARecording, match="symbolic link"):
        JournalReader(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(NotARecording, match="not a regular file"):
        JournalReader(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(NotARecording):
        JournalReader(path)


def test_reading_goes_on_where_it_stopped_while_the_writer_writes(tmp_path: Path) -> None:
    writer = create(tmp_path / RUN)
    with JournalReader(writer.path) as reader:
        assert reader.read_new() == []
        for event in some_events(50):
            stamped = writer.append_event(event)
            assert reader.read_new() == [stamped]
            assert reader.read_new() == []
        writer.seal()
        assert reader.read_new() == []
        assert reader.sealed == framing.Seal(events=50, blobs=0)


def test_pieces_of_any_size_give_the_same_events(tmp_path: Path) -> None:
    truth = write(tmp_path / RUN, some_events(40))
    for size in (1, 7, 64, 4096):
        with JournalReader(paths.journal_path(tmp_path / RUN)) as reader:
            events: list[ev.Event] = []
            while not (reader.at_end and not reader.torn_bytes and len(events) == 40):
                events += reader.read_new(size)
            assert events == truth


def test_the_first_event_is_the_start(tmp_path: Path) -> None:
    (first,) = write(tmp_path / RUN, [started()])
    with JournalReader(paths.journal_path(tmp_path / RUN)) as reader:
        assert reader.header.run == RUN
        assert next(reader.read_all()) == first
