"""Whole runs with each generation of the computer tool, on each model's terms; a model changed meanwhile."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.commands import Ack, Refused
from pilothouse.engine.spec import ModelOptions
from pilothouse.errors import PilothouseError
from pilothouse.events import Outcome
from pilothouse.ids import new_command_id
from pilothouse.local.loopback import listening
from pilothouse.local.messages_models import MODELS as SERVED
from pilothouse.local.messages_server import ScriptedMessages
from pilothouse.local.scenario import load
from pilothouse.model import catalogue
from pilothouse.model.catalogue import lookup
from pilothouse.model.client import Choice, RequestShape, make_client
from pilothouse.model.prompt import HALTED
from pilothouse.model.stream import TurnStream
from tests.engine.rig import KEY, rigged
from tests.engine.test_run import CLICK, TYPE, requests, scenario


def single(action: str, **given: Any) -> str:
    """Word a call of a single tool, as a raw call of a scenario."""
    fields = ", ".join(f"{key} = {value!r}" for key, value in {"action": action, **given}.items())
    return f'{{ do = "computer", toolset = "", input = {{ {fields} }} }}'


@pytest.mark.parametrize(
    ("model", "options", "kind", "beta"),
    [
        ("claude-opus-4-7", ModelOptions(), "computer_20251124", "computer-use-2025-11-24"),
        (
            "claude-opus-5",
            ModelOptions(tool_version="computer_20251124", effort="low"),
            "computer_20251124",
            "computer-use-2025-11-24",
        ),
        (
            "claude-haiku-4-5-20251001",
            ModelOptions(thinking_budget=2000),
            "computer_20250124",
            "computer-use-2025-01-24",
        ),
    ],
)
async def test_a_run_with_an_older_generation(
    state_dir: Path, model: str, options: ModelOptions, kind: str, beta: str
) -> None:
    calls = [
        single("left_click", coordinate=[100, 50], text="ctrl"),
        single("left_click", coordinate=[5000, 5]),
        single("type", text="never"),
    ]
    script = scenario(f"calls = [{', '.join(calls)}]", f"calls = [{single('screenshot')}]", 'text = "Done."')
    async with rigged(state_dir, script, model_name=model, options=options) as rig:
        assert await rig.finish() is Outcome.COMPLETED
        sent = requests(rig)
        assert [call for call, _ in rig.kernel.performed] == ["click_mouse"]
        assert rig.kernel.performed[0][1]["hold_keys"] == ["ctrl"]
    assert sent[0]["tools"][0] == {
        "type": kind,
        "name": "computer",
        "display_width_px": 1280,
        "display_height_px": 800,
        **({"enable_zoom": True} if kind == "computer_20251124" else {}),
    }
    results = sent[1]["messages"][-1]["content"]
    assert [(result.get("is_error", False), "toolset_name" in result) for result in results] == [
        (False, False),
        (True, False),
        (True, False),
    ]
    assert results[2]["content"] == [{"type": "text", "text": HALTED}]
    proposed = [(event.member, event.input) for event in rig.events if isinstance(event, ev.ActionProposed)]
    assert proposed[0] == ("left_click", {"coordinate": [100, 50], "text": "ctrl"})
    (started,) = rig.of(ev.RunStarted)
    assert isinstance(started, ev.RunStarted)
    assert started.toolset == kind


@pytest.mark.filterwarnings("ignore::DeprecationWarning:anthropic")
async def test_a_run_with_the_first_generation_clicks_where_the_pointer_is(state_dir: Path) -> None:
    """It has no coordinate but for moving, no scrolling and no zoom."""
    calls = [single("mouse_move", coordinate=[100, 50]), single("left_click"), single("key", text="Return")]
    script = scenario(
        f"calls = [{', '.join(calls)}]", f"calls = [{single('cursor_position')}]", 'text = "Done."'
    )
    async with rigged(state_dir, script, model_name="claude-3-5-sonnet") as rig:
        assert await rig.finish() is Outcome.COMPLETED
        sent = requests(rig)
        performed = [(call, given) for call, given in rig.kernel.performed]
    assert [call for call, _ in performed] == ["move_mouse", "click_mouse", "press_key"]
    assert (performed[1][1]["x"], performed[1][1]["y"]) == (7, 9), "where the browser says the pointer is"
    assert sent[0]["tools"][0] == {
        "type": "computer_20241022", "name": "computer", "display_width_px": 1280, "display_height_px": 800,
    }  # fmt: skip
    assert not any(summary["refused"] for summary in rig.model.log.summaries())


async def test_a_tool_that_was_not_offered_is_answered_with_an_error(state_dir: Path) -> None:
    script = scenario(f"calls = [{CLICK}]", 'text = "Done."').replace(
        'do = "left_click", at = [100, 100]', 'do = "bash", toolset = "", input = { command = "ls" }'
    )
    async with rigged(state_dir, script, model_name="claude-opus-4-7") as rig:
        assert await rig.finish() is Outcome.COMPLETED
        assert rig.kernel.performed == []
    (finished,) = rig.of(ev.ActionFinished)
    assert isinstance(finished, ev.ActionFinished)
    assert (finished.ok, finished.executed) == (False, False)
    assert "no tool called 'bash'" in finished.text


async def test_the_strict_server_takes_what_each_model_of_the_table_is_asked(tmp_path: Path) -> None:
    """The request is the real client's; the server refuses a wrong tool, form of thinking or field."""
    script = tmp_path / "scenario.toml"
    script.write_text(scenario('text = "Hello."'))
    said = [{"role": "user", "content": [{"type": "text", "text": "hello"}]}]
    async with listening(ScriptedMessages(load(script), key=KEY, speed=50.0).app()) as url:
        client = make_client(KEY, url)
        for name in SERVED:
            if lookup(name).eol is None:  # of the others the SDK warns
                shape = RequestShape(Choice(model=name), system="Be good.", width_px=1280, height_px=800)
                answer = await TurnStream(1, lambda event: None).ask(client, shape.request(said))
                assert answer.stop_reason == "end_turn", name
        await client.close()


@pytest.mark.parametrize(
    ("model", "options", "sentence"),
    [
        ("claude-opus-5-5", ModelOptions(tool_version="computer_20251124"), "does not take it"),
        ("claude-haiku-4-5", ModelOptions(effort="high"), "takes no effort"),
        ("claude-opus-5", ModelOptions(provider="vertx"), "did you mean vertex?"),
        ("claude-opus-5", ModelOptions(provider="foundry"), "ANTHROPIC_FOUNDRY_API_KEY"),
    ],
)
async def test_what_can_not_be_asked_leaves_no_run_behind(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, model: str, options: ModelOptions, sentence: str
) -> None:
    monkeypatch.delenv("ANTHROPIC_FOUNDRY_API_KEY", raising=False)
    with pytest.raises(PilothouseError) as refused:
        async with rigged(state_dir, scenario('text = "Done."'), model_name=model, options=options):
            raise AssertionError("it began")
    assert sentence in str(refused.value)
    assert refused.value.exit_code == 2


async def test_a_display_above_the_limits_is_shown_smaller_and_clicked_in_full(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(catalogue._TIERS, "high", (640, 4784))
    corner = '{ do = "left_click", at = [639, 399] }'
    async with rigged(state_dir, scenario(f"calls = [{corner}]", 'text = "Done."')) as rig:
        assert await rig.finish() is Outcome.COMPLETED
    ((_, body),) = rig.kernel.performed
    assert (body["x"], body["y"]) == (1279, 799)
    sizes = {
        (event.blob.width_px, event.blob.height_px)
        for event in rig.events
        if isinstance(event, ev.FrameCaptured)
    }
    assert sizes == {(640, 400)}  # what people see has the pixels that the events speak of


async def test_a_model_outside_the_table_is_said_to_be_unpriced(state_dir: Path) -> None:
    async with rigged(state_dir, scenario('text = "Done."'), model_name="claude-next-9") as rig:
        await rig.finish()
    warned = [event.what for event in rig.events if isinstance(event, ev.Warned)]
    assert warned == ["claude-next-9 is not in the table of models: the run is unpriced"]


async def test_another_model_and_effort_answer_from_the_next_turn_on(state_dir: Path) -> None:
    script = scenario(f"calls = [{CLICK}, {TYPE}]", 'text = "Done."')
    async with rigged(state_dir, script) as rig:
        assert isinstance(rig.set_model("claude-sonnet-5-5"), Refused)  # there is no request yet to change
        rig.pause()
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.FrameCaptured))
        rig.step()
        await rig.until(lambda event: isinstance(event, ev.ActionFinished))
        refused = rig.set_model("claude-opus-4-7")
        assert isinstance(refused, Refused)
        assert "system messages" in refused.why
        assert isinstance(rig.set_model(), Refused)
        assert isinstance(rig.set_model("claude-sonnet-5-5", "low"), Ack)
        rig.resume()
        assert await driving is Outcome.COMPLETED
        await rig.until(lambda event: isinstance(event, ev.RunEnded))
        sent = requests(rig)
    assert [(body["model"], body.get("output_config")) for body in sent] == [
        ("claude-opus-5-5", None),
        ("claude-sonnet-5-5", {"effort": "low"}),
    ]
    (changed,) = rig.of(ev.ModelChanged)
    assert isinstance(changed, ev.ModelChanged)
    assert (changed.turn, changed.model, changed.effort) == (2, "claude-sonnet-5-5", "low")
    assert any("reasoning" in event.what for event in rig.events if isinstance(event, ev.Warned))
    used = [event for event in rig.events if isinstance(event, ev.UsageReported)]
    assert [event.context_max for event in used] == [1_000_000, 1_000_000]
    for event, model in zip(used, ("claude-opus-5-5", "claude-sonnet-5-5"), strict=True):
        tokens = catalogue.Tokens(
            input=event.input,
            cache_read=event.cache_read,
            cache_write_5m=event.cache_write_5m,
            cache_write_1h=event.cache_write_1h,
            output=event.output,
        )
        assert event.cost_usd == pytest.approx(catalogue.cost_usd(model, tokens))
    assert rig.run.recorder.state.model == "claude-sonnet-5-5"


async def test_a_drag_without_an_answer_is_let_go_of_and_said(state_dir: Path) -> None:
    drag = '{ do = "left_click_drag", from = [10, 10], at = [50, 50] }'
    async with rigged(state_dir, scenario(f"calls = [{drag}]", 'text = "Done."')) as rig:
        rig.kernel.faults["drag_mouse"] = ["500"]
        assert await rig.finish() is Outcome.COMPLETED
        sent = requests(rig)
    assert [call for call, _ in rig.kernel.performed] == ["drag_mouse", "click_mouse"]
    assert rig.kernel.performed[1][1]["click_type"] == "up"
    (result,) = sent[1]["messages"][-1]["content"]
    assert not result.get("is_error")
    assert "released" in result["content"][0]["text"]


async def test_a_kept_browser_is_left_with_nothing_held_down(state_dir: Path) -> None:
    script = scenario('calls = [{ do = "left_mouse_down" }, { do = "screenshot" }]', 'text = "Done."')
    async with rigged(state_dir, script) as rig:
        rig.pause()
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.FrameCaptured))
        rig.step()
        await rig.until(lambda event: isinstance(event, ev.ActionFinished))
        rig.do(cmd.Abort(id=new_command_id(), actor="anna", keep_browser=True))
        assert await driving is Outcome.ABORTED
    assert [body["click_type"] for _, body in rig.kernel.performed] == ["down", "up"]
    assert rig.kernel.deleted == []
