"""What goes wrong at the model's side, row by row: what is told, what is retried, and what is never done."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from pathlib import Path

import pytest

from pilothouse import events as ev
from pilothouse.engine.backends import Endpoint
from pilothouse.engine.spec import ModelOptions
from pilothouse.events import Hold, Outcome, RunPhase
from tests.engine.rig import KEY, Rig, rigged
from tests.engine.test_run import CLICK, scenario

pytestmark = pytest.mark.usefixtures("quick")

IMPATIENT = ModelOptions(idle_timeout_s=0.4)


def faulty(kind: str, more: str = "", *, times: int = 1) -> str:
    """A click whose first answers meet a fault, and an end."""
    fault = f'fault = [{{ kind = "{kind}", times = {times}, after_deltas = 2{more} }}]'
    return scenario(f'text = "I will click there now."\ncalls = [{CLICK}]\n{fault}', 'text = "Done."')


def refused(rig: Rig) -> list[object]:
    return [summary["refused"] for summary in rig.model.log.summaries() if summary["refused"]]


def kinds(rig: Rig) -> list[str]:
    return [event.kind for event in rig.events if isinstance(event, ev.TurnDiscarded)]


def why(rig: Rig) -> str:
    last = rig.events[-1]
    assert isinstance(last, ev.RunEnded)
    return last.why


def retries(rig: Rig) -> list[ev.RetryScheduled]:
    return [event for event in rig.events if isinstance(event, ev.RetryScheduled)]


PASSING = {
    "an overload": ("status", ", status = 529", "overloaded_error"),
    "a rate limit": ("status", ", status = 429", "rate_limit_error"),
    "a broken server": ("status", ", status = 500", "api_error"),
    "a gateway": ("status", ", status = 503", None),
    "a conflict": ("status", ", status = 409", None),
    "a refused connection": ("refuse", ", refuse_s = 0.02", None),
    "an error in the stream": ("error_event", "", "overloaded_error"),
    "a torn stream": ("drop", "", "connection"),
    "a clean end too early": ("eof", "", "torn"),
    "something garbled": ("garbled", "", "unreadable"),
    "a black hole": ("black_hole", ", stall_s = 30.0", "timeout"),
    "headers and silence": ("silence", ", stall_s = 30.0", "timeout"),
    "silence in the middle": ("stall", ", stall_s = 30.0", "timeout"),
}


@pytest.mark.parametrize("name", PASSING)
async def test_a_fault_that_may_pass_is_told_and_tried_again(state_dir: Path, name: str) -> None:
    kind, more, told = PASSING[name]
    async with rigged(state_dir, faulty(kind, more), speed=1e6, options=IMPATIENT) as rig:
        assert await rig.finish() is Outcome.COMPLETED
    assert refused(rig) == []
    assert len(rig.kernel.performed) == 1
    assert len(kinds(rig)) == len(retries(rig)) >= 1
    if told is not None:
        assert kinds(rig) == [told]
    assert not any(event.asks for event in retries(rig))
    holding = [event.holding for event in rig.events if isinstance(event, ev.StateChanged)]
    assert (Hold.RETRY,) in holding


LASTING = {
    400: "please report it",
    401: "check ANTHROPIC_API_KEY",
    402: "no credit",
    403: "permissions",
    404: "--model",
    413: "history-bytes",
}


@pytest.mark.parametrize("status", LASTING)
async def test_a_fault_that_lasts_ends_the_run_with_a_way_out(state_dir: Path, status: int) -> None:
    script = faulty("status", f", status = {status}", times=9)
    async with rigged(state_dir, script, headless=False, speed=1e6) as rig:
        assert await rig.finish() is Outcome.FAILED
    assert LASTING[status] in why(rig)
    assert rig.kernel.performed == []
    assert retries(rig) == []


@pytest.mark.parametrize("after_deltas", [0, 2])
async def test_keep_alives_alone_are_no_answer(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, after_deltas: int
) -> None:
    """They come often enough for whoever waits for bytes, and the run would wait for ever."""
    monkeypatch.setattr("pilothouse.model.stream.SILENCE_FACTOR", 0.2)
    fault = f'fault = [{{ kind = "keep_alives", after_deltas = {after_deltas} }}]'
    script = scenario(f'text = "I will click there now."\ncalls = [{CLICK}]\n{fault}', 'text = "Done."')
    options = ModelOptions(idle_timeout_s=3.0)
    async with rigged(state_dir, script, speed=1e6, options=options) as rig:
        assert await rig.finish() is Outcome.COMPLETED
    assert set(kinds(rig)) == {"silent"}
    assert len(rig.kernel.performed) == 1
    assert retries(rig)[0].why == "the model sent nothing but keep-alives"


async def test_a_certificate_that_nobody_vouches_for_is_named(state_dir: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).with_name("self_signed.pem"))
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    async with server, rigged(state_dir, scenario('text = "Done."')) as rig:
        rig.run._backends.model = Endpoint(base_url=f"https://127.0.0.1:{port}", key=KEY)
        assert await rig.finish() is Outcome.FAILED
    assert set(kinds(rig)) == {"certificate"}
    assert retries(rig) == []
    what, way_out = "certificate can't be trusted", "check ANTHROPIC_BASE_URL, the clock, and SSL_CERT_FILE"
    assert why(rig) == f"the model API's {what} ({way_out})"


@pytest.mark.parametrize("kind", ["unknown_event", "zero_deltas", "duplicate", "slow"])
async def test_an_odd_stream_is_understood(state_dir: Path, kind: str) -> None:
    async with rigged(state_dir, faulty(kind, ", stall_s = 0.01"), speed=1e6) as rig:
        outcome = await rig.finish()
    assert (outcome, refused(rig)) == (Outcome.COMPLETED, [])
    assert len(rig.kernel.performed) == 1


async def test_a_server_that_says_when_is_waited_for(state_dir: Path) -> None:
    script = faulty("status", ", status = 429, retry_after_s = 0.25")
    async with rigged(state_dir, script, speed=1e6) as rig:
        assert await rig.finish() is Outcome.COMPLETED
    assert [event.delay_ms for event in retries(rig)] == [250]


async def test_a_resume_asks_again_at_once(state_dir: Path) -> None:
    script = faulty("status", ", status = 429, retry_after_s = 500.0")
    async with rigged(state_dir, script, headless=False, speed=1e6) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.RetryScheduled))
        rig.resume()
        await rig.until(lambda event: isinstance(event, ev.StateChanged) and event.phase is RunPhase.IDLE)
        rig.abort()
        await driving
    assert [event.delay_ms for event in retries(rig)] == [500_000]
    assert len(rig.kernel.performed) == 1


async def test_after_its_patience_the_run_asks_and_a_resume_has_fresh_patience(state_dir: Path) -> None:
    options = ModelOptions(retry_budget_s=0.15)
    script = faulty("status", ", status = 529, retry_after_s = 0.1", times=3)
    async with rigged(state_dir, script, headless=False, speed=1e6, options=options) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.RetryScheduled) and event.asks)
        assert rig.run.gate.holding == (Hold.RETRY,)
        rig.resume()
        await rig.until(lambda event: isinstance(event, ev.StateChanged) and event.phase is RunPhase.IDLE)
        rig.abort()
        await driving
    assert [event.asks for event in retries(rig)] == [False, True, False]


async def test_an_abort_ends_a_run_that_asks(state_dir: Path) -> None:
    script = faulty("status", ", status = 429, retry_after_s = 4000.0", times=9)
    async with rigged(state_dir, script, headless=False, speed=1e6) as rig:
        driving = asyncio.create_task(rig.run.drive())
        asked = await rig.until(lambda event: isinstance(event, ev.RetryScheduled))
        rig.abort()
        assert await driving is Outcome.ABORTED
    assert isinstance(asked, ev.RetryScheduled)
    assert (asked.asks, asked.delay_ms) == (True, 4_000_000)
    assert "67 min" in asked.why


async def test_nobody_to_ask_is_a_failure(state_dir: Path) -> None:
    options = ModelOptions(retry_budget_s=0.15)
    script = faulty("status", ", status = 529, retry_after_s = 0.1", times=9)
    async with rigged(state_dir, script, speed=1e6, options=options) as rig:
        assert await rig.finish() is Outcome.FAILED
    assert "529" in why(rig)
    assert [event.asks for event in retries(rig)] == [False]


@pytest.mark.parametrize(
    ("url", "kind"),
    [("http://no-such-host.invalid", "dns"), ("http://127.0.0.1:{port}", "connect")],
    ids=["no such host", "nobody listens"],
)
async def test_an_api_that_is_not_there_is_named(state_dir: Path, url: str, kind: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        options = ModelOptions(retry_budget_s=0.01)
        async with rigged(state_dir, scenario('text = "Done."'), options=options) as rig:
            rig.run._backends.model = Endpoint(base_url=url.format(port=port), key=KEY)
            assert await rig.finish() is Outcome.FAILED
    assert set(kinds(rig)) == {kind}


STOPS = {
    "refusal": (Outcome.FAILED, "the model refused to go on (cyber): This request was declined."),
    "max_tokens": (Outcome.FAILED, "cut at its token limit"),
    "context_exceeded": (Outcome.FAILED, "no longer fits"),
    "pause_turn": (Outcome.FAILED, "paused its turn again and again"),
    "stop": (Outcome.FAILED, "unknown reason (some_future_reason)"),
    "empty": (Outcome.COMPLETED, ""),
}


@pytest.mark.parametrize("kind", STOPS)
async def test_a_stop_that_lasts_ends_the_run_without_an_action(state_dir: Path, kind: str) -> None:
    outcome, words = STOPS[kind]
    async with rigged(state_dir, faulty(kind, times=99), speed=1e6) as rig:
        assert await rig.finish() is outcome
    assert words in why(rig)
    assert rig.kernel.performed == []
    assert refused(rig) == []


async def test_an_answer_cut_short_is_asked_for_again_with_more_tokens(state_dir: Path) -> None:
    async with rigged(state_dir, faulty("max_tokens"), speed=1e6) as rig:
        assert await rig.finish() is Outcome.COMPLETED
        asked = [(rig.model.log.body(number) or {})["max_tokens"] for number in range(3)]
    assert asked == [16_000, 32_000, 16_000]
    assert kinds(rig) == ["max_tokens"]
    assert len(rig.kernel.performed) == 1
    assert refused(rig) == []


async def test_an_unknown_stop_is_for_a_person_to_decide(state_dir: Path) -> None:
    async with rigged(state_dir, faulty("stop"), headless=False, speed=1e6) as rig:
        driving = asyncio.create_task(rig.run.drive())
        asked = await rig.until(lambda event: isinstance(event, ev.RetryScheduled))
        assert isinstance(asked, ev.RetryScheduled)
        assert asked.asks
        assert rig.kernel.performed == []
        rig.resume()
        await rig.until(lambda event: isinstance(event, ev.StateChanged) and event.phase is RunPhase.IDLE)
        rig.abort()
        await driving
    assert len(rig.kernel.performed) == 1


async def test_a_refusal_leaves_an_attended_run_to_another_wording(state_dir: Path) -> None:
    async with rigged(state_dir, faulty("refusal"), headless=False, speed=1e6) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.StateChanged) and event.phase is RunPhase.IDLE)
        rig.say("only look at it")
        await rig.until(lambda event: isinstance(event, ev.ActionFinished))
        rig.abort()
        await driving
    assert kinds(rig)[0] == "refusal"
    assert refused(rig) == []
    (warned,) = [event for event in rig.events if isinstance(event, ev.Warned)]
    assert "refused to go on (cyber)" in warned.what


async def test_a_broken_off_answer_is_counted_by_estimate(state_dir: Path) -> None:
    async with rigged(state_dir, faulty("drop"), speed=1e6) as rig:
        await rig.finish()
    used = [event for event in rig.events if isinstance(event, ev.UsageReported)]
    assert [event.estimated for event in used] == [True, False, False]
    assert used[0].cost_usd is not None
    assert used[0].cost_usd > 0
    assert used[0].output >= 1


@pytest.mark.parametrize(("mode", "uploads"), [("off", 0), ("uploads-only", 1)])
async def test_an_account_without_files_gets_its_pictures_inline(
    state_dir: Path, mode: str, uploads: int
) -> None:
    script = f'files = "{mode}"\n' + scenario(*[f"calls = [{CLICK}]"] * 4, 'text = "Done."')
    async with rigged(state_dir, script, speed=1e6) as rig:
        assert await rig.finish() is Outcome.COMPLETED
    assert len(rig.of(ev.UploadsRefused)) == 1
    assert len(rig.of(ev.PictureUploaded)) == uploads
    assert len(rig.of(ev.TurnFinished)) == 5
    assert rig.bodies[-1].count(b'"type":"base64"') == 4
    assert len(refused(rig)) == uploads  # one request that named a file, sent again inline


@pytest.mark.parametrize(("asked", "warnings"), [("auto", 0), ("files", 1)])
async def test_an_account_without_files_is_warned_about_only_where_files_were_asked_for(
    state_dir: Path, asked: str, warnings: int
) -> None:
    script = 'files = "off"\n' + scenario(*[f"calls = [{CLICK}]"] * 2, 'text = "Done."')
    async with rigged(state_dir, script, speed=1e6, options=ModelOptions(upload=asked)) as rig:
        assert await rig.finish() is Outcome.COMPLETED
    assert len(rig.of(ev.UploadsRefused)) == 1
    told = [event.what for event in rig.events if isinstance(event, ev.Warned)]
    assert told == ["the account takes no files, which --upload files asks for"] * warnings


async def test_another_model_chosen_while_a_retry_waits_is_the_one_that_is_asked(state_dir: Path) -> None:
    script = faulty("status", ", status = 529")
    options = ModelOptions(retry_budget_s=0)  # a person is asked at once
    async with rigged(state_dir, script, headless=False, speed=1e6, options=options, idle_s=0.0) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.RetryScheduled))
        rig.set_model("claude-sonnet-5-5")
        rig.resume()
        assert await driving is Outcome.COMPLETED
    models = [json.loads(body)["model"] for body in rig.bodies]
    assert models == ["claude-opus-5-5", "claude-sonnet-5-5", "claude-sonnet-5-5"]
    (changed,) = rig.of(ev.ModelChanged)
    assert changed == ev.ModelChanged(
        seq=changed.seq, t=changed.t, wall=changed.wall, turn=1, model="claude-sonnet-5-5"
    )


async def test_room_that_one_model_was_given_for_its_answer_is_not_asked_of_another(state_dir: Path) -> None:
    fault = 'fault = [{ kind = "max_tokens" }, { kind = "status", status = 529 }]'
    script = scenario(f'text = "I will click there now."\ncalls = [{CLICK}]\n{fault}', 'text = "Done."')
    options = ModelOptions(retry_budget_s=0)
    async with rigged(state_dir, script, headless=False, speed=1e6, options=options, idle_s=0.0) as rig:
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.RetryScheduled))
        rig.set_model("claude-sonnet-5-5")
        rig.resume()
        assert await driving is Outcome.COMPLETED
    asked = [(json.loads(body)["model"], json.loads(body)["max_tokens"]) for body in rig.bodies]
    assert asked == [
        ("claude-opus-5-5", 16_000),
        ("claude-opus-5-5", 32_000),
        ("claude-sonnet-5-5", 16_000),
        ("claude-sonnet-5-5", 16_000),
    ]


@pytest.mark.parametrize(("headless", "hour"), [(True, False), (False, True)])
async def test_tools_and_prompt_are_cached_for_an_hour_where_a_person_may_hold_the_run(
    state_dir: Path, headless: bool, hour: bool
) -> None:
    script = scenario(*[f"calls = [{CLICK}]"] * 2, 'text = "Done."')
    async with rigged(state_dir, script, headless=headless, speed=1e6, idle_s=0.0) as rig:
        assert await rig.finish() is Outcome.COMPLETED
    used = [event for event in rig.events if isinstance(event, ev.UsageReported)]
    assert [event.cache_write_1h > 0 for event in used] == [hour, False, False]
    assert used[0].cache_write_5m > 0  # the history moves on and is never kept so long
    assert all(event.cache_read >= used[0].cache_write_1h for event in used[1:])
