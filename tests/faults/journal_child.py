"""An engine's recorder and nothing else, to be killed: writes events and tells its parent each `seq` it has.

Run as `python -m tests.faults.journal_child RUN_DIRECTORY RUN SEED`.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

from pilothouse import events as ev
from pilothouse import paths
from pilothouse.journal.blobs import BlobStore
from pilothouse.journal.writer import JournalWriter


def main(directory: Path, run: str, seed: int) -> None:
    rng = random.Random(seed)
    if paths.journal_path(directory).exists():
        writer = JournalWriter.reopen(directory)
    else:
        writer = JournalWriter.create(directory, run, min_free_bytes=0)
    blobs = BlobStore(directory)
    while True:
        event: ev.Event
        match rng.randrange(20):
            case 0:
                data = rng.randbytes(20_000)
                blob = ev.Blob(sha256=blobs.put_sync(data), size=len(data), mime="image/png")
                event = ev.FrameCaptured(frame=1, blob=blob, source="settled")
            case 1:
                event = ev.TurnFinished(turn=1, stop_reason="", content=[{"text": "x" * 300_000}])
            case _:
                event = ev.TextStreamed(turn=1, block=0, text="y" * rng.randrange(2_000))
        seq = writer.append(event, durable=rng.random() < 0.05)
        os.write(1, b"%d\n" % seq)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
