"""How a browser call can fail, told apart: refused, or unknown. Third-party exceptions end here."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, TypeVar

import httpx
import kernel

from pilothouse.errors import BrowserError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


T = TypeVar("T")

RETRY_SPACING_S = 0.2
LOOK_S = 6.0
"""One look may take this long: a screenshot waits behind whatever input the machine is busy with."""
LOOK_CAP_S = 12.0
"""All its tries together: a server that hangs must not hang the run."""


class ActionRefused(BrowserError):
    """The browser's server said no: the action did not happen."""


class TooMany(ActionRefused):
    """The browser's server is asked too often, or has no room: later it may say yes."""

    after_s = 0.0
    """How long it asks to be left alone."""


class ActionUnknown(BrowserError):
    """No answer, or a server fault: the action may or may not have happened."""


class BrowserLost(BrowserError):
    """The browser is not there any more."""


async def acting(call: Awaitable[T]) -> T:
    """Await a call that changes the browser; it is made once, whatever happens (design §3.5).

    Raises:
        ActionRefused: It did not happen.
        ActionUnknown: It may have happened.
        BrowserLost: There is no such browser.
    """
    try:
        return await call
    except kernel.NotFoundError as error:
        raise BrowserLost("the browser is gone") from error
    except kernel.RateLimitError as error:
        raise _too_many(error) from error
    except kernel.APIStatusError as error:
        if error.status_code == 408 or (error.status_code >= 500 and error.status_code != 501):
            raise ActionUnknown(f"the browser's server answered {error.status_code}") from error
        raise ActionRefused(said(error)) from error
    except (kernel.APIError, httpx.HTTPError) as error:
        raise ActionUnknown("the connection to the browser was lost") from error
    except BrowserError:
        raise
    except Exception as error:  # an answer that trips the SDK up: nobody knows what it would have said
        raise ActionUnknown(f"the browser's answer can't be read ({type(error).__name__})") from error


async def asking(
    call: Callable[[], Awaitable[T]], tries: int = 3, each_s: float = LOOK_S, cap_s: float = LOOK_CAP_S
) -> T:
    """Await a call that only looks, or that may be made again; no try takes long, nor all of them.

    Raises:
        ActionRefused: The server refuses it.
        ActionUnknown: It failed every time, or no answer came.
        BrowserLost: There is no such browser.
    """
    began = time.monotonic()
    for attempt in range(1, tries + 1):
        failure: BrowserError
        try:
            async with asyncio.timeout(each_s):
                return await acting(call())
        except TimeoutError:
            failure = ActionUnknown(f"no answer came within {each_s:g} s")
        except (ActionUnknown, TooMany) as error:
            failure = error
        if attempt == tries or time.monotonic() - began + each_s > cap_s:
            raise failure
        await asyncio.sleep(RETRY_SPACING_S * attempt)
    raise AssertionError("unreachable")


def _too_many(error: kernel.RateLimitError) -> TooMany:
    busy = TooMany(said(error))
    try:
        busy.after_s = float(error.response.headers.get("retry-after", ""))
    except ValueError:
        busy.after_s = 0.0
    return busy


def said(error: kernel.APIStatusError) -> str:
    """Read what the server says; never its URL, which carries a credential (terminal-and-journal §0.8)."""
    body = error.body
    if isinstance(body, dict) and isinstance(body.get("message"), str):
        return str(body["message"])[:500]
    return f"the browser's server answered {error.status_code}"
