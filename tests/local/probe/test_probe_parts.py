"""The parts of the probe: its money, its time, its secrets, its pictures, its end."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable
from pathlib import Path

import anthropic
import kernel
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from pilothouse.local.loopback import listening
from pilothouse.local.messages_server import ScriptedMessages
from pilothouse.local.scenario import load
from pilothouse.probe import model_checks, pictures
from pilothouse.probe.browser_side import BrowserSide
from pilothouse.probe.checks import Check, Unmet, Verdict, perform, scrubbed
from pilothouse.probe.model_side import ModelSide
from pilothouse.probe.plan import Finding, Outcome, Plan, Progress, Remains, Report
from pilothouse.probe.purse import Purse, PurseEmpty, worst
from pilothouse.probe.report import markdown
from pilothouse.probe.run import Probe
from tests.engine.kernel_stub import KernelStub


@given(st.lists(st.tuples(st.floats(0, 0.5), st.floats(0, 1)), max_size=30))
def test_a_purse_never_lets_more_be_spent_than_its_limit(steps: list[tuple[float, float]]) -> None:
    purse, open_steps = Purse(0.9), []
    for usd, part in steps:
        try:
            open_steps.append((purse.reserve(usd), part))
        except PurseEmpty as empty:
            assert "of the limit is left" in str(empty)
        if len(open_steps) > 2:  # several are under way at once
            reserved, share = open_steps.pop(0)
            purse.settle(reserved, reserved * share)
    for reserved, share in open_steps:
        purse.settle(reserved, reserved * share)
    assert purse.spent_usd <= 0.9 + 1e-9


def test_a_model_without_a_price_is_reserved_for_as_the_dearest() -> None:
    assert worst("some-model", 1000, 100) == worst("claude-fable-5", 1000, 100) > 0


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("request req_011CabcDEF failed", "request <id> failed"),
        ("see https://proxy.example.com:8443/browser?jwt=abc now", "see <address> now"),
        ("write to someone@example.com", "write to <mail>"),
        ("browser 7f3k2m9x4b8q1z5w0c6v2n1p is gone", "browser <id> is gone"),
        ("id 123e4567-e89b-12d3-a456-426614174000", "id <id>"),
        ("a browser named 'probe-c59c8eea-main' exists", "a browser named '<id>' exists"),
        ("the key is my-own-secret-key", "the key is [redacted]"),
        ("'claude-sonnet-5-5' does not support computer_20251124.", ""),
        ("image dimensions exceed 2576 pixels, max: 1279x799", ""),
        ("computer_toolset_20260801, ephemeral_5m_input_tokens, thinking-display-updates-2026-08-18", ""),
    ],
)
def test_evidence_loses_what_belongs_to_an_account_and_nothing_else(text: str, kept: str) -> None:
    assert scrubbed(text, ("my-own-secret-key",)) == (kept or text)


async def finding(run: Awaitable[Verdict], cap_s: float = 5.0, left_s: float = 60.0) -> tuple[Outcome, str]:
    async def ask(_: None) -> Verdict:
        return await run

    check = Check(id="x", question="is it", source="", run=ask, cap_s=cap_s)
    made = await perform(check, None, "model", left_s, ())
    return made.outcome, made.evidence


async def test_whatever_happens_in_a_check_is_its_finding() -> None:
    async def raises(error: Exception) -> Verdict:
        raise error

    async def hangs() -> Verdict:
        await asyncio.Event().wait()
        raise AssertionError

    assert await finding(raises(ZeroDivisionError("boom"))) == (Outcome.FAILED, "ZeroDivisionError: boom")
    assert await finding(raises(Unmet("no browser"))) == (Outcome.SKIPPED, "no browser")
    assert await finding(raises(PurseEmpty("no money"))) == (Outcome.SKIPPED, "no money")
    assert await finding(hangs(), cap_s=0.01) == (Outcome.FAILED, "no answer within 0 s")


async def test_without_time_nothing_is_begun() -> None:
    begun = []

    async def ask(_: None) -> Verdict:
        begun.append(True)
        return Verdict(Outcome.YES, "")

    check = Check(id="x", question="is it", source="", run=ask)
    assert (await perform(check, None, "model", 0.0, ())).outcome is Outcome.SKIPPED
    assert begun == []


@pytest.mark.parametrize("scrolled", [0, 1, 19, 20, 400, 1234])
def test_how_far_a_page_is_scrolled_is_read_off_its_picture(scrolled: int) -> None:
    top = 87
    image = Image.new("RGB", (640, 480), "white")
    draw = ImageDraw.Draw(image)
    for index in range(pictures.STRIPES):
        y = top + index * pictures.STRIPE_PX - scrolled
        colour = (index >> 4 << 4, (index & 15) << 4, 128)
        if y + pictures.STRIPE_PX > top:
            draw.rectangle((0, max(y, top), 640, y + pictures.STRIPE_PX - 1), fill=colour)
    out = io.BytesIO()
    image.save(out, "PNG")
    assert pictures.page_top(out.getvalue()) == (top, scrolled)


def test_a_picture_without_the_page_says_so() -> None:
    assert pictures.page_top(pictures.plain(64, 64)) is None


def test_a_report_s_cells_hold_no_markdown_of_the_service() -> None:
    evil = Finding(
        id="x",
        group="model",
        question="is it",
        source="[DOC]",
        outcome=Outcome.DIFFERS,
        evidence="a | b <script> `c` [link](x)",
        took_ms=1,
    )
    report = Report(
        version="1", sdks={"kernel": "2"}, date="2026-11-23", model="m", loopback=False, findings=(evil,),
        cost_usd=0.1, limit_usd=0.9, took_s=3.0, made=2, left=("browser",),
    )  # fmt: skip
    assert markdown(report) == (
        "# Probe of 2026-11-23\n\npilothouse 1, kernel 2; m; 1 differs.\n"
        "$0.100 of $0.90, 3 s; 2 things made, NOT deleted: browser.\n\n## Model\n\n"
        "| question | answer | evidence | ms | believed from |\n|---|---|---|---|---|\n"
        "| is it | **differs** | a \\| b \\<script> \\`c\\` \\[link](x) | 1 | \\[DOC] |\n"
    )


def ignore(_: Progress) -> None:
    pass


async def test_a_limit_that_is_nearly_nothing_lets_nothing_be_asked_that_costs(tmp_path: Path) -> None:
    script = tmp_path / "scenario.toml"
    script.write_text('[[turn]]\ntext = "ok"\n')
    server = ScriptedMessages(load(script), key="k", speed=1000)
    async with (
        listening(server.app()) as url,
        anthropic.AsyncAnthropic(api_key="k", base_url=url, max_retries=0) as client,
    ):
        plan = Plan(only="model", limit_usd=1e-9)
        report = await Probe(plan, ignore, model=client, browser=None, secrets=()).run()
    assert report.cost_usd == 0
    made = {one.id for one in report.findings if one.outcome is not Outcome.SKIPPED}
    assert made <= {"tokens/toolset", "tokens/picture", "errors/401", "files/in-result", "files/expire"}
    answered = [one for one in server.log.summaries() if one["path"] == "/v1/messages" and not one["refused"]]
    assert answered == []


async def test_a_probe_that_is_ended_deletes_what_it_made_and_reports_what_it_has() -> None:
    stub = KernelStub()
    stub.faults["screenshot"] = ["hang"]
    async with (
        listening(stub.app(), cancel_on_hangup=True) as url,
        kernel.AsyncKernel(api_key="k", base_url=url, max_retries=0) as client,
    ):
        probe = Probe(Plan(only="browser"), ignore, model=None, browser=client, secrets=())
        running = asyncio.create_task(probe.run())
        await asyncio.wait_for(stub.hanging.wait(), 30)
        assert stub.browsers
        running.cancel()
        report = await running
    assert stub.browsers == {}
    assert report.left == ()
    assert [one.id for one in report.findings][:2] == ["browser/create", "browser/direct"]


async def test_a_browser_that_cannot_be_deleted_is_said_to_be_left() -> None:
    stub = KernelStub()
    stub.faults["screenshot"] = ["hang"]
    stub.faults["delete"] = ["401"] * 20
    async with (
        listening(stub.app(), cancel_on_hangup=True) as url,
        kernel.AsyncKernel(api_key="k", base_url=url, max_retries=0) as client,
    ):
        probe = Probe(Plan(only="browser"), ignore, model=None, browser=client, secrets=())
        running = asyncio.create_task(probe.run())
        await asyncio.wait_for(stub.hanging.wait(), 30)
        running.cancel()
        report = await running
    assert report.left == ("browser",) * len(stub.browsers) != ()


async def test_a_creation_that_was_called_off_is_left_only_if_it_came_about() -> None:
    """Both end without an answer: one browser is there all the same, the other never was."""
    stub = KernelStub()
    stub.faults["post"] = ["hang", "lost"]
    stub.faults["delete"] = ["401"] * 20
    async with (
        listening(stub.app(), cancel_on_hangup=True) as url,
        kernel.AsyncKernel(api_key="k", base_url=url, max_retries=0) as client,
    ):
        side = BrowserSide(client, Purse(0.9), asyncio.sleep)
        creating = asyncio.create_task(side.create("one", headless=True))
        await asyncio.wait_for(stub.hanging.wait(), 30)
        creating.cancel()
        with pytest.raises(kernel.APIConnectionError):
            await side.create("two", headless=True)
        remains = await side.clean_up()
    assert [browser["name"] for browser in stub.browsers.values()] == [side.name("one")]
    assert remains == Remains(left=("browser",), unsure=("browser",))


async def test_where_nothing_can_be_listed_nothing_is_said_to_be_sure() -> None:
    stub = KernelStub()
    stub.faults["delete"] = ["401"] * 20
    stub.faults["get"] = ["401"] * 20
    async with (
        listening(stub.app()) as url,
        kernel.AsyncKernel(api_key="k", base_url=url, max_retries=0) as client,
    ):
        side = BrowserSide(client, Purse(0.9), asyncio.sleep)
        await side.create("one", headless=True)
        remains = await side.clean_up()
    assert remains == Remains(unsure=("browser",))


async def test_a_service_that_is_busy_is_waited_for_once_and_is_no_answer(tmp_path: Path) -> None:
    script = tmp_path / "scenario.toml"
    script.write_text(
        '[pace]\nbefore_s = 0.0\n[[turn]]\ntext = "ok"\nfault = [\n'
        '{ kind = "status", status = 429, retry_after_s = 60 },\n'
        '{ kind = "status", status = 529 },\n{ kind = "status", status = 529 },\n]\n'
    )
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async with (
        listening(ScriptedMessages(load(script), key="k").app()) as url,
        anthropic.AsyncAnthropic(api_key="k", base_url=url, max_retries=0) as client,
    ):
        side = ModelSide(client, Purse(0.9), "claude-opus-5-5", sleep)
        (check,) = [one for one in model_checks.checks() if one.id == "effort/max"]
        busy = await perform(check, side, "model", 60.0, ())
        then = await perform(check, side, "model", 60.0, ())
    assert (busy.outcome, busy.evidence) == (Outcome.FAILED, "529 overloaded_error: Overloaded")
    assert then.outcome is Outcome.YES
    assert waits == [15.0, 5.0]
