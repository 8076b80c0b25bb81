"""The request log: the exact bytes of each request, without its pictures and without a secret."""

import asyncio
from pathlib import Path

import pytest

from pilothouse import events as ev
from pilothouse.cli.main import main
from pilothouse.engine.spec import ModelOptions
from pilothouse.events import Outcome
from tests.engine.rig import KEY, Rig, rigged
from tests.engine.test_run import CLICK, LOOK, TYPE, scenario

RECORDED = ModelOptions(record_requests=True, upload="inline")


def recorded(rig: Rig) -> list[ev.RequestRecorded]:
    return [event for event in rig.events if isinstance(event, ev.RequestRecorded)]


async def shown(rig: Rig, *options: str) -> int:
    """Run `pilothouse show` beside the loop; what it prints is caught."""
    return await asyncio.to_thread(main, ["show", f"{rig.directory}/", *options])


async def test_each_request_is_shown_byte_for_byte(
    state_dir: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    script = scenario(f"calls = [{LOOK}]", f'thinking = "hm"\ncalls = [{CLICK}, {TYPE}]', 'text = "Done. ∎"')
    async with rigged(state_dir, script, options=RECORDED) as rig:
        assert await rig.finish() is Outcome.COMPLETED
        for number, body in enumerate(rig.bodies, 1):
            assert await shown(rig, "--turn", str(number), "--request") == 0
            assert capfdbinary.readouterr().out == body
        assert len(rig.bodies) == 3
        kept = [await rig.run._blobs.read(event.body.sha256) for event in recorded(rig)]
        assert await shown(rig, "--turn", "2") == 0
        assert b"left_click" in capfdbinary.readouterr().out
        assert await shown(rig) == 0
        table = capfdbinary.readouterr().out.decode().splitlines()
        assert [line.split()[0] for line in table[:-1]] == ["TURN", "1", "2", "3", "all"]
        usage = rig.run.recorder.state.usage
        assert table[-1] == f"{usage.hit_rate:.0%} of what was sent was read from the cache"
    assert [event.size for event in recorded(rig)] == [len(body) for body in rig.bodies]
    assert max(map(len, kept)) < 10_000 < len(rig.bodies[-1])  # pictures are named, not kept again
    assert not any(KEY.encode() in one for one in kept)


async def test_a_request_that_held_a_secret_is_not_passed_off_as_exact(
    state_dir: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    script = scenario(f'text = "The key is {KEY}."\ncalls = [{CLICK}]', 'text = "Done."')
    async with rigged(state_dir, script, options=RECORDED) as rig:
        await rig.finish()
        kept = [await rig.run._blobs.read(event.body.sha256) for event in recorded(rig)]
        assert await shown(rig, "--turn", "2", "--request") == 1
    assert KEY.encode() in rig.bodies[1]
    assert not any(KEY.encode() in one for one in kept)
    said = capfd.readouterr()
    assert said.out == ""
    assert "a secret in it was masked" in said.err


async def test_a_secret_in_the_system_prompt_is_kept_no_more_than_one_in_a_message(
    state_dir: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    told = ModelOptions(record_requests=True, system_suffix=f"The site's password is {KEY}.")
    async with rigged(state_dir, scenario('text = "Done."'), options=told) as rig:
        await rig.finish()
        assert KEY.encode() in rig.bodies[0]
        assert await shown(rig, "--turn", "1", "--request") == 1
    assert "a secret in it was masked" in capfd.readouterr().err
    files = [path for path in rig.directory.rglob("*") if path.is_file()]
    assert [path.name for path in files if KEY.encode() in path.read_bytes()] == []


async def test_what_was_not_recorded_is_said_in_a_sentence(
    state_dir: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with rigged(state_dir, scenario('text = "Done."')) as rig:
        await rig.finish()
        for turn, words in ((1, "--record-requests"), (7, "it has 1")):
            assert await shown(rig, "--turn", str(turn), "--request") == 2
            assert words in capfd.readouterr().err
