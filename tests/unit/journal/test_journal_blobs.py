from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from pathlib import Path

import pytest

from pilothouse.errors import JournalError, RecorderFailed
from pilothouse.events import Blob
from pilothouse.journal.blobs import BLOB_MAX_BYTES, BlobStore

PNG = b"\x89PNG and so on" * 100
SHA = hashlib.sha256(PNG).hexdigest()


def where(directory: Path, sha: str = SHA) -> Path:
    return directory / "blobs" / sha[:2] / sha


async def test_a_blob_comes_back_under_its_hash_and_is_private(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    blob = await store.put(PNG, "image/png", 1280, 800)
    assert blob == Blob(sha256=SHA, size=len(PNG), mime="image/png", width_px=1280, height_px=800)
    assert await BlobStore(tmp_path).read(SHA) == PNG
    path = where(tmp_path)
    modes = [stat.S_IMODE(at.stat().st_mode) for at in (path, path.parent, path.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]


async def test_the_same_bytes_are_stored_once_also_at_the_same_time(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    blobs = await asyncio.gather(*(store.put(PNG, "image/png") for _ in range(8)))
    assert len(set(blobs)) == 1
    assert [path.name for path in where(tmp_path).parent.iterdir()] == [SHA]  # no draft stayed
    assert store.count == 1
    written = where(tmp_path).stat().st_mtime_ns
    await BlobStore(tmp_path).put(PNG, "image/png")
    assert where(tmp_path).stat().st_mtime_ns == written


async def test_a_file_of_another_length_under_the_name_is_replaced(tmp_path: Path) -> None:
    where(tmp_path).parent.mkdir(parents=True)
    where(tmp_path).write_bytes(PNG[:7])
    await BlobStore(tmp_path).put(PNG, "image/png")
    assert await BlobStore(tmp_path).read(SHA) == PNG


async def test_a_missing_or_damaged_blob_is_one_sentence(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    with pytest.raises(JournalError, match="is missing"):
        await store.read(SHA)
    await store.put(PNG, "image/png")
    where(tmp_path).write_bytes(PNG[:-1] + b"X")
    with pytest.raises(JournalError, match="damaged"):
        await store.read(SHA)
    with where(tmp_path).open("wb") as file:
        file.truncate(BLOB_MAX_BYTES + 1)
    with pytest.raises(JournalError, match="larger"):
        await store.read(SHA)
    with pytest.raises(JournalError, match="larger"):
        await store.put(b"x" * (BLOB_MAX_BYTES + 1), "text/plain")


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "", SHA[:-1], SHA.upper(), SHA + "\n", "/" + SHA, "a/../" + SHA]
)
async def test_a_name_that_is_no_hash_never_becomes_a_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(JournalError, match="no name of a blob"):
        await BlobStore(tmp_path).read(name)


async def test_no_link_is_followed_on_the_way(tmp_path: Path) -> None:
    real, forged = tmp_path / "real", tmp_path / "forged"
    await BlobStore(real).put(PNG, "image/png")
    forged.mkdir()
    (forged / "blobs").symlink_to(real / "blobs")
    await refused(forged)
    (forged / "blobs").unlink()
    (forged / "blobs").mkdir()
    (forged / "blobs" / SHA[:2]).symlink_to(real / "blobs" / SHA[:2])
    await refused(forged)
    (forged / "blobs" / SHA[:2]).unlink()
    (forged / "blobs" / SHA[:2]).mkdir()
    where(forged).symlink_to(where(real))
    await refused(forged)


async def refused(directory: Path) -> None:
    with pytest.raises(JournalError, match="the blob"):
        await BlobStore(directory).read(SHA)


async def test_a_pipe_under_the_name_does_not_hold_the_reader_up(tmp_path: Path) -> None:
    where(tmp_path).parent.mkdir(parents=True)
    os.mkfifo(where(tmp_path))
    async with asyncio.timeout(5):
        await refused(tmp_path)


async def test_a_disk_that_refuses_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_bytes(b"in the way")
    with pytest.raises(RecorderFailed, match="the disk refused a screenshot"):
        await BlobStore(tmp_path).put(PNG, "image/png")
