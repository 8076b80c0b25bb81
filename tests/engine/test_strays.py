"""Every run that starts clears up after dead ones of this host, quietly and without being slower for it."""

import asyncio
from pathlib import Path

import pytest

from pilothouse import events as ev
from pilothouse.engine.spec import BrowserOptions
from pilothouse.events import Outcome
from pilothouse.ids import host_hash
from pilothouse.journal.writer import JournalWriter
from tests.cli.shell import a_run, record
from tests.engine.rig import rigged
from tests.engine.test_run import scenario

DEAD, ENDED, OTHER = "deadxxxxxx", "endedxxxxx", "otherxxxxx"
ONE = scenario('text = "Done."')
PAUSED = "[pace]\nbefore_s = 0.0\nper_delta_s = 0.0\n" + ONE


def tags(run: str, host: str = "") -> dict[str, str]:
    return {"app": "pilothouse", "run": run, "host": host or host_hash()}


async def test_a_start_reaps_what_a_dead_run_left_over(state_dir: Path) -> None:
    record(state_dir / "runs" / DEAD, DEAD, *a_run(DEAD)[:-1], seal=False)
    async with rigged(state_dir, PAUSED) as rig:
        rig.kernel.make(DEAD, tags=tags(DEAD))
        rig.kernel.make(OTHER, tags=tags(OTHER, "another-host"))
        rig.pause()
        driving = asyncio.create_task(rig.run.drive())
        reaped = await rig.until(lambda event: isinstance(event, ev.StrayReaped))
        assert isinstance(reaped, ev.StrayReaped)
        assert (reaped.name, reaped.run) == (DEAD, DEAD)
        assert reaped.age_s > 0
        assert reaped.cost_usd > 0
        rig.resume()
        assert await driving is Outcome.COMPLETED
        assert list(rig.kernel.browsers) == [OTHER]


@pytest.mark.parametrize("how", ["name", "session_id"])
async def test_a_start_spares_the_browser_that_the_run_is_to_drive(state_dir: Path, how: str) -> None:
    record(state_dir / "runs" / DEAD, DEAD, *a_run(DEAD)[:-1], seal=False)
    record(state_dir / "runs" / ENDED, ENDED, *a_run(ENDED))
    made = {"name": DEAD, "session_id": "sess_1"}
    async with rigged(state_dir, PAUSED, browser_options=BrowserOptions(existing=made[how])) as rig:
        rig.kernel.make(DEAD, tags=tags(DEAD))
        rig.kernel.make(ENDED, tags=tags(ENDED))
        rig.pause()
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.StrayReaped))
        rig.resume()
        assert await driving is Outcome.COMPLETED
        assert list(rig.kernel.browsers) == [DEAD]
    assert not rig.of(ev.Warned)


async def test_a_start_spares_the_browser_that_another_live_run_drives(state_dir: Path) -> None:
    record(state_dir / "runs" / DEAD, DEAD, *a_run(DEAD)[:-1], seal=False)
    record(state_dir / "runs" / ENDED, ENDED, *a_run(ENDED))
    writer = JournalWriter.create(state_dir / "runs" / OTHER, OTHER, min_free_bytes=0)
    writer.append(ev.BrowserIntended(name="sess_1", kind="kernel"))
    writer.append(ev.BrowserOpened(name="sess_1", session="sess_1", width_px=1, height_px=1), durable=True)
    async with rigged(state_dir, PAUSED) as rig:
        rig.kernel.make(DEAD, tags=tags(DEAD))
        rig.kernel.make(ENDED, tags=tags(ENDED))
        rig.pause()
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.StrayReaped))
        rig.resume()
        assert await driving is Outcome.COMPLETED
        assert list(rig.kernel.browsers) == [DEAD]
    writer.close()


async def test_a_list_that_hangs_or_fails_does_not_hold_the_run(state_dir: Path) -> None:
    for fault in ("hang", "401"):
        async with rigged(state_dir, ONE) as rig:
            rig.kernel.faults["get"] = [fault] * 3
            assert await rig.finish() is Outcome.COMPLETED
        assert not rig.of(ev.Warned)


async def test_a_stray_that_stays_is_told(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pilothouse.engine.watch.STRAYS_S", 0.3)
    record(state_dir / "runs" / DEAD, DEAD, *a_run(DEAD))
    async with rigged(state_dir, PAUSED) as rig:
        rig.kernel.make(DEAD, tags=tags(DEAD))
        rig.kernel.faults["delete"] = ["hang"]
        rig.pause()
        driving = asyncio.create_task(rig.run.drive())
        warned = await rig.until(lambda event: isinstance(event, ev.Warned))
        assert isinstance(warned, ev.Warned)
        assert (warned.what, warned.way_out) == ("a dead run's browser is still there", "pilothouse reap")
        rig.resume()
        assert await driving is Outcome.COMPLETED
