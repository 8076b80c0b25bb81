"""Settings of all three places, in a run: what the model and the browser are asked for."""

from __future__ import annotations

import asyncio
import json
import os
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from pilothouse.local.loopback import listening
from pilothouse.local.messages_server import ScriptedMessages
from pilothouse.local.scenario import load
from tests.cli.shell import COMMAND, pilothouse
from tests.engine.kernel_stub import KernelStub

SETTINGS = """
effort = "high"
region = "eu-west"
allow-host = ["example.com"]
[preset.small]
model = "claude-sonnet-5-5"
viewport = "1024x768"
max-tokens = 5000
"""


@pytest.mark.parametrize(
    ("options", "code", "outcome"),
    [
        (("--approval-timeout", "1", "--approve", "ask-all"), 5, "needs_person"),
        (("--limit", "steps=1", "--approve", "auto"), 4, "limit"),
        (("--on-unattended", "reject", "--approval-timeout", "1"), 0, "completed"),
    ],
)
async def test_a_headless_run_ends_with_the_code_of_what_stopped_it(
    state_dir: Path, tmp_path: Path, options: tuple[str, ...], code: int, outcome: str
) -> None:
    script = tmp_path / "scenario.toml"
    calls = '{ do = "left_click", at = [9, 9] }, { do = "key", text = "Return" }'
    script.write_text(f'[pace]\nbefore_s = 0.0\n[[turn]]\ncalls = [{calls}]\n[[turn]]\ntext = "Done."\n')
    model, stub = ScriptedMessages(load(script), key="scripted-key"), KernelStub()
    async with listening(model.app()) as model_url, listening(stub.app()) as kernel_url:
        process = await asyncio.create_subprocess_exec(
            *(*COMMAND, "run", "Look.", "--headless", "--json", *options),
            stdin=PIPE, stdout=PIPE, stderr=PIPE,
            env={
                **os.environ, "ANTHROPIC_BASE_URL": model_url, "ANTHROPIC_API_KEY": "scripted-key",
                "KERNEL_BASE_URL": kernel_url, "KERNEL_API_KEY": "k-of-test",
            },
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == code, err.decode()
    assert json.loads(out.splitlines()[-1])["outcome"] == outcome
    assert len(stub.performed) == (0 if code == 5 else 1)
    state = pilothouse("ctl", "latest", "state", "--json")
    assert (state.code, json.loads(state.out)["outcome"]) == (0, outcome)
    assert outcome in pilothouse("ctl", "latest", "wait").out


async def test_what_is_chosen_reaches_the_model_and_the_browser(state_dir: Path, tmp_path: Path) -> None:
    (state_dir / "config").mkdir()
    (state_dir / "config" / "settings.toml").write_text(SETTINGS)
    script = tmp_path / "scenario.toml"
    script.write_text('[pace]\nbefore_s = 0.0\n[[turn]]\ntext = "Done."\n')
    model, stub = ScriptedMessages(load(script), key="scripted-key"), KernelStub()
    async with listening(model.app()) as model_url, listening(stub.app()) as kernel_url:
        process = await asyncio.create_subprocess_exec(
            *(*COMMAND, "run", "Look.", "--headless", "--json", "--preset", "small", "--start-url", "http://a.com"),
            stdin=PIPE, stdout=PIPE, stderr=PIPE,
            env={
                **os.environ, "ANTHROPIC_BASE_URL": model_url, "ANTHROPIC_API_KEY": "scripted-key",
                "KERNEL_BASE_URL": kernel_url, "KERNEL_API_KEY": "k-of-test", "PILOTHOUSE_EFFORT": "low",
            },
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err.decode()
    body = model.log.body(model.log.summaries()[0]["number"]) or {}
    assert (body["model"], body["max_tokens"]) == ("claude-sonnet-5-5", 5000)
    assert body["output_config"] == {"effort": "low"}
    (asked,) = stub.asked
    assert asked["viewport"] == {"width": 1024, "height": 768}
    assert asked["start_url"] == "http://a.com"
    assert asked["network"] == {"allowed_hosts": ["example.com"]}
    started = json.loads(out.splitlines()[0])
    assert (started["model"], started["effort"]) == ("claude-sonnet-5-5", "low")
