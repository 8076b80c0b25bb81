"""Processes that are not our own: what is below one, which holds a run, their end. On Linux and macOS."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

LOOK_S = 0.02


def descendants(pid: int) -> set[int]:
    """Every process below one."""
    try:
        return {below.pid for below in psutil.Process(pid).children(recursive=True)}
    except psutil.NoSuchProcess:
        return set()


def command_of(pid: int) -> str:
    """A process's command line, its words apart by spaces; empty for what is gone or not ours."""
    try:
        return " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return ""


def mentioning(text: str) -> list[int]:
    """The live processes whose command line holds a text; a zombie has none."""
    return [pid for pid in psutil.pids() if text in command_of(pid)]


def engines_in(state_dir: Path) -> Iterator[int]:
    """The engines whose runs are kept in a state directory, by the environment they were started with."""
    for pid in mentioning("pilothouse.engine"):
        try:
            kept_in = psutil.Process(pid).environ().get("PILOTHOUSE_STATE_DIR")
        except psutil.Error:
            continue
        if kept_in == str(state_dir):
            yield pid


async def gone(pids: set[int], timeout_s: float = 10.0) -> bool:
    """Wait for the end of processes that are not our children; a zombie has ended."""
    return await asyncio.to_thread(_all_end, pids, time.monotonic() + timeout_s)


def _all_end(pids: set[int], until: float) -> bool:
    while any(map(_lives, pids)):
        if time.monotonic() > until:
            return False
        time.sleep(LOOK_S)
    return True


def _lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True
