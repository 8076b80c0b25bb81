"""Over SSH: the bridge comes up through a real sshd, and a lost connection does not disturb the run."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pilothouse import events as ev
from tests.processes import engines_in
from tests.terminal.test_bridge_tmux import WORK, Bridge, model
from tests.terminal.tmux_server import Tmux

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
pytestmark = [
    pytest.mark.terminal,
    pytest.mark.browser,
    pytest.mark.skipif(
        sys.platform != "linux", reason="this configuration of sshd is known to work on Linux only"
    ),
    pytest.mark.skipif(not Path(SSHD).exists(), reason="sshd is not installed"),
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    server = Tmux()
    yield server
    server("kill-server")


@pytest.fixture
def ssh(state_dir: Path) -> Iterator[list[str]]:
    """A server for this user alone on loopback; gives the client's command line."""
    home = state_dir / "ssh"
    home.mkdir(mode=0o700)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / name], check=True)
    shutil.copy(home / "user.pub", home / "authorized")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where sshd, as root, wants to be shut in
    (home / "config").write_text(
        f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {home}/host\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {home}/authorized\nStrictModes no\nPermitRootLogin prohibit-password\n"
    )
    server = subprocess.Popen([SSHD, "-D", "-f", home / "config"], stderr=subprocess.DEVNULL)
    yield [
        *("ssh", "-tt", "-F", "none", "-i", str(home / "user"), "-p", str(port)),
        *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"),
        *("-o", "ConnectionAttempts=20"),
        f"{getpass.getuser()}@127.0.0.1",
    ]
    server.terminate()
    server.wait()


async def test_a_lost_connection_does_not_disturb_the_run(
    tmux: Tmux, state_dir: Path, ssh: list[str]
) -> None:
    script = state_dir / "scenario.toml"
    script.write_text(WORK)
    async with model(script) as (_, url):
        bridge = Bridge(tmux, state_dir, url)
        await bridge.until(lambda event: isinstance(event, ev.ActionFinished))
        run = await bridge.run()
        there = f"env PILOTHOUSE_STATE_DIR={state_dir} {sys.executable} -m pilothouse attach {run}"
        tmux("respawn-pane", "-k", *ssh, there)
        await bridge.shows("Transcript")
        await bridge.shows("running")
        bridge.press("Space")
        held = await bridge.until(
            lambda event: isinstance(event, ev.StateChanged) and ev.Hold.PAUSE in event.holding
        )
        await bridge.shows("paused")
        bridge.press("Space")
        await bridge.until(lambda event: isinstance(event, ev.StateChanged) and not event.holding, held.seq)
        tmux("kill-server")
        count = await bridge.actions()
        await bridge.until(
            lambda event: isinstance(event, ev.ActionFinished) and event.action > count + 1, held.seq
        )
        os.kill(next(engines_in(state_dir)), 15)
        await bridge.until(lambda event: isinstance(event, ev.RunEnded))
