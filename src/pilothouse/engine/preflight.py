"""What is checked before an engine is started, wherever a task was given. Nothing here starts one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pilothouse.errors import ChromiumUnavailable, KeyMissing, UsageError

if TYPE_CHECKING:
    from pilothouse.engine.spec import RunSpec

TASK_MAX_BYTES = 100_000


def require(spec: RunSpec) -> None:
    """Make sure of the keys and the browser that a run needs.

    Raises:
        KeyMissing: A key is not in the environment.
        ChromiumUnavailable: The browser is to be here, and there is none.
    """
    # Other providers have credentials of their own, and sentences of their own about them.
    if spec.model_options.provider == "anthropic" and not _said("ANTHROPIC_API_KEY"):
        raise KeyMissing(
            "ANTHROPIC_API_KEY is not set", way_out="set it, or try pilothouse demo, which needs no key"
        )
    if spec.browser == "kernel" and not _said("KERNEL_API_KEY"):
        raise KeyMissing("KERNEL_API_KEY is not set", way_out="set it, or use --browser local")
    if spec.browser == "local":
        require_chromium()


def require_chromium() -> None:
    """Make sure that there is a browser to be had on this machine.

    Raises:
        ChromiumUnavailable: There is none that can be driven; the sentence says how to get one.
    """
    from pilothouse.local import chromium

    if chromium.find_chromium() is None:
        raise ChromiumUnavailable(chromium.why_none(), way_out=chromium.how_to_get())


def checked_task(raw: bytes, where: str) -> str:
    """Read a task.

    Raises:
        UsageError: It is empty, too long, or no plain text.
    """
    if len(raw) > TASK_MAX_BYTES:
        raise UsageError(f"the task is longer than {TASK_MAX_BYTES} bytes", where, "say it shorter")
    try:
        task = raw.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise UsageError(f"byte {error.start} is not UTF-8", where, "the task is plain text") from None
    if "\0" in task:
        raise UsageError("the task holds a zero byte", where, "the task is plain text")
    if not task:
        raise UsageError("the task is empty", where, "say what to do")
    return task


def _said(variable: str) -> bool:
    return bool(os.environ.get(variable, "").strip())
