"""Whatever lies in the directory somebody works in, no process of ours runs it."""

# ruff: noqa: ASYNC240 - nothing else runs in this loop

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import kernel
import pytest

from pilothouse.local.kernel_options import Options
from pilothouse.local.kernel_server import running

pytestmark = [pytest.mark.browser, pytest.mark.timeout(60)]


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work where modules lie that a process of ours would import by name; gives what they would leave."""
    sprung = tmp_path / "sprung"
    work = tmp_path / "work"
    work.mkdir()
    for name in ("msgspec", "aiohttp", "PIL", "av", "mss"):
        (work / f"{name}.py").write_text(f"open({str(sprung)!r}, 'a').write({name!r})\nraise SystemExit(3)\n")
    monkeypatch.chdir(work)
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    return sprung


def test_the_server_of_pilothouse_local_runs_none_of_it(trap: Path, temporary: Path) -> None:
    command = [sys.executable, "-P", "-m", "pilothouse", "local", "--offline-hosts", "--backend", "headless"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline().startswith("KERNEL_BASE_URL=")
        finally:
            server.send_signal(signal.SIGINT)
    assert not trap.exists()


@pytest.mark.display
async def test_the_recorder_of_a_film_runs_none_of_it(trap: Path, temporary: Path) -> None:
    async with (
        running(Options(backend="x11", offline=True)) as ready,
        kernel.AsyncKernel(api_key=ready.token, base_url=ready.base_url, max_retries=0) as k,
    ):
        made = await k.browsers.create()
        film = await k.browsers.replays.start(made.session_id)
        assert film.finished_at is None
    assert not trap.exists()
