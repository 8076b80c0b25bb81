"""`pilothouse reap`: what is shown, what goes, and what never does without a word."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pilothouse import events as ev
from pilothouse.ids import host_hash
from pilothouse.journal.writer import JournalWriter
from pilothouse.local.loopback import listening
from tests.cli.shell import Said, a_run, on_a_terminal, pilothouse, record
from tests.engine.kernel_stub import KernelStub

ENDED, KILLED, KEPT, ALIVE, UNKNOWN, ELSEWHERE = (
    f"{word:x<10}" for word in ("en", "ki", "ke", "al", "un", "el")
)


class Account:
    """A Kernel account with one browser of every kind of run."""

    def __init__(self, url: str, kernel: KernelStub) -> None:
        self.url = url
        self.kernel = kernel

    async def reap(self, *options: str, terminal: bool = False, interrupt_at: bytes | None = None) -> Said:
        key = {"KERNEL_API_KEY": "a-key-of-the-tests", "KERNEL_BASE_URL": self.url}

        def said() -> Said:
            if terminal:
                return on_a_terminal("reap", *options, interrupt_at=interrupt_at, **key)  # type: ignore[arg-type]
            return pilothouse("reap", *options, **key)  # type: ignore[arg-type]

        return await asyncio.to_thread(said)


@pytest.fixture
async def account(state_dir: Path) -> AsyncIterator[Account]:
    kernel = KernelStub()
    runs = state_dir / "runs"
    record(runs / ENDED, ENDED, *a_run(ENDED))
    record(runs / KILLED, KILLED, *a_run(KILLED)[:-1], seal=False)
    closed = ev.BrowserClosed(name=KEPT, why="aborted", kept=True)
    record(runs / KEPT, KEPT, *a_run(KEPT)[:-1], closed, a_run(KEPT)[-1])
    writer = JournalWriter.create(runs / ALIVE, ALIVE, min_free_bytes=0)
    made = datetime.now(UTC) - timedelta(hours=2)
    for run in (ENDED, KILLED, KEPT, ALIVE, UNKNOWN, ELSEWHERE):
        host = "another-host" if run == ELSEWHERE else host_hash()
        tags = {"app": "pilothouse", "run": run, "host": host}
        kernel.make(run, tags=tags, created_at=made.isoformat(), headless=run == KILLED)
    kernel.make("a-strangers", tags={"app": "another"})
    async with listening(kernel.app()) as url:
        yield Account(url, kernel)
    writer.close()


def rows(said: Said) -> dict[str, dict[str, Any]]:
    return {row["run"]: row for row in map(msgspec.json.decode, said.out.splitlines())}


async def test_a_dry_run_shows_every_stray_and_deletes_none(account: Account) -> None:
    said = await account.reap("--dry-run", "--json")
    assert (said.code, said.err) == (0, "")
    found = rows(said)
    assert {run: row["fate"] for run, row in found.items()} == {
        ENDED: "ended",
        KILLED: "killed",
        KEPT: "kept",
        ALIVE: "alive",
        UNKNOWN: "unknown",
        ELSEWHERE: "elsewhere",
    }
    assert 7200 <= found[ENDED]["age_s"] < 7300
    assert found[ENDED]["cost_usd"] == pytest.approx(0.96, abs=0.02)  # two hours, headful
    assert found[KILLED]["cost_usd"] == pytest.approx(0.12, abs=0.01)  # headless
    assert account.kernel.deleted == []


async def test_only_what_belongs_to_a_dead_run_here_goes(account: Account) -> None:
    said = await account.reap("--yes")
    assert said.code == 0
    assert said.err == "pilothouse: 2 deleted\n"
    assert set(account.kernel.deleted) == {ENDED, KILLED}
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert lines[0] == "BROWSER AGE AT MOST WHAT BECAME OF ITS RUN"
    assert f"{ENDED} 2 h 00 $0.96 goes its run has ended" in lines
    assert f"{KEPT} 2 h 00 $0.96 left open on request" in lines


async def test_what_may_still_be_wanted_needs_a_word(account: Account) -> None:
    said = await account.reap("--yes", "--kept", "--all-hosts", "--json")
    assert said.code == 0
    assert {run for run, row in rows(said).items() if row["deleted"]} == {
        ENDED,
        KILLED,
        KEPT,
        UNKNOWN,
        ELSEWHERE,
    }
    assert set(account.kernel.browsers) == {ALIVE, "a-strangers"}


async def test_what_a_live_run_drives_stays_whoever_made_it(account: Account, state_dir: Path) -> None:
    driver = "dr" + "x" * 8
    made = account.kernel.browsers
    writer = JournalWriter.create(state_dir / "runs" / driver, driver, min_free_bytes=0)
    for name in (KILLED, KEPT, ELSEWHERE):
        session = made[name]["session_id"]
        writer.append(ev.BrowserOpened(name=session, session=session, width_px=1, height_px=1), durable=True)
    said = await account.reap("--yes", "--kept", "--all-hosts", "--json")
    writer.close()
    assert said.code == 0
    assert {run: row["fate"] for run, row in rows(said).items() if row["fate"] == "driven"} == {
        KILLED: "driven",
        KEPT: "driven",
        ELSEWHERE: "driven",
    }
    assert set(account.kernel.deleted) == {ENDED, UNKNOWN}


async def test_what_is_taken_up_while_a_person_thinks_stays(account: Account, state_dir: Path) -> None:
    driver, session = "dr" + "x" * 8, account.kernel.browsers[KILLED]["session_id"]
    key = {"KERNEL_API_KEY": "a-key-of-the-tests", "KERNEL_BASE_URL": account.url}
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "pilothouse.engine.reaping"),
        stdin=PIPE, stdout=PIPE, env={**os.environ, **key},
    )  # fmt: skip
    assert child.stdout is not None
    assert b"found" in await child.stdout.readline()
    writer = JournalWriter.create(state_dir / "runs" / driver, driver, min_free_bytes=0)
    writer.append(ev.BrowserIntended(name=KILLED, kind="kernel"), durable=True)
    out, _ = await child.communicate(msgspec.json.encode([session]) + b"\n")
    writer.close()
    assert msgspec.json.decode(out) == {session: "a live run drives it now"}
    assert account.kernel.deleted == []


async def test_without_a_yes_and_without_a_person_nothing_goes(account: Account) -> None:
    said = await account.reap()
    assert said.err == "pilothouse: nothing was deleted: add --yes\n"
    assert account.kernel.deleted == []


async def test_ctrl_c_at_the_question_deletes_nothing_and_says_nothing_more(account: Account) -> None:
    said = await account.reap(terminal=True, interrupt_at=b"[y/N] ")
    assert said.code == 130
    assert "Traceback" not in said.out
    assert said.out.partition("[y/N] ")[2].replace("^C", "").strip() in ("", "pilothouse: interrupted")
    assert account.kernel.deleted == []


async def test_a_delete_that_fails_is_told(account: Account) -> None:
    account.kernel.faults["delete"] = ["401"] * 10
    said = await account.reap("--yes")
    assert said.code == 1
    assert "may still be there: invalid API key" in said.err


async def test_a_wrong_key_is_one_sentence(account: Account) -> None:
    account.kernel.faults["get"] = ["401"] * 5
    said = await account.reap()
    assert (said.code, said.out) == (1, "")
    assert said.err == "pilothouse: the browsers can't be listed: invalid API key\n"


def test_without_a_key_it_says_so() -> None:
    said = pilothouse("reap")
    assert said.code == 2
    assert said.err.startswith("pilothouse: KERNEL_API_KEY is not set")
