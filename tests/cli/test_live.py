from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shell import COMMAND, Said, pilothouse
from tests.processes import engines_in

pytestmark = pytest.mark.browser

SPEED = "20"


@pytest.fixture
def demo(state_dir: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*COMMAND, "demo", "--headless", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    yield process
    process.kill()
    process.communicate()
    pilothouse("abort", "latest")  # whatever a failed test left running


def _until(process: subprocess.Popen[str], kind: str) -> dict[str, object]:
    assert process.stdout is not None
    for line in process.stdout:
        event: dict[str, object] = json.loads(line)
        if event["type"] == kind:
            return event
    raise AssertionError(f"no {kind} came: {process.stderr.read() if process.stderr else ''}")


def _rest(process: subprocess.Popen[str]) -> Said:
    out, err = process.communicate(timeout=60)
    return Said(process.returncode, out, err)


@pytest.mark.timeout(300)
def test_the_demo_completes_and_its_last_line_says_so(state_dir: Path) -> None:
    logging = {"KERNEL_LOG": "debug", "ANTHROPIC_LOG": "debug"}  # it would hold addresses with tokens in them
    said = pilothouse("demo", "--headless", "--json", "--speed", SPEED, within_s=240, **logging)
    assert said.code == 0, said.err
    logs = [path.read_text() for path in state_dir.rglob("*.log")]
    assert logs
    assert not any("DEBUG" in log or "Request options" in log for log in logs)
    events = [json.loads(line) for line in said.out.splitlines()]
    assert [event["seq"] for event in events] == list(range(len(events)))
    assert (events[-1]["type"], events[-1]["outcome"]) == ("RunEnded", "completed")
    finished = [
        event for event in events if event["type"] == "ActionFinished" and event.get("executed", True)
    ]
    assert len(finished) >= 12
    assert any(not event["ok"] for event in finished)
    assert any(event["type"] == "ThinkingStreamed" for event in events)


def test_ctrl_c_on_a_headless_run_aborts_it_and_waits_for_its_end(demo: subprocess.Popen[str]) -> None:
    _until(demo, "TurnStarted")
    demo.send_signal(signal.SIGINT)
    said = _rest(demo)
    assert said.code == 3, said
    assert json.loads(said.out.splitlines()[-1])["outcome"] == "aborted"
    assert "aborting the run" in said.err


def test_a_run_is_steered_and_aborted_from_a_script(demo: subprocess.Popen[str]) -> None:
    run = str(_until(demo, "RunStarted")["run"])
    assert pilothouse("ctl", run, "pause").code == 0
    assert "holding (pause)" in pilothouse("ls").out
    said = [json.loads(pilothouse("ctl", run, "say", text, "--json").out)["id"] for text in ("this", "that")]
    assert pilothouse("ctl", run, "revise", said[1], "mind", "the", "colour", "--before", said[0]).code == 0
    unsaid = json.loads(pilothouse("ctl", run, "unsay", said[0], "--json").out)
    assert (unsaid["run"], unsaid["command"]) == (run, "Unsay")
    assert f"message {said[1]} (after): mind the colour" in pilothouse("ctl", run, "state").out
    again = pilothouse("ctl", run, "unsay", said[0])
    assert (again.code, "was taken back already" in again.err) == (1, True)
    assert pilothouse("abort", "latest").err == f"pilothouse: {run} aborted\n"
    over = _rest(demo)
    assert over.code == 3, over
    events = [json.loads(line) for line in over.out.splitlines()]
    assert [event["text"] for event in events if event["type"] == "MessageRevised"] == ["mind the colour"]


def test_a_viewer_that_is_killed_leaves_the_run_going(demo: subprocess.Popen[str]) -> None:
    _until(demo, "TurnStarted")
    demo.send_signal(signal.SIGHUP)
    assert _rest(demo).code == -signal.SIGHUP
    status = json.loads(pilothouse("ls", "--json").out)
    assert status["live"]
    assert pilothouse("abort", status["run"]).code == 0


def test_a_run_whose_engine_is_killed_says_so_and_can_be_replayed(
    demo: subprocess.Popen[str], state_dir: Path
) -> None:
    run = str(_until(demo, "RunStarted")["run"])
    os.kill(next(engines_in(state_dir)), signal.SIGKILL)
    said = _rest(demo)
    assert said.code == 1, said
    assert f"pilothouse replay {run}" in said.err
    assert "killed" in pilothouse("ls").out
    assert pilothouse("replay", run, "--plain").code == 0


def test_kernel_s_own_sdk_finds_the_local_server_by_what_the_verb_prints() -> None:
    # Not every machine lets Chromium have its sandbox; the page it shows here is empty.
    server = subprocess.Popen(
        [*COMMAND, "local", "--allow-no-sandbox"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    told = dict(server.stdout.readline().strip().split("=", 1) for _ in range(2))
    try:
        code = (
            "from kernel import Kernel\nclient = Kernel(max_retries=0)\n"
            "browser = client.browsers.create()\n"
            "print(client.browsers.computer.capture_screenshot(browser.session_id).read()[:4])\n"
            "client.browsers.delete_by_id(browser.session_id)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **told},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.stdout == "b'\\x89PNG'\n", done.stderr
    finally:
        server.terminate()  # where the tests are a shell's background job, SIGINT is ignored by all of them
        _out, err = server.communicate(timeout=30)
    assert server.returncode == 0, err
