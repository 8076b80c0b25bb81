"""The Claude client and the parts of a request that stay the same for a run. Nothing here keeps history."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import anthropic
import httpx2

if TYPE_CHECKING:
    from pilothouse.events import Json

IDLE_TIMEOUT_S = 90.0
"""A stream silent for this long is lost (terminal-and-journal §5.5); the SDK's own 600 s would hide it."""


def make_client(api_key: str, base_url: str | None = None) -> anthropic.AsyncAnthropic:
    """Make the one client of a run; the engine owns retries, so the SDK makes none (design §3.5)."""
    # At INFO the HTTP clients log whole URLs, at DEBUG whole bodies: neither may reach a log (§4.1).
    for name in ("anthropic", "httpx", "httpx2", "httpcore", "kernel"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return anthropic.AsyncAnthropic(
        api_key=api_key,
        base_url=base_url,
        max_retries=0,
        timeout=httpx2.Timeout(IDLE_TIMEOUT_S, connect=5.0),
    )


class RequestShape:
    """What every request of a run has in common: frozen, because a change would void thinking blocks."""

    def __init__(self, *, model: str, max_tokens: int, system: str, toolset: Any, effort: str = "") -> None:
        self._fixed: Json = {
            "model": model,
            "max_tokens": max_tokens,
            "system": [{"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}],
            "tools": [toolset],
            # Thinking is hidden by default on current models; without this the transcript stays empty.
            "thinking": {"type": "adaptive", "display": "summarized"},
            # Moves itself to the end of each request; with the one on `system`, two of four breakpoints.
            "cache_control": {"type": "ephemeral"},
        }
        if effort:
            self._fixed["output_config"] = {"effort": effort}

    def request(self, messages: list[Json], extra: Json | None = None) -> Json:
        """Make the keyword arguments of one streaming request; `extra` holds further ones, `betas` added."""
        further = extra or {}
        betas = [*self._fixed.get("betas", ()), *further.get("betas", ())]
        request = {**self._fixed, "messages": messages, **further}
        return {**request, "betas": betas} if betas else request
