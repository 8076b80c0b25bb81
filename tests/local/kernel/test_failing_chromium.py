"""A Chromium that does not come up: one sentence that names it, says why and the way out; nothing is left."""

# ruff: noqa: ASYNC240 - nothing else runs in these loops

from __future__ import annotations

from pathlib import Path

import kernel
import pytest

from pilothouse.local import browser_process
from pilothouse.local.kernel_options import Options
from pilothouse.local.kernel_server import running
from tests.processes import mentioning

pytestmark = [pytest.mark.browser, pytest.mark.timeout(60)]

WAY_OUT = "(start it by itself to see more, or name another in PILOTHOUSE_CHROMIUM)"
NO_SANDBOX = "echo '[1:1:1123/101:FATAL:zygote_host_impl_linux.cc(127)] No usable sandbox!' >&2; exit 133"


@pytest.fixture
def program(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = temporary / "chromium"
    monkeypatch.setenv("PILOTHOUSE_CHROMIUM", str(program))
    return program


async def _failure(program: Path, script: str, options: Options) -> str:
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    async with (
        running(options) as ready,
        kernel.AsyncKernel(api_key=ready.token, base_url=ready.base_url, max_retries=0) as k,
    ):
        with pytest.raises(kernel.InternalServerError) as caught:
            await k.browsers.create()
        assert [browser async for browser in k.browsers.list()] == []
        (directory,) = program.parent.glob("pilothouse-local-*")
        assert mentioning(f"{directory}/") == []
        assert [entry for entry in directory.iterdir() if entry.is_dir()] == []
    body = caught.value.body
    assert isinstance(body, dict)
    assert body["code"] == "browser_start_failed"
    return str(body["message"])


@pytest.mark.parametrize("backend", ["auto", "headless"])
@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("exit 1", "ended while starting, with exit code 1"),
        (
            "echo 'libnss3.so: no such file' >&2; exit 127",
            "ended while starting, with exit code 127: libnss3.so: no such file",
        ),
        ("kill -SEGV $$", "ended while starting, with signal 11"),
        ("exec sleep 600", "does not answer"),
    ],
    ids=["exits", "exits-with-words", "crashes", "hangs"],
)
async def test_the_sentence_names_the_program_and_the_way_out(
    program: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str, backend: str
) -> None:
    monkeypatch.setattr(browser_process, "START_TIMEOUT_S", 0.5)
    assert await _failure(program, script, Options(backend=backend)) == f"{program}: {said} {WAY_OUT}"


async def test_without_a_sandbox_it_is_refused_unless_told_otherwise(program: Path) -> None:
    assert await _failure(program, NO_SANDBOX, Options(backend="headless")) == (
        f"{program}: Chromium can't have its sandbox here"
        " (allow user namespaces, or accept the risk with PILOTHOUSE_ALLOW_NO_SANDBOX=1)"
    )


async def test_told_otherwise_it_is_tried_without(program: Path) -> None:
    script = f'case "$*" in *--no-sandbox*) exit 7;; esac; {NO_SANDBOX}'
    said = await _failure(program, script, Options(backend="headless", allow_no_sandbox=True))
    assert said == f"{program}: ended while starting, with exit code 7 {WAY_OUT}"
