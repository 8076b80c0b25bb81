"""The whole probe, by the real SDKs, against the servers of this machine: what each check finds there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import anthropic
import kernel
import msgspec
import pytest
import pytest_asyncio

from pilothouse.local import browsers
from pilothouse.local.kernel_options import Options
from pilothouse.local.kernel_server import running
from pilothouse.local.loopback import listening
from pilothouse.local.messages_server import ScriptedMessages
from pilothouse.local.scenario import load
from pilothouse.probe import browser_checks, model_answers, model_checks
from pilothouse.probe.checks import Check
from pilothouse.probe.plan import Outcome, Plan, Progress, Report
from pilothouse.probe.report import markdown
from pilothouse.probe.run import Probe

pytestmark = [
    pytest.mark.browser,
    pytest.mark.display,
    pytest.mark.asyncio(loop_scope="module"),
]

KEY, TOKEN = "scripted-key-of-the-probe", "local-token-of-the-probe"
SCENARIO = """
[pace]
before_s = 0.0
per_delta_s = 0.0
[[turn]]
thinking = "7919 * 6841 is 54173879."
text = "Yes."
"""
PAUSE_MAX_S = 0.8
"""What a pause of the probe lasts here, at most; the server's clock goes on by the whole of it."""

EXPECTED = {
    # What the servers here do otherwise than the services are believed to, or don't do; all else is "yes".
    "keys/unknown": Outcome.NO,
    "pages/at-rest": Outcome.NO,
    "typing/smooth": Outcome.NO,
    "typing/speed": Outcome.NO,
}


@dataclass(frozen=True)
class Done:
    """A probe that is over, and what it left on the server."""

    report: Report
    told: list[Progress]
    alive: list[str]
    ids: list[str]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def done(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Done]:
    now = [0.0]

    async def sleep(seconds: float) -> None:
        now[0] += seconds
        await asyncio.sleep(min(seconds, PAUSE_MAX_S) if seconds < 5 else 0.1)

    script = tmp_path_factory.mktemp("probe") / "scenario.toml"
    script.write_text(SCENARIO)
    server = ScriptedMessages(load(script), key=KEY)
    options = Options(allow_no_sandbox=True, offline=True)
    async with AsyncExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(browsers, "IDLE_CHECK_S", 0.02)
        url = await stack.enter_async_context(listening(server.app()))
        ready = await stack.enter_async_context(running(options, TOKEN, clock=lambda: now[0]))
        model = await stack.enter_async_context(
            anthropic.AsyncAnthropic(api_key=KEY, base_url=url, max_retries=0)
        )
        browser = await stack.enter_async_context(
            kernel.AsyncKernel(api_key=TOKEN, base_url=ready.base_url, max_retries=0)
        )
        told: list[Progress] = []
        report = await Probe(
            Plan(), told.append, model=model, browser=browser, secrets=(KEY, TOKEN), sleep=sleep
        ).run()
        yield Done(
            report=report,
            told=told,
            alive=[one.session_id async for one in browser.browsers.list()],
            ids=[one.session_id async for one in browser.browsers.list(status="deleted")],
        )


async def test_each_check_finds_what_these_servers_do(done: Done) -> None:
    asked: list[Check[Any]] = [
        *model_answers.checks(),
        *model_checks.checks(),
        *browser_checks.checks(),
        *browser_checks.apart(),
    ]
    assert {finding.id: (finding.outcome, finding.evidence) for finding in done.report.findings} == {
        check.id: (EXPECTED.get(check.id, Outcome.YES), finding.evidence)
        for check, finding in zip(asked, done.report.findings, strict=True)
    }


async def test_every_finding_was_told_as_it_came(done: Done) -> None:
    total = len(done.report.findings)
    assert [(line.done, line.total) for line in done.told] == [(n, total) for n in range(1, total + 1)]
    assert {line.finding for line in done.told} == set(done.report.findings)


async def test_nothing_is_left_and_the_limits_are_kept(done: Done) -> None:
    assert (done.alive, done.report.left) == ([], ())
    assert len(done.ids) == 3
    assert done.report.made == len(done.ids) + 2  # the files of a picture
    assert 0 < done.report.cost_usd < done.report.limit_usd
    assert done.report.took_s < 110


async def test_the_report_can_be_pasted_anywhere(done: Done) -> None:
    for text in (markdown(done.report), msgspec.json.encode(done.report).decode()):
        for private in (KEY, TOKEN, "127.0.0.1", "://", "jwt=e", "probe-", *done.ids):
            assert private not in text
    assert "Asked of servers on the same machine" in markdown(done.report)


async def test_evidence_has_the_figures(done: Done) -> None:
    evidence = {finding.id: finding.evidence for finding in done.report.findings}
    assert evidence["screen/size"].startswith("1280x800")
    assert evidence["tokens/toolset"] == "4500 tokens"
    assert "px a notch" in evidence["scroll/notch"]
    assert "ms a character, exact" in evidence["typing/speed"]
    assert "mouse at 50,60" in evidence["batch/stops"]
