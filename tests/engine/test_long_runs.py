"""Runs long enough to meet the bounds of the history: every request is accepted, and stays small."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from pilothouse import events as ev
from pilothouse.engine.spec import ModelOptions
from pilothouse.events import Outcome
from pilothouse.local import messages_models
from tests.engine.rig import Rig, rigged
from tests.engine.test_run import CLICK

APPEND_ONLY, CHANGEABLE = "claude-opus-5-5", "claude-opus-5"
WITHOUT_SUMMARIES = "claude-opus-4-5"
TURNS = 300
LONG = f'[[turn]]\nthinking = "where next"\ntext = "On."\ncalls = [{CLICK}]\nrepeat = {TURNS}\n'
WORDS = ("w" * 49 + " ") * 100
AT_ONCE = "[pace]\nbefore_s = 0\nper_delta_s = 0\ndelta_chars = 5000\n"
WORDY = f'{AT_ONCE}[[turn]]\nthinking = "next"\ntext = "{WORDS}"\ncalls = [{CLICK}]\nrepeat = {TURNS}\n'
CONTEXT_TOKENS = 30_000
"""Some two dozen of those answers."""


pytestmark = pytest.mark.usefixtures("quick")


def refused(rig: Rig) -> list[object]:
    return [summary["refused"] for summary in rig.model.log.summaries() if summary["refused"]]


def pictures(body: bytes) -> int:
    return body.count(b'"type":"image"')


@pytest.mark.parametrize(("model", "upload"), [(APPEND_ONLY, "files"), (CHANGEABLE, "inline")])
async def test_a_long_run_stays_within_its_bounds(state_dir: Path, model: str, upload: str) -> None:
    options = ModelOptions(upload=upload, history_max_images=30)
    async with rigged(state_dir, LONG, model_name=model, options=options, speed=1e6) as rig:
        assert await rig.finish() is Outcome.COMPLETED
    assert refused(rig) == []
    assert len(rig.kernel.performed) == TURNS
    assert max(map(pictures, rig.bodies)) <= 31
    cleared = [event for event in rig.events if isinstance(event, ev.ContextCleared)]
    assert {event.what for event in cleared} == {"compaction" if model == APPEND_ONLY else "images"}
    assert sum(event.items for event in cleared) == TURNS - pictures(rig.bodies[-1]) + (
        len(cleared) if model == APPEND_ONLY else 0  # the newest picture is shown again after each summary
    )
    uploaded = [event for event in rig.events if isinstance(event, ev.PictureUploaded)]
    assert len(uploaded) == (TURNS if upload == "files" else 0)
    assert not rig.of(ev.TurnDiscarded)


async def test_a_steady_run_reads_nine_tenths_of_its_input_from_the_cache(state_dir: Path) -> None:
    script = f"[[turn]]\ncalls = [{CLICK}]\nrepeat = 45\n"
    async with rigged(state_dir, script, speed=1e6) as rig:
        assert await rig.finish() is Outcome.COMPLETED
        accounts = [one["usage"] for one in rig.model.log.summaries() if one["usage"]]
        usage = rig.run.recorder.state.usage
    assert len(accounts) == 46
    read = sum(account["read"] for account in accounts)
    sent = sum(account[part] for account in accounts for part in ("input", "read", "write_5m", "write_1h"))
    assert read / sent > 0.9
    assert usage.hit_rate == pytest.approx(read / sent)
    assert usage.prompt == sent
    assert usage.context_max == 1_000_000


async def test_pictures_are_deleted_from_the_account_when_the_run_ends(state_dir: Path) -> None:
    script = f"[[turn]]\ncalls = [{CLICK}]\nrepeat = 5\n"
    async with rigged(state_dir, script, options=ModelOptions(upload="files"), speed=1e6) as rig:
        assert await rig.finish() is Outcome.COMPLETED
        left = rig.model.files.listed([], None, None)["data"]
    assert len(rig.of(ev.PictureUploaded)) == 5
    assert left == []


async def test_results_are_cleared_by_the_api_where_a_person_wants_few_pictures(state_dir: Path) -> None:
    options = ModelOptions(only_n_most_recent_images=3)
    script = f"[[turn]]\ncalls = [{CLICK}]\nrepeat = 30\n"
    async with rigged(state_dir, script, options=options, speed=1e6) as rig:
        assert await rig.finish() is Outcome.COMPLETED
    assert refused(rig) == []
    cleared = [event for event in rig.events if isinstance(event, ev.ContextCleared)]
    assert {event.what for event in cleared} == {"tool_uses"}
    assert [event.items for event in cleared] == sorted({event.items for event in cleared})


@pytest.mark.parametrize(
    ("model", "what"),
    [(CHANGEABLE, "compaction"), (WITHOUT_SUMMARIES, "messages"), (APPEND_ONLY, "messages")],
)
async def test_a_history_whose_text_alone_outgrows_the_context_is_made_smaller(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, model: str, what: str
) -> None:
    """Neither pruning pictures nor clearing results would ever make it fit."""
    compacts = "false" if what == "messages" else "true"
    table = f"context_tokens = {CONTEXT_TOKENS}\nimages_max = 100\nedits = false\ncompacts = {compacts}\n"
    monkeypatch.setenv("PILOTHOUSE_CONFIG_DIR", str(state_dir))
    (state_dir / "models.toml").write_text(f"[model.{model}]\n{table}")
    smaller = msgspec.structs.replace(messages_models.MODELS[model], context=CONTEXT_TOKENS)
    monkeypatch.setitem(messages_models.MODELS, model, smaller)
    options, limits = ModelOptions(upload="inline"), {"turns": 60.0}
    async with rigged(state_dir, WORDY, model_name=model, options=options, speed=1e6, limits=limits) as rig:
        assert await rig.finish() is Outcome.LIMIT
    assert refused(rig) == []
    assert rig.of(ev.TurnDiscarded) == []
    assert len(rig.kernel.performed) == 60
    cleared = [event for event in rig.events if isinstance(event, ev.ContextCleared) and event.what == what]
    assert len(cleared) > 2
    assert all(b"look at the page" in body for body in rig.bodies)
