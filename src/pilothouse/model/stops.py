"""What a stop reason asks for: a table, and the sentences that go with it. Nothing is done here.

model-api §4. A turn that is not kept is never executed, whatever calls it holds.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pilothouse.model.stream import Answer


class Stop(Enum):
    """What the loop must do with a whole answer."""

    ACT = "perform its calls"
    REST = "the agent is done, or waits"
    GO_ON = "keep it and ask again as it is"
    LARGER = "drop it and ask again with more tokens"
    SHRINK = "drop it, make the history smaller and ask again"
    REFUSED = "drop it and tell the person"
    UNKNOWN = "drop it and let a person decide"


_STOPS = {
    "tool_use": Stop.ACT,
    "end_turn": Stop.REST,
    "stop_sequence": Stop.REST,
    "pause_turn": Stop.GO_ON,
    "compaction": Stop.GO_ON,
    "max_tokens": Stop.LARGER,
    "model_context_window_exceeded": Stop.SHRINK,
    "refusal": Stop.REFUSED,
}


def stop_of(answer: Answer) -> Stop:
    """Say what an answer's stop reason asks for."""
    return _STOPS.get(answer.stop_reason, Stop.UNKNOWN)


def sentence(answer: Answer) -> tuple[str, str]:
    """Word why an answer is not acted on, and the way out."""
    match stop_of(answer):
        case Stop.REFUSED:
            category = f" ({answer.category})" if answer.category else ""
            explained = f": {answer.explanation}" if answer.explanation else ""
            return f"the model refused to go on{category}{explained}", "word the task differently"
        case Stop.LARGER:
            return "the model's answer was cut at its token limit", "raise --max-tokens"
        case Stop.SHRINK:
            return "the conversation no longer fits the model", "start a new run"
        case Stop.GO_ON:
            return "the model paused its turn again and again", "start a new run"
        case _:
            return f"the model stopped for an unknown reason ({answer.stop_reason})", "try again"
