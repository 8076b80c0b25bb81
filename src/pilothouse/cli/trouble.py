"""What becomes of an error nobody foresaw: one sentence and a file with its trace. The foreseen: `errors`."""

from __future__ import annotations

import sys
import tempfile
import time
import traceback
from typing import TYPE_CHECKING

from pilothouse import __version__, paths

if TYPE_CHECKING:
    from pathlib import Path


def describe(error: Exception) -> str:
    """Write the trace to a file and give the sentence that names both."""
    kind = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    kept = _keep("".join(traceback.format_exception(error)))
    where = f"its trace is in {kept}; please report it" if kept else "its trace could not be kept anywhere"
    return f"something unforeseen happened: {kind} ({where})"


def _keep(trace: str) -> Path | None:
    from pathlib import Path

    head = f"pilothouse {__version__}, Python {sys.version.split()[0]}, {sys.platform}\n\n"
    for parent in (paths.state_dir(), Path(tempfile.gettempdir())):
        try:
            directory = (
                parent / "traces" if parent == paths.state_dir() else Path(tempfile.mkdtemp(dir=parent))
            )
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = directory / f"{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 1_000_000:06}.txt"
            path.write_text(head + trace, encoding="utf-8", errors="backslashreplace")
        except OSError:
            continue
        return path
    return None
