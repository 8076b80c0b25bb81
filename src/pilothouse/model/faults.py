"""How a request to the model can fail, told apart: what may pass and what a person must mend.

Third-party exceptions are turned into `TurnFault` here and nowhere else (model-api §3, failure table).
"""

from __future__ import annotations

import datetime
import email.utils
import math
import socket
import ssl
from typing import TYPE_CHECKING

import anthropic
import httpx2

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

RETRY_AFTER_CAP_S = 86_400.0
"""A longer wait than this is not believed."""
BACKOFF_CAP_S = 60.0

_WAY_OUT = {
    400: "the request was refused as malformed: please report it with the request id",
    401: "check ANTHROPIC_API_KEY",
    402: "the account has no credit: see its billing page",
    403: "this key may not use the model: check the workspace's permissions",
    404: "check the model's name with --model",
    413: "the conversation has grown too large for one request: lower history-bytes",
}
_PASSING_STATUS = frozenset({408, 409, 425, 429})
_PASSING_TYPES = frozenset({"overloaded_error", "api_error", "rate_limit_error", "timeout_error"})
TOO_LONG = frozenset({"request_too_large", "prompt_too_long", "model_context_window_exceeded"})
"""Kinds of a request that has less in it when the history is made smaller."""


class TurnFault(Exception):
    """An attempt of a turn came to nothing.

    Attributes:
        kind: A short name for the row in the failure table.
        may_pass: The same request may succeed later.
        asks: It will not pass by waiting, but a person may want to try again.
        retry_after_s: What the server asked for; None if it said nothing.
        way_out: What a person can do, for a fault that will not pass.
        status: The HTTP status, 0 for none.
    """

    def __init__(
        self,
        kind: str,
        why: str,
        *,
        may_pass: bool,
        asks: bool = False,
        retry_after_s: float | None = None,
        way_out: str = "",
        status: int = 0,
    ) -> None:
        super().__init__(why)
        self.kind = kind
        self.why = why
        self.may_pass = may_pass
        self.asks = asks
        self.retry_after_s = retry_after_s
        self.way_out = way_out
        self.status = status


def from_exception(error: anthropic.APIError | httpx2.HTTPError) -> TurnFault:
    """Turn an exception of the SDK, or of the HTTP client that escapes it, into a fault."""
    match error:
        case anthropic.APIStatusError():
            return _from_status(error)
        case anthropic.APIConnectionError() | httpx2.HTTPError():
            return _from_connection(error)
        case _:
            return TurnFault(
                "unknown", f"the model's answer can't be read ({type(error).__name__})", may_pass=False
            )


def _from_connection(error: Exception) -> TurnFault:
    causes = list(_causes(error))
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return TurnFault("dns", "the model API's host name can't be resolved", may_pass=True)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return TurnFault(
            "certificate",
            "the model API's certificate can't be trusted",
            may_pass=False,
            way_out="check ANTHROPIC_BASE_URL, the clock, and SSL_CERT_FILE",
        )
    if any(isinstance(cause, httpx2.ConnectTimeout) for cause in causes):
        return TurnFault("connect_timeout", "the model API can't be reached: no answer", may_pass=True)
    if any(isinstance(cause, httpx2.ConnectError) for cause in causes):
        return TurnFault("connect", "the model API can't be reached: no connection", may_pass=True)
    if any(isinstance(cause, httpx2.TimeoutException | anthropic.APITimeoutError) for cause in causes):
        return TurnFault("timeout", "no byte came from the model within the time limit", may_pass=True)
    return TurnFault("connection", "the connection to the model was lost", may_pass=True)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and what led to it, innermost last."""
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        yield at
        at = at.__cause__ or at.__context__


def _from_status(error: anthropic.APIStatusError) -> TurnFault:
    status = error.status_code
    kind, said = str(error.type or f"http_{status}"), _said(error)
    if status == 400 and "prompt is too long" in said:
        kind = "prompt_too_long"
    why = f"the model API answered {status if status != 200 else 'in mid-stream'} {kind}: {said}"
    if error.request_id:
        why = f"{why} [{error.request_id}]"
    # An error event inside a stream has status 200; its type tells what it is.
    may_pass = (
        status in _PASSING_STATUS or status >= 500 or (status == 200 and kind in _PASSING_TYPES)
    ) and error.response.headers.get("x-should-retry") != "false"
    return TurnFault(
        kind,
        why,
        may_pass=may_pass,
        retry_after_s=_retry_after(error),
        way_out=_WAY_OUT.get(status, ""),
        status=status,
    )


def _said(error: anthropic.APIStatusError) -> str:
    body = error.body
    if isinstance(body, dict):
        inner = body.get("error")
        if isinstance(inner, dict) and isinstance(inner.get("message"), str):
            return str(inner["message"])[:500]
    return str(error.message)[:500]


def _retry_after(error: anthropic.APIStatusError) -> float | None:
    """Read what the server asks to wait: milliseconds, else seconds, else a date; None if nothing."""
    headers = error.response.headers
    asked = _number(headers.get("retry-after-ms", ""))
    if asked is not None:
        asked /= 1e3
    else:
        said = headers.get("retry-after", "")
        asked = _number(said)
        asked = _seconds_until(said) if asked is None else asked
    return None if asked is None else min(max(asked, 0.0), RETRY_AFTER_CAP_S)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _seconds_until(date: str) -> float | None:
    try:
        then = email.utils.parsedate_to_datetime(date)
    except (TypeError, ValueError):
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=datetime.UTC)
    return (then - datetime.datetime.now(datetime.UTC)).total_seconds()


def backoff_s(attempt: int, fault: TurnFault, chance: random.Random) -> float:
    """Choose how long to wait after the nth attempt: what the server asked, else full jitter up to 2^n."""
    if fault.retry_after_s is not None:
        return fault.retry_after_s
    return chance.uniform(0.1, min(BACKOFF_CAP_S, 2.0 ** min(attempt, 10)))
