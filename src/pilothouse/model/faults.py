"""How a request to the model can fail, told apart: what may pass and what a person must mend.

Third-party exceptions are turned into `TurnFault` here and nowhere else (model-api §3, failure table).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import anthropic
import httpx2

if TYPE_CHECKING:
    import random

RETRY_AFTER_CAP_S = 120.0
BACKOFF_CAP_S = 60.0

_WAY_OUT = {
    401: "check ANTHROPIC_API_KEY",
    402: "the account has no credit: see its billing page",
    403: "this key may not use the model: check the workspace's permissions",
    404: "check the model's name with --model",
    413: "the conversation has grown too large for one request",
    400: "the request was refused as malformed: please report it with the request id",
}


class TurnFault(Exception):
    """An attempt of a turn came to nothing.

    Attributes:
        kind: A short name for the row in the failure table.
        may_pass: The same request may succeed later.
        retry_after_s: What the server asked for, capped; None if it said nothing.
        way_out: What a person can do, for a fault that will not pass.
    """

    def __init__(
        self, kind: str, why: str, *, may_pass: bool, retry_after_s: float | None = None, way_out: str = ""
    ) -> None:
        super().__init__(why)
        self.kind = kind
        self.why = why
        self.may_pass = may_pass
        self.retry_after_s = retry_after_s
        self.way_out = way_out


def from_exception(error: anthropic.APIError | httpx2.HTTPError) -> TurnFault:
    """Turn an exception of the SDK, or of the HTTP client that escapes it, into a fault."""
    match error:
        case anthropic.APITimeoutError() | httpx2.TimeoutException():
            return TurnFault("timeout", "no byte came from the model within the time limit", may_pass=True)
        case anthropic.APIConnectionError() | httpx2.HTTPError():
            return TurnFault("connection", "the connection to the model was lost", may_pass=True)
        case anthropic.APIStatusError():
            return _from_status(error)
        case _:
            return TurnFault(
                "unknown", f"the model's answer can't be read ({type(error).__name__})", may_pass=False
            )


def _from_status(error: anthropic.APIStatusError) -> TurnFault:
    status = error.status_code
    kind = str(error.type or f"http_{status}")
    why = f"the model API answered {status if status != 200 else 'in mid-stream'} {kind}: {_said(error)}"
    # An error event inside a stream has status 200; its type tells what it is.
    passing_types = {"overloaded_error", "api_error", "rate_limit_error", "timeout_error"}
    may_pass = status in (408, 409, 429) or status >= 500 or (status == 200 and kind in passing_types)
    return TurnFault(
        kind, why, may_pass=may_pass, retry_after_s=_retry_after(error), way_out=_WAY_OUT.get(status, "")
    )


def _said(error: anthropic.APIStatusError) -> str:
    body = error.body
    if isinstance(body, dict):
        inner = body.get("error")
        if isinstance(inner, dict) and isinstance(inner.get("message"), str):
            return str(inner["message"])[:500]
    return str(error.message)[:500]


def _retry_after(error: anthropic.APIStatusError) -> float | None:
    try:
        asked = float(error.response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return min(max(asked, 0.0), RETRY_AFTER_CAP_S) if math.isfinite(asked) else None


def backoff_s(attempt: int, fault: TurnFault, chance: random.Random) -> float:
    """Choose how long to wait after the nth attempt: what the server asked, else full jitter up to 2^n."""
    if fault.retry_after_s is not None:
        return fault.retry_after_s
    return chance.uniform(0.1, min(BACKOFF_CAP_S, 2.0**attempt))
