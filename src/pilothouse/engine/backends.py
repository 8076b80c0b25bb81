"""The loopback servers an engine needs as children: local browser, scripted model, shop. No protocol here.

They are children of the engine, so that leaving the bridge leaves them running (design §7). Each prints one
JSON line when it is ready, and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse.errors import StartFailed
from pilothouse.safety import secrets_from_environment

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from pilothouse.children import Child
    from pilothouse.engine.spec import RunSpec

READY_TIMEOUT_S = 30.0
ENDING_S = 0.5
"""A connection to a server that was killed breaks a moment before its end is known."""
BROWSER_SERVER = "kernel_server"
MODEL_SERVER = "messages_server"
_NAMES = {
    BROWSER_SERVER: "the local browser's server",
    MODEL_SERVER: "the scripted model's server",
}


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where an API is to be reached."""

    base_url: str | None
    key: str


def _real(url_variable: str, key_variable: str) -> Endpoint:
    return Endpoint(base_url=os.environ.get(url_variable), key=os.environ.get(key_variable, ""))


class Backends:
    """What a run talks to: real services, or children on loopback."""

    def __init__(self, spec: RunSpec, run_directory: Path) -> None:
        self._spec = spec
        self._directory = run_directory
        self._stack = AsyncExitStack()
        self._children: dict[str, Child] = {}
        self._token = secrets.token_hex(16)
        self.model = _real("ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY")
        self.browser = _real("KERNEL_BASE_URL", "KERNEL_API_KEY")
        self.start_url = spec.browser_options.start_url
        self._environment_secrets = secrets_from_environment()

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that no event may carry."""
        return (*self._environment_secrets, self.model.key, self.browser.key)

    async def __aenter__(self) -> Backends:
        """Start what the run needs, side by side.

        Raises:
            StartFailed: One of them did not come up; the others are ended.
        """
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._model_side())
                group.create_task(self._browser_side())
                if self._spec.shop:
                    group.create_task(self._shop_side())
        except BaseException as error:
            await self._stack.aclose()
            raise (error.exceptions[0] if isinstance(error, ExceptionGroup) else error) from None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _model_side(self) -> None:
        if self._spec.model_api != "scripted":
            return
        key = secrets.token_hex(16)
        alone = ["--page-alone"] if self._spec.local_backend == "headless" else []
        ready = await self._child(
            MODEL_SERVER, ["--scenario", self._spec.scenario, *alone], {"PILOTHOUSE_SCRIPTED_KEY": key}
        )
        self.model = Endpoint(base_url=str(ready["base_url"]), key=str(ready.get("key", key)))

    async def _browser_side(self) -> None:
        if self._spec.browser != "local":
            return
        await self._start_browser_server()

    async def _start_browser_server(self) -> None:
        """Start it; a later one takes the same token, so that its client stays the same."""
        offline = ["--offline-hosts"] if self._spec.shop else []
        ready = await self._child(
            BROWSER_SERVER,
            ["--backend", self._spec.local_backend, *offline],
            {"PILOTHOUSE_LOCAL_TOKEN": self._token},
        )
        self.browser = Endpoint(base_url=str(ready["base_url"]), key=str(ready.get("token", self._token)))

    async def revive_browser_server(self) -> bool:
        """Start another if the local browser's server has ended; says whether it is another.

        Raises:
            StartFailed: It did not come up.
        """
        child = self._children.get(BROWSER_SERVER)
        if child is None or child.returncode is None:
            return False
        await child.kill()  # what is left of its group
        await self._start_browser_server()
        return True

    async def ended(self, module: str, wait_s: float | None = ENDING_S) -> str:
        """Say in words how a child ended; empty while it runs, or if there is none.

        With no limit it waits for the end, forever if need be.
        """
        child = self._children.get(module)
        if child is None:
            return ""
        try:
            async with asyncio.timeout(wait_s):
                code = await child.wait()
        except TimeoutError:
            return ""
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return f"{_NAMES.get(module, module)} {how}"

    def has(self, module: str) -> bool:
        """Say whether this run has such a child."""
        return module in self._children

    async def _shop_side(self) -> None:
        ready = await self._child("shop", [], {})
        self.start_url = self.start_url or str(ready["url"])

    async def _child(self, module: str, options: list[str], extra: dict[str, str]) -> dict[str, Any]:
        log = self._directory / f"{module}.log"
        server = [sys.executable, "-P", "-m", f"pilothouse.local.{module}"]
        argv = [*server, "--port", "0", "--with-parent", *options]
        from pilothouse.children import spawn

        child = await spawn(argv, env=extra, stderr=log)
        self._stack.push_async_callback(child.close)
        self._children[module] = child
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                line = await child.stdout.readline()
            ready: dict[str, Any] = msgspec.json.decode(line)
        except (TimeoutError, msgspec.MsgspecError):
            raise StartFailed(_last_words(log) or f"the {module} did not come up") from None
        return ready


def _last_words(log: Path) -> str:
    """Read the sentence a child ended with; its log goes when the run does not begin."""
    try:
        lines = log.read_text("utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1].removeprefix("pilothouse: ") if lines else ""
