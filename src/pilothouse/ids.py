"""Names of runs, browsers and blobs: how they are made and recognised. Nothing about where they live."""

from __future__ import annotations

import os
import string

from pilothouse.regex import lazily

ALPHABET = string.ascii_lowercase + string.digits
RUN_ID = lazily(r"[a-z0-9]{10}")
SHA256 = lazily(r"[0-9a-f]{64}")


def new_run_id() -> str:
    """Make a run id: ten letters or digits, 51 bits, unique among a person's runs."""
    import secrets  # and with it OpenSSL: a run that is there already has its id

    return "".join(secrets.choice(ALPHABET) for _ in range(10))


def new_command_id() -> str:
    """Make an id for a command, unique within its run."""
    return os.urandom(8).hex()


def is_run_id(text: str) -> bool:
    """Say whether the text has the form of a run id."""
    return RUN_ID.fullmatch(text) is not None


def is_sha256(text: str) -> bool:
    """Say whether the text can name a blob; paths are only ever made from such a name."""
    return SHA256.fullmatch(text) is not None


def browser_name(run: str, ordinal: int = 1) -> str:
    """Name the run's nth browser: the run id, then `<id>-b2`, `<id>-b3` (design §5)."""
    return run if ordinal == 1 else f"{run}-b{ordinal}"


def host_hash() -> str:
    """Tell hosts apart without naming them: 12 hex digits of the host name's sha256."""
    import hashlib
    import socket

    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:12]
