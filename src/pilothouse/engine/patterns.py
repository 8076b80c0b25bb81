"""Regular expressions of rules, matched in linear time: no pattern and no text can stall a run.

Python's own engine backtracks, and a rule is matched against what a model wrote: `(a+)+$` would hold the run,
and every command to it, for as long as the text likes. RE2 does not backtrack, so what is left to bound is
the size of a pattern times the length of a text.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, Final

import re2

from pilothouse.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

SIZE_MAX: Final = 2_000
"""Instructions of one pattern; `(pay|buy)` has ten, `.{1,500}` a thousand."""
STEPS_MAX: Final = 4_000_000
"""Instructions times bytes, over all patterns of a policy: 13 ms where RE2 is slowest (3.3 ns each)."""
_END: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\Z")
"""Python's word for the end of a text, which RE2 writes small."""


def check_pattern(pattern: str) -> None:
    """Refuse what is no pattern here.

    Raises:
        UsageError: It is none, or one that takes a backtracking engine, or too large a one.
    """
    try:
        size = _size(pattern)
    except (re2.error, UnicodeError) as error:
        raise UsageError(
            f"{pattern!r} is no regular expression: {_said(error)}",
            way_out="patterns are RE2's, which knows no look-around and no back-references",
        ) from None
    if size > SIZE_MAX:
        raise UsageError(f"{pattern[:40]!r}… is too large a regular expression", way_out="say it shorter")


def found(pattern: str, text: str) -> bool:
    """Search a text for a pattern that was checked."""
    return _compiled(pattern).search(text.encode("utf-8", "replace")) is not None


def is_searchable(patterns: Iterable[str], text: str) -> bool:
    """Say whether a text is short enough for all these patterns together."""
    sizes = sum(_size(pattern) for pattern in patterns)
    return len(text.encode("utf-8", "replace")) * sizes <= STEPS_MAX


def exactly(text: str) -> str:
    """Write the pattern that means a text and nothing else."""
    return rf"\A{re2.escape(text)}\z"


def _size(pattern: str) -> int:
    size: int = _compiled(pattern).programsize
    return size


def _said(error: Exception) -> str:
    what = error.args[0] if error.args else ""
    return what.decode("utf-8", "replace") if isinstance(what, bytes) else str(error)


@functools.lru_cache(1_024)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False  # else each mistake is a line on the engine's standard error
    options.never_capture = True
    return re2.compile(_END.sub(r"\1\\z", pattern), options)
