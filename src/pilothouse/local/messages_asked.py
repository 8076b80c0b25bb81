"""What the strict server's rules look at and how they refuse. No rule is here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from pilothouse.local.messages_files import FileStore
from pilothouse.local.messages_models import Accepts, lookup
from pilothouse.local.messages_prompt import Known, markers
from pilothouse.local.messages_refusal import Refusal

Json = dict[str, Any]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One request as it came in."""

    body: Any
    size_bytes: int = 0
    headers: dict[str, str] = {}
    counting: bool = False
    """For `count_tokens`, which takes no `max_tokens`."""
    records: list[Known] = []
    """What was worked out of each message."""
    files: FileStore | None = None
    paused: Callable[[Json], bool] = lambda message: False
    """Says whether a final assistant message is a paused turn of ours, which may be sent back alone."""

    def betas(self) -> set[str]:
        """List the beta names of the request's header."""
        return {name.strip() for name in self.header("anthropic-beta").split(",")}

    def header(self, name: str) -> str:
        """Read a header, whatever its case."""
        return next((value for key, value in self.headers.items() if key.lower() == name), "")

    @property
    def messages(self) -> list[Json]:
        """The messages of the body."""
        return self.body.get("messages") or []

    @property
    def model(self) -> Accepts | None:
        """The limits of the model asked for."""
        return lookup(self.body.get("model"))

    @property
    def tools(self) -> list[Json]:
        """The tools that are declared, as far as they are objects."""
        given = self.body.get("tools")
        return [tool for tool in given if isinstance(tool, dict)] if isinstance(given, list) else []


class Rule(msgspec.Struct, frozen=True):
    """A rule and the kind of answer that breaking it gets."""

    check: Callable[[Asked], str | Refusal | None]
    kind: str = "invalid_request_error"
    status: int = 400


def beta_missing(asked: Asked, beta: str) -> bool:
    """Say whether a beta was not asked for."""
    return beta not in asked.betas()


def marked(asked: Asked) -> list[Json]:
    """List the explicit cache markers in cache order, without the automatic one of the top level."""
    head = [holder for level in ("tools", "system") for holder in markers(asked.body.get(level) or [])]
    return [*head, *(holder for one in asked.records for holder in one.markers)]
