"""How the strict server says no: an error of the API, with the code that the SDK chooses a class by."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


class Refusal(Exception):
    """An error answer of the API."""

    def __init__(
        self,
        kind: str,
        message: str,
        status: int = 400,
        *,
        retry_after_s: float = 0.0,
        details: Json | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.status = status
        self.retry_after_s = retry_after_s
        self.details = details
        """What the SDK parses into `error.details`; its `error_code` chooses the class of the error."""


def coded(code: str, message: str, **details: Any) -> Refusal:
    """Refuse with an error code that the SDK has a class for."""
    return Refusal("invalid_request_error", message, details={"error_code": code, **details})
