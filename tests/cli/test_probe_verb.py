from __future__ import annotations

import asyncio
import json
import os
import signal
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from pilothouse.cli.main import main
from pilothouse.local.loopback import listening
from pilothouse.local.messages_server import ScriptedMessages
from pilothouse.local.scenario import load
from pilothouse.probe.plan import Report
from tests.cli.shell import COMMAND, Said
from tests.engine.kernel_stub import KernelStub


class Watched(KernelStub):
    """Says when its last browser has been deleted."""

    def __init__(self) -> None:
        super().__init__()
        self.emptied = asyncio.Event()

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        response = await super()._delete(request)
        if not self.browsers:
            self.emptied.set()
        return response


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@asynccontextmanager
async def probing(*arguments: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "probe", *arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE, env={**os.environ, **environment}
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def said(process: asyncio.subprocess.Process) -> Said:
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return Said(process.returncode or 0, out.decode(), err.decode())


async def test_a_probe_of_the_model_writes_a_report_for_its_owner_alone(tmp_path: Path) -> None:
    script = tmp_path / "scenario.toml"
    script.write_text('[pace]\nbefore_s = 0.0\n[[turn]]\nthinking = "Yes."\ntext = "Yes."\n')
    server = ScriptedMessages(load(script), key="scripted-key", speed=1000)
    async with (
        listening(server.app()) as url,
        probing(
            *("--only", "model", "--yes", "-o", str(tmp_path / "report")),
            ANTHROPIC_BASE_URL=url, ANTHROPIC_API_KEY="scripted-key",
        ) as process,
    ):  # fmt: skip
        told = await said(process)
    assert told.code == 0, told.err
    page, data = tmp_path / "report.md", tmp_path / "report.json"
    assert told.out == page.read_text()
    assert {path.stat().st_mode & 0o777 for path in (page, data)} == {0o600}
    report = json.loads(data.read_text())
    assert report["cost_usd"] <= report["limit_usd"]
    assert "scripted-key" not in told.out + told.err + data.read_text()
    progress = [
        line for line in told.err.splitlines() if line.startswith(f"pilothouse: {len(report['findings'])}/")
    ]
    assert len(progress) == 1


async def test_ctrl_c_deletes_what_was_made_and_keeps_the_report(state_dir: Path) -> None:
    stub = KernelStub()
    stub.faults["screenshot"] = ["hang"]
    async with (
        listening(stub.app(), cancel_on_hangup=True) as url,
        probing(
            "--only", "browser", "--yes", "--json", KERNEL_BASE_URL=url, KERNEL_API_KEY="k-of-test"
        ) as process,
    ):
        await asyncio.wait_for(stub.hanging.wait(), 60)
        assert stub.browsers
        process.send_signal(signal.SIGINT)
        told = await said(process)
    assert stub.browsers == {}
    assert told.code == 0, told.err
    assert "what was made is being deleted" in told.err
    report = json.loads(told.out)
    assert report["type"] == Report.__name__
    assert report["findings"][0]["id"] == "browser/create"
    assert names(state_dir) == [f"probe-{report['date']}.json", f"probe-{report['date']}.md"]


async def test_a_probe_whose_command_is_killed_cleans_up_all_the_same() -> None:
    stub = Watched()
    stub.faults["screenshot"] = ["hang"]
    async with (
        listening(stub.app(), cancel_on_hangup=True) as url,
        probing("--only", "browser", "--yes", KERNEL_BASE_URL=url, KERNEL_API_KEY="k-of-test") as process,
    ):
        await asyncio.wait_for(stub.hanging.wait(), 60)
        made = len(stub.browsers)
        process.kill()
        async with asyncio.timeout(30):
            await stub.emptied.wait()
        await said(process)  # its pipes are the child's too: they close when that has ended
    assert (made, stub.browsers) == (len(stub.deleted), {})


@pytest.mark.parametrize(
    ("arguments", "keys", "words"),
    [
        ([], {}, ["ANTHROPIC_API_KEY is not set", "--only browser"]),
        ([], {"ANTHROPIC_API_KEY": "k"}, ["KERNEL_API_KEY is not set", "--only model"]),
        (["--only", "model"], {"ANTHROPIC_API_KEY": "k"}, ["nobody to ask", "--yes"]),
        (["--limit", "5"], {}, ["'5' is no limit", "at most"]),
        (["--limit", "0"], {}, ["'0' is no limit"]),
    ],
    ids=str,
)
def test_a_probe_spends_nothing_without_keys_leave_and_a_limit(
    arguments: list[str],
    keys: dict[str, str],
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    code = main(["probe", *arguments])
    told = Said(code, *capsys.readouterr())
    assert (told.code, told.out, told.err.count("\n")) == (2, "", 1), told
    for word in words:
        assert word in told.err
