"""Where the prompt is cached: the breakpoints of a request, two of the four that it may have.

One stands on the system prompt, behind the tools: whatever becomes of the history, that much is read again.
The other moves by itself to the end of each request, so that the next one reads all that this one sent; a
turn adds at most six positions of the twenty that the API looks back (model-api §4). More breakpoints would
only cost: nothing between the two is ever asked for on its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pilothouse.events import Json


def with_breakpoints(request: Json, *, held: bool) -> Json:
    """Give the request with its breakpoints.

    Args:
        request: The keyword arguments of one request.
        held: A person may hold the run for longer than the five minutes that a cache entry lives. Tools and
            system are then kept for an hour: written once at twice the price instead of 1.25 times, and read
            after every hold instead of written anew.
    """
    marker: Json = {"type": "ephemeral", "ttl": "1h"} if held else {"type": "ephemeral"}
    system = [{k: v for k, v in block.items() if k != "cache_control"} for block in request["system"]]
    system[-1]["cache_control"] = marker
    return {**request, "system": system, "cache_control": {"type": "ephemeral"}}
