"""The notify command of the settings: run once each time that a run needs a person. It decides nothing.

It is a list of words that the person chose; what a page or a model said is only ever in its environment and
on its standard input. It is detached, gets no keys, and is ended when its time is over, whether we live or
not.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shlex
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import msgspec

from pilothouse import events as ev
from pilothouse.children import scrubbed
from pilothouse.engine.needs import Need, need_of
from pilothouse.errors import RecorderFailed
from pilothouse.safety import clean_line

if TYPE_CHECKING:
    from pilothouse.engine.recorder import Recorder
    from pilothouse.state import RunState

HOOK_S: Final = 10
AT_ONCE_MAX: Final = 4
LOOK_S: Final = 0.05
TASK_MAX: Final = 2_000
_DESKTOP: Final = ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS")
# An alarm outlives exec, and us: so the time is limited even for what is started as the engine ends.
_LIMITED: Final = """
import os, signal, sys
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
signal.alarm(int(sys.argv[1]))
try:
    os.execvp(sys.argv[2], sys.argv[2:])
except OSError:
    sys.exit(127)
"""
_log = logging.getLogger("pilothouse")


class Notifier:
    """Runs the command at each transition to a state that needs a person.

    Args:
        command: Words as in a shell, but no shell reads them; empty for no command.
        recorder: Tells of each event, and takes the one warning.
        limit_s: The command is ended after this, in whole seconds.
    """

    def __init__(self, command: str, recorder: Recorder, limit_s: int = HOOK_S) -> None:
        self._argv = shlex.split(command)
        self._recorder = recorder
        self._limit_s = limit_s
        self._told = ""
        self._has_warned = False
        self._running: set[asyncio.Task[None]] = set()
        self._starting: set[asyncio.Future[subprocess.Popen[bytes]]] = set()
        self._started: set[subprocess.Popen[bytes]] = set()
        if self._argv:
            recorder.listeners.append(self._look)

    def _look(self, _event: ev.Event) -> None:
        need = need_of(self._recorder.state)
        key = need.key if need is not None else ""
        if key == self._told:
            return
        self._told = key
        if need is not None and len(self._running) < AT_ONCE_MAX:
            task = asyncio.create_task(self._run(need, self._recorder.state))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _run(self, need: Need, state: RunState) -> None:
        starting = asyncio.ensure_future(asyncio.to_thread(self._start, need, state))
        self._starting.add(starting)
        try:
            process = await asyncio.shield(starting)
        except OSError as error:
            self._warn(f"could not be started: {error.strerror or error}")
            return
        finally:
            self._starting.discard(starting)
        self._judge(await self._ended(process))
        self._started.discard(process)

    def _start(self, need: Need, state: RunState) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _LIMITED, str(self._limit_s), *self._argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self._environment(need, state),
            start_new_session=True,
            cwd="/",
        )
        self._started.add(process)
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError), process.stdin as stdin:
                stdin.write(self._told_of(need, state))
        return process

    def _environment(self, need: Need, state: RunState) -> dict[str, str]:
        desktop = {name: os.environ[name] for name in _DESKTOP if name in os.environ}
        said = {
            "PILOTHOUSE_RUN": state.run,
            "PILOTHOUSE_NEED": need.kind,
            "PILOTHOUSE_TEXT": self._recorder.mask(need.text),
        }
        return scrubbed(os.environ) | desktop | said

    def _told_of(self, need: Need, state: RunState) -> bytes:
        return msgspec.json.encode(
            {
                "run": state.run,
                "need": need.kind,
                "text": self._recorder.mask(need.text),
                "task": self._recorder.mask(clean_line(state.task, TASK_MAX)),
                "phase": state.phase,
                "holding": state.holding,
                "outcome": state.outcome,
                "turn": state.turn,
                "actions": state.finished,
                "cost_usd": state.usage.cost_usd if state.usage.priced else None,
            }
        )

    async def _ended(self, process: subprocess.Popen[bytes]) -> int:
        """Wait for its end, and make one when its time is over; gives its exit code."""
        until = asyncio.get_running_loop().time() + self._limit_s + 1
        while (code := process.poll()) is None:
            if asyncio.get_running_loop().time() > until:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            await asyncio.sleep(LOOK_S)
        return code

    def _judge(self, code: int) -> None:
        if code == -signal.SIGALRM:
            self._warn(f"took longer than {self._limit_s} s, and was ended")
        elif code == 127:
            self._warn("can't be run: there is no such program")
        elif code:
            self._warn(f"ended with exit code {code}" if code > 0 else f"was killed by signal {-code}")

    def _warn(self, how: str) -> None:
        """Tell once: a command that fails will fail again."""
        if self._has_warned:
            return
        self._has_warned = True
        if self._recorder.state.ended:
            _log.warning("the notify command %s", how)
            return
        with contextlib.suppress(RecorderFailed):
            self._recorder.publish(ev.Warned(what=f"the notify command {how}", way_out="see notify-command"))

    async def close(self) -> None:
        """See that what was begun is started; nobody waits for its end."""
        await asyncio.sleep(0)  # a task that was just made has not come to its start
        await asyncio.gather(*self._starting, return_exceptions=True)
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        for process in self._started:
            process.returncode = 0  # it is init's child soon, and not ours to wait for
